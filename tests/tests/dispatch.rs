//! A configuration is pushed into the runs bucket, dispatched into the queues, and audited from them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use vigie_tests::aws::program;
use vigie_tests::client;
use vigie_tests::runtime::Function;
use vigie_tests::sandbox::REGION;
use vigie_tests::shop::{RUNS, Shop, State, TIMEOUT};

/// What a deployed stack has beside the shop: the two work queues.
struct Stack {
    shop: Shop,
    connections: String,
    full: String,
    folder: tempfile::TempDir,
}

impl Stack {
    async fn open() -> Stack {
        let shop = Shop::open(State::Repaired, &|_| {}).await.unwrap();
        let sqs = aws_sdk_sqs::Client::new(&shop.config());
        let mut urls = Vec::new();
        for name in ["vigie-connections", "vigie-full"] {
            urls.push(sqs.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap());
        }
        let full = urls.pop().unwrap();
        Stack { shop, connections: urls.pop().unwrap(), full, folder: tempfile::tempdir().unwrap() }
    }

    async fn function(&self, name: &str) -> Function {
        let environment = vec![
            ("VIGIE_RUNS_BUCKET", RUNS.to_owned()),
            ("VIGIE_QUEUE_CONNECTIONS", self.connections.clone()),
            ("VIGIE_QUEUE_FULL", self.full.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", self.shop.sandbox.aws.front.url()),
            ("AWS_ACCESS_KEY_ID", self.shop.key.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.shop.key.secret.clone()),
        ];
        let roots = self.shop.sandbox.folder.path().join("ca.pem");
        Function::new(name, &program(name).unwrap(), &roots, environment).await.unwrap()
    }

    /// vigie.toml with one environment, and one file for each name; their variables are a secret that is there.
    async fn write(&self, names: &[&str]) {
        let root = self.folder.path();
        let region = json!({"AWS_REGION": REGION}).to_string();
        let secrets = aws_sdk_secretsmanager::Client::new(&self.shop.config());
        let _ = secrets.create_secret().name("small/app").secret_string(region).send().await;
        let of = |name: &str| {
            format!(
                "[environment.{name}]\nclass = \"staging\"\nvariables = [\"secretsmanager:small/app\"]\n\
                 [environment.{name}.contract]\nrequired = [[\"AWS_REGION\"]]\nrecommended = []\nauth = false\n\
                 stripe = false\nredis = false\nbus = []\naws = \"role\"\n"
            )
        };
        std::fs::write(root.join("vigie.toml"), of("main")).unwrap();
        let _ = std::fs::remove_dir_all(root.join("environments"));
        std::fs::create_dir(root.join("environments")).unwrap();
        for name in names {
            std::fs::write(root.join(format!("environments/{name}.toml")), of(name)).unwrap();
        }
    }

    /// Beside this test: the servers that the command asks are in its own process.
    async fn vigie(&self, arguments: &[&str]) -> Output {
        let mut command = vigie(self.folder.path(), arguments, &self.shop);
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
    }

    async fn push(&self, more: &[&str]) -> String {
        let output = self.vigie(&[&["config", "push", "--bucket", RUNS], more].concat()).await;
        let said = said(&output);
        assert!(output.status.success(), "{said}");
        said
    }

    /// What is waiting in a queue, taken out of it.
    async fn messages(&self, queue: &str) -> Vec<Value> {
        let sqs = aws_sdk_sqs::Client::new(&self.shop.config());
        let mut found = Vec::new();
        loop {
            let answer =
                sqs.receive_message().queue_url(queue).max_number_of_messages(10).send().await.unwrap().messages;
            let Some(messages) = answer.filter(|messages| !messages.is_empty()) else { return found };
            for message in messages {
                found.push(serde_json::from_str(&message.body.unwrap()).unwrap());
                let receipt = message.receipt_handle.unwrap();
                sqs.delete_message().queue_url(queue).receipt_handle(receipt).send().await.unwrap();
            }
        }
    }

    /// Sum and number of a metric's samples in the last hour.
    async fn metric(&self, name: &str, suite: Option<&str>) -> (f64, f64) {
        use aws_sdk_cloudwatch::types::{Dimension, Statistic};
        let client = aws_sdk_cloudwatch::Client::new(&self.shop.config());
        let now = Timestamp::now().as_second();
        let time = |second| aws_smithy_types::DateTime::from_secs(second);
        let dimension = suite.map(|suite| Dimension::builder().name("Suite").value(suite).build());
        let request = client.get_metric_statistics().namespace("Vigie").metric_name(name).period(7_200);
        let request = request.set_dimensions(dimension.map(|one| vec![one]));
        let request = request.statistics(Statistic::Sum).statistics(Statistic::SampleCount);
        let answer = request.start_time(time(now - 3_600)).end_time(time(now + 600)).send().await.unwrap();
        let points = answer.datapoints.unwrap_or_default();
        let of =
            |value: fn(&aws_sdk_cloudwatch::types::Datapoint) -> Option<f64>| points.iter().filter_map(value).sum();
        (of(|point| point.sum), of(|point| point.sample_count))
    }

    fn alerts(&self) -> Vec<Value> {
        let entries = self.shop.sandbox.aws.front.events();
        entries.iter().map(|entry| serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap()).collect()
    }
}

fn vigie(folder: &Path, arguments: &[&str], shop: &Shop) -> Command {
    let mut command = Command::new(program("vigie").unwrap());
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("AWS_ENDPOINT_URL", shop.sandbox.aws.front.url())
        .env("AWS_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", &shop.key.id)
        .env("AWS_SECRET_ACCESS_KEY", &shop.key.secret);
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn schedule(suite: &str, at: Timestamp) -> Value {
    json!({"suite": suite, "scheduled_at": at.to_string()})
}

fn minute() -> Timestamp {
    Timestamp::now().round(Unit::Minute).unwrap()
}

#[tokio::test]
async fn without_a_configuration_the_functions_say_what_to_run_and_alarm_nobody() {
    let stack = Stack::open().await;
    let mut dispatch = stack.function("vigie-dispatch").await;
    let answer = dispatch.invoke(&schedule("connections", minute()), TIMEOUT).await.unwrap();
    assert_eq!((answer["due"].as_u64(), answer["sent"].as_u64()), (Some(0), Some(0)));
    assert!(answer["nothing"].as_str().unwrap().contains("vigie config push"), "{answer}");
    // The dead man's switch counts samples: there is one.
    assert_eq!(stack.metric("EnvironmentsDone", Some("connections")).await, (0.0, 1.0));
    assert_eq!(stack.metric("EnvironmentsDue", Some("connections")).await, (0.0, 1.0));

    let mut report = stack.function("vigie-report").await;
    let answer = report.invoke(&json!({"scheduled_at": minute().to_string()}), TIMEOUT).await.unwrap();
    assert!(answer["nothing"].as_str().unwrap().contains("vigie config push"), "{answer}");
    assert_eq!(stack.metric("ReportsSent", None).await, (0.0, 1.0));
    assert!(stack.alerts().is_empty());
    // A person who asks gets an error that says the same.
    let mut audit = stack.function("vigie-audit").await;
    let error = audit.invoke(&json!({"environment": "main", "suite": "full"}), TIMEOUT).await.unwrap_err();
    assert!(error.to_string().contains("vigie config push"), "{error}");
}

#[tokio::test]
async fn a_pushed_configuration_is_dispatched_and_audited() {
    let stack = Stack::open().await;
    stack.write(&["eu", "us"]).await;
    assert!(stack.push(&["--dry-run"]).await.contains("3 new, 0 changed, 0 as they were (dry run"));
    assert!(stack.push(&[]).await.contains("3 new, 0 changed, 0 as they were"));
    assert!(stack.push(&[]).await.contains("0 new, 0 changed, 3 as they were"));

    let mut dispatch = stack.function("vigie-dispatch").await;
    let at = minute();
    let answer = dispatch.invoke(&schedule("connections", at), TIMEOUT).await.unwrap();
    assert_eq!(answer, json!({"due": 3, "sent": 3, "already": false, "late": 0}));
    let messages = stack.messages(&stack.connections).await;
    let expires = (at + SignedDuration::from_mins(5)).to_string();
    let expected: BTreeSet<String> = ["eu", "main", "us"]
        .map(|name| {
            json!({"environment": name, "suite": "connections", "scheduled_at": at.to_string(), "expires_at": expires})
                .to_string()
        })
        .into();
    assert_eq!(messages.iter().map(Value::to_string).collect::<BTreeSet<_>>(), expected);
    assert!(stack.messages(&stack.full).await.is_empty(), "the suites have a queue each");
    assert_eq!(stack.metric("EnvironmentsDue", Some("connections")).await, (3.0, 1.0));

    // The same time once more: nothing is sent, nothing is counted again.
    let again = dispatch.invoke(&schedule("connections", at), TIMEOUT).await.unwrap();
    assert_eq!(again, json!({"due": 3, "sent": 0, "already": true, "late": 0}));
    assert!(stack.messages(&stack.connections).await.is_empty());
    assert_eq!(stack.metric("EnvironmentsDue", Some("connections")).await, (3.0, 1.0));

    let records: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(n, body)| json!({"messageId": n.to_string(), "body": body.to_string(), "eventSource": "aws:sqs"}))
        .collect();
    let mut audit = stack.function("vigie-audit").await;
    let answer = audit.invoke(&json!({"Records": records}), TIMEOUT).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    for name in ["eu", "main", "us"] {
        let runs = stack.shop.keys(&format!("runs/{name}/connections/")).await.unwrap();
        assert_eq!(runs.len(), 2, "a run and its snapshot: {runs:?}");
    }
    assert_eq!(stack.metric("EnvironmentsDone", Some("connections")).await, (3.0, 3.0));

    // What is no longer here stays in the bucket until it is pruned.
    stack.write(&["eu"]).await;
    assert!(stack.push(&[]).await.contains("config/environments/us.toml: only in the bucket; --prune removes it"));
    stack.push(&["--prune"]).await;
    let answer = dispatch.invoke(&schedule("full", at), TIMEOUT).await.unwrap();
    assert_eq!(answer, json!({"due": 2, "sent": 2, "already": false}));
    assert_eq!(stack.messages(&stack.full).await[0]["expires_at"], (at + SignedDuration::from_hours(24)).to_string());
}

#[tokio::test]
async fn a_wrong_configuration_is_not_pushed() {
    let stack = Stack::open().await;
    stack.write(&["eu"]).await;
    let root = stack.folder.path();
    std::fs::write(root.join("environments/us.toml"), "[environment.eu]\nclass = \"stagin\"\n[report]\n").unwrap();
    let output = stack.vigie(&["config", "push", "--bucket", RUNS]).await;
    let told = said(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    for expected in ["us.toml:2:10: expected \"staging\"", "expected [environment.us] here", "\"report\""] {
        assert!(told.contains(expected), "{expected}\nis not in\n{told}");
    }
    let local = "[environment.us]\nclass = \"staging\"\nvariables = [\"dotenv:.env\"]\n";
    std::fs::write(root.join("environments/us.toml"), local).unwrap();
    let output = stack.vigie(&["config", "push", "--bucket", RUNS]).await;
    assert!(said(&output).contains("environment.us.variables: dotenv:.env"), "{}", said(&output));
    assert!(stack.shop.keys("config/").await.unwrap().is_empty());
}

#[tokio::test]
async fn an_environment_that_is_not_audited_is_named_once() {
    let stack = Stack::open().await;
    stack.write(&["eu"]).await;
    stack.push(&[]).await;
    let (mut dispatch, mut audit) = (stack.function("vigie-dispatch").await, stack.function("vigie-audit").await);
    let at = minute();
    let message = json!({"environment": "main", "suite": "connections", "scheduled_at": at.to_string()});
    audit.invoke(&message, TIMEOUT).await.unwrap();
    // As if looks had come every five minutes for an hour, and eu had been declared half an hour ago.
    let now = Timestamp::now();
    let ago = |minutes| (now - SignedDuration::from_mins(minutes)).to_string();
    let memory = json!({"at": ago(5), "since": ago(60), "waiting": {"eu": ago(30)}});
    let s3 = aws_sdk_s3::Client::from_conf(client::s3(&stack.shop.config()));
    let body = memory.to_string().into_bytes();
    s3.put_object().bucket(RUNS).key("dispatches/late.json").body(body.into()).send().await.unwrap();
    let before = stack.alerts().len();
    for minutes in [0, 5] {
        let event = schedule("connections", at + SignedDuration::from_mins(minutes));
        let answer = dispatch.invoke(&event, Duration::from_secs(30)).await.unwrap();
        assert_eq!(answer["late"], 1, "main is not late: {answer}");
    }
    let said = stack.alerts();
    assert_eq!(said.len(), before + 1, "{said:#?}");
    let alert = said.last().unwrap();
    assert_eq!(
        (&alert["check"], &alert["environment"], &alert["kind"]),
        (&json!("SELF-STALE"), &json!("eu"), &json!("fired"))
    );
    assert!(alert["title"].as_str().unwrap().starts_with("Not audited since "), "{alert}");
    assert_eq!(stack.metric("EnvironmentsStale", None).await, (2.0, 2.0));
}
