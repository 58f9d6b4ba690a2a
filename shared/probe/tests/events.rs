//! SQS, EventBridge and RDS against canned answers: which questions are asked, of whom, and what is made of the answers.

#![allow(clippy::unwrap_used, clippy::panic)] // a helper of a test may fail it

mod common;

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::http::{Response, StatusCode};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use secrecy::SecretString;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::facts::{Fact, Gap, Identity};
use vigie_core::targets::{QueueTarget, RdsTarget};
use vigie_probe::ask::Ask;
use vigie_probe::{eventbridge, rds, sqs};

type Answer = dyn Fn(&str, &str) -> (u16, String) + Send + Sync;

/// Answers each request by its operation and body, and remembers `HOST OPERATION`.
#[derive(Clone)]
struct Canned {
    answer: Arc<Answer>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl fmt::Debug for Canned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canned")
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let operation = match request.headers().get("x-amz-target") {
            Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None => body.split('&').next().unwrap_or_default().trim_start_matches("Action=").to_owned(),
        };
        let host = request.uri().split('/').nth(2).unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push(format!("{host} {operation}"));
        let (status, text) = (self.answer)(&operation, &body);
        HttpConnectorFuture::ready(Ok(Response::new(StatusCode::try_from(status).unwrap(), SdkBody::from(text))))
    }
}

