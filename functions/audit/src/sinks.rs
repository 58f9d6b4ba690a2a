//! Run object, snapshot, alert events, metrics, head, heartbeat: in this order. One failing sink stops no other and is
//! itself reported.

use std::time::Duration;

use vigie_aws::CallError;
use vigie_aws::store::{Put, Store};
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::facts::Gap;
use vigie_core::fingerprint::Fingerprint;
use vigie_core::head::{self, Head, Moved};
use vigie_core::plan;
use vigie_core::run::{Run, SinkFailure};
use vigie_core::snapshot::{Memory, Snapshot};
use vigie_probe::ask::Deadline;

use crate::{Deps, state};

/// How long one sink may take.
const LIMIT: Duration = Duration::from_secs(5);

/// How often a lost race for the head is run again.
const RACES: u32 = 5;

/// What the sinks need beside the run.
pub struct Material<'a> {
    pub run: &'a mut Run,
    pub snapshot: &'a Snapshot,
    /// Of the run object.
    pub key: &'a str,
    pub head: Result<Option<Head>, Gap>,
    pub memory: Memory,
    pub fingerprints: Named<Fingerprint>,
}

/// Writes every sink that a run has; the failures are in `run.sinks`.
pub async fn write(deps: &Deps, mut what: Material<'_>, deadline: Deadline) {
    if deps.read_only {
        return;
    }
    let mut failed = Vec::new();
    if !matches!(deps.store, Store::Nowhere) {
        objects(&deps.store, &what, deadline, &mut failed).await;
    }
    if what.run.scheduled_at.is_some() && !matches!(deps.store, Store::Nowhere) {
        scheduled(deps, &mut what, deadline, &mut failed).await;
    }
    for failure in &failed {
        tracing::error!(
            sink = failure.sink,
            cause = failure.cause.code(),
            action = failure.action,
            "a sink was not written"
        );
    }
    what.run.sinks = failed;
}

async fn objects(store: &Store, what: &Material<'_>, deadline: Deadline, failed: &mut Vec<SinkFailure>) {
    let run = serde_json::to_vec(&what.run).map_err(|_| Cause::Unexpected);
    let snapshot = serde_json::to_vec(&what.snapshot).map_err(|_| Cause::Unexpected);
    let snapshot_key = plan::snapshot_key(what.key);
    // The snapshot first: a run object says that all of the run is there.
    for (sink, key, bytes) in [("snapshot", snapshot_key.as_str(), snapshot), ("run", what.key, run)] {
        let done = match bytes {
            Err(cause) => Err(failure(sink, cause, None)),
            Ok(bytes) => match deadline.run(LIMIT, store.put_run(key, bytes)).await {
                Err(cause) => Err(failure(sink, cause, None)),
                Ok(Err(e)) => Err(refused(sink, &e.call)),
                // Written before by a delivery of the same message: the same run, by its key.
                Ok(Ok(_)) => Ok(()),
            },
        };
        failed.extend(done.err());
    }
}

fn failure(sink: &str, cause: Cause, action: Option<String>) -> SinkFailure {
    SinkFailure { sink: sink.to_owned(), cause, action }
}

fn refused(sink: &str, call: &CallError) -> SinkFailure {
    failure(sink, call.cause, Some(call.action.to_owned()))
}

/// Alerts, metrics, head and heartbeat of a scheduled run.
async fn scheduled(deps: &Deps, what: &mut Material<'_>, deadline: Deadline, failed: &mut Vec<SinkFailure>) {
    let moved = match &what.head {
        Err(gap) => {
            // Without a readable head nothing is known of what was said before: no transitions, and the run says so.
            failed.push(failure("head", gap.cause, gap.action.clone()));
            None
        }
        Ok(previous) => advance(deps, what, previous.as_ref()),
    };
    if let Some(mut moved) = moved {
        if let Err(cause) = alerts(deps, &mut moved, what.head.as_ref().ok().and_then(Option::as_ref), deadline).await {
            failed.push(cause);
        }
        metrics(deps, what.run, deadline, failed).await;
        match move_head(deps, what, moved, deadline).await {
            Ok(()) => heartbeat(deps, what.run, deadline, failed).await,
            Err(cause) => failed.push(cause),
        }
    } else {
        metrics(deps, what.run, deadline, failed).await;
    }
}

