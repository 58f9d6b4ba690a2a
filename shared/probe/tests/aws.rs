//! Credentials, SES and S3 against a small server with AWS's answers, over real connections.

#![allow(clippy::unwrap_used, clippy::panic)] // a helper of a test may fail it

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::facts::aws::{Credentials, KeyKind, S3, Ses};
use vigie_core::facts::{Fact, Identity, Rung};
use vigie_core::fingerprint::FingerprintKey;
use vigie_core::targets::{AppCredentials, AppKeys, BucketTarget, SesTarget};
use vigie_probe::ask::{Ask, Deadline};
use vigie_probe::{credentials, s3, ses};

const SECRET: &str = "canary-secret-key";

/// A request as the server saw it.
#[derive(Clone, Debug)]
struct Request {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    /// The operation: of the query protocol, by `X-Amz-Target`, by the path, or S3's method and sub-resource.
    fn operation(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        if let Some(action) = body.strip_prefix("Action=") {
            return action.split('&').next().unwrap_or_default().to_owned();
        }
        if let Some((_, operation)) = self.target.split_once("/operation/") {
            return operation.to_owned();
        }
        if self.target == "/v2/email/account" {
            return "GetAccount".to_owned();
        }
        if self.target.starts_with("/v20180820/configuration/publicAccessBlock") {
            return format!("account {}", self.headers["x-amz-account-id"]);
        }
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let resource = query.split('&').find(|part| !part.starts_with("x-id") && !part.contains("X-Amz-"));
        let object = path.trim_matches('/').contains('/');
        format!(
            "{}{}{}",
            self.method,
            if object { " object" } else { "" },
            match resource {
                Some(resource) if !resource.is_empty() => format!(" {}", resource.trim_end_matches('=')),
                _ => String::new(),
            }
        )
    }

    /// The region that the request was signed for.
    fn region(&self) -> &str {
        self.headers.get("authorization").and_then(|value| value.split('/').nth(2)).unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status, headers: Vec::new(), body: body.into() }
}

fn with(mut answer: Answer, name: &'static str, value: &str) -> Answer {
    answer.headers.push((name, value.to_owned()));
    answer
}

