//! The audit: event -> plan -> variables -> targets -> facts -> findings -> run -> sinks. The same code serves the Lambda
//! function and the command line.

pub mod event;
pub mod observe;
pub mod setup;
pub mod sinks;
pub mod state;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use vigie_aws::key::KeyCell;
use vigie_aws::process::StartError;
use vigie_aws::store::Store;
use vigie_aws::{Base, SetupError};
use vigie_core::check::Kind;
use vigie_core::config::Config;
use vigie_core::head;
use vigie_core::judge::judge;
use vigie_core::plan::{self, Audit, AuditEvent, PlanError};
use vigie_core::run::{Outcome, Run};
use vigie_core::snapshot::Snapshot;
use vigie_probe::ask::Deadline;

use crate::setup::Edge;

/// Lambda answers at most 6 MB; a larger run is answered without what passed.
const LARGEST_ANSWER: usize = 5 * 1024 * 1024;

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

/// Answers one event of the function.
///
/// # Errors
/// The event or the configuration is wrong, or, for a scheduled event, a sink was not written.
pub async fn handle(
    deps: &Deps,
    payload: Value,
    now: Timestamp,
    request: &str,
    deadline: Deadline,
) -> Result<Value, AuditError> {
    match event::parse(payload)? {
        event::Event::Audit(asked) => answer(deps, &asked, now, request, deadline).await,
        event::Event::Batch(messages) => {
            let work = messages.into_iter().map(|(id, asked)| async move {
                let done = match asked {
                    Ok(asked) => scheduled(deps, &asked, now, request, deadline).await.map(|_| ()),
                    Err(e) => Err(e.into()),
                };
                done.err().map(|e| {
                    tracing::error!(message = id, error = %e, "a message of the work queue failed");
                    id
                })
            });
            let failed = futures::future::join_all(work).await.into_iter().flatten().collect();
            serde_json::to_value(event::answer(failed)).map_err(|_| AuditError::Answer)
        }
    }
}

async fn answer(
    deps: &Deps,
    asked: &AuditEvent,
    now: Timestamp,
    request: &str,
    deadline: Deadline,
) -> Result<Value, AuditError> {
    if asked.environment.is_none() || asked.scheduled_at.is_some() {
        let runs = scheduled(deps, asked, now, request, deadline).await?;
        let runs: Vec<Value> =
            runs.iter().map(|done| serde_json::json!({"id": done.run.id, "verdict": done.run.verdict})).collect();
        return Ok(serde_json::json!({ "runs": runs }));
    }
    let planned = plan::plan(asked, &deps.config)?;
    let one = planned.first().ok_or(PlanError::Nothing)?;
    let done = audit(deps, one, now, request, deadline, &|_, _| {}).await?;
    shortened(done)
}

/// All audits of a scheduled event, side by side. Each has the whole deadline; a sink that was not written fails the
/// event, so that it is delivered again and redone.
async fn scheduled(
    deps: &Deps,
    asked: &AuditEvent,
    now: Timestamp,
    request: &str,
    deadline: Deadline,
) -> Result<Vec<Done>, AuditError> {
    let planned = plan::plan(asked, &deps.config)?;
    let audits = planned.iter().map(|one| audit(deps, one, now, request, deadline, &|_, _| {}));
    let done = futures::future::join_all(audits).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let unwritten: Vec<String> = done
        .iter()
        .filter(|d| d.run.scheduled_at.is_some())
        .flat_map(|d| d.run.sinks.iter().map(|s| format!("{} of {} ({})", s.sink, d.run.id, s.cause)))
        .collect();
    if unwritten.is_empty() { Ok(done) } else { Err(AuditError::Sinks(unwritten.join(", "))) }
}

/// The run as the function's answer; too large, without what passed, and with the key of the whole.
fn shortened(done: Done) -> Result<Value, AuditError> {
    let whole = serde_json::to_vec(&done.run).map_err(|_| AuditError::Answer)?;
    let mut run = done.run;
    if whole.len() > LARGEST_ANSWER {
        run.findings.retain(|f| !matches!(f.outcome, Outcome::Pass | Outcome::NotApplicable));
        run.stored_at = Some(done.key);
    }
    serde_json::to_value(run).map_err(|_| AuditError::Answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_core::check::Class;
    use vigie_core::healthy;

    fn done(findings: usize) -> Done {
        let mut snapshot = healthy::snapshot(Class::Production);
        let check = vigie_core::checks::find("SQS-DLQ-NONE").expect("implemented");
        (check.faults[0].broken)(&mut snapshot);
        let mut run = judge(&snapshot);
        let passed = run.findings.iter().find(|f| f.outcome == Outcome::Pass).cloned().expect("one passes");
        run.findings.extend(std::iter::repeat_n(passed, findings));
        Done { run, snapshot, key: "runs/production/x.json".to_owned() }
    }

    #[test]
    fn an_answer_over_the_limit_leaves_out_what_passed_and_says_where_the_whole_is() {
        let whole: Run = serde_json::from_value(shortened(done(0)).expect("serializes")).expect("a run");
        assert!(whole.stored_at.is_none() && whole.findings.iter().any(|f| f.outcome == Outcome::Pass));
        let short: Run = serde_json::from_value(shortened(done(40_000)).expect("serializes")).expect("a run");
        assert_eq!(short.stored_at.as_deref(), Some("runs/production/x.json"));
        assert!(!short.findings.is_empty() && short.findings.iter().all(|f| f.outcome != Outcome::Pass));
        assert_eq!(short.coverage, done(40_000).run.coverage);
    }
}
