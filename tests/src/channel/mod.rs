//! The channels of infra/channels, deployed into the emulator, and a server of ours in the vendor's place.

pub mod vendor;

use crate::aws::{Aws, root};
use crate::ca::{Ca, Validity};
use crate::sandbox::REGION;
use crate::serve::{self, Serving};
use crate::stack::raw::{self, Call};
use aws_config::SdkConfig;
use hyper::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use vigie_core::head::Alert;

/// How long something that must happen may take on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A topic for the alarms: that it hears them is the emulator's business, that it is named is ours.
pub const ALARM_TOPIC: &str = "arn:aws:sns:eu-west-1:000000000000:vigie-alerts";

const KEY: &str = "channels";

/// What the vendor heard.
#[derive(Clone, Debug)]
pub struct Heard {
    pub method: String,
    /// With its query.
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Heard {
    /// # Errors
    /// The body is no JSON.
    pub fn json(&self) -> io::Result<Value> {
        serde_json::from_str(&self.body).map_err(|e| io::Error::other(format!("{e}: {}", self.body)))
    }
}

/// A letter of a dead-letter queue: its attributes, and the event as it was.
#[derive(Clone, Debug)]
pub struct Letter {
    pub why: BTreeMap<String, String>,
    pub event: Value,
}

#[derive(Default)]
struct Vendor {
    heard: Vec<Heard>,
    /// The next answers; then 200.
    answers: VecDeque<u16>,
}

/// An account, and the vendor over HTTPS: an API destination takes no other address.
pub struct Channels {
    pub aws: Aws,
    ca: Ca,
    config: SdkConfig,
    vendor: Arc<Mutex<Vendor>>,
    serving: Serving,
    _folder: TempDir,
}

impl Channels {
    /// # Errors
    /// A server did not start.
    pub async fn open() -> io::Result<Channels> {
        let ca = Ca::new("Channels CA").map_err(io::Error::other)?;
        let leaf = ca.leaf(&["127.0.0.1"], Validity::Healthy).map_err(io::Error::other)?;
        let folder = TempDir::with_prefix("vigie-channels-")?;
        let roots = folder.path().join("ca.pem");
        std::fs::write(&roots, ca.pem())?;
        let vendor = Arc::new(Mutex::new(Vendor::default()));
        let hears = vendor.clone();
        let tls = leaf.server().map_err(io::Error::other)?;
        let serving = serve::serve(Some(tls), move |asked| {
            let status = hear(&hears, &asked);
            async move { serve::text(status, "") }
        })
        .await?;
        // The emulator is Python: its client trusts what OpenSSL's variable names.
        let aws = Aws::start(REGION, &[("SSL_CERT_FILE", roots.display().to_string())]).await?;
        let config = crate::client::aws(&aws.emulator(), REGION, KEY, KEY);
        Ok(Channels { aws, ca, config, vendor, serving, _folder: folder })
    }

    /// An address of the vendor.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.serving.port)
    }

    /// The vendor's next answers; after them it takes everything.
    pub fn answers(&self, statuses: &[u16]) {
        if let Ok(mut vendor) = self.vendor.lock() {
            vendor.answers = statuses.iter().copied().collect();
        }
    }