fn config(canned: &Canned) -> SdkConfig {
    let connector = SharedHttpConnector::new(canned.clone());
    let keys = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(Region::new("eu-west-3"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build()
}

/// The auditor's questions and the app's go to the same canned answers.
fn ask(answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) -> (Ask, Arc<Mutex<Vec<String>>>) {
    let canned = Canned { answer: Arc::new(answer), asked: Arc::default() };
    let mut ask = common::ask(&[]);
    ask.app = config(&canned);
    // The auditor's home is elsewhere: it asks in the app's region all the same.
    ask.auditor = config(&canned).to_builder().region(Region::new("us-east-1")).build();
    (ask, canned.asked)
}

fn queue(name: &str, dead_letter: bool) -> (String, QueueTarget) {
    let url = format!("https://sqs.eu-west-3.amazonaws.com/111122223333/{name}");
    (name.to_owned(), QueueTarget { variable: format!("{name}_URL"), url: SecretString::from(url), dead_letter })
}

/// GetQueueAttributes' answer.
fn attributes(name: &str, visible: u32, dead_letters_to: Option<&str>) -> (u16, String) {
    let arn = |name: &str| format!("arn:aws:sqs:eu-west-3:111122223333:{name}");
    let mut all = serde_json::json!({
        "QueueArn": arn(name), "ApproximateNumberOfMessages": visible.to_string(),
        "ApproximateNumberOfMessagesNotVisible": "0", "MessageRetentionPeriod": "345600", "VisibilityTimeout": "30",
    });
    if let Some(target) = dead_letters_to {
        all["RedrivePolicy"] =
            serde_json::json!({"deadLetterTargetArn": arn(target), "maxReceiveCount": "5"}).to_string().into();
    }
    (200, serde_json::json!({ "Attributes": all }).to_string())
}

fn refusal(code: &str) -> (u16, String) {
    (400, serde_json::json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": "no"}).to_string())
}

#[tokio::test]
async fn a_redrive_policy_leads_to_a_queue_that_no_variable_names() {
    let (ask, asked) = ask(|operation, body| match operation {
        "GetQueueAttributes" if body.contains("/jobs-dlq\"") => attributes("jobs-dlq", 0, None),
        "GetQueueAttributes" if body.contains("/jobs\"") => attributes("jobs", 0, Some("jobs-dlq")),
        "GetQueueAttributes" if body.contains("/mails\"") => attributes("mails", 0, Some("mails-dead")),
        "GetQueueAttributes" if body.contains("/mails-dead\"") => attributes("mails-dead", 4, None),
        "GetQueueAttributes" if body.contains("/lost\"") => attributes("lost", 0, Some("nowhere")),
        _ => refusal("QueueDoesNotExist"),
    });
    // `jobs-dlq` is declared as a plain queue.
    let targets = [queue("jobs", false), queue("jobs-dlq", false), queue("mails", false), queue("lost", false)].into();
    let facts = sqs::observe(&ask, &targets, Some("eu-west-3")).await;
    assert!(facts.ladder.failed().is_none(), "{:?}", facts.ladder);
    assert_eq!(facts.queues.keys().collect::<Vec<_>>(), ["jobs", "jobs-dlq", "lost", "mails", "mails-dead"]);
    assert!(facts.queues["jobs-dlq"].dead_letter && !facts.queues["jobs"].dead_letter);
    let found = &facts.queues["mails-dead"];
    assert!(found.dead_letter && found.variable.is_empty());
    assert_eq!(found.attributes.get().unwrap().visible, 4);
    let exists = |name: &str| {
        facts.queues[name].attributes.get().unwrap().redrive.as_ref().map(|redrive| redrive.target_exists.clone())
    };
    assert_eq!(exists("jobs"), Some(Fact::Known(true)));
    assert_eq!(exists("mails"), Some(Fact::Known(true)));
    assert_eq!(exists("lost"), Some(Fact::Known(false)));
    let count = asked.lock().unwrap().iter().filter(|asked| asked.contains("GetQueueAttributes")).count();
    assert_eq!(count, 6, "each queue once");
}

#[tokio::test]
async fn a_queue_url_never_steers_where_a_request_goes() {
    let (ask, asked) = ask(|_, _| attributes("jobs", 0, None));
    let with = |url: &str| QueueTarget { variable: "A".into(), url: SecretString::from(url), dead_letter: false };
    let targets: Named<QueueTarget> = [
        ("east".to_owned(), with("https://sqs.us-east-1.amazonaws.com/999988887777/jobs")),
        ("evil".to_owned(), with("http://169.254.169.254/111122223333/jobs")),
        ("odd".to_owned(), with("http://127.0.0.1:1/111122223333/jobs")),
    ]
    .into();
    let facts = sqs::observe(&ask, &targets, Some("eu-west-3")).await;
    assert_eq!(facts.queues["evil"].attributes, Fact::gap(Cause::Malformed, Identity::App));
    assert_eq!(facts.queues["odd"].attributes, Fact::gap(Cause::Malformed, Identity::App));
    assert_eq!(facts.queues["east"].foreign, Fact::Known(true));
    for asked in asked.lock().unwrap().iter() {
        let host = asked.split(' ').next().unwrap();
        assert!(["sqs.eu-west-3.amazonaws.com", "monitoring.eu-west-3.amazonaws.com"].contains(&host), "{asked}");
    }
}

#[tokio::test]
async fn a_refused_queue_is_the_apps_and_a_refused_dead_letter_queue_the_auditors() {
    let (ask, _) = ask(|operation, body| match operation {
        "GetQueueAttributes" if body.contains("/jobs\"") => attributes("jobs", 0, Some("jobs-dlq")),
        _ => refusal("AccessDeniedException"),
    });
    let facts = sqs::observe(&ask, &[queue("jobs", false), queue("mails", false)].into(), None).await;
    let denied = |who| Fact::<()>::Gap(Gap::denied("sqs:GetQueueAttributes", who));
    assert_eq!(facts.queues["mails"].attributes.clone().map(drop), denied(Identity::App));
    assert_eq!(facts.queues["jobs-dlq"].attributes.clone().map(drop), denied(Identity::Auditor));
    assert!(facts.ladder.failed().is_none(), "the service answered");
}

#[tokio::test]
async fn a_service_that_fails_is_asked_twice_and_its_ladder_falls() {
    let (ask, asked) = ask(|_, _| (500, "{}".to_owned()));
    let facts = sqs::observe(&ask, &[queue("jobs", true)].into(), None).await;
    assert_eq!(facts.ladder.attempts.len(), 2);
    assert_eq!(facts.ladder.failed().and_then(|step| step.cause), Some(Cause::ServerError));
    assert_eq!(facts.queues["jobs"].attributes, Fact::gap(Cause::ServerError, Identity::App));
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn rules_are_read_in_the_full_suite_only_and_targets_only_where_they_matter() {
    let answer = |operation: &str, body: &str| {
        let json = match operation {
            "DescribeEventBus" => serde_json::json!({"Name": "shop"}),
            "ListRules" if body.contains("NextToken") => serde_json::json!({"Rules": [
                {"Name": "asleep", "State": "DISABLED"},
                {"Name": "theirs", "State": "ENABLED", "ManagedBy": "states.amazonaws.com"}]}),
            "ListRules" => serde_json::json!({"NextToken": "2", "Rules": [
                {"Name": "paid", "State": "ENABLED"}, {"Name": "trail", "State": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}]}),
            "ListTargetsByRule" if body.contains("paid") => {
                serde_json::json!({"Targets": [{"Id": "1", "Arn": "arn:aws:sqs:eu-west-3:111122223333:jobs"}]})
            }
            "ListTargetsByRule" => serde_json::json!({"Targets": []}),
            other => panic!("{other}"),
        };
        (200, json.to_string())
    };
    let (mut ask, asked) = ask(answer);
    let facts = eventbridge::observe(&ask, &["shop".to_owned()]).await;
    let bus = &facts.buses["shop"];
    assert_eq!(bus.exists, Fact::Known(true));
    let rules = bus.rules.get().unwrap();
    let of = |name: &str| (rules[name].enabled, rules[name].managed, rules[name].targets.get().ok().copied());
    assert_eq!(of("paid"), (true, false, Some(1)));
    assert_eq!(of("trail"), (true, false, Some(0)));
    assert_eq!(of("asleep"), (false, false, None));
    assert_eq!(of("theirs"), (true, true, None));
    let asked_targets = asked.lock().unwrap().iter().filter(|asked| asked.contains("ListTargets")).count();
    assert_eq!(asked_targets, 2);
    ask.suite = Suite::Connections;
    asked.lock().unwrap().clear();
    let facts = eventbridge::observe(&ask, &["shop".to_owned()]).await;
    assert_eq!(facts.buses["shop"].rules, Fact::gap(Cause::NotAsked, Identity::Auditor));
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_bus_that_does_not_exist_is_known_and_more_rules_than_are_read_are_said() {
    let (absent, _) = ask(|_, _| (400, r#"{"__type":"ResourceNotFoundException","message":"no"}"#.to_owned()));
    let facts = eventbridge::observe(&absent, &["gone".to_owned()]).await;
    assert_eq!(facts.buses["gone"].exists, Fact::Known(false));
    assert!(facts.ladder.failed().is_none());
    let (many, _) = ask(|operation, _| {
        let rules: Vec<_> =
            (0..400).map(|i| serde_json::json!({"Name": format!("r{i}"), "State": "DISABLED"})).collect();
        let json = if operation == "ListRules" { serde_json::json!({"Rules": rules}) } else { serde_json::json!({}) };
        (200, json.to_string())
    });
    let facts = eventbridge::observe(&many, &["shop".to_owned()]).await;
    let rules = facts.buses["shop"].rules.get().unwrap();
    assert_eq!(rules.len(), 301);
    assert_eq!(rules["(further rules)"].targets, Fact::gap(Cause::TooLarge, Identity::Auditor));
}

#[tokio::test]
async fn throttled_targets_stop_the_asking() {
    let (ask, asked) = ask(|operation, _| match operation {
        "ListTargetsByRule" => (400, r#"{"__type":"ThrottlingException","message":"slow down"}"#.to_owned()),
        "ListRules" => {
            let rules: Vec<_> =
                (0..50).map(|i| serde_json::json!({"Name": format!("r{i}"), "State": "ENABLED"})).collect();
            (200, serde_json::json!({ "Rules": rules }).to_string())
        }
        _ => (200, "{}".to_owned()),
    });
    let facts = eventbridge::observe(&ask, &["shop".to_owned()]).await;
    let rules = facts.buses["shop"].rules.get().unwrap();
    assert!(rules.values().all(|rule| rule.targets == Fact::gap(Cause::Throttled, Identity::Auditor)));
    let count = asked.lock().unwrap().iter().filter(|asked| asked.contains("ListTargets")).count();
    assert!(count <= 4, "{count} questions after the first refusal");
}

#[tokio::test]
async fn databases_are_read_in_the_full_suite_only() {
    let (mut ask, asked) = ask(|operation, _| {
        let text = match operation {
            "DescribeDBInstances" => {
                "<DescribeDBInstancesResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DescribeDBInstancesResult>\
                 <DBInstances><DBInstance><DBInstanceIdentifier>shop</DBInstanceIdentifier>\
                 <Endpoint><Address>shop.abc.eu-west-3.rds.amazonaws.com</Address><Port>5432</Port></Endpoint>\
                 <BackupRetentionPeriod>3</BackupRetentionPeriod><LatestRestorableTime>2026-11-22T10:00:00Z</LatestRestorableTime>\
                 </DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>"
            }
            _ => {
                "<DescribeDBClustersResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DescribeDBClustersResult>\
                 <DBClusters/></DescribeDBClustersResult></DescribeDBClustersResponse>"
            }
        };
        (200, text.to_owned())
    });
    let target = RdsTarget { hosts: vec!["shop.abc.eu-west-3.rds.amazonaws.com".to_owned()], names: Vec::new() };
    let facts = rds::observe(&ask, &target).await;
    let databases = facts.databases.get().unwrap();
    let shop = databases["shop"].get().unwrap();
    assert_eq!(shop.backup_retention, 3);
    assert_eq!(shop.latest_restorable.map(|at| at.to_string()).as_deref(), Some("2026-11-22T10:00:00Z"));
    ask.suite = Suite::Connections;
    asked.lock().unwrap().clear();
    let facts = rds::observe(&ask, &target).await;
    assert_eq!(facts.databases, Fact::gap(Cause::NotAsked, Identity::Auditor));
    assert!(asked.lock().unwrap().is_empty());
}
