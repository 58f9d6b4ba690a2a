//! Run object, snapshot, alert events, metrics, head, heartbeat: in this order. One failing sink stops no other and is
//! itself reported.

use std::collections::BTreeSet;
use std::time::Duration;

use vigie_aws::CallError;
use vigie_aws::store::{ETag, Put, Store};
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::facts::Gap;
use vigie_core::fingerprint::Fingerprint;
use vigie_core::head::{self, Alert, Head, Moved};
use vigie_core::plan;
use vigie_core::run::{Counts, Run, SinkFailure};
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
    if let Err(gap) = &what.head {
        // Without a readable head nothing is known of what was said before: no transitions, and the run says so.
        failed.push(failure("head", gap.cause, gap.action.clone()));
        metrics(deps, what.run, &Counts::new(), deadline, failed).await;
        return;
    }
    match move_head(deps, what, deadline, failed).await {
        // A head that is newer needs nothing of this run, which is done too.
        Ok(()) => heartbeat(deps, what.run, deadline, failed).await,
        Err(cause) => failed.push(cause),
    }
}

fn advance(what: &Material<'_>, previous: Option<&Head>) -> Option<Moved> {
    let confirm = what.snapshot.environment.confirm();
    let facts = &what.snapshot.facts;
    let complete = facts.variables.unread.is_empty() && facts.lost.is_empty();
    head::advance(previous, what.run, what.key, what.memory.clone(), what.fingerprints.clone(), confirm, complete)
}

/// Sends those alerts that no earlier round has sent; one that could not be sent is taken back in the head, so that the
/// next run says it.
async fn alerts(
    deps: &Deps,
    moved: &mut Moved,
    previous: Option<&Head>,
    said: &mut BTreeSet<String>,
    deadline: Deadline,
) -> Result<(), SinkFailure> {
    let new: Vec<Alert> = moved.beyond(said);
    if new.is_empty() {
        return Ok(());
    }
    let sent = deadline.run(LIMIT, vigie_aws::events::send(&deps.own, &deps.config.alerts.bus, &new)).await;
    let (unsent, failed) = match sent {
        Ok(Ok(())) => (Vec::new(), Ok(())),
        Ok(Err(left)) => (left.left.clone(), Err(SinkFailure::from(&*left))),
        Err(cause) => (new.clone(), Err(failure("alerts", cause, None))),
    };
    let lost: BTreeSet<&str> = unsent.iter().map(|alert| alert.id.as_str()).collect();
    for alert in new.iter().filter(|alert| !lost.contains(alert.id.as_str())) {
        said.extend(alert.notices());
    }
    head::take_back(&mut moved.head, previous, &unsent);
    failed
}

async fn metrics(deps: &Deps, run: &Run, standing: &Counts, deadline: Deadline, failed: &mut Vec<SinkFailure>) {
    use vigie_core::config::Metrics;
    if deps.config.metrics == Metrics::Off {
        return;
    }
    let data = vigie_core::metrics::data(run, standing, deps.config.metrics == Metrics::Detailed);
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

/// Alerts, metrics, then the head, which moves only forward, by a conditional put. 412: read again; done if it is our own
/// write, else the transitions are made anew on what is there, and what they say beyond the first round is sent too. 409:
/// the same, after the other writer is done.
async fn move_head(
    deps: &Deps,
    what: &Material<'_>,
    deadline: Deadline,
    failed: &mut Vec<SinkFailure>,
) -> Result<(), SinkFailure> {
    let key = plan::head_key(&what.run.environment);
    let mut said = BTreeSet::new();
    for round in 0..RACES {
        let current = state::head(&deps.store, &what.run.environment, LIMIT.min(deadline.left())).await;
        let current = current.map_err(|gap| failure("head", gap.cause, gap.action))?;
        let previous = current.as_ref().map(|(head, _)| head);
        if previous.is_some_and(|head| head.newest.get(what.run.suite.name()).is_some_and(|n| n.id == what.run.id)) {
            return Ok(());
        }
        let mut moved = advance(what, previous);
        if let Some(moved) = &mut moved {
            failed.extend(alerts(deps, moved, previous, &mut said, deadline).await.err());
        }
        if round == 0 {
            let head = moved.as_ref().map(|moved| &moved.head).or(previous);
            let standing = head.map(|head| head::standing(head, what.run)).unwrap_or_default();
            metrics(deps, what.run, &standing, deadline, failed).await;
        }
        match moved {
            // The head has a newer run of the suite.
            None => return Ok(()),
            Some(moved) if put(deps, &key, &moved.head, current.as_ref(), deadline).await? => return Ok(()),
            Some(_) => {}
        }
    }
    Err(failure("head", Cause::Throttled, None))
}

/// False: another writer was first.
async fn put(
    deps: &Deps,
    key: &str,
    head: &Head,
    current: Option<&(Head, ETag)>,
    deadline: Deadline,
) -> Result<bool, SinkFailure> {
    let bytes = serde_json::to_vec(head).map_err(|_| failure("head", Cause::Unexpected, None))?;
    let put = async {
        match current {
            Some((_, tag)) => deps.store.put_if_match(key, bytes, tag).await,
            None => deps.store.put_if_absent(key, bytes).await,
        }
    };
    match deadline.run(LIMIT, put).await {
        Ok(Ok(put)) => Ok(matches!(put, Put::Done(_))),
        Ok(Err(e)) => Err(refused("head", &e.call)),
        Err(cause) => Err(failure("head", cause, None)),
    }
}
