//! The invented small SaaS: staging and production, planted in the sandbox with its mistakes, or without any.

mod expect;
mod files;
mod plant;

pub use expect::{Key, found, wanted};

use crate::aws::program;
use crate::ca::Validity;
use crate::front::Account;
use crate::runtime::{Function, FunctionError};
use crate::sandbox::{Certificates, REGION, Sandbox};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

/// Where Vigie keeps its runs.
pub const RUNS: &str = "vigie-runs";

/// The longest that one invocation may take, as the template says.
pub const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// With the mistakes of [`wanted`].
    Mistaken,
    Repaired,
}

/// The app in its sandbox, with Vigie deployed beside it.
pub struct Shop {
    pub sandbox: Sandbox,
    pub state: State,
    /// Vigie's own access key.
    pub key: Keys,
    /// Every value that must never be seen again.
    pub secrets: Vec<String>,
}

#[derive(Clone)]
pub struct Keys {
    pub id: String,
    pub secret: String,
}

impl Shop {
    /// Starts the servers and plants the app.
    ///
    /// # Errors
    /// A server did not start, or refused what was planted.
    pub async fn open(state: State, progress: &(dyn Fn(&str) + Sync)) -> io::Result<Shop> {
        let mistaken = state == State::Mistaken;
        let staging = if mistaken { Validity::DaysLeft(10) } else { Validity::Healthy };
        let sandbox = Sandbox::start(Certificates { production: Validity::Healthy, staging }, progress).await?;
        sandbox.aws.front.account(Account { production: !mistaken, sending: true });
        let planted = plant::plant(&sandbox, mistaken).await?;
        let secrets = files::write(&sandbox, &planted, mistaken)?;
        progress("the shop's resources");
        Ok(Shop { sandbox, state, key: planted.vigie, secrets })
    }

    /// Vigie's `audit`, as deployed.
    ///
    /// # Errors
    /// The binary has not been built.
    pub async fn audit(&self) -> io::Result<Function> {
        self.function("vigie-audit").await
    }

    /// Vigie's `report`, as deployed.
    ///
    /// # Errors
    /// The binary has not been built.
    pub async fn report(&self) -> io::Result<Function> {
        self.function("vigie-report").await
    }

    async fn function(&self, name: &str) -> io::Result<Function> {
        let folder = self.sandbox.folder.path();
        let binary = program(name)?;
        let environment = vec![
            ("VIGIE_CONFIG", folder.join("vigie.toml").display().to_string()),
            ("VIGIE_RUNS_BUCKET", RUNS.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", self.sandbox.aws.front.url()),
            ("AWS_ACCESS_KEY_ID", self.key.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.key.secret.clone()),
        ];
        Function::new(name, &binary, &folder.join("ca.pem"), environment).await
    }

    /// Clients of Vigie's own identity, to look at what it wrote.
    #[must_use]
    pub fn config(&self) -> aws_config::SdkConfig {
        crate::client::aws(&self.sandbox.aws.front.url(), REGION, &self.key.id, &self.key.secret)
    }

    /// An object of the runs bucket.
    ///
    /// # Errors
    /// It is not there, or is not JSON.
    pub async fn object(&self, key: &str) -> io::Result<Value> {
        serde_json::from_slice(&self.bytes(key).await?).map_err(io::Error::other)
    }

    /// An object of the runs bucket, as it is.
    ///
    /// # Errors
    /// There is none.
    pub async fn bytes(&self, key: &str) -> io::Result<Vec<u8>> {
        let s3 = aws_sdk_s3::Client::from_conf(crate::client::s3(&self.config()));
        let object = s3.get_object().bucket(RUNS).key(key).send().await.map_err(io::Error::other)?;
        Ok(object.body.collect().await.map_err(io::Error::other)?.into_bytes().to_vec())
    }

    /// Keys under a prefix of the runs bucket.
    ///
    /// # Errors
    /// The bucket does not answer.
    pub async fn keys(&self, prefix: &str) -> io::Result<Vec<String>> {
        let s3 = aws_sdk_s3::Client::from_conf(crate::client::s3(&self.config()));
        let listed = s3.list_objects_v2().bucket(RUNS).prefix(prefix).send().await.map_err(io::Error::other)?;
        Ok(listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect())
    }
}

/// Both environments by the schedule's event, so that heads move; `at` is what the schedule meant.
///
/// # Errors
/// As the function's.
pub async fn scheduled(audit: &mut Function, environment: &str, at: jiff::Timestamp) -> Result<Value, FunctionError> {
    let event = json!({"environment": environment, "suite": "full", "scheduled_at": at.to_string()});
    audit.invoke(&event, TIMEOUT).await
}

/// One environment on demand: the answer is the run.
///
/// # Errors
/// As the function's, or the answer is no run.
pub async fn on_demand(audit: &mut Function, environment: &str) -> Result<vigie_core::run::Run, FunctionError> {
    let run = audit.invoke(&json!({"environment": environment, "suite": "full"}), TIMEOUT).await?;
    serde_json::from_value(run).map_err(|e| FunctionError::Host(format!("the answer is no run: {e}")))
}
