//! What AWS may answer, from a small HTTP server of our own: refusals, partial failures, lost answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_types::SdkConfig;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vigie_aws::mail::Refusal;
use vigie_aws::source::{Context, Source};
use vigie_aws::store::{ETag, Put, Store, Written};
use vigie_aws::{Base, Settings, config_source, events, mail, metrics, source};
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Severity};
use vigie_core::head::{Alert, AlertKind};
use vigie_core::targets::AppKeys;

/// What the server does with one request.
#[derive(Clone)]
enum Answer {
    /// Status, further headers, body.
    Says(u16, &'static str, String),
    /// Reads the request and cuts the connection.
    Cuts,
    /// Reads the request and never answers.
    Waits,
}

fn says(status: u16, body: &str) -> Answer {
    Answer::Says(status, "", body.to_owned())
}

struct Server {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Gives the answers in turn; the last one for ever.
    async fn start(answers: Vec<Answer>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, answers) = (Arc::clone(&seen), Arc::new(Mutex::new(VecDeque::from(answers))));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&answers)));
            }
        });
        Server { url, seen }
    }

    fn config(&self) -> SdkConfig {
        let settings = Settings { endpoint_url: Some(self.url.clone()), ..Settings::default() };
        let key = |text: &str| SecretString::from(text.to_owned());
        let keys = AppKeys { id: key("AKIAEXAMPLE"), secret: key("secret"), token: None };
        Base::new(&settings).unwrap().app(Some("eu-west-1"), &keys)
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Vec<String>>>, answers: Arc<Mutex<VecDeque<Answer>>>) {
    while let Some(request) = request(&mut stream).await {
        log.lock().unwrap().push(request);
        let answer = {
            let mut answers = answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
        };
        match answer {
            Some(Answer::Says(status, headers, body)) => {
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
                if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
                    return;
                }
            }
            Some(Answer::Waits) => tokio::time::sleep(Duration::from_secs(60)).await,
            Some(Answer::Cuts) | None => return,
        }
    }
}

/// Head and body of one request.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        let mut chunk = [0; 16 * 1024];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
        }
    }
}

fn alert(number: usize) -> Alert {
    Alert {
        schema: "vigie.alert/v1".to_owned(),
        id: format!("production/PG-DOWN/db-{number}/2026-11-22T10:00:00Z/fired/1"),
        incident: format!("vigie-{number}"),
        kind: AlertKind::Fired,
        outcome: vigie_core::run::Outcome::Fail,
        environment: "production".to_owned(),
        class: Class::Production,
        severity: Severity::Critical,
        check: "PG-DOWN".to_owned(),
        fault: None,
        target: "postgres".to_owned(),
        subject: format!("db-{number}"),
        cause: Some(Cause::Refused),
        action: None,
        unknown_since: None,
        lasted: None,
        failing_since: "2026-11-22T10:00:00Z".parse().unwrap(),
        run: "production/full/2026-11-22T10:00:00Z".to_owned(),
        at: "2026-11-22T10:05:00Z".parse().unwrap(),
        title: "PostgreSQL is down".to_owned(),
        summary: "production: PostgreSQL is down".to_owned(),
        evidence: Default::default(),
        with: Vec::new(),
        explains: Vec::new(),
    }
}

fn alerts(count: usize) -> Vec<Alert> {
    (0..count).map(alert).collect()
}

/// An answer of PutEvents: one letter an entry, `.` taken, `t` throttled, `d` denied.
fn put_events(entries: &str) -> Answer {
    let entries: Vec<String> = entries
        .chars()
        .map(|c| match c {
            't' => r#"{"ErrorCode":"ThrottlingException","ErrorMessage":"slow"}"#.to_owned(),
            'd' => r#"{"ErrorCode":"AccessDeniedException","ErrorMessage":"no"}"#.to_owned(),
            _ => r#"{"EventId":"1"}"#.to_owned(),
        })
        .collect();
    let failed = entries.iter().filter(|e| e.contains("ErrorCode")).count();
    says(200, &format!("{{\"FailedEntryCount\":{failed},\"Entries\":[{}]}}", entries.join(",")))
}

fn subjects(request: &str) -> usize {
    request.matches("\"DetailType\":\"Vigie Alert\"").count()
}

