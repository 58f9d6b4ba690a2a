//! Event -> plan: which environments, which suite, scheduled for when. Pure.
//!
//! An event names a declared environment and a suite, nothing else: never a URL, role, source or recipient.

use std::time::Duration;

use crate::check::Suite;
use crate::config::Config;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What an audit is asked for, on demand, by a schedule, or by a message of the work queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEvent {
    /// Absent in a schedule event: every declared environment.
    #[serde(default)]
    pub environment: Option<String>,
    pub suite: Suite,
    /// Absent: on demand.
    #[serde(default)]
    pub scheduled_at: Option<Timestamp>,
    /// Of a message: from then on the next one of its suite is due, and it is recorded as missed.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl AuditEvent {
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// What wakes the dispatcher: a schedule. It names neither an environment nor a queue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatchEvent {
    pub suite: Suite,
    pub scheduled_at: Timestamp,
}

impl DispatchEvent {
    /// The message of one environment: it is due until the next of its suite is.
    #[must_use]
    pub fn message(&self, environment: &str, period: Duration) -> AuditEvent {
        AuditEvent {
            environment: Some(environment.to_owned()),
            suite: self.suite,
            scheduled_at: Some(self.scheduled_at),
            expires_at: self.scheduled_at.checked_add(period).ok(),
        }
    }
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
    #[error(
        "the event is not one that dispatch knows: {0}; expected {{\"suite\": \"connections\" or \"full\", \"scheduled_at\": TIME}}"
    )]
    Dispatch(String),
    #[error("environment {name:?} is not declared; the configuration declares: {declared}")]
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
/// As [`parse`].
pub fn parse_dispatch(event: serde_json::Value) -> Result<DispatchEvent, PlanError> {
    serde_json::from_value(event).map_err(|e| PlanError::Dispatch(crate::evidence::clean(&e.to_string())))
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
            declared: config.environment.keys().take(NAMED).cloned().collect::<Vec<_>>().join(", "),
        }),
        None if event.scheduled_at.is_none() => Err(PlanError::NeitherNamedNorScheduled),
        None => Ok(config.environment.keys().map(|name| audit(name)).collect()),
    }
}

/// Environments that an error names.
const NAMED: usize = 20;

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

/// Where a scheduled time is marked as dispatched.
#[must_use]
pub fn dispatch_key(event: &DispatchEvent) -> String {
    format!("dispatches/{}/{}.json", event.suite.name(), event.scheduled_at.strftime("%Y/%m/%d/%H%M%SZ"))
}

/// Where the dispatcher remembers which environments are late.
pub const LATE_KEY: &str = "dispatches/late.json";

/// Where a message that came too late is recorded.
#[must_use]
pub fn missed_key(environment: &str, suite: Suite, scheduled_at: Timestamp) -> String {
    format!("missed/{environment}/{}/{}.json", suite.name(), scheduled_at.strftime("%Y/%m/%d/%H%M%SZ"))
}

/// The part of a configuration in the runs bucket that all environments share.
pub const CONFIG_KEY: &str = "config/vigie.toml";

/// Where the environments lie that have a file of their own.
pub const CONFIG_FOLDER: &str = "config/environments/";

#[must_use]
pub fn config_key(environment: &str) -> String {
    format!("{CONFIG_FOLDER}{environment}.toml")
}

/// Where a recipient list's mail of a day is claimed.
#[must_use]
pub fn report_key(date: jiff::civil::Date, list: &str) -> String {
    format!("reports/{date}/{list}.json")
}

/// Where a recipient list's report of a day lies, as a page: beside its claim.
#[must_use]
pub fn page_key(date: jiff::civil::Date, list: &str) -> String {
    format!("reports/{date}/{list}.html")
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
        let good = json!({"suite": "full", "scheduled_at": "2026-11-22T03:00:00Z"});
        assert!(parse_dispatch(good).is_ok());
        for bad in [
            json!({"suite": "full"}),
            json!({"suite": "full", "scheduled_at": "<aws.scheduler.scheduled-time>"}),
            json!({"suite": "full", "scheduled_at": "2026-11-22T03:00:00Z", "environment": "production"}),
        ] {
            assert!(parse_dispatch(bad.clone()).unwrap_err().to_string().contains("dispatch knows"), "{bad}");
        }
    }

    #[test]
    fn a_message_is_due_until_the_next_one_is() {
        let at: Timestamp = "2026-11-22T10:05:00Z".parse().unwrap();
        let event = DispatchEvent { suite: Suite::Connections, scheduled_at: at };
        let message = event.message("production", Duration::from_secs(300));
        assert_eq!(parse(serde_json::to_value(&message).unwrap()).unwrap(), message);
        assert!(!message.expired("2026-11-22T10:09:59Z".parse().unwrap()));
        assert!(message.expired("2026-11-22T10:10:00Z".parse().unwrap()));
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
