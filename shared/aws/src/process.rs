//! A function's process: its own settings once, the configuration at every invocation.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use vigie_core::config::{self, Config, Metrics};

use crate::config_folder::{self, Scope};
use crate::config_source;
use crate::store::Store;
use crate::{Base, Settings, SetupError};

/// The most time that reading the configuration may take.
const LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "there is no configuration yet: `vigie config push` puts one into the runs bucket; for one environment \
         VIGIE_ENVIRONMENT, VIGIE_CLASS and VIGIE_VARIABLES are enough (the template's EnvironmentName, Class and Variables)"
    )]
    Nothing,
    #[error("{0}")]
    Config(String),
    #[error(transparent)]
    Setup(#[from] SetupError),
}

/// What lives as long as the process: kept connections, credentials, connectors.
pub struct Process {
    pub base: Base,
    source: Place,
    bucket: Option<String>,
    stack: Stack,
}

/// What the stack itself decides, whatever a configuration in its bucket leaves open.
struct Stack {
    /// The secret that the stack made.
    fingerprint_key: Option<String>,
    /// No alarm watches a metric, and no role may publish one.
    unmeasured: bool,
    /// The functions are in subnets without a way out.
    closed: bool,
}

impl Stack {
    fn apply(&self, config: &mut Config) {
        if config.fingerprint_key.is_none() {
            config.fingerprint_key.clone_from(&self.fingerprint_key);
        }
        if self.unmeasured {
            config.metrics = Metrics::Off;
        }
        config.network.public &= !self.closed;
    }
}

/// Where the configuration is.
enum Place {
    /// VIGIE_CONFIG: a file, `s3://bucket/key` or `ssm:/name`.
    Named(String),
    /// In the function's own variables.
    Own(Box<Config>),
    /// In the runs bucket, under `config/`.
    Folder,
    /// Nowhere.
    Nothing,
}

/// The configuration of one invocation.
#[derive(Clone)]
pub struct Loaded {
    pub config: Config,
    /// Where its relative paths start.
    pub directory: PathBuf,
    /// The runs bucket: `VIGIE_RUNS_BUCKET`, else the configuration's.
    pub bucket: Option<String>,
}

impl Process {
    /// Reads the function's own variables: `VIGIE_CONFIG` or `VIGIE_ENVIRONMENT` and its kin, `VIGIE_RUNS_BUCKET`,
    /// `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_CA_BUNDLE`, `AWS_LAMBDA_RUNTIME_API`.
    ///
    /// # Errors
    /// A variable that is not of its form.
    pub fn of_lambda(variable: fn(&str) -> Option<String>) -> Result<Self, StartError> {
        let base = Base::new(&settings(&variable, false)?)?;
        let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let bucket = given("VIGIE_RUNS_BUCKET");
        let own = |e: config_source::VarsErrors| StartError::Config(e.to_string());
        let source = match given("VIGIE_CONFIG") {
            Some(source) => Place::Named(source),
            None => match config_source::from_vars(variable).map_err(own)? {
                Some(config) => Place::Own(Box::new(config)),
                None if bucket.is_some() => Place::Folder,
                None => Place::Nothing,
            },
        };
        let says = |name: &str, value: &str| given(name).is_some_and(|found| found.trim() == value);
        let stack = Stack {
            fingerprint_key: given("VIGIE_FINGERPRINT_KEY"),
            unmeasured: says("VIGIE_METRICS", "off"),
            closed: says("VIGIE_PUBLIC", "false"),
        };
        Ok(Process { base, source, bucket, stack })
    }

    /// Whether metrics may be published although nothing is configured yet.
    #[must_use]
    pub fn measured(&self) -> bool {
        !self.stack.unmeasured
    }

    /// Vigie's own calls.
    #[must_use]
    pub fn own(&self) -> aws_types::SdkConfig {
        self.base.auditor(None, None, "vigie")
    }

