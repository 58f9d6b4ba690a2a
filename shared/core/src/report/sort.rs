//! Sorts an environment's findings into what is new, resolved, stays, and unknown.

use super::input::{Observed, Open};
use super::merge::Merged;
use super::view::{Item, Reason, Resolved, Unknown};
use crate::cause::Cause;
use crate::check::{Kind, Severity};
use crate::checks;
use crate::evidence::Evidence;
use crate::judge::weight;
use crate::run::{Finding, Outcome, Verdict, key};
use jiff::Timestamp;

#[derive(Default)]
pub(super) struct Sorted {
    pub new: Vec<Item>,
    pub resolved: Vec<Resolved>,
    pub stays: Vec<Item>,
    pub unknown: Vec<Unknown>,
    pub reason: Reason,
    pub open: Vec<Open>,
}

pub(super) fn sort(observed: &Observed, merged: &Merged, stale: bool) -> Sorted {
    let mut out = Sorted::default();
    let previous = observed.previous.as_deref().unwrap_or_default();
    for finding in &merged.findings {
        let was = previous.iter().find(|open| open.check == finding.check && open.subject == finding.subject);
        let parent = parent(finding, merged);
        match finding.outcome {
            Outcome::Fail => fail(finding, was, parent.is_some(), observed, merged, stale, &mut out),
            Outcome::Unknown => unknown(finding, was, parent.is_some(), observed, stale, &mut out),
            Outcome::Pass | Outcome::NotApplicable => {}
        }
    }
    for was in previous {
        left(was, observed, merged, stale, &mut out);
    }
    out
}

/// The failing finding that explains this one.
fn parent<'a>(finding: &Finding, merged: &'a Merged) -> Option<&'a Finding> {
    let check = finding.parent.as_deref()?;
    merged.of(check).find(|parent| parent.outcome == Outcome::Fail && explains(parent, finding))
}

/// A dead target explains its own findings, a refused credential those of every target.
#[must_use]
pub fn explains(parent: &Finding, child: &Finding) -> bool {
    child.parent.as_deref() == Some(&parent.check)
        && (parent.target == child.target || parent.target == Kind::Credentials.name())
}

fn since(finding: &Finding, observed: &Observed, merged: &Merged) -> Option<Timestamp> {
    let chain = || Some(observed.head()?.chains.get(&key(&finding.check, &finding.subject))?.failing_since);
    finding.failing_since.or_else(chain).or_else(|| merged.judged_at(&finding.check))
}

/// The head says so.
fn flaps(finding: &Finding, observed: &Observed) -> bool {
    let chain = observed.head().and_then(|head| head.chains.get(&key(&finding.check, &finding.subject)));
    chain.is_some_and(|chain| chain.flapping)
}

fn fail(
    f: &Finding,
    was: Option<&Open>,
    under: bool,
    observed: &Observed,
    merged: &Merged,
    stale: bool,
    out: &mut Sorted,
) {
    let since = since(f, observed, merged);
    let muted = f.mute.is_some();
    out.open.push(Open {
        check: f.check.clone(),
        fault: f.fault.clone(),
        target: f.target.clone(),
        subject: f.subject.clone(),
        severity: f.severity,
        failing_since: since,
        muted,
    });
    if under {
        return;
    }
    count(f, observed, &mut out.reason);
    let item = Item {
        environment: observed.environment.name.clone(),
        last_known: stale,
        finding: f.clone(),
        since,
        unmuted: !muted && was.is_some_and(|open| open.muted),
        flaps: flaps(f, observed),
        under: merged.findings.iter().filter(|child| open_or_unknown(child) && explains(f, child)).cloned().collect(),
    };
    if muted || was.is_some_and(|open| !open.muted) { out.stays.push(item) } else { out.new.push(item) }
}

fn open_or_unknown(finding: &Finding) -> bool {
    matches!(finding.outcome, Outcome::Fail | Outcome::Unknown)
}

