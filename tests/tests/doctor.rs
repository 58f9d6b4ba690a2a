//! Doctor on real servers: everything holds, then one thing is taken away at a time, and that thing's line says so while the
//! others stay as they were.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use vigie_tests::aws::program;
use vigie_tests::front::{ACCOUNT, Account, Fault};
use vigie_tests::runtime::Function;
use vigie_tests::sandbox::REGION;
use vigie_tests::shop::{RUNS, Shop, State, TIMEOUT};

/// The shop with what its stack gives the function: a topic that somebody listens to, queues.
struct Deployed {
    shop: Shop,
    dead_letters: String,
}

const TOPIC: &str = "vigie-alerts";
const PENDING: &str = "vigie-pending";

fn arn(topic: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{topic}")
}

async fn deployed() -> Deployed {
    let shop = Shop::open(State::Repaired, &|_| {}).await.unwrap();
    let sqs = aws_sdk_sqs::Client::new(&shop.config());
    let made = sqs.create_queue().queue_name("vigie-dead-letters").send().await.unwrap();
    let sns = aws_sdk_sns::Client::new(&shop.config());
    for topic in [TOPIC, PENDING] {
        sns.create_topic().name(topic).send().await.unwrap();
    }
    let queue = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:vigie-dead-letters");
    sns.subscribe().topic_arn(arn(TOPIC)).protocol("sqs").endpoint(&queue).send().await.unwrap();
    sns.subscribe().topic_arn(arn(PENDING)).protocol("email").endpoint("ana@shop.internal").send().await.unwrap();
    Deployed { shop, dead_letters: made.queue_url.unwrap() }
}

impl Deployed {
    async fn function(&self, topic: &str) -> Function {
        let configuration = self.shop.sandbox.folder.path().join("vigie.toml");
        self.started(topic, Some(("VIGIE_CONFIG", configuration.display().to_string()))).await
    }

    /// With nothing but what its stack gives it.
    async fn fresh(&self) -> Function {
        self.started(TOPIC, None).await
    }