/// The error document of the query protocols, and of S3.
fn refusal(status: u16, code: &str) -> Answer {
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>no {SECRET}</Message></Error>");
    answer(status, format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"))
}

/// The error document of S3.
fn s3_refusal(status: u16, code: &str) -> Answer {
    answer(status, format!("<Error><Code>{code}</Code><Message>no {SECRET}</Message></Error>"))
}

type Log = Arc<Mutex<Vec<String>>>;

/// Serves until the test ends; one request a connection.
async fn serve(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let log = Log::default();
    let (handler, seen) = (Arc::new(handler), log.clone());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (handler, seen) = (handler.clone(), seen.clone());
            tokio::spawn(async move {
                let Some(request) = read(&mut stream).await else { return };
                seen.lock().unwrap().push(request.operation());
                let Answer { status, headers, body } = handler(&request);
                let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                if request.method != "HEAD" {
                    head.push_str(&format!("content-length: {}\r\n", body.len()));
                }
                head.push_str("\r\n");
                let mut out = head.into_bytes();
                if request.method != "HEAD" {
                    out.extend(body);
                }
                let _ = stream.write_all(&out).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (url, log)
}

async fn read(stream: &mut tokio::net::TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            break;
        }
    }
    Some(Request { method, target, headers, body })
}

fn config(url: &str, region: &'static str) -> SdkConfig {
    let keys = Keys::new("AKIAIOSFODNN7TESTKEY", SECRET, None, None, "test");
    SdkConfig::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(Region::from_static(region))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// Asks `url` as the app in eu-west-1, and as the auditor, whose home is us-east-1.
fn ask(url: &str) -> Ask {
    let mut ask = common::ask(&[]);
    ask.app = config(url, "eu-west-1");
    ask.auditor = config(url, "us-east-1");
    ask.key = FingerprintKey::new(&[7; 32]).map(Arc::new);
    ask
}

fn app(kind: KeyKind) -> AppCredentials {
    let text = |text: &str| SecretString::from(text.to_owned());
    let keys = AppKeys { id: text("AKIAIOSFODNN7TESTKEY"), secret: text(SECRET), token: None };
    AppCredentials { kind, keys: Some(keys), expires: None }
}

fn caller(resource: &str) -> Answer {
    let arn = format!("arn:aws:iam::111122223333:{resource}");
    answer(
        200,
        format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>U</UserId>\
             <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        ),
    )
}

fn result(operation: &str, inner: &str) -> Answer {
    answer(200, format!("<{operation}Response><{operation}Result>{inner}</{operation}Result></{operation}Response>"))
}

fn failed(ladder: &vigie_core::facts::Ladder) -> (Rung, Cause, Option<&str>) {
    let step = ladder.failed().unwrap();
    (step.rung, step.cause.unwrap(), step.code.as_deref())
}

/// Neither the secret, nor a server's words, nor a presigned URL.
fn tight(facts: &impl serde::Serialize) {
    let text = serde_json::to_string(facts).unwrap();
    for canary in [SECRET, "X-Amz-", "AKIAIOSFODNN7TESTKEY"] {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
}

// Credentials

async fn identity(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static, suite: Suite) -> (Credentials, Log) {
    let (url, log) = serve(handler).await;
    let mut ask = ask(&url);
    ask.suite = suite;
    let facts = credentials::observe(&ask, &app(KeyKind::LongLived)).await;
    tight(&facts);
    (facts, log)
}

#[tokio::test]
async fn a_key_that_works_is_one_step() {
    let (facts, log) = identity(|_| caller("user/shop"), Suite::Connections).await;
    assert_eq!(facts.ladder.attempts.len(), 1);
    assert_eq!(facts.ladder.steps()[0].rung, Rung::Authenticate);
    assert_eq!(facts.ladder.failed(), None);
    assert_eq!(facts.caller.get().unwrap().account, "111122223333");
    assert!(facts.fingerprint.get().is_ok());
    assert_eq!(facts.policies, Fact::gap(Cause::NotAsked, Identity::Auditor));
    assert_eq!(*log.lock().unwrap(), ["GetCallerIdentity"]);
}

#[tokio::test]
async fn a_refused_key_says_how() {
    for (status, code, cause) in [
        (403, "ExpiredToken", Cause::ExpiredToken),
        (403, "InvalidClientTokenId", Cause::InvalidKey),
        (403, "SignatureDoesNotMatch", Cause::Signature),
        (400, "IncompleteSignature", Cause::Signature),
        (403, "RequestTimeTooSkewed", Cause::ClockSkew),
    ] {
        let (facts, _) = identity(move |_| refusal(status, code), Suite::Full).await;
        assert_eq!(failed(&facts.ladder), (Rung::Authenticate, cause, Some(code)));
        assert_eq!(facts.caller, Fact::gap(cause, Identity::App));
        assert_eq!(facts.policies, Fact::gap(cause, Identity::App));
        assert_eq!(facts.ladder.attempts.len(), 2);
    }
    let (facts, _) = identity(|_| refusal(503, "ServiceUnavailable"), Suite::Full).await;
    assert_eq!(failed(&facts.ladder), (Rung::Query, Cause::ServerError, Some("ServiceUnavailable")));
    let (facts, _) = identity(|_| refusal(400, "Throttling"), Suite::Full).await;
    assert_eq!(failed(&facts.ladder), (Rung::Query, Cause::Throttled, Some("Throttling")));
    let (facts, _) = identity(|_| answer(200, "<html>hello</html>"), Suite::Full).await;
    assert_eq!(failed(&facts.ladder).1, Cause::Protocol);
}

#[tokio::test]
async fn a_dead_transport_names_the_rung() {
    let (rung, cause) = transport(&format!("http://127.0.0.1:{}", common::port())).await;
    assert_eq!((rung, cause), (Rung::Connect, Cause::Refused));
    let (rung, cause) = transport("http://sts.nowhere.invalid:1").await;
    assert_eq!((rung, cause), (Rung::Resolve, Cause::Dns));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream)
        }
    });
    assert_eq!(transport(&url).await.1, Cause::Reset);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut ask = ask(&format!("http://{}", listener.local_addr().unwrap()));
    ask.deadline = Deadline::within(Duration::from_millis(300));
    let facts = credentials::observe(&ask, &app(KeyKind::Session)).await;
    assert_eq!(failed(&facts.ladder), (Rung::Query, Cause::Deadline, None));
}