    /// Makes a stack of `infra/channels/TEMPLATE.yaml`.
    ///
    /// # Errors
    /// With CloudFormation's words.
    pub async fn deploy(&self, template: &str, stack: &str, parameters: &[(&str, &str)]) -> io::Result<()> {
        let body = std::fs::read_to_string(root().join("infra/channels").join(format!("{template}.yaml")))?;
        let mut form = vec![("Capabilities.member.1".to_owned(), "CAPABILITY_IAM".to_owned())];
        let all = [("AlarmTopic", ALARM_TOPIC)].into_iter().chain(parameters.iter().copied());
        for (at, (name, value)) in all.enumerate() {
            let key = |part: &str| format!("Parameters.member.{}.{part}", at + 1);
            form.push((key("ParameterKey"), name.to_owned()));
            form.push((key("ParameterValue"), value.to_owned()));
        }
        form.push(("TemplateBody".to_owned(), body));
        self.cloudformation("CreateStack", stack, &form).await?;
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.cloudformation("DescribeStacks", stack, &[]).await?;
            let status = raw::named(&answer, "StackStatus").pop().unwrap_or_default();
            match status.as_str() {
                "CREATE_COMPLETE" => return Ok(()),
                "CREATE_IN_PROGRESS" if Instant::now() < end => tokio::time::sleep(Duration::from_millis(50)).await,
                _ => return Err(io::Error::other(format!("{template}: {status}: {answer}"))),
            }
        }
    }

    /// # Errors
    /// CloudFormation refuses.
    pub async fn cloudformation(&self, action: &str, stack: &str, more: &[(String, String)]) -> io::Result<String> {
        let mut form = format!("Action={action}&Version=2010-05-15&StackName={stack}");
        for (name, value) in more {
            form.push_str(&format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        }
        self.ask("cloudformation", Call::Query(&form)).await
    }

    /// # Errors
    /// EventBridge refuses.
    pub async fn events(&self, action: &str, body: &Value) -> io::Result<Value> {
        let answer = self.ask("events", Call::Json(&format!("AWSEvents.{action}"), &body.to_string())).await?;
        serde_json::from_str(&answer).map_err(io::Error::other)
    }

    async fn ask(&self, service: &str, call: Call<'_>) -> io::Result<String> {
        let client = crate::client::http(&self.ca, &[])?;
        raw::at(&client, &self.aws.emulator(), KEY, service, call).await
    }

    /// Puts an alert on the bus, by the sink that the functions have.
    ///
    /// # Errors
    /// The bus does not take it.
    pub async fn say(&self, alert: &Alert) -> io::Result<()> {
        let alerts = std::slice::from_ref(alert);
        vigie_aws::events::send(&self.config, "default", alerts).await.map_err(io::Error::other)
    }

    /// All that the vendor has heard, once it is so much.
    ///
    /// # Errors
    /// It did not become so much; with what there was.
    pub async fn heard(&self, count: usize) -> io::Result<Vec<Heard>> {
        self.until(&format!("{count} requests"), async || {
            let heard = self.vendor.lock().map(|vendor| vendor.heard.clone()).unwrap_or_default();
            Ok(if heard.len() >= count { Ok(heard) } else { Err(format!("{heard:#?}")) })
        })
        .await
    }

    /// What a stack could not deliver, once it is so much. It is taken out of the queue.
    ///
    /// # Errors
    /// It did not become so much; with what there was.
    pub async fn undelivered(&self, stack: &str, count: usize) -> io::Result<Vec<Letter>> {
        let sqs = aws_sdk_sqs::Client::new(&self.config);
        let name = format!("{stack}-undelivered");
        let url = sqs.get_queue_url().queue_name(name).send().await.map_err(io::Error::other)?.queue_url;
        let url = url.unwrap_or_default();
        let letters = Mutex::new(Vec::new());
        self.until(&format!("{count} letters"), async || {
            let receive = sqs.receive_message().queue_url(&url).max_number_of_messages(10);
            let received = receive.message_attribute_names("All").send().await.map_err(io::Error::other)?;
            let Ok(mut letters) = letters.lock() else { return Err(io::Error::other("a panic")) };
            for message in received.messages() {
                let attributes = message.message_attributes().into_iter().flatten();
                let why = attributes
                    .map(|(name, value)| (name.clone(), value.string_value().unwrap_or_default().to_owned()))
                    .collect();
                let event = serde_json::from_str(message.body().unwrap_or_default()).map_err(io::Error::other)?;
                letters.push(Letter { why, event });
            }
            Ok(if letters.len() >= count { Ok(letters.clone()) } else { Err(format!("{letters:#?}")) })
        })
        .await
    }

    async fn until<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> io::Result<Result<T, String>>,
    ) -> io::Result<T> {
        let end = Instant::now() + PATIENCE;
        loop {
            match look().await? {
                Ok(found) => return Ok(found),
                Err(_) if Instant::now() < end => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(there) => {
                    let log = self.aws.log();
                    return Err(io::Error::other(format!("{what}: not in {PATIENCE:?}\n{there}\n--- emulator\n{log}")));
                }
            }
        }
    }
}

fn hear(vendor: &Mutex<Vendor>, asked: &serve::Asked) -> StatusCode {
    let Ok(mut vendor) = vendor.lock() else { return StatusCode::INTERNAL_SERVER_ERROR };
    let headers = asked.parts.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
    vendor.heard.push(Heard {
        method: asked.parts.method.to_string(),
        path: asked.parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: headers.collect(),
        body: String::from_utf8_lossy(&asked.body).into_owned(),
    });
    let status = vendor.answers.pop_front().unwrap_or(200);
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
