//! What a report is made of, and what it says of one environment.

use super::merge::{Merged, merge};
use super::view::{Colour, EnvironmentView, Expires, Note, Report, RunView, Standing, TargetView};
use super::{past, readiness, sort, variables};
use crate::check::{Severity, Suite};
use crate::facts::{Fact, Gap};
use crate::head::{Head, stale_after};
use crate::judge::weight;
use crate::run::{Coverage, Expiry, Outcome, Run, TargetReport, Verdict};
use crate::snapshot::Environment;
use crate::text::Language;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far ahead an expiry is shown.
pub const HORIZON_DAYS: i64 = 90;

pub struct Input {
    pub environments: Vec<Observed>,
    pub now: Timestamp,
    /// When the last mail of this list went out.
    pub since: Option<Timestamp>,
    pub language: Language,
    /// IANA name.
    pub time_zone: String,
    pub repeat: bool,
    /// What is milder is counted and not listed; [`Severity::Info`]: everything is listed.
    pub least: Severity,
}

/// What is known of one environment. `Known(None)`: there is none yet; a gap: it could not be read.
pub struct Observed {
    pub environment: Environment,
    pub connections: Fact<Option<Run>>,
    pub full: Fact<Option<Run>>,
    pub head: Fact<Option<Head>>,
    /// What the last mail knew to be failing; absent: it did not tell of this environment.
    pub previous: Option<Vec<Open>>,
}

/// A failing finding as the last mail knew it: what new and resolved are measured against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Open {
    pub check: String,
    pub fault: Option<String>,
    pub target: String,
    pub subject: String,
    pub severity: Severity,
    #[schemars(with = "Option<String>")]
    pub failing_since: Option<Timestamp>,
    #[serde(default)]
    pub muted: bool,
}

impl Observed {
    /// The runs that could be read, the newest first.
    pub(super) fn runs(&self) -> Vec<&Run> {
        let mut runs: Vec<&Run> = [&self.connections, &self.full]
            .into_iter()
            .filter_map(|fact| match fact {
                Fact::Known(run) => run.as_ref(),
                Fact::Gap(_) => None,
            })
            .collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.started_at));
        runs
    }

    pub(super) fn head(&self) -> Option<&Head> {
        match &self.head {
            Fact::Known(head) => head.as_ref(),
            Fact::Gap(_) => None,
        }
    }

    fn suites(&self) -> [(Suite, &Fact<Option<Run>>); 2] {
        [(Suite::Connections, &self.connections), (Suite::Full, &self.full)]
    }
}

/// Adds what is said of one environment.
pub(super) fn environment(observed: &Observed, now: Timestamp, out: &mut Report) {
    let merged = merge(&observed.runs());
    let standing = standing(observed, &merged, now);
    let stale = standing.colour() == Colour::Grey;
    let sorted = sort::sort(observed, &merged, stale);
    out.new.extend(sorted.new);
    out.stays.extend(sorted.stays);
    out.resolved.extend(sorted.resolved);
    out.unknown.extend(sorted.unknown);
    out.readiness.push(readiness::of(&observed.environment, &merged, stale));
    out.expires.extend(expires(observed, now));
    let count = |wanted: &[Outcome]| {
        u32::try_from(merged.findings.iter().filter(|f| wanted.contains(&f.outcome)).count()).unwrap_or(u32::MAX)
    };
    out.environments.push(EnvironmentView {
        name: observed.environment.name.clone(),
        class: observed.environment.class,
        standing,
        reason: sorted.reason,
        audited_at: observed.runs().first().map(|run| run.started_at),
        coverage: Coverage { answered: count(&[Outcome::Pass, Outcome::Fail]), unknown: count(&[Outcome::Unknown]) },
        targets: targets(observed, &merged, stale, now),
        variables: variables::of(&observed.environment, &merged),
        runs: observed.runs().into_iter().map(run_view).collect(),
        notes: notes(observed),
        open: sorted.open,
        judged: merged.judged(),
        findings: merged.findings,
    });
}