async fn transport(url: &str) -> (Rung, Cause) {
    let facts = credentials::observe(&ask(url), &app(KeyKind::LongLived)).await;
    assert_eq!(facts.ladder.attempts.len(), 2, "{:?}", facts.ladder);
    let (rung, cause, _) = failed(&facts.ladder);
    assert_eq!(facts.caller, Fact::gap(cause, Identity::App));
    (rung, cause)
}

#[tokio::test]
async fn a_bad_certificate_is_its_own_cause() {
    let ca = common::Ca::new("Test CA");
    for (leaf, trusted, cause) in [
        (ca.leaf(&["127.0.0.1"], -30, -1), &ca, Cause::TlsExpired),
        (ca.leaf(&["sts.shop.example"], -1, 30), &ca, Cause::TlsHostname),
        (ca.leaf(&["127.0.0.1"], -1, 30), &common::Ca::new("Another"), Cause::TlsUntrusted),
    ] {
        let url = tls_server(&leaf).await;
        let mut ask = ask(&url);
        ask.app = ask.app.to_builder().http_client(trusting(trusted)).build();
        let facts = credentials::observe(&ask, &app(KeyKind::LongLived)).await;
        assert_eq!(failed(&facts.ladder), (Rung::Tls, cause, None));
    }
}

/// Shakes hands, or tries to, and closes.
async fn tls_server(leaf: &common::Leaf) -> String {
    let key = rustls_pki_types::PrivateKeyDer::try_from(leaf.key_der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_no_client_auth().with_single_cert(leaf.chain.clone(), key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    url
}

fn trusting(ca: &common::Ca) -> aws_smithy_runtime_api::client::http::SharedHttpClient {
    use aws_smithy_http_client::{Builder, tls};
    let roots = tls::TrustStore::empty().with_pem_certificate(ca.pem().into_bytes());
    let context = tls::TlsContext::builder().with_trust_store(roots).build().unwrap();
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    Builder::new().tls_provider(ring).tls_context(context).build_https()
}

fn listing(member: &str, inner: &str) -> String {
    format!("<IsTruncated>false</IsTruncated><{member}>{inner}</{member}>")
}

#[tokio::test]
async fn the_policies_of_a_user_and_its_groups_are_read() {
    let handler = |request: &Request| {
        let operation = request.operation();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        match operation.as_str() {
            "GetCallerIdentity" => caller("user/apps/shop"),
            "ListGroupsForUser" => {
                let group = "<member><Path>/</Path><GroupName>devs</GroupName><GroupId>G</GroupId><Arn>a</Arn>\
                             <CreateDate>2026-01-01T00:00:00Z</CreateDate></member>";
                result("ListGroupsForUser", &listing("Groups", group))
            }
            "ListAttachedUserPolicies" if !body.contains("Marker=next") => result(
                &operation,
                "<IsTruncated>true</IsTruncated><Marker>next</Marker><AttachedPolicies><member>\
                 <PolicyName>cust</PolicyName><PolicyArn>arn:aws:iam::111122223333:policy/cust</PolicyArn>\
                 </member></AttachedPolicies>",
            ),
            "ListAttachedUserPolicies" => result(
                &operation,
                &listing(
                    "AttachedPolicies",
                    "<member><PolicyName>AdministratorAccess</PolicyName>\
                     <PolicyArn>arn:aws:iam::aws:policy/AdministratorAccess</PolicyArn></member>",
                ),
            ),
            "ListUserPolicies" => result(&operation, &listing("PolicyNames", "<member>own</member>")),
            "GetUserPolicy" => result(
                &operation,
                "<UserName>shop</UserName><PolicyName>own</PolicyName><PolicyDocument>%7B%22Statement%22%3A%7B%22Effect\
                 %22%3A%22Allow%22%2C%22NotAction%22%3A%22iam%3A*%22%2C%22Resource%22%3A%22*%22%7D%7D</PolicyDocument>",
            ),
            "GetPolicy" => result(&operation, "<Policy><DefaultVersionId>v3</DefaultVersionId></Policy>"),
            "GetPolicyVersion" if body.contains("VersionId=v3") => result(
                &operation,
                "<PolicyVersion><Document>%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A\
                 %22sqs%3A*%22%2C%22Resource%22%3A%22*%22%7D%5D%7D</Document></PolicyVersion>",
            ),
            _ => refusal(403, "AccessDenied"),
        }
    };
    let (facts, _) = identity(handler, Suite::Full).await;
    let policies = facts.policies.get().unwrap();
    assert_eq!(policies["cust"].on_everything, Fact::Known(vec!["sqs:*".to_owned()]));
    assert!(policies["AdministratorAccess"].managed_by_aws);
    assert_eq!(policies["user/shop/own"].on_everything, Fact::gap(Cause::Unweighed, Identity::Auditor));
    // The group's listings are refused: that stays visible, with the action, and hides nothing else.
    let gap = policies["group/devs: attached policies"].on_everything.get().unwrap_err();
    assert_eq!(gap.action.as_deref(), Some("iam:ListAttachedGroupPolicies"));
    assert_eq!(policies.len(), 5, "{policies:?}");
}

#[tokio::test]
async fn a_session_asks_how_long_its_role_lasts() {
    let (url, log) = serve(|request| match request.operation().as_str() {
        "GetCallerIdentity" => {
            let mut answer = caller("x");
            let text = String::from_utf8(answer.body).unwrap();
            answer.body = text.replace("iam::111122223333:x", "sts::111122223333:assumed-role/web/s1").into_bytes();
            answer
        }
        "GetRole" => result(
            "GetRole",
            "<Role><Path>/</Path><RoleName>web</RoleName><RoleId>R</RoleId><Arn>a</Arn>\
             <CreateDate>2026-01-01T00:00:00Z</CreateDate><MaxSessionDuration>7200</MaxSessionDuration></Role>",
        ),
        _ => refusal(403, "AccessDenied"),
    })
    .await;
    let mut ask = ask(&url);
    ask.suite = Suite::Connections;
    let facts = credentials::observe(&ask, &app(KeyKind::Session)).await;
    assert_eq!(facts.session_bound, Fact::Known(Some(7_200)));
    let count = log.lock().unwrap().iter().filter(|operation| *operation == "GetRole").count();
    assert_eq!(count, 1);
}

// SES

async fn mail(
    from: Option<&str>,
    suite: Suite,
    handler: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
) -> (Ses, Log) {
    let (url, log) = serve(move |request| {
        let operation = request.operation();
        handler(request).unwrap_or_else(|| match operation.as_str() {
            "GetAccountSendingEnabled" => result(&operation, "<Enabled>true</Enabled>"),
            "GetIdentityVerificationAttributes" => verified("shop.example", "Success"),
            "GetAccount" => answer(
                200,
                r#"{"ProductionAccessEnabled":true,"SendingEnabled":true,"SendQuota":{"Max24HourSend":50000,"MaxSendRate":14,"SentLast24Hours":12}}"#,
            ),
            "GetMetricData" => bounce_rate(Some(0.03)),
            _ => refusal(403, "AccessDenied"),
        })
    })
    .await;
    let mut ask = ask(&url);
    ask.suite = suite;
    let facts = ses::observe(&ask, &SesTarget { from: from.map(str::to_owned) }).await;
    tight(&facts);
    (facts, log)
}

fn verified(name: &str, status: &str) -> Answer {
    let entry = format!(
        "<entry><key>{name}</key><value><VerificationStatus>{status}</VerificationStatus></value></entry>\
         <entry><key>other.example</key><value><VerificationStatus>Success</VerificationStatus></value></entry>"
    );
    let operation = "GetIdentityVerificationAttributes";
    result(operation, &format!("<VerificationAttributes>{entry}</VerificationAttributes>"))
}

/// CloudWatch speaks CBOR: `{"MetricDataResults": [{"Values": [rate]}]}`.
fn bounce_rate(rate: Option<f64>) -> Answer {
    let mut body = vec![0xa1, 0x71];
    body.extend(b"MetricDataResults");
    body.extend([0x81, 0xa1, 0x66]);
    body.extend(b"Values");
    match rate {
        None => body.push(0x80),
        Some(rate) => {
            body.extend([0x81, 0xfb]);
            body.extend(rate.to_be_bytes());
        }
    }
    let answer = with(answer(200, body), "smithy-protocol", "rpc-v2-cbor");
    with(answer, "content-type", "application/cbor")
}

#[tokio::test]
async fn a_mailer_in_order() {
    let (facts, log) = mail(Some("The Shop <orders@mail.Shop.example>"), Suite::Full, |_| None).await;
    assert_eq!(facts.ladder.attempts.len(), 1);
    assert_eq!(facts.region, "eu-west-1", "the app's region, not the auditor's");
    assert_eq!(facts.from, Fact::Known("orders@mail.shop.example".to_owned()));
    assert_eq!(facts.sending_enabled, Fact::Known(true));
    assert_eq!(facts.identities, Fact::Known([("shop.example".to_owned(), "Success".to_owned())].into()));
    assert_eq!(facts.production_access, Fact::Known(true));
    assert_eq!(facts.quota.get().unwrap().max_rate, 14.0);
    let rate = facts.bounce_rate.get().unwrap().unwrap();
    assert!((rate - 3.0).abs() < 1e-9, "percent, not a share: {rate}");
    assert_eq!(facts.statistics, Fact::gap(Cause::NotAsked, Identity::Auditor));
    assert!(
        !log.lock().unwrap().iter().any(|operation| operation == "GetSendQuota"),
        "the quota came with the account"
    );
}

#[tokio::test]
async fn connections_asks_two_things_of_ses() {
    let (facts, log) = mail(Some("orders@shop.example"), Suite::Connections, |_| None).await;
    assert_eq!(facts.production_access, Fact::gap(Cause::NotAsked, Identity::Auditor));
    assert_eq!(*log.lock().unwrap(), ["GetAccountSendingEnabled", "GetIdentityVerificationAttributes"]);
}

#[tokio::test]
async fn where_ses_refuses_it_says_what_and_falls_back() {
    let (facts, _) = mail(None, Suite::Full, |request| {
        Some(match request.operation().as_str() {
            "GetSendQuota" => result(
                "GetSendQuota",
                "<Max24HourSend>200.0</Max24HourSend><MaxSendRate>1.0</MaxSendRate><SentLast24Hours>0.0</SentLast24Hours>",
            ),
            "GetMetricData" => bounce_rate(None),
            "GetSendStatistics" => result(
                "GetSendStatistics",
                "<SendDataPoints><member><DeliveryAttempts>90</DeliveryAttempts><Bounces>4</Bounces></member>\
                 <member><DeliveryAttempts>60</DeliveryAttempts><Bounces>5</Bounces></member></SendDataPoints>",
            ),
            _ => refusal(403, "AccessDenied"),
        })
    })
    .await;
    // SES was reached: a refusal is an answer.
    assert_eq!(facts.ladder.failed(), None);
    let gap = facts.sending_enabled.get().unwrap_err();
    assert_eq!(gap.action.as_deref(), Some("ses:GetAccountSendingEnabled"));
    assert_eq!(facts.production_access.get().unwrap_err().action.as_deref(), Some("ses:GetAccount"));
    assert_eq!(facts.quota.get().unwrap().max_24_hours, 200.0);
    assert_eq!(facts.bounce_rate, Fact::Known(None));
    let statistics = facts.statistics.get().unwrap();
    assert_eq!((statistics.attempts, statistics.bounces), (150, 9));
    assert_eq!(facts.from, Fact::gap(Cause::NotGiven, Identity::App));
    assert_eq!(facts.identities, Fact::gap(Cause::NotGiven, Identity::App));
}

#[tokio::test]
async fn an_identity_of_another_region_is_found_there() {
    let (facts, _) = mail(Some("a@shop.example"), Suite::Connections, |request| {
        let status = if request.region() == "us-east-1" { "Success" } else { "Pending" };
        (request.operation() == "GetIdentityVerificationAttributes").then(|| verified("shop.example", status))
    })
    .await;
    assert_eq!(facts.identities, Fact::Known([("shop.example".to_owned(), "Pending".to_owned())].into()));
    assert_eq!(facts.elsewhere, [("us-east-1".to_owned(), vec!["shop.example".to_owned()])].into());
}

// S3

/// A bucket `media` of account 111122223333 in eu-west-1, with one object at most. `handler` answers before it does.
async fn bucket(
    handler: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    change: impl FnOnce(&mut Ask),
) -> (S3, Log, Arc<Mutex<Option<Vec<u8>>>>) {
    let object: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let kept = object.clone();
    let (url, log) = serve(move |request| {
        let operation = request.operation();
        handler(request).unwrap_or_else(|| match operation.as_str() {
            "GetCallerIdentity" => caller("user/shop"),
            "HEAD" => match request.headers.get("x-amz-expected-bucket-owner").map(String::as_str) {
                None | Some("111122223333") => with(answer(200, ""), "x-amz-bucket-region", "eu-west-1"),
                Some(_) => answer(403, ""),
            },
            "GET notification" => answer(200, "<NotificationConfiguration/>"),
            "GET versioning" => answer(200, "<VersioningConfiguration/>"),
            "GET object-lock" => s3_refusal(404, "ObjectLockConfigurationNotFoundError"),
            "PUT object" => {
                *kept.lock().unwrap() = Some(request.body.clone());
                with(answer(200, ""), "x-amz-version-id", "v7")
            }
            "GET object" => match kept.lock().unwrap().clone() {
                Some(bytes) => answer(200, bytes),
                None => s3_refusal(404, "NoSuchKey"),
            },
            "DELETE object versionId=v7" => {
                *kept.lock().unwrap() = None;
                answer(204, "")
            }
            "HEAD object" => answer(if kept.lock().unwrap().is_some() { 200 } else { 404 }, ""),
            "GET policyStatus" => s3_refusal(404, "NoSuchBucketPolicy"),
            "GET acl" => answer(200, "<AccessControlPolicy><AccessControlList/></AccessControlPolicy>"),
            "GET publicAccessBlock" => s3_refusal(404, "NoSuchPublicAccessBlockConfiguration"),
            "GET ownershipControls" => s3_refusal(404, "OwnershipControlsNotFoundError"),
            "account 111122223333" => answer(
                200,
                "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
                 <IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>",
            ),
            _ => s3_refusal(403, "AccessDenied"),
        })
    })
    .await;
    let mut ask = ask(&url);
    ask.suite = Suite::Connections;
    change(&mut ask);
    let target = BucketTarget { variable: "S3_BUCKET".to_owned(), public_by_design: false };
    let facts = s3::observe(&ask, &[("media".to_owned(), target)].into(), Some("eu-west-1")).await;
    tight(&facts);
    (facts, log, object)
}

fn steps(facts: &S3) -> Vec<(String, Option<Cause>, Option<String>)> {
    let trip = facts.buckets["media"].roundtrip.get().unwrap();
    trip.steps.iter().map(|step| (step.step.clone(), step.cause, step.code.clone())).collect()
}

fn written(log: &Log) -> bool {
    log.lock().unwrap().iter().any(|operation| operation == "PUT object")
}

#[tokio::test]
async fn an_upload_comes_back_and_is_gone() {
    let (facts, log, object) = bucket(|_| None, |_| {}).await;
    let media = &facts.buckets["media"];
    assert_eq!((&media.head, &media.owned), (&Fact::Known(()), &Fact::Known(true)));
    assert_eq!(media.region, Fact::Known("eu-west-1".to_owned()));
    let expected = ["put", "get", "compare", "delete", "gone"].map(|step| (step.to_owned(), None, None));
    assert_eq!(steps(&facts), expected);
    assert_eq!(*object.lock().unwrap(), None);
    assert_eq!(media.policy_public, Fact::gap(Cause::NotAsked, Identity::Auditor));
    assert_eq!(log.lock().unwrap().iter().filter(|operation| *operation == "HEAD").count(), 2);
}

#[tokio::test]
async fn each_step_fails_for_its_own_reason() {
    let on = |operation: &'static str, refused: fn() -> Answer| {
        move |request: &Request| (request.operation() == operation).then(refused)
    };
    let (facts, log, _) = bucket(on("PUT object", || s3_refusal(403, "AccessDenied")), |_| {}).await;
    assert_eq!(steps(&facts), [("put".to_owned(), Some(Cause::Denied), Some("AccessDenied".to_owned()))]);
    assert!(!log.lock().unwrap().iter().any(|operation| operation.starts_with("DELETE")), "nothing was written");

    for (code, cause) in [
        ("SignatureDoesNotMatch", Cause::Signature),
        ("RequestTimeTooSkewed", Cause::ClockSkew),
        ("KMS.DisabledException", Cause::Kms),
    ] {
        let refused = move |request: &Request| (request.operation() == "PUT object").then(|| s3_refusal(403, code));
        let (facts, ..) = bucket(refused, |_| {}).await;
        assert_eq!(steps(&facts)[0].1, Some(cause), "{code}");
    }

    let (facts, _, object) = bucket(on("GET object", || s3_refusal(403, "AccessDenied")), |_| {}).await;
    assert_eq!(steps(&facts)[1], ("get".to_owned(), Some(Cause::Denied), Some("AccessDenied".to_owned())));
    assert_eq!(*object.lock().unwrap(), None, "deleted all the same");

    let (facts, ..) = bucket(on("GET object", || answer(200, "other")), |_| {}).await;
    assert_eq!(steps(&facts)[2], ("compare".to_owned(), Some(Cause::Mismatch), None));

    let denied = on("DELETE object versionId=v7", || s3_refusal(403, "AccessDenied"));
    let (facts, _, object) = bucket(denied, |_| {}).await;
    assert_eq!(steps(&facts).last().unwrap().0, "delete");
    assert!(object.lock().unwrap().is_some());

    // After an error of the server's the object may be there.
    let (facts, ..) = bucket(on("PUT object", || s3_refusal(500, "InternalError")), |_| {}).await;
    let names: Vec<_> = steps(&facts).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names[..2], ["put", "delete"]);
}