#[tokio::test]
async fn ten_alerts_a_call() {
    let server = Server::start(vec![put_events(".........."), put_events("..........."), put_events("...")]).await;
    // The second answer has an entry too many: it proves nothing, so what follows is left.
    let left = events::send(&server.config(), "alerts", &alerts(23)).await.unwrap_err();
    assert_eq!((left.left.len(), left.of, left.call.cause), (13, 23, Cause::Protocol));
    let server = Server::start(vec![put_events(".........."), put_events(".........."), put_events("...")]).await;
    events::send(&server.config(), "alerts", &alerts(23)).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.iter().map(|r| subjects(r)).collect::<Vec<_>>(), [10, 10, 3]);
    assert!(seen[0].contains("\"EventBusName\":\"alerts\"") && seen[0].contains("\"Source\":\"vigie\""));
}

#[tokio::test]
async fn a_failed_entry_is_sent_again_alone() {
    let server = Server::start(vec![put_events(".t.t"), put_events("t."), put_events(".")]).await;
    events::send(&server.config(), "alerts", &alerts(4)).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.iter().map(|r| subjects(r)).collect::<Vec<_>>(), [4, 2, 1]);
    assert!(seen[1].contains("db-1") && seen[1].contains("db-3") && !seen[1].contains("db-0"));
    assert!(seen[2].contains("db-1") && !seen[2].contains("db-3"));
}

#[tokio::test]
async fn what_is_never_taken_is_not_lost() {
    let server = Server::start(vec![put_events(".t"), put_events("t")]).await;
    let left = events::send(&server.config(), "alerts", &alerts(2)).await.unwrap_err();
    assert_eq!(left.left.iter().map(|a| a.subject.as_str()).collect::<Vec<_>>(), ["db-1"]);
    assert_eq!(left.call.cause, Cause::Throttled);
    assert_eq!(server.seen().len(), 4, "four rounds");
    assert!(left.to_string().starts_with("1 of 2 alerts"), "{left}");
}

#[tokio::test]
async fn a_refused_entry_is_not_tried_again() {
    let server = Server::start(vec![put_events("d.")]).await;
    let left = events::send(&server.config(), "alerts", &alerts(2)).await.unwrap_err();
    assert_eq!((left.left.len(), left.call.cause, server.seen().len()), (1, Cause::Denied, 1));
}

#[tokio::test]
async fn an_alert_larger_than_a_call_stops_no_other() {
    let server = Server::start(vec![put_events(".")]).await;
    let mut all = alerts(2);
    all[0].title = "x".repeat(300 * 1024);
    let left = events::send(&server.config(), "alerts", &all).await.unwrap_err();
    assert_eq!((left.left.len(), left.call.cause), (1, Cause::TooLarge));
    assert_eq!(server.seen().len(), 1);
}

async fn mailed(answer: Answer) -> (Result<String, Refusal>, usize) {
    let server = Server::start(vec![answer]).await;
    let to = ["ana@shop.example".to_owned()];
    let sent = mail::send(&server.config(), "vigie@shop.example", &to, b"Subject: x\r\n\r\nx".to_vec()).await;
    (sent, server.seen().len())
}

