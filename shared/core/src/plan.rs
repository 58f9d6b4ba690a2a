//! Event -> plan: which environments, which suite, scheduled for when. Pure.
//!
//! An event names a declared environment and a suite, nothing else: never a URL, role, source or recipient.

use crate::check::Suite;
use crate::config::Config;
use jiff::Timestamp;
use serde::Deserialize;

/// What an audit is asked for, on demand, by a schedule, or by a message of the work queue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEvent {
    /// Absent in a schedule event: every declared environment.
    #[serde(default)]
    pub environment: Option<String>,
    pub suite: Suite,
    /// Absent: on demand.
    #[serde(default)]
    pub scheduled_at: Option<Timestamp>,
}

/// One audit to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    pub environment: String,
    pub suite: Suite,
    pub scheduled_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error(
        "the event is not one that audit knows: {0}; expected {{\"environment\": NAME, \"suite\": \"connections\" or \"full\"}}"
    )]
    Event(String),
    #[error("environment {name:?} is not declared; vigie.toml declares: {declared}")]
    Undeclared { name: String, declared: String },
    #[error("an event without an environment must carry scheduled_at, the time that the schedule meant")]
    NeitherNamedNorScheduled,
    #[error(
        "no environment is declared; write [environment.NAME] in vigie.toml (`vigie init` writes one from a .env file)"
    )]
    Nothing,
}

/// # Errors
/// The event has unknown or missing fields, or a value of the wrong form (a placeholder that nobody replaced).
pub fn parse(event: serde_json::Value) -> Result<AuditEvent, PlanError> {
    serde_json::from_value(event).map_err(|e| PlanError::Event(crate::evidence::clean(&e.to_string())))
}

/// # Errors
/// An environment that is not declared, or nothing to audit.
pub fn plan(event: &AuditEvent, config: &Config) -> Result<Vec<Audit>, PlanError> {
    let audit =
        |name: &str| Audit { environment: name.to_owned(), suite: event.suite, scheduled_at: event.scheduled_at };
    if config.environment.is_empty() {
        return Err(PlanError::Nothing);
    }
    match &event.environment {
        Some(name) if config.environment.contains_key(name) => Ok(vec![audit(name)]),
        Some(name) => Err(PlanError::Undeclared {
            name: crate::evidence::clean(name),
            declared: config.environment.keys().cloned().collect::<Vec<_>>().join(", "),
        }),
        None if event.scheduled_at.is_none() => Err(PlanError::NeitherNamedNorScheduled),
        None => Ok(config.environment.keys().map(|name| audit(name)).collect()),
    }
}

/// The run's id and its key in the runs bucket. A redelivered event has the same; `request` tells on-demand runs apart.
#[must_use]
pub fn identify(audit: &Audit, now: Timestamp, request: &str) -> Identity {
    let env = &audit.environment;
    match audit.scheduled_at {
        Some(at) => Identity {
            id: format!("{env}/{}/{}", audit.suite.name(), at.strftime("%Y-%m-%dT%H:%M:%SZ")),
            key: format!("runs/{env}/{}/{}.json", audit.suite.name(), at.strftime("%Y/%m/%d/%H%M%SZ")),
        },
        None => {
            let request: String = request.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
            Identity {
                id: format!("{env}/on-demand/{}-{request}", now.strftime("%Y-%m-%dT%H:%M:%SZ")),
                key: format!("runs/{env}/on-demand/{}-{request}.json", now.strftime("%Y/%m/%d/%H%M%SZ")),
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub id: String,
    /// Of the run object; the snapshot lies beside it under [`snapshot_key`].
    pub key: String,
}

/// `runs/…/100500Z.json` -> `runs/…/100500Z.snapshot.json`.
#[must_use]
pub fn snapshot_key(run_key: &str) -> String {
    format!("{}.snapshot.json", run_key.strip_suffix(".json").unwrap_or(run_key))
}

#[must_use]
pub fn head_key(environment: &str) -> String {
    format!("heads/{environment}.json")
}

/// Where a recipient list's mail of a day is claimed.
#[must_use]
pub fn report_key(date: jiff::civil::Date, list: &str) -> String {
    format!("reports/{date}/{list}.json")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refuses_what_is_not_an_event() {
        assert!(parse(json!({"environment": "production", "suite": "full"})).is_ok());
        assert!(parse(json!({"environment": "production", "suite": "full", "role": "arn:..."})).is_err());
        assert!(parse(json!({"suite": "full", "scheduled_at": "<aws.scheduler.scheduled-time>"})).is_err());
        assert!(parse(json!({"suite": "nightly"})).is_err());
        assert!(parse(json!([1])).is_err());
    }

    #[test]
    fn a_redelivered_event_has_the_same_key() {
        let at = "2026-11-22T10:05:00Z".parse().unwrap();
        let audit = Audit { environment: "production".into(), suite: Suite::Full, scheduled_at: Some(at) };
        let first = identify(&audit, "2026-11-22T10:05:02Z".parse().unwrap(), "r1");
        let again = identify(&audit, "2026-11-22T10:07:00Z".parse().unwrap(), "r2");
        assert_eq!(first, again);
        assert_eq!(first.key, "runs/production/full/2026/11/22/100500Z.json");
        assert_eq!(snapshot_key(&first.key), "runs/production/full/2026/11/22/100500Z.snapshot.json");
    }

    #[test]
    fn an_on_demand_key_cannot_leave_its_folder() {
        let audit = Audit { environment: "staging".into(), suite: Suite::Full, scheduled_at: None };
        let id = identify(&audit, "2026-11-22T10:05:02Z".parse().unwrap(), "../../heads/x");
        assert_eq!(id.key, "runs/staging/on-demand/2026/11/22/100502Z-headsx.json");
    }
}