#[tokio::test]
async fn nothing_is_written_where_it_must_not_be() {
    let (facts, log, _) = bucket(|_| None, |ask| ask.writes = false).await;
    assert_eq!(facts.buckets["media"].roundtrip, Fact::gap(Cause::WritesOff, Identity::App));
    assert!(!written(&log) && !log.lock().unwrap().iter().any(|operation| operation == "GET notification"));

    let foreign = |request: &Request| {
        request.headers.get("x-amz-expected-bucket-owner").filter(|_| request.method == "HEAD").map(|_| answer(403, ""))
    };
    let (facts, log, _) = bucket(foreign, |_| {}).await;
    assert_eq!(facts.buckets["media"].owned, Fact::Known(false));
    assert_eq!(facts.buckets["media"].roundtrip, Fact::gap(Cause::Foreign, Identity::App));
    assert!(!written(&log));

    let loud = "<NotificationConfiguration><QueueConfiguration><Queue>arn:aws:sqs:eu-west-1:1:q</Queue>\
                <Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>";
    let lock = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                <Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    let mfa =
        "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>";
    for (operation, body) in [("GET notification", loud), ("GET object-lock", lock), ("GET versioning", mfa)] {
        let (facts, log, _) = bucket(move |r| (r.operation() == operation).then(|| answer(200, body)), |_| {}).await;
        assert_eq!(facts.buckets["media"].roundtrip, Fact::gap(Cause::Protected, Identity::Auditor), "{operation}");
        assert!(!written(&log));
    }
    for (operation, action) in [
        ("GET notification", "s3:GetBucketNotification"),
        ("GET object-lock", "s3:GetBucketObjectLockConfiguration"),
        ("GET versioning", "s3:GetBucketVersioning"),
    ] {
        let denied = move |r: &Request| (r.operation() == operation).then(|| s3_refusal(403, "AccessDenied"));
        let (facts, log, _) = bucket(denied, |_| {}).await;
        let gap = facts.buckets["media"].roundtrip.get().unwrap_err();
        assert_eq!((gap.action.as_deref(), gap.asked_as), (Some(action), Identity::Auditor));
        assert!(!written(&log));
    }
}