/// The verdict of what is known, or grey: a stale, missing or unreadable run is never green.
fn standing(observed: &Observed, merged: &Merged, now: Timestamp) -> Standing {
    let unreadable = || -> Option<Gap> {
        let gap = |fact: &Fact<Option<Run>>| fact.get().err();
        gap(&observed.full).or_else(|| gap(&observed.connections)).or_else(|| observed.head.get().err())
    };
    let runs = observed.runs();
    if runs.is_empty() {
        return unreadable().map_or(Standing::Never, |gap| Standing::Unreadable { gap });
    }
    // The full suite repeats the connections checks: it covers for them, not they for it.
    let full = runs.iter().find(|run| run.suite == Suite::Full).map(|run| run.started_at);
    for (suite, since) in [(Suite::Full, full), (Suite::Connections, runs.first().map(|run| run.started_at))] {
        let known = runs.iter().any(|run| run.suite == suite);
        if let Some(since) = since.filter(|since| known && now.as_second() - since.as_second() > stale_after(suite)) {
            return Standing::Stale { suite, since };
        }
    }
    if let Some(gap) = observed.full.get().err().or_else(|| observed.connections.get().err()) {
        return Standing::Unreadable { gap };
    }
    let verdict = merged.findings.iter().map(|f| weight(f, &observed.environment)).max().unwrap_or(Verdict::Green);
    Standing::Judged { verdict }
}

fn notes(observed: &Observed) -> Vec<Note> {
    let mut notes = Vec::new();
    if let Err(gap) = observed.head.get() {
        notes.push(Note::HeadUnreadable { gap });
    }
    let any = !observed.runs().is_empty();
    for (suite, run) in observed.suites() {
        match run {
            Fact::Gap(gap) => notes.push(Note::RunUnreadable { suite, gap: gap.clone() }),
            // The full suite repeats the connections one: only its absence leaves something unasked.
            Fact::Known(None) if any && suite == Suite::Full => notes.push(Note::SuiteNeverRan { suite }),
            Fact::Known(_) => {}
        }
    }
    if let Some(run) = observed.runs().first() {
        notes.extend(run.maintenance.iter().map(|window| Note::Maintenance { window: window.clone() }));
        notes.extend(run.sinks.iter().map(|failure| Note::SinkFailed { failure: failure.clone() }));
    }
    notes
}

fn targets(observed: &Observed, merged: &Merged, stale: bool, now: Timestamp) -> Vec<TargetView> {
    let mut newest: Vec<&TargetReport> = Vec::new();
    for run in observed.runs() {
        for target in &run.targets {
            if !newest.iter().any(|t| t.target == target.target) {
                newest.push(target);
            }
        }
    }
    newest.sort_by(|a, b| (a.kind, &a.target).cmp(&(b.kind, &b.target)));
    newest.into_iter().map(|target| target_view(target, observed, merged, stale, now)).collect()
}

fn target_view(target: &TargetReport, observed: &Observed, merged: &Merged, stale: bool, now: Timestamp) -> TargetView {
    let of_target = merged.findings.iter().filter(|f| f.target == target.target);
    let verdict = of_target.map(|f| weight(f, &observed.environment)).max().unwrap_or(Verdict::Green);
    let history = observed.head().and_then(|head| head.history.get(&target.target));
    TargetView {
        target: target.target.clone(),
        kind: target.kind,
        colour: if stale { Colour::Grey } else { verdict.into() },
        optional: target.optional,
        ms: (!target.rungs.is_empty()).then(|| target.rungs.iter().map(|r| u64::from(r.ms)).sum()),
        fell: target.rungs.iter().find_map(|r| Some((r.rung, r.cause?, r.code.clone()))),
        rungs: target.rungs.clone(),
        past: history.map(|history| past::of(history, now)),
        variables: observed.environment.contract.variables_of(target.kind, &target.target),
        ends: ends(observed).into_iter().filter(|expiry| expiry.target == target.target).cloned().collect(),
    }
}

fn run_view(run: &Run) -> RunView {
    RunView { id: run.id.clone(), suite: run.suite, started_at: run.started_at, duration_ms: run.duration_ms }
}

/// What the runs know to end: of each kind and target, the newest run that knows it.
fn ends(observed: &Observed) -> Vec<&Expiry> {
    let mut out: Vec<&Expiry> = Vec::new();
    for run in observed.runs() {
        let known = out.len();
        for expiry in &run.expires {
            if !out[..known].iter().any(|e| e.kind == expiry.kind && e.target == expiry.target) {
                out.push(expiry);
            }
        }
    }
    out
}

fn expires(observed: &Observed, now: Timestamp) -> Vec<Expires> {
    let soon = |expiry: &&Expiry| expiry.at.as_second() - now.as_second() <= HORIZON_DAYS * 86_400;
    let environment = &observed.environment.name;
    let of = |expiry: &Expiry| Expires { environment: environment.clone(), expiry: expiry.clone() };
    ends(observed).into_iter().filter(soon).map(of).collect()
}
