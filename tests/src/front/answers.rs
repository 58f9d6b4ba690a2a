//! What the emulator lacks or has wrong, in the shapes of AWS's API models.

use super::operation::{self, Operation, Wire, bucket};
use super::{ACCOUNT, Mail, State, body, forward, ok, wire};
use crate::serve::{Answer, Asked, LARGEST};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use serde_json::Value;

const SES: &str = "http://ses.amazonaws.com/doc/2010-12-01/";

pub async fn answer(state: &State, operation: &Operation, asked: Asked) -> Answer {
    match operation.name.as_str() {
        "ses:GetAccountSendingEnabled" => sending_enabled(state),
        "ses:GetSendQuota" if !state.memory().account.production => sandbox_quota(),
        "ses:GetAccount" => account(state, operation, asked).await,
        "ses:GetIdentityVerificationAttributes" => identities(state, operation, asked).await,
        "iam:CreateAccessKey" | "sts:AssumeRole" => made_key(state, operation, asked).await,
        "sns:ListSubscriptionsByTopic" => subscriptions(state, operation, asked).await,
        "ses:SendRawEmail" => send(state, operation, asked).await,
        "cloudwatch:PutMetricData" if state.memory().metrics_dropped => wire::taken(),
        "events:PutEvents" => put_events(state, operation, asked).await,
        "sqs:SendMessageBatch" => send_batch(state, operation, asked).await,
        "s3:GetAccountPublicAccessBlock" => account_block(),
        "s3:GetPublicAccessBlock" => block(state, operation, asked).await,
        "s3:PutPublicAccessBlock" | "s3:DeletePublicAccessBlock" => {
            state.memory().own_block.insert(bucket(&asked).0.to_owned());
            forward(state, operation, asked).await
        }
        "s3:GetBucketPolicyStatus" => policy_status(state, operation, asked).await,
        "s3:HeadBucket" if foreign(&asked) => wire::error(Wire::S3, 403, "AccessDenied", "Access Denied"),
        name => match name.strip_prefix("amplify:GET /apps/") {
            Some(app) => amplify(state, app),
            None => forward(state, operation, asked).await,
        },
    }
}

/// Apps and branches; a branch has no variables of its own.
fn amplify(state: &State, path: &str) -> Answer {
    let (app, branch) = path.split_once("/branches/").map_or((path, None), |(app, branch)| (app, Some(branch)));
    let memory = state.memory();
    let Some(variables) = memory.apps.get(app) else {
        return wire::error(Wire::Rest, 404, "NotFoundException", "no such app");
    };
    let said = match branch {
        None => serde_json::json!({"app": {
            "appId": app, "appArn": format!("arn:aws:amplify:eu-west-1:{ACCOUNT}:apps/{app}"), "name": app,
            "description": "", "repository": "", "platform": "WEB_COMPUTE", "createTime": 1_795_341_900.0,
            "updateTime": 1_795_341_900.0, "environmentVariables": variables, "defaultDomain": "amplifyapp.com",
            "enableBranchAutoBuild": false, "enableBasicAuth": false}}),
        Some(branch) => serde_json::json!({"branch": {
            "branchArn": format!("arn:aws:amplify:eu-west-1:{ACCOUNT}:apps/{app}/branches/{branch}"),
            "branchName": branch, "description": "", "stage": "PRODUCTION", "displayName": branch,
            "enableNotification": false, "createTime": 1_795_341_900.0, "updateTime": 1_795_341_900.0,
            "environmentVariables": {}, "enableAutoBuild": false, "customDomains": [], "framework": "",
            "activeJobId": "", "totalNumberOfJobs": "0", "enableBasicAuth": false, "ttl": "5",
            "enablePullRequestPreview": false}}),
    };
    crate::serve::json(StatusCode::OK, &said)
}

/// STS and the services answer so for a key that does not exist.
pub fn unknown_key(wire: Wire) -> Answer {
    match wire {
        Wire::S3 => {
            wire::error(wire, 403, "InvalidAccessKeyId", "The AWS Access Key Id does not exist in our records.")
        }
        Wire::Query => wire::error(wire, 403, "InvalidClientTokenId", "The security token in the request is invalid."),
        Wire::Json | Wire::Rest | Wire::Cbor => {
            wire::error(wire, 403, "UnrecognizedClientException", "The security token in the request is invalid.")
        }
    }
}

fn foreign(asked: &Asked) -> bool {
    let expected = asked.header("x-amz-expected-bucket-owner");
    !expected.is_empty() && expected != ACCOUNT
}

