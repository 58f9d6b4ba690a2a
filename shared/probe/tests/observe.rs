//! The whole set at once: bounded by the deadline, and nobody costs another its facts.
#![allow(clippy::unwrap_used, clippy::panic)] // a helper of a test may fail it

mod common;

use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use secrecy::SecretString;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Kind};
use vigie_core::facts::aws::KeyKind;
use vigie_core::facts::variables::Variables;
use vigie_core::facts::{Fact, Facts};
use vigie_core::healthy;
use vigie_core::judge::judge;
use vigie_core::run::Outcome;
use vigie_core::targets::{
    AlarmsTarget, AppCredentials, BucketTarget, HttpsTarget, PostgresTarget, QueueTarget, RdsTarget, RedisTarget,
    SesTarget, Targets,
};
use vigie_probe::ask::{Ask, Deadline};
use vigie_probe::observe::observe;

/// AWS that never answers, or breaks.
#[derive(Clone, Copy, Debug)]
enum Aws {
    Silent,
    Breaking,
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self {
            Aws::Breaking if request.uri().contains("//events.") => panic!("a prober breaks"),
            _ => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

fn ask(aws: Aws, time: Duration) -> Ask {
    let connector = SharedHttpConnector::new(aws);
    let keys = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(Region::new("eu-west-3"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    let mut ask = common::ask(&[]);
    (ask.app, ask.auditor, ask.deadline) = (config.clone(), config, Deadline::within(time));
    ask
}

fn nothing() -> Targets {
    Targets {
        app: AppCredentials { kind: KeyKind::None, keys: None, expires: None },
        region: Some("eu-west-3".into()),
        postgres: Named::new(),
        redis: Named::new(),
        ses: None,
        buckets: Named::new(),
        queues: Named::new(),
        buses: Vec::new(),
        https: Named::new(),
        alarms: None,
        rds: None,
    }
}

/// Everything, on a port that takes connections and says nothing.
fn everything(port: u16) -> Targets {
    let secret = |text: String| SecretString::from(text);
    let postgres = PostgresTarget {
        variable: "DATABASE_URL".into(),
        url: secret(format!("postgresql://u:p@127.0.0.1:{port}/d?sslmode=require")),
        tls_verify: None,
        sslmode: None,
    };
    let redis = |url: String, token: Option<&str>| RedisTarget {
        variable: "REDIS_URL".into(),
        url: secret(url),
        token: token.map(|token| secret(token.into())),
        rest: token.is_some(),
    };
    let https =
        HttpsTarget { variable: "SITE".into(), url: secret(format!("https://127.0.0.1:{port}/")), providers: None };
    let queue = QueueTarget {
        variable: "JOBS_QUEUE_URL".into(),
        url: secret("https://sqs.eu-west-3.amazonaws.com/111122223333/jobs".into()),
        dead_letter: false,
    };
    Targets {
        postgres: [("postgres".to_owned(), postgres)].into(),
        redis: [
            ("redis".to_owned(), redis(format!("https://127.0.0.1:{port}"), Some("t"))),
            ("redis:url".to_owned(), redis(format!("redis://127.0.0.1:{port}"), None)),
        ]
        .into(),
        ses: Some(SesTarget { from: Some("a@shop.example".into()) }),
        buckets: [("media".to_owned(), BucketTarget { variable: "BUCKET".into(), public_by_design: false })].into(),
        queues: [("jobs".to_owned(), queue)].into(),
        buses: vec!["shop".into()],
        https: [("https".to_owned(), https)].into(),
        alarms: Some(AlarmsTarget { prefix: None }),
        rds: Some(RdsTarget { hosts: Vec::new(), names: vec!["shop".into()] }),
        ..nothing()
    }
}

/// Observes, and says what was heard of the progress.
async fn observed(ask: &Ask, targets: &Targets) -> (Facts, Vec<String>) {
    let heard: Mutex<Vec<String>> = Mutex::default();
    let progress = |_: Kind, target: &str| heard.lock().unwrap().push(target.to_owned());
    let facts = observe(ask, targets, Variables::default(), &progress).await;
    let mut heard = heard.into_inner().unwrap();
    heard.sort();
    (facts, heard)
}

const ALL: [&str; 11] =
    ["cloudwatch", "credentials", "eventbridge", "https", "postgres", "rds", "redis", "redis:url", "s3", "ses", "sqs"];

#[tokio::test]
async fn with_every_server_silent_it_ends_at_the_deadline_and_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let targets = everything(listener.local_addr().unwrap().port());
    let ask = ask(Aws::Silent, Duration::from_millis(600));
    let (facts, heard) = observed(&ask, &targets).await;
    assert_eq!(heard, ALL);
    assert!(facts.lost.is_empty(), "{:?}", facts.lost);
    assert_eq!(facts.sqs.as_ref().unwrap().queues["jobs"].attributes.get().unwrap_err().cause, Cause::Deadline);
    for (kind, name, ladder) in facts.ladders() {
        let cause = ladder.failed().and_then(|step| step.cause);
        assert_eq!(cause, Some(Cause::Deadline), "{kind:?} {name}: {ladder:?}");
    }
    // Nothing passes but what the values themselves tell.
    let mut snapshot = healthy::snapshot(Class::Production);
    snapshot.facts = facts;
    let run = judge(&snapshot);
    let by_value = ["ENV-", "REDIS-TLS-PLAINTEXT", "SELF-"];
    let passed = run.findings.iter().filter(|finding| finding.outcome == Outcome::Pass);
    let asked: Vec<String> = passed
        .map(|finding| finding.key())
        .filter(|key| !by_value.iter().any(|check| key.starts_with(check)))
        .collect();
    assert!(asked.is_empty(), "{asked:?}");
}

#[tokio::test]
async fn what_is_not_configured_is_absent() {
    let ask = ask(Aws::Silent, Duration::from_millis(100));
    let (facts, heard) = observed(&ask, &nothing()).await;
    assert_eq!(heard, ["credentials"]);
    assert!(facts.sqs.is_none() && facts.s3.is_none() && facts.eventbridge.is_none() && facts.rds.is_none());
    assert!(facts.postgres.is_empty() && facts.redis.is_empty() && facts.https.is_empty());
}

#[tokio::test]
async fn a_prober_that_breaks_is_said_and_costs_nobody_else() {
    let targets = Targets { queues: everything(1).queues, buses: vec!["shop".into()], ..nothing() };
    let ask = ask(Aws::Breaking, Duration::from_millis(300));
    let (facts, heard) = observed(&ask, &targets).await;
    assert_eq!(heard, ["credentials", "eventbridge", "sqs"]);
    assert_eq!(facts.lost, ["eventbridge"]);
    assert!(facts.eventbridge.is_none());
    assert!(matches!(facts.sqs.unwrap().queues["jobs"].attributes, Fact::Gap(_)));
    let mut snapshot = healthy::snapshot(Class::Production);
    snapshot.facts.lost = facts.lost;
    let run = judge(&snapshot);
    let blind = run.findings.iter().find(|finding| finding.check == "SELF-BLIND").unwrap();
    assert_eq!(blind.fault.as_deref(), Some("lost"));
}