fn ses_error(status: u16, code: &str) -> Answer {
    let body = format!(
        "<ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>Email address is not verified: ana@shop.example</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    );
    says(status, &body)
}

#[tokio::test]
async fn a_mail_is_sent() {
    let body = "<SendRawEmailResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"><SendRawEmailResult>\
                <MessageId>0100-abc</MessageId></SendRawEmailResult></SendRawEmailResponse>";
    assert_eq!(mailed(says(200, body)).await, (Ok("0100-abc".to_owned()), 1));
    // SES takes no name that is not ASCII in the envelope: the addresses alone go there.
    let server = Server::start(vec![says(200, body)]).await;
    let to = ["Équipe <team@shop.example>".to_owned()];
    mail::send(&server.config(), "Vigie à l'heure <vigie@shop.example>", &to, b"x".to_vec()).await.unwrap();
    let seen = server.seen().remove(0);
    for field in ["Source=vigie%40shop.example&", "Destinations.member.1=team%40shop.example&"] {
        assert!(seen.contains(field), "{field} in {seen}");
    }
}

#[tokio::test]
async fn a_proven_refusal_says_the_reason_and_not_the_text() {
    for (status, code, cause) in [
        (400, "MessageRejected", Cause::Rejected),
        (400, "MailFromDomainNotVerifiedException", Cause::Rejected),
        (400, "AccountSendingPausedException", Cause::Paused),
        (400, "Throttling", Cause::Throttled),
        (403, "AccessDenied", Cause::Denied),
    ] {
        let (sent, calls) = mailed(ses_error(status, code)).await;
        assert_eq!(sent, Err(Refusal::Refused { code: Some(code.to_owned()), cause }));
        assert_eq!(calls, 1, "{code}: the SDK's retries are off");
        assert!(!sent.unwrap_err().to_string().contains("ana@"));
    }
}

#[tokio::test]
async fn a_lost_answer_is_uncertain_and_not_sent_twice() {
    for answer in
        [Answer::Cuts, ses_error(500, "InternalFailure"), ses_error(503, "ServiceUnavailable"), says(200, "<")]
    {
        let (sent, calls) = mailed(answer).await;
        assert!(matches!(sent, Err(Refusal::Uncertain { .. })), "{sent:?}");
        assert_eq!(calls, 1);
    }
}

#[tokio::test]
async fn no_answer_in_time_is_uncertain() {
    let (sent, calls) = mailed(Answer::Waits).await;
    assert_eq!((sent, calls), (Err(Refusal::Uncertain { cause: Cause::Timeout }), 1));
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server { url: format!("http://{}", gone.local_addr().unwrap()), seen: Arc::default() };
    drop(gone);
    let sent = mail::send(&server.config(), "v@shop.example", &["a@shop.example".to_owned()], b"x".to_vec()).await;
    assert_eq!(sent, Err(Refusal::Refused { code: None, cause: Cause::Refused }));
}

fn s3_error(status: u16, code: &str) -> Answer {
    says(status, &format!("<Error><Code>{code}</Code><Message>secret-in-a-message</Message></Error>"))
}

fn store(server: &Server) -> Store {
    Store::bucket(&server.config(), "vigie-runs", Some("111122223333"))
}

#[tokio::test]
async fn conditional_puts() {
    let done = Answer::Says(200, "etag: \"v1\"\r\n", String::new());
    let server =
        Server::start(vec![done, s3_error(412, "PreconditionFailed"), s3_error(409, "ConditionalRequestConflict")])
            .await;
    let store = store(&server);
    let tag = ETag("\"v1\"".to_owned());
    assert_eq!(store.put_if_absent("heads/a.json", b"{}".to_vec()).await, Ok(Put::Done(tag.clone())));
    assert_eq!(store.put_if_match("heads/a.json", b"{}".to_vec(), &tag).await, Ok(Put::Precondition));
    assert_eq!(store.put_if_match("heads/a.json", b"{}".to_vec(), &tag).await, Ok(Put::Conflict));
    let seen: Vec<String> = server.seen().iter().map(|r| r.to_ascii_lowercase()).collect();
    assert!(seen[0].starts_with("put /vigie-runs/heads/a.json"), "{}", seen[0]);
    assert!(seen[0].contains("if-none-match: *\r\n") && !seen[0].contains("if-match:"));
    assert!(seen[1].contains("if-match: \"v1\"\r\n") && !seen[1].contains("if-none-match:"));
    assert!(
        seen[0].contains("content-type: application/json") && seen[0].contains("x-amz-expected-bucket-owner: 1111")
    );
}

#[tokio::test]
async fn a_page_takes_the_place_of_the_one_before() {
    let tag = |of: &'static str, body: &str| Answer::Says(200, of, body.to_owned());
    let gone = s3_error(412, "PreconditionFailed");
    let server = Server::start(vec![gone.clone(), tag("etag: \"v1\"\r\n", "<p>"), tag("etag: \"v2\"\r\n", "")]).await;
    assert_eq!(store(&server).put_over("reports/a.html", b"<p>2".to_vec()).await, Ok(()));
    let seen: Vec<String> = server.seen().iter().map(|r| r.to_ascii_lowercase()).collect();
    assert!(seen[0].contains("if-none-match: *\r\n") && seen[2].contains("if-match: \"v1\"\r\n"), "{seen:?}");
    assert!(seen[2].contains("content-type: text/html; charset=utf-8\r\n"), "{}", seen[2]);
    // Denied is said, and not tried again; a race that does not end is an error too.
    let server = Server::start(vec![s3_error(403, "AccessDenied")]).await;
    let denied = store(&server).put_over("reports/a.html", b"<p>".to_vec()).await.unwrap_err();
    assert_eq!((denied.cause(), server.seen().len()), (Cause::Denied, 1));
    let server = Server::start(vec![s3_error(409, "ConditionalRequestConflict")]).await;
    assert!(store(&server).put_over("reports/a.html", b"<p>".to_vec()).await.is_err());
}

#[tokio::test]
async fn a_run_is_written_once() {
    let done = Answer::Says(200, "etag: \"v1\"\r\n", String::new());
    let server = Server::start(vec![s3_error(409, "ConditionalRequestConflict"), done]).await;
    assert_eq!(store(&server).put_run("runs/a.json", b"{}".to_vec()).await, Ok(Written::Written));
    let server = Server::start(vec![s3_error(412, "PreconditionFailed")]).await;
    assert_eq!(store(&server).put_run("runs/a.json", b"{}".to_vec()).await, Ok(Written::AlreadyThere));
    let server = Server::start(vec![s3_error(409, "ConditionalRequestConflict")]).await;
    let error = store(&server).put_run("runs/a.json", b"{}".to_vec()).await.unwrap_err();
    assert_eq!(error.call.code.as_deref(), Some("ConditionalRequestConflict"));
}

#[tokio::test]
async fn a_missing_object_is_no_error_and_a_refusal_is() {
    let server = Server::start(vec![
        s3_error(404, "NoSuchKey"),
        s3_error(404, "NoSuchBucket"),
        s3_error(403, "AccessDenied"),
        Answer::Says(200, "etag: \"v7\"\r\n", "{}".to_owned()),
    ])
    .await;
    let store = store(&server);
    assert_eq!(store.get("heads/a.json").await, Ok(None));
    assert_eq!(store.get("heads/a.json").await.unwrap_err().cause(), Cause::NotFound);
    let denied = store.get("heads/a.json").await.unwrap_err();
    assert_eq!(denied.gap().action.as_deref(), Some("s3:GetObject"));
    assert!(!denied.to_string().contains("secret-in-a-message"), "{denied}");
    assert_eq!(store.get("heads/a.json").await, Ok(Some((b"{}".to_vec(), ETag("\"v7\"".to_owned())))));
}

#[tokio::test]
async fn a_larger_object_is_not_read() {
    // The length alone is refused: the body never comes.
    let server = Server::start(vec![Answer::Says(200, "etag: \"v7\"\r\n", "x".repeat(17 * 1024 * 1024))]).await;
    assert_eq!(store(&server).get("runs/a.json").await.unwrap_err().cause(), Cause::TooLarge);
}

#[tokio::test]
async fn a_listing_goes_on_to_its_bound() {
    let page = |keys: &[&str], next: &str| {
        let at = "<LastModified>2026-11-22T10:05:00.000Z</LastModified>";
        let keys: String = keys.iter().map(|k| format!("<Contents><Key>{k}</Key>{at}</Contents>")).collect();
        says(200, &format!("<ListBucketResult>{next}{keys}</ListBucketResult>"))
    };
    let next = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
    let server = Server::start(vec![page(&["a", "b"], next), page(&["c", "d"], "")]).await;
    assert_eq!(store(&server).list("", 10).await.unwrap(), ["a", "b", "c", "d"]);
    let server = Server::start(vec![page(&["a", "b"], next), page(&["c", "d"], next)]).await;
    assert_eq!(store(&server).list("", 3).await.unwrap(), ["a", "b", "c"]);
}

#[tokio::test]
async fn sources_of_aws() {
    let parameter = |name: &str| format!("{{\"Name\":\"/shop/production/{name}\",\"Value\":\"v-{name}\"}}");
    let page = |name: &str, next: &str| says(200, &format!("{{\"Parameters\":[{}]{next}}}", parameter(name)));
    let server = Server::start(vec![page("ONE", ",\"NextToken\":\"t\""), page("TWO", "")]).await;
    let read = read(&server, "ssm:/shop/production/").await;
    assert_eq!(read.values["ONE"].value.expose_secret(), "v-ONE");
    assert_eq!(read.values["TWO"].source, "ssm:/shop/production/");
    assert!(server.seen()[0].contains("\"WithDecryption\":true") && server.seen()[0].contains("\"MaxResults\":10"));
    assert!(server.seen()[0].contains("\"Path\":\"/shop/production\""));
}

async fn read(server: &Server, text: &str) -> vigie_core::variables::Variables {
    let context = Context {
        inside_lambda: true,
        process: &Vec::new,
        directory: std::path::Path::new("."),
        limit: Duration::from_secs(5),
    };
    source::read(&server.config(), &[text.parse::<Source>().unwrap()], &context).await
}

#[tokio::test]
async fn a_source_that_cannot_be_read_says_why() {
    let json = |status, code: &str| says(status, &format!("{{\"__type\":\"{code}\",\"message\":\"m\"}}"));
    for (source, answer, cause, action) in [
        ("ssm:/shop/", json(400, "AccessDeniedException"), Cause::Denied, Some("ssm:GetParametersByPath")),
        ("ssm:/shop/", says(200, "{\"Parameters\":[]}"), Cause::NotFound, None),
        ("secretsmanager:shop", json(400, "ResourceNotFoundException"), Cause::NotFound, None),
        ("secretsmanager:shop", says(200, "{\"SecretString\":\"plain\"}"), Cause::Malformed, None),
        ("lambda:web", json(403, "AccessDeniedException"), Cause::Denied, Some("lambda:GetFunctionConfiguration")),
        ("amplify:d1/main", json(404, "NotFoundException"), Cause::NotFound, None),
    ] {
        let read = read(&Server::start(vec![answer]).await, source).await;
        assert!(read.values.is_empty());
        let gap = &read.unread[0].gap;
        assert_eq!((gap.cause, gap.action.as_deref()), (cause, action), "{source}");
    }
    let secret = says(200, "{\"SecretString\":\"{\\\"URL\\\":\\\"x\\\"}\"}");
    assert_eq!(read(&Server::start(vec![secret]).await, "secretsmanager:shop").await.values.len(), 1);
}

#[tokio::test]
async fn a_configuration_from_s3_and_ssm() {
    let server = Server::start(vec![Answer::Says(200, "etag: \"v\"\r\n", "x = 1".to_owned())]).await;
    let read = config_source::load_text(&server.config(), "s3://conf/vigie.toml").await.unwrap();
    assert_eq!((read.text.as_str(), read.name.as_str()), ("x = 1", "s3://conf/vigie.toml"));
    let server = Server::start(vec![says(200, "{\"Parameter\":{\"Value\":\"y = 2\"}}")]).await;
    assert_eq!(config_source::load_text(&server.config(), "ssm:/vigie").await.unwrap().text, "y = 2");
    let server = Server::start(vec![s3_error(404, "NoSuchKey")]).await;
    let error = config_source::load_text(&server.config(), "s3://conf/none.toml").await.unwrap_err().to_string();
    assert!(error.contains("s3://conf/none.toml") && error.contains("does not exist"), "{error}");
}

#[tokio::test]
async fn metrics_go_in_calls_of_a_thousand() {
    let datum = |i: usize| vigie_core::metrics::Datum {
        name: "Up",
        value: if i == 0 { f64::NAN } else { 1.0 },
        unit: vigie_core::metrics::Unit::Count,
        dimensions: vec![("Target".to_owned(), format!("t{i}"))],
    };
    let data: Vec<_> = (0..1_002).map(datum).collect();
    let server = Server::start(vec![Answer::Says(200, "smithy-protocol: rpc-v2-cbor\r\n", String::new())]).await;
    let at = "2026-11-22T10:00:00Z".parse().unwrap();
    metrics::publish(&server.config(), &data, at).await.unwrap();
    assert_eq!(server.seen().len(), 2);
    metrics::publish(&server.config(), &[], at).await.unwrap();
    assert_eq!(server.seen().len(), 2);
    let server = Server::start(vec![says(403, "")]).await;
    let error = metrics::publish(&server.config(), &data[1..2], at).await.unwrap_err();
    assert_eq!((error.cause, error.action), (Cause::Denied, "cloudwatch:PutMetricData"));
}