fn ses(operation: &str, result: &str) -> Answer {
    wire::xml(
        StatusCode::OK,
        format!(
            "<{operation}Response xmlns=\"{SES}\"><{operation}Result>{result}</{operation}Result><ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></{operation}Response>"
        ),
    )
}

fn sending_enabled(state: &State) -> Answer {
    let enabled = state.memory().account.sending;
    ses("GetAccountSendingEnabled", &format!("<Enabled>{enabled}</Enabled>"))
}

/// The sandbox's quota: 200 mails a day, one a second.
fn sandbox_quota() -> Answer {
    ses(
        "GetSendQuota",
        "<Max24HourSend>200.0</Max24HourSend><MaxSendRate>1.0</MaxSendRate><SentLast24Hours>0.0</SentLast24Hours>",
    )
}

async fn account(state: &State, operation: &Operation, asked: Asked) -> Answer {
    let (parts, bytes) = body(forward(state, operation, asked).await).await;
    let account = state.memory().account;
    let Ok(mut said) = serde_json::from_slice::<Value>(&bytes) else {
        return Answer::from_parts(parts, Full::new(bytes));
    };
    said["ProductionAccessEnabled"] = account.production.into();
    said["SendingEnabled"] = account.sending.into();
    crate::serve::json(StatusCode::OK, &said)
}

/// SES leaves out identities that it does not know; the emulator calls them pending.
async fn identities(state: &State, operation: &Operation, asked: Asked) -> Answer {
    let list = rebuilt(&asked, Method::POST, "/", "Action=ListIdentities&Version=2010-12-01&MaxItems=1000");
    let (_, known) = body(forward(state, operation, list).await).await;
    let known = String::from_utf8_lossy(&known).into_owned();
    let (parts, bytes) = body(forward(state, operation, asked).await).await;
    let said = String::from_utf8_lossy(&bytes).into_owned();
    let mut kept = String::new();
    let mut rest = said.as_str();
    while let Some((before, after)) = rest.split_once("<entry>") {
        kept.push_str(before);
        let Some((entry, after)) = after.split_once("</entry>") else { break };
        let name = entry.split("<key>").nth(1).and_then(|key| key.split("</key>").next()).unwrap_or_default();
        if known.contains(&format!("<member>{name}</member>")) {
            kept.push_str(&format!("<entry>{entry}</entry>"));
        }
        rest = after;
    }
    kept.push_str(rest);
    wire::xml(parts.status, kept.trim_start_matches("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").trim_start())
}

/// Who is subscribed by mail has to follow a link first; the emulator takes everybody for confirmed.
async fn subscriptions(state: &State, operation: &Operation, asked: Asked) -> Answer {
    let (mut parts, bytes) = body(forward(state, operation, asked).await).await;
    let said = String::from_utf8_lossy(&bytes).into_owned();
    let mut out = String::new();
    for (i, member) in said.split("<member>").enumerate() {
        let arn = member.split_once("<SubscriptionArn>").and_then(|(_, rest)| rest.split_once("</SubscriptionArn>"));
        out.push_str(if i > 0 { "<member>" } else { "" });
        match arn {
            Some((arn, _)) if member.contains("<Protocol>email</Protocol>") => {
                out.push_str(&member.replacen(arn, "PendingConfirmation", 1));
            }
            _ => out.push_str(member),
        }
    }
    parts.headers.remove("content-length");
    Answer::from_parts(parts, Full::new(Bytes::from(out)))
}

async fn send(state: &State, operation: &Operation, asked: Asked) -> Answer {
    let raw = operation::form(&asked, "RawMessage.Data")
        .and_then(|data| aws_smithy_types::base64::decode(data).ok())
        .unwrap_or_default();
    let destinations = url::form_urlencoded::parse(&asked.body)
        .filter(|(name, _)| name.starts_with("Destinations.member."))
        .map(|(_, value)| value.into_owned())
        .collect();
    let answer = forward(state, operation, asked).await;
    if ok(answer.status()) {
        state.memory().mails.push(Mail { destinations, raw });
    }
    answer
}

/// From now on the key exists.
async fn made_key(state: &State, operation: &Operation, asked: Asked) -> Answer {
    let role = operation::form(&asked, "RoleArn");
    let (parts, bytes) = body(forward(state, operation, asked).await).await;
    let key = {
        let said = String::from_utf8_lossy(&bytes);
        said.split("<AccessKeyId>").nth(1).and_then(|rest| rest.split("</AccessKeyId>").next()).map(str::to_owned)
    };
    let mut memory = state.memory();
    if let (Some(key), Some(rights)) = (&key, role.and_then(|role| memory.roles.get(&role).cloned())) {
        memory.rights.insert(key.clone(), rights);
    }
    // Without a list every key is taken: a first entry would refuse the others.
    if !memory.keys.is_empty() {
        memory.keys.extend(key);
    }
    drop(memory);
    Answer::from_parts(parts, Full::new(bytes))
}

