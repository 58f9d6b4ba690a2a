//! One environment, observed: variables, targets, facts, and what the neighbours publish. The result is a snapshot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use vigie_aws::key::{At, KeySource};
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::Kind;
use vigie_core::facts::{Fact, Gap, Identity};
use vigie_core::fingerprint::FingerprintKey;
use vigie_core::head::Head;
use vigie_core::snapshot::{Memory, Neighbour, SCHEMA, Snapshot, Timing};
use vigie_core::{plan, variables};
use vigie_probe::ask::{Ask, Deadline};
use vigie_probe::shared::Shared;

use crate::open::{VARIABLES, open};
use crate::{AuditError, Deps};

/// What an audit knows before it judges.
pub struct Observed {
    pub snapshot: Snapshot,
    /// The own head: `Ok(None)` = first run.
    pub head: Result<Option<Head>, Gap>,
}

/// Observes one environment. `progress` hears of each target as it is done.
///
/// # Errors
/// The environment's configuration cannot be used at all; what cannot be reached is a gap, not an error.
pub async fn observe(
    deps: &Deps,
    audit: &plan::Audit,
    identity: &plan::Identity,
    now: Timestamp,
    deadline: Deadline,
    progress: &(dyn Fn(Kind, &str) + Sync),
) -> Result<Observed, AuditError> {
    let started = Instant::now();
    let name = &audit.environment;
    let undeclared = || AuditError::Undeclared(name.clone());
    let config = deps.config.environment.get(name).ok_or_else(undeclared)?;
    let environment = deps.config.environment(name).ok_or_else(undeclared)?;
    let limit = VARIABLES.min(deadline.left());
    let (opened, key, (head, neighbours)) =
        tokio::join!(open(deps, name, limit), fingerprint_key(deps, limit), heads(deps, name, limit));
    let opened = opened?;
    let facts_of_variables = variables::facts(&opened.values, &environment.contract, key.as_deref());
    let ask = Ask {
        key,
        writes: config.writes.allowed(audit.suite) && !deps.read_only,
        // Who asks on demand has just mended something: what was known a minute ago is no answer.
        shared: if audit.scheduled_at.is_some() { deps.shared.clone() } else { Shared::default() },
        ..opened.ask(deps, audit.suite, now, deadline)?
    };
    let facts = vigie_probe::observe::observe(&ask, &opened.targets, facts_of_variables, progress).await;
    let memory = match &head {
        Ok(Some(head)) => Fact::Known(head.memory.clone()),
        Ok(None) => Fact::gap(Cause::NoHistory, Identity::Auditor),
        Err(gap) => Fact::Gap(gap.clone()),
    };
    let snapshot = Snapshot {
        schema: SCHEMA.to_owned(),
        id: identity.id.clone(),
        now,
        suite: audit.suite,
        environment,
        facts,
        memory,
        neighbours,
        timing: Timing {
            scheduled_at: audit.scheduled_at,
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        },
    };
    Ok(Observed { snapshot, head })
}

/// The installation's key; without it what compares environments is unknown.
async fn fingerprint_key(deps: &Deps, limit: Duration) -> Option<Arc<FingerprintKey>> {
    let source: KeySource = deps.config.fingerprint_key.as_deref()?.parse().ok()?;
    let at = At { vars: &*deps.edge.variable, directory: &deps.folder };
    let read = tokio::time::timeout(limit, deps.key.get(Some(&source), &deps.own, at)).await;
    let read = read.unwrap_or(Err(Gap::new(Cause::Timeout, Identity::Auditor)));
    if let Err(gap) = &read {
        tracing::warn!(cause = gap.cause.code(), action = gap.action, "the fingerprint key could not be read");
    }
    read.ok().flatten()
}

type Neighbours = Named<Fact<Neighbour>>;

/// The own head, and what every other declared environment publishes in its.
async fn heads(deps: &Deps, own: &str, limit: Duration) -> (Result<Option<Head>, Gap>, Neighbours) {
    let others = deps.config.neighbours(own);
    let read = futures::future::join(
        crate::state::head(&deps.store, own, limit),
        futures::future::join_all(others.iter().map(|name| crate::state::head(&deps.store, name, limit))),
    );
    let (head, heads) = read.await;
    let neighbours = others
        .into_iter()
        .zip(heads)
        .map(|(name, head)| {
            let fact = match head {
                Ok(Some((head, _))) => Fact::Known(head.neighbour()),
                Ok(None) => Fact::gap(Cause::NoNeighbour, Identity::Auditor),
                Err(gap) => Fact::Gap(gap),
            };
            (name, fact)
        })
        .collect();
    (head.map(|found| found.map(|(head, _)| head)), neighbours)
}

/// What the head remembers after this run.
#[must_use]
pub fn remember(snapshot: &Snapshot) -> Memory {
    let mut memory = snapshot.memory.get().ok().cloned().unwrap_or_default();
    vigie_core::checks::credentials::remember(&snapshot.facts, &mut memory, snapshot.now);
    vigie_core::checks::sqs::remember(&snapshot.facts, &mut memory);
    vigie_core::expires::remember(&snapshot.facts, &mut memory, snapshot.now);
    vigie_core::checks::selfwatch::remember(&mut memory, snapshot.suite, snapshot.now);
    memory
}