fn count(f: &Finding, observed: &Observed, reason: &mut Reason) {
    if f.mute.is_some() {
        reason.muted += 1;
        return;
    }
    *reason.open.entry(f.severity).or_insert(0) += 1;
    let weight = weight(f, &observed.environment);
    if f.severity >= Severity::High && weight != Verdict::Red {
        reason.optional += 1;
    }
    let heavier = reason.worst.as_ref().is_none_or(|worst| (weight, f.severity) > (worst.weight, worst.severity));
    if heavier {
        reason.worst = Some(super::view::Worst {
            weight,
            severity: f.severity,
            check: f.check.clone(),
            fault: f.fault.clone(),
            subject: f.subject.clone(),
        });
    }
}

fn unknown(f: &Finding, was: Option<&Open>, under: bool, observed: &Observed, stale: bool, out: &mut Sorted) {
    if let Some(was) = was {
        // It failed and may fail still: the next mail compares with it, too.
        out.open.push(was.clone());
    }
    if under {
        return;
    }
    if f.severity >= Severity::High {
        out.reason.grave_unknown += 1;
    }
    let environment = observed.environment.name.clone();
    if let Some(was) = was {
        let finding =
            Finding { fault: was.fault.clone(), failing_since: was.failing_since, severity: was.severity, ..f.clone() };
        out.stays.push(after_failing(finding, observed, stale));
        return;
    }
    let same = |u: &Unknown| u.target == f.target && u.cause == f.cause && u.action == f.action;
    if !out.unknown.iter().any(same) {
        out.unknown.push(Unknown {
            environment,
            target: f.target.clone(),
            cause: f.cause,
            action: f.action.clone(),
            severity: f.severity,
            checks: crate::Named::new(),
        });
    }
    if let Some(group) = out.unknown.iter_mut().find(|u| same(u)) {
        group.severity = group.severity.max(f.severity);
        group.checks.entry(f.check.clone()).or_default().push(f.subject.clone());
    }
}

/// What failed and cannot be known now.
fn after_failing(finding: Finding, observed: &Observed, stale: bool) -> Item {
    Item {
        environment: observed.environment.name.clone(),
        last_known: stale,
        since: finding.failing_since,
        unmuted: false,
        flaps: flaps(&finding, observed),
        under: Vec::new(),
        finding,
    }
}

/// What the last mail knew to be failing and is neither failing nor unknown as such now.
fn left(was: &Open, observed: &Observed, merged: &Merged, stale: bool, out: &mut Sorted) {
    let now = merged.of(&was.check).find(|f| f.subject == was.subject);
    if now.is_some_and(open_or_unknown) {
        return;
    }
    let environment = observed.environment.name.clone();
    let passes = now.is_some_and(|f| f.outcome == Outcome::Pass);
    // Without an answer to its listing, a subject that is not listed is not known to be gone.
    let blind = merged.of(&was.check).find(|f| f.outcome == Outcome::Unknown && f.subject == f.target);
    let known = checks::find(&was.check).is_none() || merged.of(&was.check).next().is_some() && blind.is_none();
    if passes || known {
        let lasted = was.failing_since.zip(merged.judged_at(&was.check));
        let lasted = lasted.map(|(from, to)| (to.as_second() - from.as_second()).max(0));
        out.resolved.push(Resolved { environment, was: was.clone(), gone: !passes, lasted });
        return;
    }
    let finding = Finding {
        check: was.check.clone(),
        fault: was.fault.clone(),
        target: was.target.clone(),
        subject: was.subject.clone(),
        outcome: Outcome::Unknown,
        severity: was.severity,
        cause: blind.map_or(Some(Cause::NoHistory), |f| f.cause),
        action: blind.and_then(|f| f.action.clone()),
        asked_as: blind.and_then(|f| f.asked_as),
        failing_since: was.failing_since,
        parent: None,
        mute: None,
        evidence: Evidence::new(),
    };
    out.open.push(was.clone());
    out.stays.push(after_failing(finding, observed, stale));
}
