//! Alerts, put on an EventBridge bus: `source: vigie`, `detail-type: Vigie Alert`, the alert's JSON as detail.

use std::collections::VecDeque;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use aws_types::SdkConfig;
use vigie_core::cause::Cause;
use vigie_core::head::Alert;
use vigie_core::run::SinkFailure;

use crate::error::{CallError, call, service};
use crate::store::pause;
use crate::{Need, need};

pub const SOURCE: &str = "vigie";
pub const DETAIL_TYPE: &str = "Vigie Alert";
const ACTION: &str = "events:PutEvents";
/// Of one PutEvents call. Source: EventBridge user guide, "Sending events with PutEvents".
const MOST_A_CALL: usize = 10;
/// Bytes of one call, entries counted by [`size`].
const LARGEST_CALL: usize = 256 * 1024;
/// Times that what failed is sent.
const ROUNDS: u32 = 4;

/// What the sink needs: `bus` is a name or an ARN.
#[must_use]
pub fn actions(bus: &str) -> Vec<Need> {
    let bus = if bus.starts_with("arn:") { bus.to_owned() } else { format!("arn:*:events:*:*:event-bus/{bus}") };
    vec![need(ACTION, bus)]
}

/// Alerts that did not get onto the bus. The next run must say them again.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{} of {of} alerts are not on the bus: {call}", left.len())]
pub struct Left {
    /// Of the last failure.
    pub call: CallError,
    pub left: Vec<Alert>,
    /// How many there were.
    pub of: usize,
}

impl From<&Left> for SinkFailure {
    fn from(left: &Left) -> Self {
        SinkFailure { sink: "alerts".to_owned(), cause: left.call.cause, action: Some(left.call.action.to_owned()) }
    }
}

/// One alert as it is sent.
struct Entry<'a> {
    alert: &'a Alert,
    detail: String,
}

/// Sends all alerts. What a call reports as failed is sent again, four times in all with growing pauses.
///
/// # Errors
/// What is left: the alerts that were refused, were larger than a call may be, or failed every time.
pub async fn send(config: &SdkConfig, bus: &str, alerts: &[Alert]) -> Result<(), Box<Left>> {
    let client = Client::new(config);
    let mut left: Vec<Entry<'_>> = Vec::new();
    let mut waiting = VecDeque::new();
    let mut last = CallError::new(Cause::TooLarge, ACTION);
    for alert in alerts {
        match serde_json::to_string(alert) {
            Ok(detail) if size(&detail) <= LARGEST_CALL => waiting.push_back(Entry { alert, detail }),
            _ => left.push(Entry { alert, detail: String::new() }),
        }
    }
    for round in 0..ROUNDS {
        if round > 0 {
            pause(round).await;
        }
        let mut again = VecDeque::new();
        while let Some(batch) = batch(&mut waiting) {
            match put(&client, bus, &batch).await {
                Ok(results) => {
                    for (entry, result) in batch.into_iter().zip(results) {
                        let Err(error) = result else { continue };
                        let lasting = !passing(error.cause);
                        last = error;
                        if lasting { left.push(entry) } else { again.push_back(entry) }
                    }
                }
                // The SDK has tried three times itself: what refuses one call refuses the next.
                Err(error) => {
                    last = error;
                    left.extend(batch.into_iter().chain(waiting.drain(..)).chain(again.drain(..)));
                }
            }
        }
        waiting = again;
        if waiting.is_empty() {
            break;
        }
    }
    left.extend(waiting);
    if left.is_empty() {
        return Ok(());
    }
    let left = Left { call: last, left: left.iter().map(|e| e.alert.clone()).collect(), of: alerts.len() };
    tracing::error!(left = left.left.len(), of = left.of, cause = left.call.cause.code(), "alerts left unsent");
    Err(Box::new(left))
}

/// The next call's entries: at most ten, at most 256 KB.
fn batch<'a>(waiting: &mut VecDeque<Entry<'a>>) -> Option<Vec<Entry<'a>>> {
    let mut batch: Vec<Entry<'a>> = Vec::new();
    let mut bytes = 0;
    while batch.len() < MOST_A_CALL
        && let Some(next) = waiting.pop_front_if(|next| bytes + size(&next.detail) <= LARGEST_CALL)
    {
        bytes += size(&next.detail);
        batch.push(next);
    }
    (!batch.is_empty()).then_some(batch)
}

/// An entry's size as EventBridge counts it: 14 bytes for the time, and the texts. Source: EventBridge user guide,
/// "Calculating event entry size".
fn size(detail: &str) -> usize {
    14 + SOURCE.len() + DETAIL_TYPE.len() + detail.len()
}

/// One call; a result an entry, in order.
async fn put(client: &Client, bus: &str, batch: &[Entry<'_>]) -> Result<Vec<Result<(), CallError>>, CallError> {
    let entries = batch.iter().map(|entry| {
        PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(SOURCE)
            .detail_type(DETAIL_TYPE)
            .detail(&entry.detail)
            .build()
    });
    let answer = client.put_events().set_entries(Some(entries.collect())).send().await;
    let answer = answer.map_err(|e| call(&e, ACTION))?;
    let results: Vec<_> = answer.entries.unwrap_or_default().iter().map(result).collect();
    // An answer that names fewer entries than were sent proves nothing of any.
    if results.len() == batch.len() { Ok(results) } else { Err(CallError::new(Cause::Protocol, ACTION)) }
}

fn result(entry: &PutEventsResultEntry) -> Result<(), CallError> {
    match entry.error_code() {
        None => Ok(()),
        Some(code) => Err(CallError {
            cause: service(Some(code), 0),
            code: Some(vigie_core::evidence::clean(code)),
            action: ACTION,
        }),
    }
}

/// Whether the same entry may be taken a moment later.
const fn passing(cause: Cause) -> bool {
    matches!(cause, Cause::Throttled | Cause::ServerError | Cause::Timeout | Cause::Unexpected)
}
