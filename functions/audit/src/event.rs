//! What wakes the function: a direct invoke, a schedule, or a batch of the work queue.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use serde_json::Value;
use vigie_core::plan::{self, AuditEvent, PlanError};

/// The most messages of one batch that are audited side by side: SQS gives at most 10 without a window.
pub const LARGEST_BATCH: usize = 10;

/// A recognised event.
pub enum Event {
    /// One environment, on demand or scheduled; or, scheduled, all of them.
    Audit(AuditEvent),
    /// `{"doctor": true}`: what the function would need is tried.
    Doctor,
    /// Messages of the work queue: id and what each asks for.
    Batch(Vec<(String, Result<AuditEvent, PlanError>)>),
}

/// # Errors
/// The event is none that this function knows; the sentence says which it does.
pub fn parse(payload: Value) -> Result<Event, PlanError> {
    if payload == serde_json::json!({ "doctor": true }) {
        return Ok(Event::Doctor);
    }
    if payload.get("Records").is_none() {
        return plan::parse(payload).map(Event::Audit);
    }
    let batch: SqsEvent =
        serde_json::from_value(payload).map_err(|e| PlanError::Event(vigie_core::evidence::clean(&e.to_string())))?;
    if batch.records.len() > LARGEST_BATCH {
        return Err(PlanError::Event(format!("a batch of {} messages; at most {LARGEST_BATCH}", batch.records.len())));
    }
    let messages = batch
        .records
        .into_iter()
        .map(|record| {
            let body = record.body.as_deref().unwrap_or_default();
            let event = serde_json::from_str(body)
                .map_err(|e| PlanError::Event(vigie_core::evidence::clean(&e.to_string())))
                .and_then(plan::parse);
            (record.message_id.unwrap_or_default(), event)
        })
        .collect();
    Ok(Event::Batch(messages))
}

/// The partial batch response: only what failed is delivered again.
#[must_use]
pub fn answer(failed: Vec<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_poisoned_message_spoils_no_other() {
        let batch = json!({"Records": [
            {"messageId": "good", "body": "{\"environment\":\"production\",\"suite\":\"full\",\"scheduled_at\":\"2026-11-22T10:00:00Z\"}"},
            {"messageId": "bad", "body": "not json"},
        ]});
        let Ok(Event::Batch(messages)) = parse(batch) else { panic!("a batch") };
        assert_eq!(
            messages.iter().map(|(id, e)| (id.as_str(), e.is_ok())).collect::<Vec<_>>(),
            [("good", true), ("bad", false)]
        );
        let answer = serde_json::to_value(answer(vec!["bad".into()])).expect("serializes");
        assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "bad"}]}));
    }

    #[test]
    fn doctor_is_asked_by_its_name_alone() {
        assert!(matches!(parse(json!({"doctor": true})), Ok(Event::Doctor)));
        for payload in [json!({"doctor": false}), json!({"doctor": true, "environment": "production"})] {
            assert!(parse(payload).is_err());
        }
    }

    #[test]
    fn what_is_no_event_is_refused_by_name() {
        for payload in [json!({}), json!(null), json!({"environment": "production"}), json!({"detail-type": "x"})] {
            assert!(parse(payload).is_err());
        }
    }
}