    /// Reads the configuration. `left`: of the invocation.
    ///
    /// # Errors
    /// There is none, it cannot be read, or it is wrong: the sentence says what to do.
    pub async fn load(&self, scope: Scope<'_>, left: Duration) -> Result<Loaded, StartError> {
        let limit = LIMIT.min(left);
        let late = |_| StartError::Config("the configuration was not read in time".to_owned());
        let (config, directory) = match &self.source {
            Place::Nothing => return Err(StartError::Nothing),
            Place::Own(config) => ((**config).clone(), PathBuf::new()),
            Place::Folder => {
                let store = self.bucket.as_ref().map(|bucket| Store::bucket(&self.own(), bucket, None));
                let store = store.ok_or(StartError::Nothing)?;
                let read = tokio::time::timeout(limit, config_folder::load(&store, scope)).await;
                let mut config = read.map_err(late)??.ok_or(StartError::Nothing)?;
                self.stack.apply(&mut config);
                (config, PathBuf::new())
            }
            Place::Named(source) => {
                let own = self.own();
                let read = tokio::time::timeout(limit, config_source::load_text(&own, source)).await;
                let found = read.map_err(late)?.map_err(|e| StartError::Config(e.to_string()))?;
                let config = config::parse(&found.text, &found.name).map_err(|e| StartError::Config(e.to_string()))?;
                (config, found.directory)
            }
        };
        let bucket = self.bucket.clone().or_else(|| config.runs.as_ref().map(|runs| runs.bucket.clone()));
        Ok(Loaded { config, directory, bucket })
    }

    /// Every environment that is declared, by name. Files of their own are listed, not read.
    ///
    /// # Errors
    /// As [`Process::load`].
    pub async fn environments(&self, common: &Loaded) -> Result<Vec<String>, StartError> {
        let mut names: BTreeSet<String> = common.config.environment.keys().cloned().collect();
        if let (Place::Folder, Some(bucket)) = (&self.source, &self.bucket) {
            names.extend(config_folder::names(&Store::bucket(&self.own(), bucket, None)).await?);
        }
        Ok(names.into_iter().collect())
    }
}

/// Without a deadline that can be one.
const UNTOLD: Duration = Duration::from_secs(60);

/// Until Lambda's deadline (milliseconds since the epoch), less what answering takes; 15 minutes at the most. One that is
/// over since more than a day is none: `cargo lambda watch` tells a time of 1970.
#[must_use]
pub fn left(deadline_ms: u64, now: jiff::Timestamp) -> Duration {
    const DAY_MS: u64 = 24 * 3_600 * 1_000;
    let now_ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
    if deadline_ms.saturating_add(DAY_MS) < now_ms {
        return UNTOLD;
    }
    Duration::from_millis(deadline_ms.saturating_sub(now_ms).saturating_sub(500)).min(Duration::from_secs(900))
}

/// Settings of the process itself. In Lambda the Runtime API's address is never connected to.
///
/// # Errors
/// A certificate bundle that cannot be read.
pub fn settings(variable: &dyn Fn(&str) -> Option<String>, terminal: bool) -> Result<Settings, StartError> {
    let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let ca_bundle = match given("AWS_CA_BUNDLE") {
        Some(path) => {
            let read = std::fs::read(&path);
            Some(read.map_err(|e| StartError::Config(format!("AWS_CA_BUNDLE {path}: {e}")))?)
        }
        None => None,
    };
    Ok(Settings {
        endpoint_url: given("AWS_ENDPOINT_URL"),
        ca_bundle,
        terminal,
        refused: given("AWS_LAMBDA_RUNTIME_API").and_then(|at| at.parse().ok()).into_iter().collect(),
        region: given("AWS_REGION").or_else(|| given("AWS_DEFAULT_REGION")),
        profile: given("AWS_PROFILE"),
        ..Settings::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_kept_and_one_of_1970_is_none() {
        let now: jiff::Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let ms = u64::try_from(now.as_millisecond()).unwrap();
        assert_eq!(left(ms + 10_000, now), Duration::from_millis(9_500));
        assert_eq!(left(ms - 10_000, now), Duration::ZERO, "it has just passed");
        assert_eq!(left(u64::MAX, now), Duration::from_secs(900));
        assert_eq!(left(600_000, now), UNTOLD);
    }

    #[test]
    fn what_the_stack_decides_counts_and_the_rest_is_the_configuration_s() {
        let parsed = |text: &str| config::parse(text, "vigie.toml").unwrap();
        let stack = Stack { fingerprint_key: Some("ssm:/of/stack".into()), unmeasured: true, closed: true };
        let mut config = parsed("metrics = \"detailed\"\n");
        stack.apply(&mut config);
        assert_eq!(config.fingerprint_key.as_deref(), Some("ssm:/of/stack"));
        assert_eq!((config.metrics, config.network.public), (Metrics::Off, false));

        let open = Stack { fingerprint_key: Some("ssm:/of/stack".into()), unmeasured: false, closed: false };
        let text = "metrics = \"detailed\"\nfingerprint_key = \"ssm:/own\"\n[network]\npublic = false\n";
        let mut config = parsed(text);
        let before = config.clone();
        open.apply(&mut config);
        assert_eq!(config, before);
    }
}
