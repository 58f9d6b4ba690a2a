//! One event of the function -> audits -> its answer.

use jiff::Timestamp;
use serde_json::Value;
use vigie_aws::config_folder::Scope;
use vigie_core::plan::{self, AuditEvent, PlanError};
use vigie_core::run::Outcome;
use vigie_probe::ask::Deadline;

use crate::event::{self, Event};
use crate::setup::Function;
use crate::{AuditError, Deps, Done, audit, doctor, missed};

/// Lambda answers at most 6 MB; a larger run is answered without what passed.
const LARGEST_ANSWER: usize = 5 * 1024 * 1024;

/// Environments that one event may audit side by side; more are for the dispatcher and its queues.
const MOST_AT_ONCE: usize = 20;

/// When it is, who asked, until when.
#[derive(Clone, Copy)]
pub struct Invocation<'a> {
    pub now: Timestamp,
    pub request: &'a str,
    pub deadline: Deadline,
}

/// Answers one event of the function.
///
/// # Errors
/// The event or the configuration is wrong, or, for a scheduled event, a sink was not written.
pub async fn handle(function: &Function, payload: Value, of: Invocation<'_>) -> Result<Value, AuditError> {
    match event::parse(payload)? {
        Event::Audit(asked) => answer(function, &asked, of).await,
        Event::Doctor => Ok(doctor::of_function(function, of).await),
        Event::Batch(messages) => {
            let work = messages.into_iter().map(|(id, asked)| async move {
                let done = match asked {
                    Ok(asked) => message(function, &asked, of).await,
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

/// One message of the work queue. Each has the whole deadline. One that has expired is recorded as missed, unless its run
/// is stored already: then only what is missing of its sinks is redone.
async fn message(function: &Function, asked: &AuditEvent, of: Invocation<'_>) -> Result<(), AuditError> {
    if asked.environment.is_none() || asked.scheduled_at.is_none() {
        let what = "a message names an environment and carries scheduled_at".to_owned();
        return Err(PlanError::Event(what).into());
    }
    let deps = deps(function, asked, of).await?;
    if asked.expired(of.now)
        && let Some(one) = plan::plan(asked, &deps.config)?.first()
        && !missed::audited(&deps, one, of).await?
    {
        return missed::record(&deps, one, of).await;
    }
    scheduled(&deps, asked, of).await.map(|_| ())
}

async fn deps(function: &Function, asked: &AuditEvent, of: Invocation<'_>) -> Result<Deps, AuditError> {
    let scope = asked.environment.as_deref().map_or(Scope::All, Scope::Environment);
    function.deps(scope, of.deadline).await
}

async fn answer(function: &Function, asked: &AuditEvent, of: Invocation<'_>) -> Result<Value, AuditError> {
    let deps = deps(function, asked, of).await?;
    if asked.environment.is_none() || asked.scheduled_at.is_some() {
        let runs = scheduled(&deps, asked, of).await?;
        let runs: Vec<Value> =
            runs.iter().map(|done| serde_json::json!({"id": done.run.id, "verdict": done.run.verdict})).collect();
        return Ok(serde_json::json!({ "runs": runs }));
    }
    let planned = plan::plan(asked, &deps.config)?;
    let one = planned.first().ok_or(PlanError::Nothing)?;
    let done = audit(&deps, one, of.now, of.request, of.deadline, &|_, _| {}).await?;
    shortened(done)
}

/// All audits of a scheduled event, side by side. Each has the whole deadline; a sink that was not written fails the
/// event, so that it is delivered again and redone.
async fn scheduled(deps: &Deps, asked: &AuditEvent, of: Invocation<'_>) -> Result<Vec<Done>, AuditError> {
    let planned = plan::plan(asked, &deps.config)?;
    if planned.len() > MOST_AT_ONCE {
        return Err(AuditError::Many(planned.len()));
    }
    let audits = planned.iter().map(|one| audit(deps, one, of.now, of.request, of.deadline, &|_, _| {}));
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
    use vigie_core::judge::judge;
    use vigie_core::run::Run;

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