fn advance(deps: &Deps, what: &Material<'_>, previous: Option<&Head>) -> Option<Moved> {
    let confirm = deps.config.alerts.confirm_runs;
    let facts = &what.snapshot.facts;
    let complete = facts.variables.unread.is_empty() && facts.lost.is_empty();
    head::advance(previous, what.run, what.key, what.memory.clone(), what.fingerprints.clone(), confirm, complete)
}

/// Sends the alerts; one that could not be sent is taken back in the head, so that the next run says it.
async fn alerts(
    deps: &Deps,
    moved: &mut Moved,
    previous: Option<&Head>,
    deadline: Deadline,
) -> Result<(), SinkFailure> {
    if moved.alerts.is_empty() {
        return Ok(());
    }
    let sent = deadline.run(LIMIT, vigie_aws::events::send(&deps.own, &deps.config.alerts.bus, &moved.alerts)).await;
    let (unsent, failed) = match sent {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(left)) => (left.left.clone(), SinkFailure::from(&*left)),
        Err(cause) => (moved.alerts.clone(), failure("alerts", cause, None)),
    };
    head::take_back(&mut moved.head, previous, &unsent);
    Err(failed)
}

async fn metrics(deps: &Deps, run: &Run, deadline: Deadline, failed: &mut Vec<SinkFailure>) {
    use vigie_core::config::Metrics;
    if deps.config.metrics == Metrics::Off {
        return;
    }
    let data = vigie_core::metrics::data(run, deps.config.metrics == Metrics::Detailed);
    publish(deps, "metrics", &data, run, deadline, failed).await;
}

async fn heartbeat(deps: &Deps, run: &Run, deadline: Deadline, failed: &mut Vec<SinkFailure>) {
    if deps.config.metrics != vigie_core::config::Metrics::Off {
        let data = [vigie_core::metrics::heartbeat(run.suite)];
        publish(deps, "heartbeat", &data, run, deadline, failed).await;
    }
}

async fn publish(
    deps: &Deps,
    sink: &str,
    data: &[vigie_core::metrics::Datum],
    run: &Run,
    deadline: Deadline,
    failed: &mut Vec<SinkFailure>,
) {
    let done = deadline.run(LIMIT, vigie_aws::metrics::publish(&deps.own, data, run.started_at)).await;
    match done {
        Ok(Ok(())) => {}
        Ok(Err(e)) => failed.push(refused(sink, &e)),
        Err(cause) => failed.push(failure(sink, cause, None)),
    }
}

/// The head moves only forward, by a conditional put. 412: read again; done if it is our own write, else the transitions
/// are made anew on what is there. 409: the same, after the other writer is done.
async fn move_head(deps: &Deps, what: &Material<'_>, first: Moved, deadline: Deadline) -> Result<(), SinkFailure> {
    let key = plan::head_key(&what.run.environment);
    let mut moved = first;
    for _ in 0..RACES {
        let current = state::head(&deps.store, &what.run.environment, LIMIT.min(deadline.left())).await;
        let current = current.map_err(|gap| failure("head", gap.cause, gap.action))?;
        let known = what.head.as_ref().ok().and_then(Option::as_ref).map(|h| h.run.as_str());
        if current.as_ref().map(|(h, _)| h.run.as_str()) != known {
            if current.as_ref().is_some_and(|(h, _)| h.run == what.run.id) {
                return Ok(());
            }
            match advance(deps, what, current.as_ref().map(|(h, _)| h)) {
                Some(again) => moved = again,
                // A newer run has moved it already.
                None => return Ok(()),
            }
        }
        let bytes = serde_json::to_vec(&moved.head).map_err(|_| failure("head", Cause::Unexpected, None))?;
        let put = async {
            match &current {
                Some((_, tag)) => deps.store.put_if_match(&key, bytes, tag).await,
                None => deps.store.put_if_absent(&key, bytes).await,
            }
        };
        match deadline.run(LIMIT, put).await {
            Ok(Ok(Put::Done(_))) => return Ok(()),
            Ok(Ok(Put::Precondition | Put::Conflict)) => {}
            Ok(Err(e)) => return Err(refused("head", &e.call)),
            Err(cause) => return Err(failure("head", cause, None)),
        }
    }
    Err(failure("head", Cause::Throttled, None))
}
