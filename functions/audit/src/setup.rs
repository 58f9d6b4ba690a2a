//! From the process to [`Deps`]: settings once, the configuration at every invocation.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vigie_aws::config_source;
use vigie_aws::key::KeyCell;
use vigie_aws::store::Store;
use vigie_aws::{Base, Settings};
use vigie_core::config::{self, Config};
use vigie_probe::ask::Deadline;

use crate::{AuditError, Deps};

/// What the edge hands in: where the process runs and what its environment says.
#[derive(Clone)]
pub struct Edge {
    /// Inside Lambda the process environment is Vigie's own, and refused as a source.
    pub inside_lambda: bool,
    pub variable: Arc<dyn Fn(&str) -> Option<String> + Send + Sync>,
    pub variables: Arc<dyn Fn() -> Vec<(String, String)> + Send + Sync>,
}

/// What lives as long as the process: kept connections, credentials, connectors.
pub struct Process {
    base: Base,
    /// Where the configuration is; `None`: it is in the function's variables.
    spec: Option<String>,
    /// From the function's variables, when those are the configuration.
    own: Option<Config>,
    bucket: Option<String>,
    edge: Edge,
    key: Arc<KeyCell>,
}

impl Process {
    /// Reads the function's own variables: `VIGIE_CONFIG` or `VIGIE_ENVIRONMENT` and its kin, `AWS_REGION`,
    /// `AWS_ENDPOINT_URL`, `AWS_CA_BUNDLE`, `AWS_LAMBDA_RUNTIME_API`.
    ///
    /// # Errors
    /// A variable that is not of its form.
    pub fn of_lambda(variable: fn(&str) -> Option<String>) -> Result<Self, AuditError> {
        let settings = settings(&variable, false)?;
        let base = Base::new(&settings)?;
        let spec = variable("VIGIE_CONFIG").filter(|s| !s.trim().is_empty());
        let own = match &spec {
            Some(_) => None,
            None => config_source::from_vars(&variable).map_err(|e| AuditError::Config(e.to_string()))?,
        };
        Ok(Process {
            base,
            spec,
            own,
            bucket: variable("VIGIE_RUNS_BUCKET"),
            edge: Edge { inside_lambda: true, variable: Arc::new(variable), variables: Arc::new(Vec::new) },
            key: Arc::default(),
        })
    }

    /// The configuration of this invocation, and what follows from it.
    ///
    /// # Errors
    /// There is no configuration, it cannot be read, or it is wrong: the sentence says what to do.
    pub async fn load(&self, deadline: Deadline) -> Result<Deps, AuditError> {
        let (config, folder) = match &self.spec {
            None => (self.own.clone().ok_or_else(nothing)?, None),
            Some(spec) => {
                let own = self.base.auditor(None, None, "vigie");
                let limit = std::time::Duration::from_secs(10);
                let loaded = deadline.run(limit, config_source::load_text(&own, spec)).await;
                let text = loaded
                    .map_err(|cause| AuditError::Config(format!("{spec}: {}", cause.says().en)))?
                    .map_err(|e| AuditError::Config(e.to_string()))?;
                let config = config::parse(&text.text, &text.name).map_err(|e| AuditError::Config(e.to_string()))?;
                (config, Path::new(spec).parent().map(Path::to_path_buf))
            }
        };
        let wiring = Wiring {
            base: &self.base,
            folder: folder.unwrap_or_default(),
            bucket: self.bucket.clone(),
            edge: self.edge.clone(),
            key: Arc::clone(&self.key),
        };
        wiring.deps(config)
    }
}

fn nothing() -> AuditError {
    AuditError::Config(
        "there is no configuration: set VIGIE_CONFIG (a file, s3://bucket/key or ssm:/name), or VIGIE_ENVIRONMENT, \
         VIGIE_CLASS and VIGIE_VARIABLES for one environment"
            .to_owned(),
    )
}

/// Settings of the process itself. In Lambda the Runtime API's address is never connected to.
///
/// # Errors
/// A certificate bundle that cannot be read.
pub fn settings(variable: &dyn Fn(&str) -> Option<String>, terminal: bool) -> Result<Settings, AuditError> {
    let given = |name: &str| variable(name).filter(|v| !v.trim().is_empty());
    let ca_bundle = match given("AWS_CA_BUNDLE") {
        Some(path) => Some(std::fs::read(&path).map_err(|e| AuditError::Config(format!("AWS_CA_BUNDLE {path}: {e}")))?),
        None => None,
    };
    Ok(Settings {
        endpoint_url: given("AWS_ENDPOINT_URL"),
        ca_bundle,
        terminal,
        refused: given("AWS_LAMBDA_RUNTIME_API").and_then(|a| a.parse().ok()).into_iter().collect(),
        region: given("AWS_REGION").or_else(|| given("AWS_DEFAULT_REGION")),
        profile: given("AWS_PROFILE"),
        ..Settings::default()
    })
}

/// What a configuration is wired to.
pub struct Wiring<'a> {
    pub base: &'a Base,
    /// Where relative paths of the configuration start.
    pub folder: PathBuf,
    /// The runs bucket, over the configuration's.
    pub bucket: Option<String>,
    pub edge: Edge,
    pub key: Arc<KeyCell>,
}

impl Wiring<'_> {
    /// A configuration with its network, store and sources.
    ///
    /// # Errors
    /// The network settings are wrong, or `extra_ca` cannot be read.
    pub fn deps(self, config: Config) -> Result<Deps, AuditError> {
        let network = &config.network;
        let extra_ca = match &network.extra_ca {
            None => None,
            Some(path) => {
                let path = self.folder.join(path);
                let read = std::fs::read(&path);
                Some(read.map_err(|e| AuditError::Config(format!("network.extra_ca {}: {e}", path.display())))?)
            }
        };
        let base = if network.resolver.is_some() || extra_ca.is_some() {
            self.base.with_network(network.resolver.clone(), extra_ca)?
        } else {
            self.base.clone()
        };
        let own = base.auditor(None, None, "vigie");
        let given = self.bucket.filter(|b| !b.trim().is_empty());
        let bucket = given.or_else(|| config.runs.as_ref().map(|r| r.bucket.clone()));
        let store = bucket.map_or(Store::Nowhere, |bucket| Store::bucket(&own, &bucket, None));
        Ok(Deps { base, own, config, store, edge: self.edge, folder: self.folder, key: self.key, read_only: false })
    }
}
