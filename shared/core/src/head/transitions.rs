//! Run and head -> the next head and its alerts. Pure: the same history always gives the same alerts.
//!
//! A run updates only the keys of checks that it judged. Unknown leaves a key open: it neither raises nor clears.

use super::alert::Alert;
use super::follow::Following;
use super::notices::{self, Notice};
use super::{Head, Newest, SCHEMA, absent, history};
use crate::Named;
use crate::check::{Class, Suite};
use crate::checks;
use crate::fingerprint::Fingerprint;
use crate::run::{Outcome, Run};
use crate::snapshot::{Confirm, Memory};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The next head and what it says to the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    pub head: Head,
    pub alerts: Vec<Alert>,
    notices: Vec<Notice>,
    by: By,
}

/// Which run says it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct By {
    pub environment: String,
    pub class: Class,
    pub run: String,
    pub at: Timestamp,
}

impl Moved {
    /// The alerts without what has been said already ([`Alert::notices`]), by an earlier round of the same run.
    #[must_use]
    pub fn beyond(&self, said: &BTreeSet<String>) -> Vec<Alert> {
        let new: Vec<&Notice> = self.notices.iter().filter(|notice| !said.contains(&notice.name())).collect();
        notices::alerts(&new, &self.by)
    }
}

/// Fills in since when each finding has failed, as far as the head knows.
pub fn date_findings(run: &mut Run, previous: Option<&Head>) {
    let now = run.scheduled_at.unwrap_or(run.started_at);
    for finding in run.findings.iter_mut().filter(|f| f.outcome == Outcome::Fail) {
        let chain = previous.and_then(|head| head.chains.get(&finding.key()));
        let known = chain.filter(|chain| chain.passing_since.is_none()).map(|chain| chain.failing_since);
        finding.failing_since = Some(known.unwrap_or(now));
    }
}

/// Moves the head forward. `complete`: every source of variables was read, so that what is not there is gone; else its
/// absence proves nothing. `None`: the run is on demand, or the head has it or a newer one of its suite, and stays.
///
/// A full run waits in a queue of its own, and the next connections run may move the head first. Then it is late: what
/// the other suite judges too is newer there and stays, what it alone judges counts.
#[must_use]
pub fn advance(
    previous: Option<&Head>,
    run: &Run,
    key: &str,
    memory: Memory,
    fingerprints: Named<Fingerprint>,
    confirm: Confirm,
    complete: bool,
) -> Option<Moved> {
    let at = run.scheduled_at?;
    if previous.is_some_and(|head| seen(head, run, at)) {
        return None;
    }
    let late = previous.is_some_and(|head| at < head.scheduled_at);
    let alone = late.then(|| alone(run));
    let run = alone.as_ref().unwrap_or(run);
    let mut head = previous.cloned().unwrap_or_else(|| empty(run, at));
    let first = previous.is_none_or(|head| head.first_unsaid);
    head.first_unsaid = false;
    let mut following = Following::new(run, at, confirm, &mut head.chains, &mut head.changes);
    following.all();
    absent::follow(&mut following, complete);
    let mut notices = following.done();
    notices::group(&mut notices, &mut head.chains, &run.environment, first);
    notices::close(&mut notices, &head.chains, &run.environment);
    let by = By { environment: run.environment.clone(), class: run.class, run: run.id.clone(), at };
    let alerts = notices::alerts(&notices.iter().collect::<Vec<_>>(), &by);
    let newest = Newest { id: run.id.clone(), key: key.to_owned(), scheduled_at: at };
    head.newest.insert(run.suite.name().to_owned(), newest);
    if !late {
        record(&mut head, run, at, memory, fingerprints);
    }
    Some(Moved { head, alerts, notices, by })
}

fn empty(run: &Run, at: Timestamp) -> Head {
    Head {
        schema: SCHEMA.to_owned(),
        environment: run.environment.clone(),
        class: run.class,
        run: String::new(),
        scheduled_at: at,
        newest: Named::new(),
        chains: Named::new(),
        changes: Named::new(),
        first_unsaid: false,
        memory: Memory::default(),
        history: Named::new(),
        fingerprints: Named::new(),
    }
}

/// What a head holds beside its chains.
fn record(head: &mut Head, run: &Run, at: Timestamp, memory: Memory, fingerprints: Named<Fingerprint>) {
    for target in run.targets.iter().filter(|t| !t.rungs.is_empty()) {
        let fell = target.rungs.iter().any(|r| r.cause.is_some());
        let ms = target.rungs.iter().map(|r| r.ms).fold(0, u32::saturating_add);
        history::count(head.history.entry(target.target.clone()).or_default(), at, (!fell).then_some(ms));
    }
    head.class = run.class;
    head.run.clone_from(&run.id);
    head.scheduled_at = at;
    head.memory = memory;
    if !fingerprints.is_empty() {
        head.fingerprints = fingerprints;
    }
}

/// The run with what no other suite judges: connections asks nothing that full does not.
fn alone(run: &Run) -> Run {
    let mut run = run.clone();
    let own = |check: &str| checks::find(check).is_some_and(|check| check.suite == Suite::Full);
    run.findings.retain(|finding| run.suite == Suite::Full && own(&finding.check));
    run
}

/// Whether the head has this run, or a newer one of its suite, already.
fn seen(head: &Head, run: &Run, at: Timestamp) -> bool {
    head.newest.get(run.suite.name()).is_some_and(|newest| newest.scheduled_at >= at)
}
