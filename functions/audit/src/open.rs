//! One environment, opened: its variables, what they name, and who asks.

use std::time::Duration;

use aws_types::SdkConfig;
use jiff::Timestamp;
use vigie_aws::source::{Context, Source};
use vigie_aws::{Base, Role};
use vigie_core::check::Suite;
use vigie_core::config::EnvironmentConfig;
use vigie_core::facts::Identity;
use vigie_core::targets::{self, Targets};
use vigie_core::variables::Variables;
use vigie_probe::ask::{Ask, Deadline, Net};
use vigie_probe::shared::Shared;

use crate::{AuditError, Deps};

/// The most time that reading the variables may take.
pub const VARIABLES: Duration = Duration::from_secs(10);

/// Pause before a failing ladder is climbed a second time.
const PAUSE: Duration = Duration::from_millis(1_500);

/// What probing an environment begins with.
pub struct Opened<'a> {
    config: &'a EnvironmentConfig,
    pub values: Variables,
    pub targets: Targets,
    /// Where the app's resources are.
    pub region: Option<String>,
    auditor: SdkConfig,
    app: SdkConfig,
    /// Who `app` really is.
    pub app_identity: Identity,
}

/// Reads the variables of `name`, each source within `limit`.
///
/// # Errors
/// The environment is not declared, or a source is none; one that cannot be read is in `values.unread`.
pub async fn open<'a>(deps: &'a Deps, name: &str, limit: Duration) -> Result<Opened<'a>, AuditError> {
    let config = deps.config.environment.get(name).ok_or_else(|| AuditError::Undeclared(name.to_owned()))?;
    let sources = config.variables.iter().map(|text| text.parse::<Source>());
    let sources = sources.collect::<Result<Vec<_>, _>>().map_err(|e| AuditError::Source(e.to_string()))?;
    let context = Context {
        inside_lambda: deps.edge.inside_lambda,
        process: &*deps.edge.variables,
        directory: &deps.folder,
        limit,
    };
    let reader = auditor(&deps.base, config, config.region.as_deref());
    let values = vigie_aws::source::read(&reader, &sources, &context).await;
    let targets = targets::derive(&values, &config.contract);
    let region = config.region.clone().or_else(|| targets.region.clone());
    let auditor = auditor(&deps.base, config, region.as_deref());
    let (app, app_identity) = app(&deps.base, config, &targets, &auditor);
    Ok(Opened { config, values, targets, region, auditor, app, app_identity })
}

impl Opened<'_> {
    /// Asks without writing, without the fingerprint key, and shares no answer.
    ///
    /// # Errors
    /// The network cannot be set up as it is configured.
    pub fn ask(&self, deps: &Deps, suite: Suite, now: Timestamp, deadline: Deadline) -> Result<Ask, AuditError> {
        Ok(Ask {
            deadline,
            now,
            suite,
            net: net(&deps.base, deps.config.network.public)?,
            app: self.app.clone(),
            app_identity: self.app_identity,
            auditor: self.auditor.clone(),
            key: None,
            writes: false,
            shared: Shared::default(),
            account: self.config.role.clone().unwrap_or_else(|| "own".to_owned()),
        })
    }
}

fn auditor(base: &Base, config: &EnvironmentConfig, region: Option<&str>) -> aws_types::SdkConfig {
    let role = config.role.as_deref().map(|arn| Role { arn, external_id: config.external_id.as_deref() });
    base.auditor(region, role, "vigie")
}

/// Who asks as the app: its own key, else its role's copy, else the auditor, and then the findings say so.
fn app(
    base: &Base,
    config: &EnvironmentConfig,
    targets: &targets::Targets,
    auditor: &aws_types::SdkConfig,
) -> (aws_types::SdkConfig, Identity) {
    let region = targets.region.as_deref().or(config.region.as_deref());
    if let Some(keys) = &targets.app.keys {
        return (base.app(region, keys), Identity::App);
    }
    match config.app_role.as_deref() {
        Some(arn) => (base.auditor(region, Some(Role { arn, external_id: None }), "vigie-as-app"), Identity::App),
        None => (auditor.clone(), Identity::Auditor),
    }
}

fn net(base: &Base, public: bool) -> Result<Net, AuditError> {
    Ok(Net {
        resolver: base.resolver()?,
        roots: base.roots(),
        extra_ca: base.extra_ca(),
        http: base.http()?,
        refused: base.refused(),
        public,
        pause: PAUSE,
    })
}
