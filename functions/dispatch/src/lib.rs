//! The dispatcher: a schedule -> one message for each declared environment -> the suite's work queue. On the way it looks
//! which environments are late.

mod late;
mod mark;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use vigie_aws::config_folder::Scope;
use vigie_aws::process::{Loaded, Process, StartError};
use vigie_aws::queue;
use vigie_aws::store::{Store, StoreError};
use vigie_aws::{CallError, metrics};
use vigie_core::check::Suite;
use vigie_core::config::Metrics;
use vigie_core::plan::{self, DispatchEvent, PlanError};

/// Period of the full suite.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What lives as long as the function's process.
pub struct Function {
    process: Process,
    /// URLs of the work queues.
    connections: Option<String>,
    full: Option<String>,
    /// Period of the connections suite.
    period: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    #[error(transparent)]
    Event(#[from] PlanError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{0} is not set: the URL of the work queue of the suite")]
    NoQueue(&'static str),
    #[error("VIGIE_CONNECTIONS_MINUTES: expected a whole number of minutes from 1 to 60, found {0:?}")]
    Period(String),
    #[error("there is no runs bucket: set VIGIE_RUNS_BUCKET, or [runs] bucket")]
    NoStore,
    #[error(transparent)]
    Queue(#[from] queue::Left),
    #[error("the mark of this scheduled time: {0}")]
    Store(#[from] StoreError),
    #[error("the mark of this scheduled time is being written by another invocation")]
    Busy,
    #[error("EnvironmentsDue is not published: {0}")]
    Metrics(CallError),
}

/// What became of a scheduled time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Environments that the scheduled time makes due.
    pub due: usize,
    /// Messages that this invocation sent.
    pub sent: usize,
    /// An earlier invocation has dispatched it.
    pub already: bool,
    /// Environments that are late, on a connections schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<usize>,
    /// Why nothing is due, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nothing: Option<String>,
}

impl Function {
    /// Reads `VIGIE_QUEUE_CONNECTIONS`, `VIGIE_QUEUE_FULL`, `VIGIE_CONNECTIONS_MINUTES` (5), and what [`Process`] reads.
    ///
    /// # Errors
    /// A variable that is not of its form.
    pub fn new(variable: fn(&str) -> Option<String>) -> Result<Self, DispatchError> {
        let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let minutes = given("VIGIE_CONNECTIONS_MINUTES").unwrap_or_else(|| "5".to_owned());
        let period = minutes.trim().parse::<u64>().ok().filter(|n| (1..=60).contains(n));
        let period = period.ok_or_else(|| DispatchError::Period(vigie_core::evidence::clean(&minutes)))?;
        Ok(Function {
            process: Process::of_lambda(variable)?,
            connections: given("VIGIE_QUEUE_CONNECTIONS"),
            full: given("VIGIE_QUEUE_FULL"),
            period: Duration::from_secs(period * 60),
        })
    }

    fn queue(&self, suite: Suite) -> Result<&str, DispatchError> {
        let (queue, name) = match suite {
            Suite::Connections => (&self.connections, "VIGIE_QUEUE_CONNECTIONS"),
            Suite::Full => (&self.full, "VIGIE_QUEUE_FULL"),
        };
        queue.as_deref().ok_or(DispatchError::NoQueue(name))
    }

    fn period(&self, suite: Suite) -> Duration {
        match suite {
            Suite::Connections => self.period,
            Suite::Full => DAY,
        }
    }
}

/// Dispatches one scheduled time. A second invocation for the same time sends nothing, unless the first one did not end.
///
/// # Errors
/// The event or the configuration is wrong; or not every message is in its queue, or the count is not published: the
/// event must be delivered again.
pub async fn dispatch(
    function: &Function,
    payload: Value,
    now: Timestamp,
    left: Duration,
) -> Result<Answer, DispatchError> {
    let begun = Instant::now();
    let event = plan::parse_dispatch(payload)?;
    let own = function.process.own();
    let loaded = match function.process.load(Scope::Common, left).await {
        // Nothing to do yet is no failure: nobody is alarmed, and the answer says what to run.
        Err(nothing @ StartError::Nothing) => {
            tracing::warn!("{nothing}");
            if function.process.measured() {
                let data = vigie_core::metrics::due(event.suite, 0);
                metrics::publish(&own, &data, now).await.map_err(DispatchError::Metrics)?;
            }
            return Ok(Answer { due: 0, sent: 0, already: false, late: None, nothing: Some(nothing.to_string()) });
        }
        loaded => loaded?,
    };
    let names = function.process.environments(&loaded).await?;
    let bucket = loaded.bucket.as_deref().ok_or(DispatchError::NoStore)?;
    let store = Store::bucket(&own, bucket, None);
    let work = Work { function, own: &own, store: &store, loaded: &loaded, event: &event, now };
    let (sent, already) = work.send(&names, left.saturating_sub(begun.elapsed())).await?;
    let late = match event.suite {
        Suite::Connections => work.late(&names, left.saturating_sub(begun.elapsed())).await,
        Suite::Full => None,
    };
    let nothing = names.is_empty().then(|| PlanError::Nothing.to_string());
    Ok(Answer { due: names.len(), sent, already, late, nothing })
}

/// One scheduled time.
struct Work<'a> {
    function: &'a Function,
    own: &'a aws_types::SdkConfig,
    store: &'a Store,
    loaded: &'a Loaded,
    event: &'a DispatchEvent,
    now: Timestamp,
}

impl Work<'_> {
    /// Messages sent by this invocation, and whether another had dispatched the time. The mark says how far it got: with
    /// the mark every message is in its queue, counted means that `EnvironmentsDue` is published.
    async fn send(&self, names: &[String], left: Duration) -> Result<(usize, bool), DispatchError> {
        let key = plan::dispatch_key(self.event);
        let (tag, sent) = match mark::read(self.store, &key).await? {
            Some((mark, _)) if mark.counted => return Ok((0, true)),
            Some((_, tag)) => (tag, 0),
            None => {
                let queue = self.function.queue(self.event.suite)?;
                let period = self.function.period(self.event.suite);
                let body = |name: &String| serde_json::to_string(&self.event.message(name, period));
                let bodies: Vec<String> = names.iter().flat_map(body).collect();
                queue::send(self.own, queue, &bodies, left).await?;
                match mark::put(self.store, &key, names.len(), self.now).await? {
                    Some(tag) => (tag, bodies.len()),
                    // Another invocation of the same time was as far: it counts.
                    None => return Ok((bodies.len(), true)),
                }
            }
        };
        self.publish(&vigie_core::metrics::due(self.event.suite, names.len())).await.map_err(DispatchError::Metrics)?;
        mark::counted(self.store, &key, names.len(), self.now, &tag).await?;
        Ok((sent, sent == 0 && !names.is_empty()))
    }

    async fn publish(&self, data: &[vigie_core::metrics::Datum]) -> Result<(), CallError> {
        if self.loaded.config.metrics == Metrics::Off {
            return Ok(());
        }
        metrics::publish(self.own, data, self.now).await
    }

    /// How many environments are late, said to whoever listens. It stops no dispatch: what failed is in the log, and the
    /// next one looks again.
    async fn late(&self, names: &[String], left: Duration) -> Option<usize> {
        let bus = &self.loaded.config.alerts.bus;
        let looked = tokio::time::timeout(left, late::look(self.own, self.store, bus, names, self.now)).await;
        let late = match looked {
            Ok(Ok(late)) => late,
            Ok(Err(what)) => {
                tracing::error!(what, "which environments are late is not known");
                return None;
            }
            Err(_) => {
                tracing::error!("which environments are late is not known: no time was left");
                return None;
            }
        };
        if let Err(e) = self.publish(&[vigie_core::metrics::stale(late)]).await {
            tracing::error!(error = %e, "EnvironmentsStale was not published");
        }
        Some(late)
    }
}
