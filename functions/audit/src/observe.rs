//! One environment, observed: variables, targets, facts, and what the neighbours publish. The result is a snapshot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use vigie_aws::key::{At, KeySource};
use vigie_aws::source::{Context, Source};
use vigie_aws::{Base, Role};
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::Kind;
use vigie_core::config::EnvironmentConfig;
use vigie_core::facts::{Fact, Gap, Identity};
use vigie_core::fingerprint::FingerprintKey;
use vigie_core::head::Head;
use vigie_core::snapshot::{Memory, Neighbour, SCHEMA, Snapshot, Timing};
use vigie_core::{plan, targets, variables};
use vigie_probe::ask::{Ask, Deadline, Net};
use vigie_probe::shared::Shared;

use crate::{AuditError, Deps};

/// The most time that reading the variables may take.
pub(crate) const VARIABLES: Duration = Duration::from_secs(10);

/// Pause before a failing ladder is climbed a second time.
const PAUSE: Duration = Duration::from_millis(1_500);

/// What an audit knows before it judges.
pub struct Observed {
    pub snapshot: Snapshot,
    /// The own head: `Ok(None)` = first run.
    pub head: Result<Option<Head>, Gap>,
}

/// Observes one environment. `progress` hears of each target as it is done.
///
/// # Errors
/// The environment's configuration cannot be used at all; what cannot be reached is a gap, not an error.
pub async fn observe(
    deps: &Deps,
    audit: &plan::Audit,
    identity: &plan::Identity,
    now: Timestamp,
    deadline: Deadline,
    progress: &(dyn Fn(Kind, &str) + Sync),
) -> Result<Observed, AuditError> {
    let started = Instant::now();
    let name = &audit.environment;
    let undeclared = || AuditError::Undeclared(name.clone());
    let config = deps.config.environment.get(name).ok_or_else(undeclared)?;
    let environment = deps.config.environment(name).ok_or_else(undeclared)?;
    let sources = config
        .variables
        .iter()
        .map(|text| text.parse::<Source>().map_err(|e| AuditError::Source(e.to_string())))
        .collect::<Result<Vec<_>, _>>()?;
    let auditor = auditor(&deps.base, config, config.region.as_deref());
    let limit = VARIABLES.min(deadline.left());
    let context = Context {
        inside_lambda: deps.edge.inside_lambda,
        process: &*deps.edge.variables,
        directory: &deps.folder,
        limit,
    };
    let (values, key, (head, neighbours)) = tokio::join!(
        vigie_aws::source::read(&auditor, &sources, &context),
        fingerprint_key(deps, limit),
        heads(deps, name, limit),
    );
    let contract = &environment.contract;
    let targets = targets::derive(&values, contract);
    let facts_of_variables = variables::facts(&values, contract, key.as_deref());
    let region = config.region.clone().or_else(|| targets.region.clone());
    let auditor = self::auditor(&deps.base, config, region.as_deref());
    let (app, app_identity) = app(&deps.base, config, &targets, &auditor);
    let ask = Ask {
        deadline,
        now,
        suite: audit.suite,
        net: net(&deps.base, deps.config.network.public)?,
        app,
        app_identity,
        auditor,
        key,
        writes: config.writes.allowed(audit.suite) && !deps.read_only,
        // Who asks on demand has just mended something: what was known a minute ago is no answer.
        shared: if audit.scheduled_at.is_some() { deps.shared.clone() } else { Shared::default() },
        account: identity_of(config),
    };
    let facts = vigie_probe::observe::observe(&ask, &targets, facts_of_variables, progress).await;
    let memory = match &head {
        Ok(Some(head)) => Fact::Known(head.memory.clone()),
        Ok(None) => Fact::gap(Cause::NoHistory, Identity::Auditor),
        Err(gap) => Fact::Gap(gap.clone()),
    };
    let snapshot = Snapshot {
        schema: SCHEMA.to_owned(),
        id: identity.id.clone(),
        now,
        suite: audit.suite,
        environment,
        facts,
        memory,
        neighbours,
        timing: Timing {
            scheduled_at: audit.scheduled_at,
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        },
    };
    Ok(Observed { snapshot, head })
}

/// Whose calls the auditor's are: one name for one identity, and so for one account.
pub(crate) fn identity_of(config: &EnvironmentConfig) -> String {
    config.role.clone().unwrap_or_else(|| "own".to_owned())
}

pub(crate) fn auditor(base: &Base, config: &EnvironmentConfig, region: Option<&str>) -> aws_types::SdkConfig {
    let role = config.role.as_deref().map(|arn| Role { arn, external_id: config.external_id.as_deref() });
    base.auditor(region, role, "vigie")
}

/// Who asks as the app: its own key, else its role's copy, else the auditor, and then the findings say so.
pub(crate) fn app(
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

pub(crate) fn net(base: &Base, public: bool) -> Result<Net, AuditError> {
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

/// The installation's key; without it what compares environments is unknown.
async fn fingerprint_key(deps: &Deps, limit: Duration) -> Option<Arc<FingerprintKey>> {
    let source: KeySource = deps.config.fingerprint_key.as_deref()?.parse().ok()?;
    let at = At { vars: &*deps.edge.variable, directory: &deps.folder };
    let read = tokio::time::timeout(limit, deps.key.get(Some(&source), &deps.own, at)).await;
    let read = read.unwrap_or(Err(Gap::new(Cause::Timeout, Identity::Auditor)));
    if let Err(gap) = &read {
        tracing::warn!(cause = gap.cause.code(), action = gap.action, "the fingerprint key could not be read");
    }
    read.ok().flatten()
}

type Neighbours = Named<Fact<Neighbour>>;

/// The own head, and what every other declared environment publishes in its.
async fn heads(deps: &Deps, own: &str, limit: Duration) -> (Result<Option<Head>, Gap>, Neighbours) {
    let others = deps.config.neighbours(own);
    let read = futures::future::join(
        crate::state::head(&deps.store, own, limit),
        futures::future::join_all(others.iter().map(|name| crate::state::head(&deps.store, name, limit))),
    );
    let (head, heads) = read.await;
    let neighbours = others
        .into_iter()
        .zip(heads)
        .map(|(name, head)| {
            let fact = match head {
                Ok(Some((head, _))) => Fact::Known(head.neighbour()),
                Ok(None) => Fact::gap(Cause::NoNeighbour, Identity::Auditor),
                Err(gap) => Fact::Gap(gap),
            };
            (name, fact)
        })
        .collect();
    (head.map(|found| found.map(|(head, _)| head)), neighbours)
}

/// What the head remembers after this run.
#[must_use]
pub fn remember(snapshot: &Snapshot) -> Memory {
    let mut memory = snapshot.memory.get().ok().cloned().unwrap_or_default();
    vigie_core::checks::credentials::remember(&snapshot.facts, &mut memory, snapshot.now);
    vigie_core::checks::sqs::remember(&snapshot.facts, &mut memory);
    vigie_core::checks::selfwatch::remember(&mut memory, snapshot.suite, snapshot.now);
    memory
}