#[tokio::test]
async fn a_refused_head_is_the_keys_fault_only_if_sts_says_so() {
    let denied = |request: &Request| {
        (request.operation() == "HEAD").then(|| with(answer(403, ""), "x-amz-bucket-region", "eu-west-1"))
    };
    let (facts, log, _) = bucket(denied, |_| {}).await;
    assert_eq!(facts.ladder.failed(), None);
    let media = &facts.buckets["media"];
    assert_eq!(media.head.get().unwrap_err().action.as_deref(), Some("s3:ListBucket"));
    assert_eq!(media.region, Fact::Known("eu-west-1".to_owned()), "returned whatever the permission");
    assert!(!written(&log));

    for head in [403, 400] {
        let invalid = move |request: &Request| match request.operation().as_str() {
            "HEAD" => Some(answer(head, "")),
            "GetCallerIdentity" => Some(refusal(403, "InvalidClientTokenId")),
            _ => None,
        };
        let (facts, ..) = bucket(invalid, |_| {}).await;
        assert_eq!(failed(&facts.ladder), (Rung::Authenticate, Cause::InvalidKey, Some("InvalidClientTokenId")));
        assert_eq!(facts.buckets["media"].head, Fact::gap(Cause::InvalidKey, Identity::App));
    }

    let (facts, ..) = bucket(|request| (request.operation() == "HEAD").then(|| answer(404, "")), |_| {}).await;
    assert_eq!(facts.ladder.failed(), None);
    assert_eq!(facts.buckets["media"].head, Fact::gap(Cause::NotFound, Identity::App));
}

