//! Many small environments: each its own file in the runs bucket, with targets that are cheap and real, an https address and
//! a queue. Vigie's functions find them as a deployed stack's do.

use crate::aws::program;
use crate::runtime::Function;
use crate::sandbox::REGION;
use crate::shop::{RUNS, Shop};
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Calls of the planter under way at a time.
const AT_A_TIME: usize = 32;

pub struct Estate {
    /// URLs of the work queues.
    pub connections: String,
    pub full: String,
}

/// A message that was received.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub body: String,
    receipt: String,
}

/// `shop-00042`.
#[must_use]
pub fn name(number: usize) -> String {
    format!("shop-{number:05}")
}

impl Estate {
    /// Plants the queues, the variables, and the files of so many environments.
    ///
    /// # Errors
    /// The emulator refuses.
    pub async fn open(shop: &Shop, environments: usize) -> io::Result<Estate> {
        let sqs = aws_sdk_sqs::Client::new(&shop.config());
        let mut urls = Vec::new();
        for queue in ["vigie-connections", "vigie-full", "small-jobs"] {
            let made = sqs.create_queue().queue_name(queue).send().await.map_err(io::Error::other)?;
            urls.push(made.queue_url.unwrap_or_default());
        }
        let variables = json!({
            "AWS_REGION": REGION,
            "NEXTAUTH_URL": format!("https://app.shop.internal:{}", shop.sandbox.production.serving.port),
            "JOBS_QUEUE_URL": format!("https://sqs.{REGION}.amazonaws.com/{}/small-jobs", crate::front::ACCOUNT),
        });
        let secrets = aws_sdk_secretsmanager::Client::new(&shop.config());
        let secret = secrets.create_secret().name("small/app").secret_string(variables.to_string());
        secret.send().await.map_err(io::Error::other)?;
        put(shop, "config/vigie.toml", common(shop)).await?;
        let gate = Arc::new(Semaphore::new(AT_A_TIME));
        let mut puts = tokio::task::JoinSet::new();
        let s3 = aws_sdk_s3::Client::from_conf(crate::client::s3(&shop.config()));
        for number in 0..environments {
            let (s3, gate) = (s3.clone(), gate.clone());
            puts.spawn(async move {
                let _turn = gate.acquire().await;
                let key = format!("config/environments/{}.toml", name(number));
                let body = environment(&name(number)).into_bytes();
                s3.put_object().bucket(RUNS).key(key).body(body.into()).send().await.map(|_| ())
            });
        }
        while let Some(done) = puts.join_next().await {
            done.map_err(io::Error::other)?.map_err(io::Error::other)?;
        }
        urls.truncate(2);
        let full = urls.pop().unwrap_or_default();
        Ok(Estate { connections: urls.pop().unwrap_or_default(), full })
    }

    /// A function as the stack configures it.
    ///
    /// # Errors
    /// The binary has not been built.
    pub async fn function(&self, shop: &Shop, name: &str) -> io::Result<Function> {
        self.function_of(shop, name, &program(name)?).await
    }

    /// The same, of this program.
    ///
    /// # Errors
    /// No port is free.
    pub async fn function_of(&self, shop: &Shop, name: &str, program: &Path) -> io::Result<Function> {
        let roots = shop.sandbox.folder.path().join("ca.pem");
        let environment = vec![
            ("VIGIE_RUNS_BUCKET", RUNS.to_owned()),
            ("VIGIE_FINGERPRINT_KEY", "secretsmanager:vigie/fingerprint-key".to_owned()),
            ("VIGIE_QUEUE_CONNECTIONS", self.connections.clone()),
            ("VIGIE_QUEUE_FULL", self.full.clone()),
            // One machine takes longer for ten thousand than the five minutes that a message is due.
            ("VIGIE_CONNECTIONS_MINUTES", "60".to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", shop.sandbox.aws.front.url()),
            ("AWS_ACCESS_KEY_ID", shop.key.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", shop.key.secret.clone()),
        ];
        Function::new(name, program, &roots, environment).await
    }
}

fn common(shop: &Shop) -> String {
    let roots = shop.sandbox.folder.path().join("ca.pem");
    format!("[network]\nresolver = {:?}\nextra_ca = {:?}\n", shop.sandbox.dns.address(), roots.display().to_string())
}

fn environment(name: &str) -> String {
    format!(
        "[environment.{name}]\nclass = \"staging\"\nvariables = [\"secretsmanager:small/app\"]\n\
         [environment.{name}.contract]\nrequired = [[\"AWS_REGION\"]]\nrecommended = []\nauth = false\n\
         stripe = false\nredis = false\nbus = []\naws = \"role\"\naddresses = {{ \"https:app\" = \"NEXTAUTH_URL\" }}\n"
    )
}

async fn put(shop: &Shop, key: &str, body: String) -> io::Result<()> {
    let s3 = aws_sdk_s3::Client::from_conf(crate::client::s3(&shop.config()));
    let put = s3.put_object().bucket(RUNS).key(key).body(body.into_bytes().into());
    put.send().await.map_err(io::Error::other).map(|_| ())
}

/// Up to `most` messages of a queue, which are then invisible for a while.
///
/// # Errors
/// The queue does not answer.
pub async fn receive(sqs: &aws_sdk_sqs::Client, queue: &str, most: i32) -> io::Result<Vec<Message>> {
    let received = sqs.receive_message().queue_url(queue).max_number_of_messages(most);
    let received = received.visibility_timeout(360).send().await.map_err(io::Error::other)?;
    let text = |field: Option<String>| field.unwrap_or_default();
    Ok(received
        .messages
        .unwrap_or_default()
        .into_iter()
        .map(|m| Message { id: text(m.message_id), body: text(m.body), receipt: text(m.receipt_handle) })
        .collect())
}

/// What Lambda makes of messages.
#[must_use]
pub fn event(messages: &[Message]) -> Value {
    let record = |m: &Message| json!({"messageId": m.id, "body": m.body, "eventSource": "aws:sqs"});
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
}

/// What Lambda does with the answer: messages that did not fail are deleted. Gives back how many.
///
/// # Errors
/// The answer is not a partial batch response, or the queue does not answer.
pub async fn settle(sqs: &aws_sdk_sqs::Client, queue: &str, messages: &[Message], answer: &Value) -> io::Result<usize> {
    let failures = answer["batchItemFailures"].as_array().ok_or_else(|| io::Error::other(answer.to_string()))?;
    let failed = |id: &str| failures.iter().any(|failure| failure["itemIdentifier"] == id);
    let entries: Vec<DeleteMessageBatchRequestEntry> = messages
        .iter()
        .filter(|message| !failed(&message.id))
        .map(|m| DeleteMessageBatchRequestEntry::builder().id(&m.id).receipt_handle(&m.receipt).build())
        .collect::<Result<_, _>>()
        .map_err(io::Error::other)?;
    let done = entries.len();
    if done > 0 {
        let delete = sqs.delete_message_batch().queue_url(queue).set_entries(Some(entries));
        delete.send().await.map_err(io::Error::other)?;
    }
    Ok(done)
}
