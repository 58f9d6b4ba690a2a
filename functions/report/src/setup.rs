//! From the process to [`Deps`]: settings once, the configuration at every invocation.

use std::path::Path;
use std::time::Duration;

use vigie_aws::config_source;
use vigie_aws::store::Store;
use vigie_aws::{Base, Settings, SetupError};
use vigie_core::config::{self, Config};

use crate::Deps;
use crate::outbox::Aws;

/// How long reading the configuration may take.
const LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "there is no configuration: set VIGIE_CONFIG (a file, s3://bucket/key or ssm:/name), or VIGIE_ENVIRONMENT, \
         VIGIE_CLASS and VIGIE_VARIABLES for one environment"
    )]
    Nothing,
    #[error("{0}")]
    Config(String),
    #[error(transparent)]
    Setup(#[from] SetupError),
}

/// What lives as long as the process.
pub struct Process {
    base: Base,
    /// Where the configuration is; `None`: it is in the function's variables.
    source: Option<String>,
    own: Option<Config>,
    bucket: Option<String>,
}

impl Process {
    /// Reads the function's own variables: `VIGIE_CONFIG` or `VIGIE_ENVIRONMENT` and its kin, `VIGIE_RUNS_BUCKET`,
    /// `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_CA_BUNDLE`.
    ///
    /// # Errors
    /// A variable that is not of its form.
    pub fn of_lambda(variable: fn(&str) -> Option<String>) -> Result<Self, StartError> {
        let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let wrong = |e: &dyn std::fmt::Display| StartError::Config(e.to_string());
        let ca_bundle = match given("AWS_CA_BUNDLE") {
            Some(path) => {
                Some(std::fs::read(Path::new(&path)).map_err(|e| wrong(&format!("AWS_CA_BUNDLE {path}: {e}")))?)
            }
            None => None,
        };
        let base = Base::new(&Settings {
            endpoint_url: given("AWS_ENDPOINT_URL"),
            ca_bundle,
            region: given("AWS_REGION").or_else(|| given("AWS_DEFAULT_REGION")),
            ..Settings::default()
        })?;
        let source = given("VIGIE_CONFIG");
        let own = match &source {
            Some(_) => None,
            None => config_source::from_vars(variable).map_err(|e| wrong(&e))?,
        };
        Ok(Process { base, source, own, bucket: given("VIGIE_RUNS_BUCKET") })
    }

    /// The configuration of this invocation, and what follows from it. `left`: of the invocation.
    ///
    /// # Errors
    /// There is no configuration, it cannot be read, or it is wrong: the sentence says what to do.
    pub async fn load(&self, left: Duration) -> Result<Deps<Aws>, StartError> {
        let own = self.base.auditor(None, None, "vigie");
        let config = match &self.source {
            None => self.own.clone().ok_or(StartError::Nothing)?,
            Some(source) => {
                let read = tokio::time::timeout(LIMIT.min(left), config_source::load_text(&own, source)).await;
                let late = |_| StartError::Config(format!("the configuration {source} was not read in time"));
                let read = read.map_err(late)?.map_err(|e| StartError::Config(e.to_string()))?;
                config::parse(&read.text, &read.name).map_err(|e| StartError::Config(e.to_string()))?
            }
        };
        let bucket = self.bucket.clone().or_else(|| config.runs.as_ref().map(|runs| runs.bucket.clone()));
        let store = bucket.map_or(Store::Nowhere, |bucket| Store::bucket(&own, &bucket, None));
        let outbox = Aws { own, bus: config.alerts.bus.clone() };
        Ok(Deps { config, store, outbox, left })
    }
}
