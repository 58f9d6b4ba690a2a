//! What wakes the function: a schedule, or an invoke by hand.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// `{}`, `{"scheduled_at": TIME}`, `{"force": true}` or `{"dry_run": true}`. It names neither a recipient nor an
/// environment: those are the configuration's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportEvent {
    /// When the schedule meant it; what is due is decided by the clock.
    pub scheduled_at: Option<Timestamp>,
    /// Send today's mail of every list now, again if it was sent.
    pub force: bool,
    /// Only render, for every list; nothing is written or sent.
    pub dry_run: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the event is not one that report knows: {0}; expected {{}}, {{\"scheduled_at\": \"2026-11-22T07:00:00Z\"}}, \
     {{\"force\": true}} or {{\"dry_run\": true}}"
)]
pub struct EventError(String);

/// # Errors
/// Not an object, an unknown field, a value of the wrong form (a placeholder that nobody replaced), or force with dry_run.
pub fn parse(payload: Value) -> Result<ReportEvent, EventError> {
    if !payload.is_object() {
        return Err(EventError("it is not a JSON object".to_owned()));
    }
    let event: ReportEvent =
        serde_json::from_value(payload).map_err(|e| EventError(vigie_core::evidence::clean(&e.to_string())))?;
    if event.force && event.dry_run {
        return Err(EventError("force sends and dry_run does not: give one of them".to_owned()));
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events() {
        assert_eq!(parse(json!({})), Ok(ReportEvent::default()));
        assert!(parse(json!({"scheduled_at": "2026-11-22T07:00:00Z"})).unwrap().scheduled_at.is_some());
        assert!(parse(json!({"force": true})).unwrap().force);
        assert!(parse(json!({"dry_run": true})).unwrap().dry_run);
        for (bad, says) in [
            (json!({"scheduled_at": "<aws.scheduler.scheduled-time>"}), "scheduled"),
            (json!({"to": "somebody@else.example"}), "unknown field"),
            (json!({"force": "yes"}), "invalid type"),
            (json!({"force": true, "dry_run": true}), "give one of them"),
            (json!(null), "not a JSON object"),
            (json!([]), "not a JSON object"),
        ] {
            let error = parse(bad).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("expected {}"), "{error}");
        }
    }
}