#[tokio::test]
async fn a_bucket_elsewhere_is_asked_where_it_is() {
    for status in [301, 400] {
        let moved = move |request: &Request| {
            let answer = match (request.operation().as_str(), request.region()) {
                ("HEAD", "eu-west-3") => answer(200, ""),
                ("HEAD", _) => answer(status, ""),
                _ => return None,
            };
            Some(with(answer, "x-amz-bucket-region", "eu-west-3"))
        };
        let (facts, ..) = bucket(moved, |_| {}).await;
        let media = &facts.buckets["media"];
        assert_eq!(media.head, Fact::Known(()), "{status}");
        assert_eq!(media.region, Fact::Known("eu-west-3".to_owned()));
        assert_eq!(media.client_region, Fact::Known("eu-west-1".to_owned()));
        assert_eq!(steps(&facts).len(), 5);
    }
}

#[tokio::test]
async fn what_was_never_set_has_a_value() {
    let (facts, ..) = bucket(|_| None, |ask| ask.suite = Suite::Full).await;
    let media = &facts.buckets["media"];
    assert_eq!(media.policy_public, Fact::Known(false));
    assert_eq!(media.public_grants, Fact::Known(Vec::new()));
    assert_eq!(media.block, Fact::Known(vigie_core::facts::aws::BlockFlags::default()));
    assert_eq!(media.acls_enabled, Fact::Known(true));
    let account = facts.account_block.get().unwrap();
    assert!(account.block_public_acls && account.ignore_public_acls && !account.block_public_policy);

    let open = |request: &Request| {
        Some(match request.operation().as_str() {
            "GET policyStatus" => answer(200, "<PolicyStatus><IsPublic>true</IsPublic></PolicyStatus>"),
            "GET acl" => answer(
                200,
                r#"<AccessControlPolicy><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"#,
            ),
            "GET ownershipControls" => answer(
                200,
                "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>",
            ),
            "GET publicAccessBlock" => s3_refusal(403, "AccessDenied"),
            _ => return None,
        })
    };
    let (facts, ..) = bucket(open, |ask| ask.suite = Suite::Full).await;
    let media = &facts.buckets["media"];
    assert_eq!(media.policy_public, Fact::Known(true));
    assert_eq!(media.public_grants, Fact::Known(vec!["AllUsers: READ".to_owned()]));
    assert_eq!(media.acls_enabled, Fact::Known(false));
    assert_eq!(media.block.get().unwrap_err().action.as_deref(), Some("s3:GetBucketPublicAccessBlock"));
}

#[tokio::test]
async fn with_s3_gone_the_rest_is_not_asked() {
    let mut ask = ask(&format!("http://127.0.0.1:{}", common::port()));
    ask.suite = Suite::Full;
    let target = || BucketTarget { variable: "B".to_owned(), public_by_design: false };
    let buckets = [("a".to_owned(), target()), ("b".to_owned(), target())].into();
    let facts = s3::observe(&ask, &buckets, None).await;
    assert_eq!(failed(&facts.ladder), (Rung::Connect, Cause::Refused, None));
    assert_eq!(facts.ladder.attempts.len(), 2);
    for bucket in facts.buckets.values() {
        assert_eq!(bucket.head, Fact::gap(Cause::Refused, Identity::App));
        assert_eq!(bucket.client_region, Fact::gap(Cause::NotGiven, Identity::App));
    }
}
