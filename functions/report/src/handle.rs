//! One event of the function -> its answer, and the count of mails that an alarm watches.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use vigie_aws::process::{Process, StartError};
use vigie_core::config::Metrics;
use vigie_core::metrics;

use crate::{Answer, Done, ReportError, event, report, setup};

/// How long publishing the count may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Why the function fails; it is then invoked again.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    #[error(transparent)]
    Event(#[from] event::EventError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("the answer could not be serialized")]
    Answer(#[from] serde_json::Error),
}

/// Sends or renders. Without a configuration, and without recipients, there is nothing to do: the answer says what to write,
/// and nobody is alarmed.
///
/// # Errors
/// The event or the configuration is wrong, or a list's mail was not sent.
pub async fn handle(process: &Process, payload: Value, left: Duration, now: Timestamp) -> Result<Value, HandleError> {
    let asked = event::parse(payload)?;
    let deps = match setup::deps(process, left).await {
        Err(nothing @ StartError::Nothing) => {
            if process.measured() {
                count(&process.own(), 0, now).await;
            }
            return Ok(json!({ "lists": [], "nothing": nothing.to_string() }));
        }
        deps => deps?,
    };
    let silent = deps.config.metrics == Metrics::Off || asked.dry_run;
    match report(&deps, &asked, now).await {
        Ok(answer) => {
            let mails = sent(&answer);
            if mails > 0 && !silent {
                count(&deps.outbox.own, mails, now).await;
            }
            Ok(serde_json::to_value(answer)?)
        }
        Err(nobody @ ReportError::NoRecipients) if asked.scheduled_at.is_some() => {
            if !silent {
                count(&deps.outbox.own, 0, now).await;
            }
            Ok(json!({ "lists": [], "nothing": nobody.to_string() }))
        }
        Err(e) => Err(e.into()),
    }
}

fn sent(answer: &Answer) -> usize {
    answer.lists.iter().filter(|list| matches!(list.done, Done::Sent { repeat: false, .. })).count()
}

/// A count that is not published is a mail too few to the alarm, which then says so.
async fn count(own: &aws_types::SdkConfig, mails: usize, now: Timestamp) {
    let data = [metrics::sent(mails)];
    let done = tokio::time::timeout(LIMIT, vigie_aws::metrics::publish(own, &data, now)).await;
    if !matches!(done, Ok(Ok(()))) {
        tracing::error!("ReportsSent was not published");
    }
}