    async fn started(&self, topic: &str, configuration: Option<(&'static str, String)>) -> Function {
        let folder = self.shop.sandbox.folder.path();
        let mut environment = vec![
            ("VIGIE_RUNS_BUCKET", RUNS.to_owned()),
            ("VIGIE_TOPIC", arn(topic)),
            ("VIGIE_DEAD_LETTERS", self.dead_letters.clone()),
            ("VIGIE_QUEUE_FULL", self.dead_letters.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", self.shop.sandbox.aws.front.url()),
            ("AWS_ACCESS_KEY_ID", self.shop.key.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.shop.key.secret.clone()),
        ];
        environment.extend(configuration);
        Function::new("audit", &program("vigie-audit").unwrap(), &folder.join("ca.pem"), environment).await.unwrap()
    }

    async fn asked(&self) -> Lines {
        ask(&mut self.function(TOPIC).await).await
    }

    /// Changes vigie.toml for as long as `ask` takes.
    async fn with(&self, from: &str, to: &str) -> Lines {
        let path = self.shop.sandbox.folder.path().join("vigie.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let lines = self.asked().await;
        std::fs::write(&path, text).unwrap();
        lines
    }
}

/// Each line by id and subject.
struct Lines(BTreeMap<(String, String), Value>);

async fn ask(audit: &mut Function) -> Lines {
    let answer = audit.invoke(&json!({"doctor": true}), TIMEOUT).await.unwrap();
    lines(&answer)
}

fn lines(answer: &Value) -> Lines {
    assert_eq!(answer["schema"], "vigie.doctor/v1");
    let text = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    let lines = answer["lines"].as_array().unwrap();
    Lines(lines.iter().map(|line| ((text(line, "id"), text(line, "subject")), line.clone())).collect())
}

impl Lines {
    fn not_ok(&self) -> Vec<(&str, &str, &str)> {
        self.0
            .iter()
            .filter(|(_, line)| line["state"] != "ok")
            .map(|((id, _), line)| (id.as_str(), line["state"].as_str().unwrap(), line["cause"].as_str().unwrap_or("")))
            .collect()
    }

    fn of(&self, id: &str) -> &Value {
        let found = self.0.iter().find(|((of, _), _)| of == id);
        found.unwrap_or_else(|| panic!("no line {id} in {:?}", self.0.keys())).1
    }
}

#[tokio::test]
async fn each_thing_that_is_missing_is_said_and_nothing_else_is() {
    let deployed = deployed().await;
    let front = &deployed.shop.sandbox.aws.front;

    // The healthy twin.
    let healthy = deployed.asked().await;
    assert_eq!(healthy.not_ok(), [], "{:#?}", healthy.0);
    for id in ["configuration", "credentials", "clock", "runs-list", "runs-read", "runs-write", "fingerprint-key"] {
        healthy.of(id);
    }
    for id in ["source", "dns", "public", "database", "ses-sender", "topic", "dead-letters", "metrics", "bus"] {
        healthy.of(id);
    }
    assert_eq!(healthy.of("ses-access")["seen"], "production");
    assert!(healthy.of("source")["seen"].as_str().unwrap().ends_with("names"));
    let kept = deployed.shop.keys("").await.unwrap();
    assert!(!kept.iter().any(|key| key.contains("_doctor")), "nothing is left: {kept:?}");
    let said = format!("{:?}", healthy.0);
    for secret in &deployed.shop.secrets {
        assert!(!said.contains(secret.as_str()), "a secret is in the answer");
    }

    // A subscription that nobody has confirmed.
    let pending = ask(&mut deployed.function(PENDING).await).await;
    assert_eq!(pending.not_ok(), [("topic", "missing", "not-given")]);
    assert_eq!(pending.of("topic")["seen"], "0 confirmed, 1 pending");

    // A sender that SES does not know.
    let unverified = deployed.with("from = \"vigie@shop.internal\"", "from = \"vigie@elsewhere.example\"").await;
    assert_eq!(unverified.not_ok(), [("ses-sender", "missing", "rejected")]);

    // The SES sandbox: recipients count. One of the verified domain, then one of another.
    front.account(Account { production: false, sending: true });
    let sandbox = deployed.asked().await;
    assert_eq!((sandbox.not_ok(), &sandbox.of("ses-access")["seen"]), (vec![], &json!("sandbox")));
    let stranger = deployed.with("address = \"team@shop.internal\"", "address = \"ana@elsewhere.example\"").await;
    assert_eq!(stranger.not_ok(), [("ses-recipient", "missing", "rejected")]);
    front.account(Account { production: true, sending: false });
    assert_eq!(deployed.asked().await.not_ok(), [("ses-sending", "missing", "paused")]);
    front.account(Account::default());

    // The runs bucket may be read, and not written.
    front.inject("s3:PutObject", Fault::Denied);
    let denied = deployed.asked().await;
    let expected = ("runs-write", "missing", "denied");
    assert_eq!(denied.not_ok(), [expected, expected]);
    assert_eq!(denied.of("runs-write")["action"], "s3:PutObject");
    front.heal("s3:PutObject");

    // What only doctor asks, refused: nothing is known, and nothing is said to be missing.
    front.inject("sns:ListSubscriptionsByTopic", Fault::Denied);
    let blind = deployed.asked().await;
    assert_eq!(blind.not_ok(), [("topic", "unknown", "denied")]);
    assert_eq!(blind.of("topic")["action"], "sns:ListSubscriptionsByTopic");
    front.heal("sns:ListSubscriptionsByTopic");

    // A secret that is not there.
    let missing = deployed.with("secretsmanager:shop/production", "secretsmanager:shop/nowhere").await;
    assert_eq!(missing.not_ok(), [("source", "missing", "not-found")]);

    // A role that nobody may assume, beside one that may be.
    let (staging, role) = ("[environment.staging]\n", format!("role = \"arn:aws:iam::{ACCOUNT}:role/shop-target\"\n"));
    let assumed = deployed.with(staging, &format!("{staging}{role}")).await;
    assert_eq!(assumed.not_ok(), []);
    assumed.of("role");
    front.inject("sts:AssumeRole", Fault::Denied);
    let refused = deployed.with(staging, &format!("{staging}{role}")).await;
    assert_eq!(refused.not_ok(), [("role", "missing", "denied")]);
    assert_eq!(refused.of("role")["action"], "sts:AssumeRole");
    front.heal("sts:AssumeRole");

    // One that never answers costs its own line only.
    front.inject("events:PutEvents", Fault::Hangs);
    assert_eq!(deployed.asked().await.not_ok(), [("bus", "unknown", "timeout")]);
    front.heal("events:PutEvents");

    // Declared without a way to public addresses: they are not asked.
    let inside = deployed.with("[network]\n", "[network]\npublic = false\n").await;
    assert!(inside.not_ok().is_empty() && !inside.0.keys().any(|(id, _)| id == "public"), "{:?}", inside.0.keys());

    // A message that failed for good.
    let sqs = aws_sdk_sqs::Client::new(&deployed.shop.config());
    sqs.send_message().queue_url(&deployed.dead_letters).message_body("{}").send().await.unwrap();
    let attributes = sqs.get_queue_attributes().queue_url(&deployed.dead_letters);
    attributes.attribute_names(QueueAttributeName::ApproximateNumberOfMessages).send().await.unwrap();
    assert_eq!(deployed.asked().await.not_ok(), [("dead-letters", "missing", "rejected")]);
    sqs.purge_queue().queue_url(&deployed.dead_letters).send().await.unwrap();

    // A configuration that is wrong is the first line, and the rest is tried all the same.
    let wrong = deployed.with("class = \"production\"", "class = \"prod\"").await;
    assert_eq!(wrong.not_ok(), [("configuration", "missing", "malformed")]);
    assert!(wrong.of("configuration")["seen"].as_str().unwrap().contains("vigie.toml:"));
    wrong.of("topic");

    // A stack that was just deployed has none.
    let mut fresh = deployed.fresh().await;
    let none = ask(&mut fresh).await;
    assert_eq!(none.not_ok(), [("configuration", "missing", "not-given")]);
    assert!(none.of("configuration")["seen"].as_str().unwrap().contains("config push"));
}

#[tokio::test]
async fn an_unreachable_database_costs_its_own_lines_only_and_the_command_says_so_by_its_exit_code() {
    let mut deployed = deployed().await;
    let folder = deployed.shop.sandbox.folder.path().to_path_buf();
    let healthy = command(&deployed, &folder).await;
    assert_eq!(healthy.0, 0, "{}", healthy.1);
    deployed.shop.sandbox.postgres.stop();
    let lines = deployed.asked().await;
    let expected = ("database", "missing", "refused");
    assert_eq!(lines.not_ok(), [expected, expected]);
    let broken = command(&deployed, &folder).await;
    assert_eq!(broken.0, 1, "{}", broken.1);
    assert!(broken.1.contains("missing") && broken.1.contains("SubnetIds"), "{}", broken.1);
    // An answer that does not come is unknown.
    deployed.shop.sandbox.aws.front.inject("ses:GetSendQuota", Fault::Denied);
    let path = folder.join("vigie.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let lean = text.split("[environment.production]").next().unwrap().to_owned()
        + "[environment.lean]\nclass = \"staging\"\nvariables = [\"secretsmanager:shop/production\"]\n";
    std::fs::write(&path, lean).unwrap();
    let unknown = command(&deployed, &folder).await;
    assert_eq!(unknown.0, 3, "{}", unknown.1);
}

/// `vigie doctor`, with Vigie's own key and the stack's variables absent. Beside the sandbox, whose front is in this process.
async fn command(deployed: &Deployed, folder: &Path) -> (i32, String) {
    let mut command = std::process::Command::new(program("vigie").unwrap());
    command
        .args(["doctor", "--config", "vigie.toml"])
        .current_dir(folder)
        .env_clear()
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", deployed.shop.sandbox.aws.front.url())
        .env("AWS_ACCESS_KEY_ID", &deployed.shop.key.id)
        .env("AWS_SECRET_ACCESS_KEY", &deployed.shop.key.secret);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap_or(-1), said)
}
