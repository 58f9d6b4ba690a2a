//! From the process to [`Deps`]: settings once, the configuration at every invocation.

use std::path::PathBuf;
use std::sync::Arc;

use vigie_aws::Base;
use vigie_aws::config_folder::Scope;
use vigie_aws::key::KeyCell;
use vigie_aws::process::{Process, StartError};
use vigie_aws::store::Store;
use vigie_core::config::Config;
use vigie_probe::ask::Deadline;
use vigie_probe::shared::Shared;

use crate::{AuditError, Deps};

/// Reads one variable of the process environment.
pub type Variable = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;
/// Reads them all.
pub type Variables = Arc<dyn Fn() -> Vec<(String, String)> + Send + Sync>;

/// What the edge hands in: where the process runs and what its environment says.
#[derive(Clone)]
pub struct Edge {
    /// Inside Lambda the process environment is Vigie's own, and refused as a source.
    pub inside_lambda: bool,
    pub variable: Variable,
    pub variables: Variables,
}

/// What lives as long as the function's process.
pub struct Function {
    process: Process,
    edge: Edge,
    key: Arc<KeyCell>,
    shared: Shared,
}

impl Function {
    /// # Errors
    /// One of the function's own variables is not of its form.
    pub fn new(variable: fn(&str) -> Option<String>) -> Result<Self, StartError> {
        let edge = Edge { inside_lambda: true, variable: Arc::new(variable), variables: Arc::new(Vec::new) };
        Ok(Function { process: Process::of_lambda(variable)?, edge, key: Arc::default(), shared: Shared::default() })
    }

    /// What is there without a configuration: credentials, and the runs bucket that the stack names.
    ///
    /// # Errors
    /// As [`Wiring::deps`].
    pub fn bare(&self) -> Result<Deps, AuditError> {
        let bucket = (self.edge.variable)("VIGIE_RUNS_BUCKET").filter(|name| !name.trim().is_empty());
        self.wired(PathBuf::new(), bucket).deps(Config::default())
    }

    /// The configuration of this invocation, and what follows from it.
    ///
    /// # Errors
    /// There is no configuration, it cannot be read, or it is wrong: the sentence says what to do.
    pub async fn deps(&self, scope: Scope<'_>, deadline: Deadline) -> Result<Deps, AuditError> {
        let loaded = self.process.load(scope, deadline.left()).await?;
        self.wired(loaded.directory, loaded.bucket).deps(loaded.config)
    }

    fn wired(&self, folder: PathBuf, bucket: Option<String>) -> Wiring<'_> {
        let (edge, key, shared) = (self.edge.clone(), Arc::clone(&self.key), self.shared.clone());
        Wiring { base: &self.process.base, folder, bucket, edge, key, shared }
    }
}

/// What a configuration is wired to.
pub struct Wiring<'a> {
    pub base: &'a Base,
    /// Where relative paths of the configuration start.
    pub folder: PathBuf,
    /// The runs bucket.
    pub bucket: Option<String>,
    pub edge: Edge,
    pub key: Arc<KeyCell>,
    pub shared: Shared,
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
        let store = self.bucket.map_or(Store::Nowhere, |bucket| Store::bucket(&own, &bucket, None));
        let Wiring { folder, edge, key, shared, .. } = self;
        Ok(Deps { base, own, config, store, edge, folder, key, shared, read_only: false })
    }
}