async fn put_events(state: &State, operation: &Operation, asked: Asked) -> Answer {
    let said = serde_json::from_slice::<Value>(&asked.body).unwrap_or_default();
    let answer = forward(state, operation, asked).await;
    if ok(answer.status()) {
        state.memory().events.extend(said["Entries"].as_array().into_iter().flatten().cloned());
    }
    answer
}

/// Some entries of a batch may fail; the answer's status says nothing of it.
async fn send_batch(state: &State, operation: &Operation, mut asked: Asked) -> Answer {
    let refused = state.memory().entries_refused;
    let Ok(mut said) = serde_json::from_slice::<Value>(&asked.body) else {
        return forward(state, operation, asked).await;
    };
    let mut entries = said["Entries"].as_array().cloned().unwrap_or_default();
    let refused = entries.len().min(refused as usize);
    if refused == 0 {
        return forward(state, operation, asked).await;
    }
    state.memory().entries_refused -= u32::try_from(refused).unwrap_or(u32::MAX);
    let failed: Vec<Value> = entries
        .drain(..refused)
        .map(|entry| serde_json::json!({"Id": entry["Id"], "SenderFault": false, "Code": "InternalError"}))
        .collect();
    let mut answer = serde_json::json!({ "Successful": [] });
    if !entries.is_empty() {
        said["Entries"] = entries.into();
        asked.body = said.to_string().into();
        asked.parts.headers.remove("content-length");
        let (_, bytes) = body(forward(state, operation, asked).await).await;
        answer = serde_json::from_slice(&bytes).unwrap_or_default();
    }
    answer["Failed"] = failed.into();
    crate::serve::json(StatusCode::OK, &answer)
}

const BLOCK: &str = "<PublicAccessBlockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";

/// An account that never set its own has none.
fn account_block() -> Answer {
    wire::error(
        Wire::Query,
        404,
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    )
}

/// Since April 2023 a new bucket blocks all public access until somebody says otherwise.
async fn block(state: &State, operation: &Operation, asked: Asked) -> Answer {
    let own = state.memory().own_block.contains(bucket(&asked).0);
    let (parts, bytes) = body(forward(state, operation, asked).await).await;
    if !own && parts.status == StatusCode::NOT_FOUND && contains(&bytes, "NoSuchPublicAccessBlockConfiguration") {
        return wire::xml(StatusCode::OK, BLOCK);
    }
    Answer::from_parts(parts, Full::new(bytes))
}

/// Public when a statement of the bucket's policy allows everybody, without a condition; without a policy S3 answers
/// NoSuchBucketPolicy.
async fn policy_status(state: &State, operation: &Operation, asked: Asked) -> Answer {
    let path = format!("/{}?policy", bucket(&asked).0);
    let (parts, bytes) = body(forward(state, operation, rebuilt(&asked, Method::GET, &path, "")).await).await;
    if !ok(parts.status) {
        return Answer::from_parts(parts, Full::new(bytes));
    }
    let policy = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
    let public = policy["Statement"].as_array().into_iter().flatten().any(|statement| {
        statement["Effect"] == "Allow"
            && statement.get("Condition").is_none()
            && (statement["Principal"] == "*" || statement["Principal"]["AWS"] == "*")
    });
    let status = format!(
        "<PolicyStatus xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsPublic>{}</IsPublic></PolicyStatus>",
        if public { "true" } else { "false" }
    );
    wire::xml(StatusCode::OK, status)
}

fn contains(bytes: &Bytes, text: &str) -> bool {
    bytes.len() < LARGEST && String::from_utf8_lossy(bytes).contains(text)
}

/// Another question to the same service, with the same headers: the emulator does not look at signatures of headers.
fn rebuilt(asked: &Asked, method: Method, path: &str, body: &'static str) -> Asked {
    let mut parts = Request::new(()).into_parts().0;
    parts.headers = asked.parts.headers.clone();
    parts.headers.remove("content-length");
    parts.method = method;
    parts.uri = path.parse().unwrap_or_default();
    Asked { parts, body: Bytes::from_static(body.as_bytes()) }
}
