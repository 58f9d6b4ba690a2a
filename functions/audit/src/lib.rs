//! The audit: event -> plan -> variables -> targets -> facts -> findings -> run -> sinks. The same code serves the Lambda
//! function and the command line.

pub mod doctor;
pub mod event;
pub mod handle;
pub mod look;
pub mod missed;
pub mod observe;
mod open;
pub mod setup;
pub mod sinks;
pub mod state;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use vigie_aws::key::KeyCell;
use vigie_aws::process::StartError;
use vigie_aws::store::Store;
use vigie_aws::{Base, SetupError};
use vigie_core::check::Kind;
use vigie_core::config::Config;
use vigie_core::head;
use vigie_core::judge::judge;
use vigie_core::plan::{self, Audit, PlanError};
use vigie_core::run::Run;
use vigie_core::snapshot::Snapshot;
use vigie_probe::ask::Deadline;
use vigie_probe::shared::Shared;

use crate::setup::Edge;

/// What an audit is made with. Built once an invocation; what is expensive in it is built at first use and kept.
pub struct Deps {
    /// With the configuration's network.
    pub base: Base,
    /// The sinks' and the configuration's own calls.
    pub own: aws_types::SdkConfig,
    pub config: Config,
    pub store: Store,
    pub edge: Edge,
    /// Where relative paths of the configuration start.
    pub folder: PathBuf,
    pub key: Arc<KeyCell>,
    /// What is known of whole accounts, kept between invocations.
    pub shared: Shared,
    /// Nothing is written anywhere: no sink, and no self-cleaning write either.
    pub read_only: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("environment {0:?} is not declared")]
    Undeclared(String),
    #[error("{0}")]
    Source(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("{0}")]
    Config(String),
    #[error("one event audits at most 20 environments and {0} are declared: vigie-dispatch sends a message for each")]
    Many(usize),
    #[error("the missed audit of {0} cannot be recorded: {1}")]
    Missed(String, String),
    #[error("these were not written, and will be when the event is delivered again: {0}")]
    Sinks(String),
    #[error("the answer could not be serialized")]
    Answer,
}

/// One audit, from the plan to the sinks.
pub struct Done {
    pub run: Run,
    pub snapshot: Snapshot,
    /// Of the run object in the store.
    pub key: String,
}

/// Audits one environment and writes its sinks. `request` tells on-demand runs of one second apart. A run that a
/// delivery of the same message stored before is not audited again: only what is missing of its sinks is redone.
///
/// # Errors
/// The configuration cannot be used. What cannot be reached is a finding, and a sink that cannot be written is in
/// `run.sinks`.
pub async fn audit(
    deps: &Deps,
    audit: &Audit,
    now: Timestamp,
    request: &str,
    deadline: Deadline,
    progress: &(dyn Fn(Kind, &str) + Sync),
) -> Result<Done, AuditError> {
    let identity = plan::identify(audit, now, request);
    if audit.scheduled_at.is_some()
        && let Some(done) = redo(deps, &identity, deadline).await
    {
        return Ok(done);
    }
    let reserve = (deadline.left() / 4).min(Duration::from_secs(10));
    let asking = Deadline::within(deadline.left().saturating_sub(reserve));
    let observed = observe::observe(deps, audit, &identity, now, asking, progress).await?;
    let mut run = judge(&observed.snapshot);
    let previous = observed.head.as_ref().ok().and_then(Option::as_ref);
    head::date_findings(&mut run, previous);
    let memory = observe::remember(&observed.snapshot);
    let material = sinks::Material {
        run: &mut run,
        snapshot: &observed.snapshot,
        key: &identity.key,
        head: observed.head,
        memory,
        fingerprints: observed.snapshot.facts.variables.published(),
    };
    sinks::write(deps, material, deadline).await;
    Ok(Done { run, snapshot: observed.snapshot, key: identity.key })
}

/// A run that is stored already: its alerts, metrics and head are brought up to date, nothing is asked again.
async fn redo(deps: &Deps, identity: &plan::Identity, deadline: Deadline) -> Option<Done> {
    let limit = Duration::from_secs(5).min(deadline.left());
    let stored =
        |key: String| async move { tokio::time::timeout(limit, deps.store.get(&key)).await.ok()?.ok().flatten() };
    let (bytes, _) = stored(identity.key.clone()).await?;
    let mut run: Run = serde_json::from_slice(&bytes).ok()?;
    let (bytes, _) = stored(plan::snapshot_key(&identity.key)).await?;
    let snapshot: Snapshot = serde_json::from_slice(&bytes).ok()?;
    let head = state::head(&deps.store, &run.environment, limit).await.map(|found| found.map(|(head, _)| head));
    let material = sinks::Material {
        memory: observe::remember(&snapshot),
        fingerprints: snapshot.facts.variables.published(),
        run: &mut run,
        snapshot: &snapshot,
        key: &identity.key,
        head,
    };
    sinks::write(deps, material, deadline).await;
    Some(Done { run, snapshot, key: identity.key.clone() })
}
