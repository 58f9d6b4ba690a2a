//! The work queues: one message an environment, ten a call.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use aws_types::SdkConfig;
use futures::{StreamExt, stream};
use vigie_core::cause::Cause;

use crate::error::{CallError, call, service};
use crate::store::pause;
use crate::{Need, need};

const ACTION: &str = "sqs:SendMessage";
/// Of one SendMessageBatch. Source: Amazon SQS developer guide, "Message quotas".
const MOST_A_CALL: usize = 10;
/// Calls under way at a time.
const AT_A_TIME: usize = 16;
/// Rounds, each with what the last one left; with growing pauses.
const ROUNDS: u32 = 6;
/// The longest that one call may take.
const LIMIT: Duration = Duration::from_secs(15);

/// What sending needs. A batch needs the permission of a single message.
#[must_use]
pub fn actions(queue: &str) -> Vec<Need> {
    vec![need(ACTION, queue.to_owned())]
}

/// Messages that are not in the queue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{left} of {of} messages are not in the queue: {call}")]
pub struct Left {
    /// Of the last failure.
    pub call: CallError,
    pub left: usize,
    pub of: usize,
}

/// Sends all messages. What a call reports as failed is sent again, until `left` of the invocation is over; a message may
/// then be in the queue twice, never not at all.
///
/// # Errors
/// Some are not in the queue: the event must fail, so that it is delivered again.
pub async fn send(config: &SdkConfig, queue: &str, messages: &[String], left: Duration) -> Result<(), Left> {
    let client = Client::new(config);
    let mut waiting: Vec<&String> = messages.iter().collect();
    let mut last = CallError::new(Cause::Deadline, ACTION);
    let work = async {
        for round in 0..ROUNDS {
            if round > 0 {
                pause(round).await;
            }
            let calls = stream::iter(waiting.chunks(MOST_A_CALL)).map(|batch| put(&client, queue, batch));
            let answers: Vec<Answer<'_>> = calls.buffer_unordered(AT_A_TIME).collect().await;
            waiting = Vec::new();
            let mut lasting = false;
            for Answer { failed, error } in answers {
                waiting.extend(failed);
                if let Some(error) = error {
                    lasting |= !passing(error.cause);
                    last = error;
                }
            }
            if waiting.is_empty() || lasting {
                break;
            }
        }
    };
    // Cut short, what has not been confirmed counts as left.
    let in_time = tokio::time::timeout(left, work).await.is_ok();
    if in_time && waiting.is_empty() {
        Ok(())
    } else {
        Err(Left { call: last, left: waiting.len(), of: messages.len() })
    }
}

/// What one call left.
struct Answer<'a> {
    failed: Vec<&'a String>,
    error: Option<CallError>,
}

async fn put<'a>(client: &Client, queue: &str, batch: &[&'a String]) -> Answer<'a> {
    let entries = batch.iter().enumerate().map(|(at, body)| {
        SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body((*body).clone()).build()
    });
    let all = |error| Answer { failed: batch.to_vec(), error: Some(error) };
    let Ok(entries) = entries.collect::<Result<Vec<_>, _>>() else {
        return all(CallError::new(Cause::Malformed, ACTION));
    };
    let sent = client.send_message_batch().queue_url(queue).set_entries(Some(entries)).send();
    let answer = match tokio::time::timeout(LIMIT, sent).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(e)) => return all(call(&e, ACTION)),
        Err(_) => return all(CallError::new(Cause::Timeout, ACTION)),
    };
    // Only what the answer names as sent is sent.
    let done = |at: usize| answer.successful.iter().any(|entry| entry.id == at.to_string());
    let failed: Vec<&String> = batch.iter().enumerate().filter(|(at, _)| !done(*at)).map(|(_, body)| *body).collect();
    let error = answer.failed.first().map(|entry| CallError {
        // A fault of the sender lasts; SQS's own passes.
        cause: if entry.sender_fault { service(Some(&entry.code), 400) } else { Cause::ServerError },
        code: Some(vigie_core::evidence::clean(&entry.code)),
        action: ACTION,
    });
    let error = error.or_else(|| (!failed.is_empty()).then(|| CallError::new(Cause::Protocol, ACTION)));
    Answer { failed, error }
}

/// Whether the same message may be taken a moment later.
const fn passing(cause: Cause) -> bool {
    matches!(cause, Cause::Throttled | Cause::ServerError | Cause::Timeout | Cause::Unexpected | Cause::Protocol)
}
