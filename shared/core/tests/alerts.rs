//! Random histories of runs, held against what a subscriber comes to believe from the alerts alone.
//!
//! The histories have several subjects and parents, all outcomes, subjects that are not there, mutes, maintenance windows,
//! both suites, redelivered and overtaken runs, and notices that are lost. The model knows nothing of chains: it folds the
//! alerts that were delivered into what is open, and the runs into what is true, and compares the two.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Severity, Suite, is_reach};
use vigie_core::evidence::Evidence;
use vigie_core::head::{
    Alert, AlertKind, FLAPS, FLAPS_WITHIN, Head, LONGEST_INCIDENT, Moved, STEADY_AFTER, advance, reminder_after,
    take_back,
};
use vigie_core::healthy;
use vigie_core::judge::judge;
use vigie_core::run::{Finding, MaintenanceNote, MuteNote, Outcome, Run};
use vigie_core::snapshot::{Confirm, Memory};

/// Check, target, subject, severity; whether the full suite alone judges it.
const WORLD: [(&str, &str, &str, Severity, bool); 10] = [
    ("PG-DOWN", "postgres", "postgres", Severity::Critical, false),
    ("REDIS-DOWN", "redis", "redis", Severity::High, false),
    ("HTTP-DOWN", "https:app", "https:app", Severity::High, false),
    ("CRED-INVALID", "credentials", "credentials", Severity::Critical, false),
    ("S3-BUCKET-MISSING", "s3", "media", Severity::High, false),
    ("PG-TLS-OFF", "postgres", "postgres", Severity::High, false),
    ("SQS-DLQ-NONE", "sqs", "a", Severity::Medium, true),
    ("SQS-DLQ-NONE", "sqs", "b", Severity::Medium, true),
    ("S3-PUBLIC-CONFIG", "s3", "media", Severity::High, true),
    ("SELF-BLIND", "vigie", "vigie", Severity::Low, false),
];
const CAUSES: [Cause; 3] = [Cause::DnsTimeout, Cause::Timeout, Cause::Refused];
const WINDOWS: [&[&str]; 3] = [&[], &["postgres", "sqs"], &["redis"]];
/// Minutes from one run to the next.
const GAPS: [i64; 8] = [1, 5, 5, 5, 60, 600, 1500, 4000];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pass,
    Fail,
    Unknown,
    NotApplicable,
    Absent,
}

/// What changes before a run, and what becomes of it.
#[derive(Clone, Debug)]
struct Step {
    gap: usize,
    full: bool,
    /// Index into [`WORLD`], its new state.
    changes: Vec<(usize, State)>,
    /// Index into [`WORLD`], whether a mute begins or is taken away, for how many days.
    mute: Option<(usize, bool, i8)>,
    window: Option<usize>,
    cause: usize,
    /// The name server, the network and all behind it go down with one cause, or come back.
    storm: Option<bool>,
    complete: bool,
    /// The listing of the queues is refused.
    blind: bool,
    /// A full run that the run before has overtaken.
    late: bool,
    /// Which of the alerts are lost: a bit each.
    lost: u8,
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let state = prop_oneof![
        5 => Just(State::Pass),
        6 => Just(State::Fail),
        2 => Just(State::Unknown),
        1 => Just(State::NotApplicable),
        1 => Just(State::Absent),
    ];
    let world = 0..WORLD.len();
    let changes = prop::collection::vec((world.clone(), state), 0..4);
    let mute = prop::option::weighted(0.1, (world, any::<bool>(), 0..4_i8));
    let window = prop::option::weighted(0.15, 0..WINDOWS.len());
    let storm = prop::option::weighted(0.15, any::<bool>());
    let ways = (prop::bool::weighted(0.8), prop::bool::weighted(0.1), prop::bool::weighted(0.15));
    let lost = prop_oneof![6 => Just(0_u8), 1 => any::<u8>()];
    let step = (0..GAPS.len(), prop::bool::weighted(0.4), changes, mute, window, (0..CAUSES.len(), storm), ways, lost);
    let step = step.prop_map(|(gap, full, changes, mute, window, (cause, storm), (complete, blind, late), lost)| {
        Step { gap, full, changes, mute, window, cause, storm, complete, blind, late, lost }
    });
    prop::collection::vec(step, 1..most)
}

/// A subject that toggles at every run, minutes apart, among steps that are random else.
fn flapping() -> impl Strategy<Value = Vec<Step>> {
    (steps(160), 0..WORLD.len()).prop_map(|(mut steps, who)| {
        for (n, step) in steps.iter_mut().enumerate() {
            step.gap %= 5;
            step.late = false;
            step.full |= WORLD[who].4;
            // Two runs each way: so is what needs confirmation confirmed.
            step.changes.push((who, if n / 2 % 2 == 0 { State::Fail } else { State::Pass }));
        }
        steps
    })
}

static TEMPLATE: LazyLock<Run> = LazyLock::new(|| {
    let run = judge(&healthy::snapshot(Class::Production));
    Run { findings: Vec::new(), targets: Vec::new(), expires: Vec::new(), ..run }
});

/// The world as it is, and the run that looks at it.
struct World {
    states: Vec<State>,
    mutes: Vec<Option<jiff::civil::Date>>,
    template: Run,
    at: Timestamp,
}

impl World {
    fn new() -> Self {
        World {
            states: vec![State::Pass; WORLD.len()],
            mutes: vec![None; WORLD.len()],
            template: TEMPLATE.clone(),
            at: "2026-11-01T00:00:00Z".parse().unwrap(),
        }
    }

    fn run(&mut self, step: &Step) -> Run {
        self.at += SignedDuration::from_mins(GAPS[step.gap]);
        let at = if step.late { self.at - SignedDuration::from_secs(30 + 60 * GAPS[step.gap]) } else { self.at };
        let today = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        if let Some(down) = step.storm {
            self.states[..3].fill(if down { State::Fail } else { State::Pass });
        }
        for (i, state) in &step.changes {
            self.states[*i] = *state;
        }
        if let Some((i, begins, days)) = step.mute {
            self.mutes[i] = begins.then(|| today.checked_add(jiff::Span::new().days(days)).unwrap());
        }
        let full = step.full || step.late;
        let suite = if full { Suite::Full } else { Suite::Connections };
        let window = step.window.map(|window| MaintenanceNote {
            targets: WINDOWS[window].iter().map(|target| (*target).to_owned()).collect(),
            owner: "ana".to_owned(),
            reason: "upgrade".to_owned(),
            until: at,
        });
        Run {
            id: format!("production/{}/{at}", suite.name()),
            suite,
            scheduled_at: Some(at),
            started_at: at,
            findings: self.findings(step, full, today),
            maintenance: window.into_iter().collect(),
            ..self.template.clone()
        }
    }

    fn findings(&self, step: &Step, full: bool, today: jiff::civil::Date) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (i, (check, target, subject, severity, full_only)) in WORLD.into_iter().enumerate() {
            let outcome = match self.states[i] {
                State::Pass => Outcome::Pass,
                State::Fail => Outcome::Fail,
                State::Unknown => Outcome::Unknown,
                State::NotApplicable => Outcome::NotApplicable,
                State::Absent => continue,
            };
            let listed = !(step.blind && check == "SQS-DLQ-NONE");
            if (full_only && !full) || !listed {
                continue;
            }
            let mute = self.mutes[i].filter(|until| *until >= today && outcome == Outcome::Fail);
            let apart = if step.storm.is_some() { 0 } else { i };
            let cause = CAUSES[(step.cause + apart) % CAUSES.len()];
            let cause = (is_reach(check) || outcome == Outcome::Unknown).then_some(cause);
            let mute = mute.map(|until| MuteNote { owner: "ana".to_owned(), reason: "r".to_owned(), until });
            findings.push(Finding { cause, mute, ..finding(check, target, subject, outcome, severity) });
        }
        if full && step.blind {
            let listing = finding("SQS-DLQ-NONE", "sqs", "sqs", Outcome::Unknown, Severity::Medium);
            findings.push(Finding { cause: Some(Cause::Denied), ..listing });
        }
        under_parents(&mut findings);
        findings
    }
}

fn finding(check: &str, target: &str, subject: &str, outcome: Outcome, severity: Severity) -> Finding {
    Finding {
        check: check.to_owned(),
        fault: (outcome == Outcome::Fail).then(|| "down".to_owned()),
        target: target.to_owned(),
        subject: subject.to_owned(),
        outcome,
        severity,
        cause: None,
        action: None,
        asked_as: None,
        failing_since: None,
        parent: None,
        mute: None,
        evidence: Evidence::new(),
    }
}

/// As judging does: a dead database hides its own checks, a refused credential explains what it was refused.
fn under_parents(findings: &mut [Finding]) {
    let fails = |check: &str| findings.iter().any(|f| f.check == check && f.outcome == Outcome::Fail);
    let (database, credential) = (fails("PG-DOWN"), fails("CRED-INVALID"));
    for finding in findings {
        if finding.check == "PG-TLS-OFF" && database {
            (finding.outcome, finding.mute, finding.parent) = (Outcome::Unknown, None, Some("PG-DOWN".to_owned()));
        }
        if finding.check == "S3-BUCKET-MISSING" && credential && finding.outcome == Outcome::Fail {
            finding.parent = Some("CRED-INVALID".to_owned());
        }
    }
}

/// What a subscriber believes is open.
#[derive(Clone, Debug)]
struct Believed {
    incident: String,
    flapping: bool,
    told: Timestamp,
    notices: u32,
}

#[derive(Default)]
struct Subscriber {
    open: BTreeMap<String, Believed>,
    ids: BTreeSet<String>,
    incidents: BTreeSet<String>,
    /// By key: when its alerts were opened and closed, since it last stopped flapping.
    changes: BTreeMap<String, Vec<Timestamp>>,
}

impl Subscriber {
    fn hear(&mut self, alert: &Alert) {
        assert!(self.ids.insert(alert.id.clone()), "an id twice: {alert:#?}");
        assert!(alert.incident.chars().count() <= LONGEST_INCIDENT, "{}", alert.incident);
        assert!(alert.title.chars().count() < 300 && !alert.title.chars().any(char::is_control), "{}", alert.title);
        let keys: Vec<String> = alert.keys().collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "a finding twice in one alert: {alert:#?}");
        match alert.kind {
            AlertKind::Fired | AlertKind::Flapping => self.opens(alert, &keys),
            AlertKind::Reminder => self.reminds(alert, &keys),
            AlertKind::PartlyResolved | AlertKind::Resolved | AlertKind::Gone => self.closes(alert, &keys),
        }
    }

    fn opens(&mut self, alert: &Alert, keys: &[String]) {
        assert!(self.incidents.insert(alert.incident.clone()), "an incident opened twice: {alert:#?}");
        for key in keys {
            let times = self.changes.entry(key.clone()).or_default();
            times.retain(|time| alert.at.duration_since(*time) < FLAPS_WITHIN);
            assert_eq!(times.len() >= FLAPS, alert.kind == AlertKind::Flapping, "{key}: {times:?} {alert:#?}");
            times.push(alert.at);
            let flapping = alert.kind == AlertKind::Flapping;
            let believed = Believed { incident: alert.incident.clone(), flapping, told: alert.at, notices: 1 };
            assert!(self.open.insert(key.clone(), believed).is_none(), "two open alerts for {key}: {alert:#?}");
        }
    }

    fn reminds(&mut self, alert: &Alert, keys: &[String]) {
        let steady = alert.title.contains("no longer flapping");
        for key in keys {
            let believed =
                self.open.get_mut(key).unwrap_or_else(|| panic!("a reminder of what is not open: {alert:#?}"));
            assert_eq!(believed.incident, alert.incident, "{alert:#?}");
            (believed.told, believed.notices) = (alert.at, believed.notices + 1);
            if steady {
                assert!(believed.flapping, "{alert:#?}");
                believed.flapping = false;
                self.changes.remove(key);
            }
        }
    }

    fn closes(&mut self, alert: &Alert, keys: &[String]) {
        assert!(alert.lasted.is_some_and(|seconds| seconds >= 0), "{alert:#?}");
        for key in keys {
            let was = self.open.remove(key).unwrap_or_else(|| panic!("over without having begun: {key} {alert:#?}"));
            assert_eq!(was.incident, alert.incident, "{alert:#?}");
            if was.flapping {
                self.changes.remove(key);
            } else {
                self.changes.entry(key.clone()).or_default().push(alert.at);
            }
        }
        let left = self.open.values().filter(|open| open.incident == alert.incident).count();
        assert_eq!(left > 0, alert.kind == AlertKind::PartlyResolved, "{left} left: {alert:#?}");
    }
}

/// What is true of one finding, as the runs said.
#[derive(Clone, Default)]
struct Truth {
    fails: u32,
    /// Of the last fail.
    muted_until: Option<jiff::civil::Date>,
    /// Passing without a fail since then.
    passing_since: Option<Timestamp>,
}

/// One history, run by run.
struct History {
    confirm: Confirm,
    head: Option<Head>,
    subscriber: Subscriber,
    truth: BTreeMap<String, Truth>,
    said: Vec<Alert>,
}

impl History {
    fn tell(steps: &[Step], confirm: Confirm) -> Self {
        let mut world = World::new();
        let mut history = History {
            confirm,
            head: None,
            subscriber: Subscriber::default(),
            truth: BTreeMap::new(),
            said: Vec::new(),
        };
        for step in steps {
            let run = world.run(step);
            history.step(step, &run);
        }
        history
    }

    fn moved(&self, run: &Run, complete: bool) -> Option<Moved> {
        advance(self.head.as_ref(), run, "key", Memory::default(), Named::new(), self.confirm, complete)
    }

    fn step(&mut self, step: &Step, run: &Run) {
        let at = run.scheduled_at.unwrap();
        let overtaken = self.head.as_ref().is_some_and(|head| at < head.scheduled_at);
        let Some(mut moved) = self.moved(run, step.complete) else {
            let newest = &self.head.as_ref().unwrap().newest[run.suite.name()];
            assert!(newest.scheduled_at >= at, "a run was not counted");
            return;
        };
        // The process ended before the head was written: the delivery that comes again says the same.
        assert_eq!(self.moved(run, step.complete).unwrap(), moved);
        let first = self.head.is_none();
        one_alert_a_cause(&moved.alerts, first);
        let lost = |n: usize| n < 8 && step.lost & (1 << n) != 0;
        let (gone, sent): (Vec<_>, Vec<_>) = moved.alerts.iter().cloned().enumerate().partition(|(n, _)| lost(*n));
        let gone: Vec<Alert> = gone.into_iter().map(|(_, alert)| alert).collect();
        for (_, alert) in &sent {
            quiet(alert, run, &self.truth);
            self.subscriber.hear(alert);
        }
        self.said.extend(sent.into_iter().map(|(_, alert)| alert));
        take_back(&mut moved.head, self.head.as_ref(), &gone);
        let unsent: BTreeSet<String> = gone.iter().flat_map(|alert| alert.keys().collect::<Vec<_>>()).collect();
        // Through its JSON, as between two runs.
        self.head = Some(serde_json::from_str(&serde_json::to_string(&moved.head).unwrap()).unwrap());
        assert_eq!(self.head.as_ref(), Some(&moved.head));
        assert_eq!(self.moved(run, step.complete), None, "a redelivered run changes nothing");
        self.as_believed();
        for key in keys() {
            self.held(&key, run, step, overtaken, unsent.contains(&key));
        }
    }

    /// The head and the subscriber agree on what is open, and the head stays small.
    fn as_believed(&self) {
        let head = self.head.as_ref().unwrap();
        let open: Vec<&String> = head.chains.iter().filter(|(_, chain)| chain.open()).map(|(key, _)| key).collect();
        assert_eq!(open, self.subscriber.open.keys().collect::<Vec<_>>());
        assert!(head.changes.values().all(|times| times.len() <= FLAPS));
        assert!(head.chains.len() <= WORLD.len() + 1 && head.changes.len() <= WORLD.len());
    }

    /// What the alerts owe to one finding after this run.
    fn held(&mut self, key: &str, run: &Run, step: &Step, overtaken: bool, unsent: bool) {
        let (check, subject) = key.split_once('/').unwrap();
        let of = WORLD.iter().find(|w| w.0 == check && w.2 == subject).unwrap();
        let (target, severity, full_only) = (of.1, of.3, of.4);
        if (overtaken && !full_only) || (run.suite == Suite::Connections && full_only) {
            return;
        }
        let (at, today) = (run.started_at, run.started_at.to_zoned(jiff::tz::TimeZone::UTC).date());
        let judged: Vec<&Finding> = run.findings.iter().filter(|f| f.check == check).collect();
        let own = judged.iter().find(|f| f.subject == subject);
        let listed = !judged.iter().any(|f| f.outcome == Outcome::Unknown && f.subject == f.target);
        let outcome = match own {
            Some(finding) => finding.outcome,
            None if judged.is_empty() => return,
            None if listed && step.complete => Outcome::NotApplicable,
            None => Outcome::Unknown,
        };
        let before = self.truth.get(key).cloned().unwrap_or_default();
        let truth = self.truth.entry(key.to_owned()).or_default();
        match outcome {
            Outcome::Pass => {
                (truth.fails, truth.muted_until) = (0, None);
                truth.passing_since.get_or_insert(at);
            }
            Outcome::Fail => {
                truth.fails += 1;
                truth.passing_since = None;
                truth.muted_until = own.and_then(|f| f.mute.as_ref()).map(|mute| mute.until);
            }
            Outcome::NotApplicable if own.is_none() || run.suite == Suite::Full => *truth = Truth::default(),
            Outcome::NotApplicable | Outcome::Unknown => {}
        }
        let truth = truth.clone();
        let quiet = run.maintenance_of(target).is_some()
            || own.is_some_and(|f| f.parent.is_some())
            || truth.muted_until.is_some_and(|until| until >= today);
        let open = self.subscriber.open.get(key);
        if !quiet && open.is_some_and(|open| open.told == at) {
            // Said again: that it had been muted is settled.
            self.truth.entry(key.to_owned()).or_default().muted_until = None;
        }
        if unsent {
            return;
        }
        match outcome {
            Outcome::Fail if !quiet => {
                let needed = match severity {
                    _ if !is_reach(check) => 1,
                    Severity::Critical => self.confirm.critical,
                    _ => self.confirm.runs,
                };
                if severity >= Severity::Medium && truth.fails >= needed {
                    let open = open.unwrap_or_else(|| panic!("{key} fails in silence at {at}"));
                    let recent = at.duration_since(open.told) < reminder_after(open.notices);
                    assert!(recent, "{key} fails, last said {}, now {at}", open.told);
                    let ended = before.muted_until.is_some();
                    assert!(!ended || open.told == at, "{key}: its mute ended at {at} in silence");
                }
            }
            Outcome::Unknown if !quiet => {
                if let Some(open) = open {
                    let recent = at.duration_since(open.told) < reminder_after(open.notices);
                    assert!(recent, "{key} is unknown after failing, last said {}, now {at}", open.told);
                }
            }
            Outcome::Pass => {
                if let Some(open) = open {
                    let since = truth.passing_since.unwrap();
                    assert!(open.flapping, "{key} passes and is believed to fail");
                    assert!(at.duration_since(since) < STEADY_AFTER, "{key} passes since {since}, and is said to flap");
                }
            }
            Outcome::NotApplicable => {
                assert!(open.is_none() || run.suite == Suite::Connections, "{key} is gone and believed to fail");
            }
            _ => {}
        }
    }
}

/// Nothing is raised or repeated of what is muted, under maintenance or under a failing parent.
fn quiet(alert: &Alert, run: &Run, truth: &BTreeMap<String, Truth>) {
    if alert.kind.closes() {
        return;
    }
    let today = run.started_at.to_zoned(jiff::tz::TimeZone::UTC).date();
    for key in alert.keys() {
        let own = run.findings.iter().find(|f| f.key() == key);
        let target = WORLD.iter().find(|w| key == format!("{}/{}", w.0, w.2)).unwrap().1;
        assert!(run.maintenance_of(target).is_none(), "under maintenance: {alert:#?}");
        assert!(own.is_none_or(|f| f.mute.is_none() && f.parent.is_none()), "muted or explained: {alert:#?}");
        if own.is_none_or(|f| f.outcome == Outcome::Unknown) {
            let muted = truth.get(&key).and_then(|truth| truth.muted_until).is_some_and(|until| until >= today);
            assert!(!muted, "unknown under a mute: {alert:#?}");
        }
    }
}

/// One alert a root cause, and one alone of a first run.
fn one_alert_a_cause(alerts: &[Alert], first: bool) {
    let fired: Vec<&Alert> = alerts.iter().filter(|alert| alert.kind == AlertKind::Fired).collect();
    assert!(!first || fired.len() <= 1, "{fired:#?}");
    for cause in [Cause::DnsTimeout, Cause::Timeout] {
        let same = fired.iter().filter(|alert| alert.cause == Some(cause));
        assert!(same.count() <= 1, "one cause, several alerts: {fired:#?}");
    }
}

fn keys() -> Vec<String> {
    WORLD.iter().map(|w| format!("{}/{}", w.0, w.2)).collect()
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, max_shrink_iters: 4_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_subscribers_believe_is_true(steps in steps(70), runs in 1..4_u32, critical in 1..3_u32) {
        let confirm = Confirm { runs, critical };
        let history = History::tell(&steps, confirm);
        prop_assert_eq!(History::tell(&steps, confirm).said, history.said, "the same history, the same alerts");
    }

    #[test]
    fn what_subscribers_believe_of_what_flaps_is_true(steps in flapping(), runs in 1..3_u32) {
        History::tell(&steps, Confirm { runs, critical: 1 });
    }
}

/// The histories are worth something: each kind of alert, groups, and long silences occur in them.
#[test]
fn the_histories_reach_what_they_are_about() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
    let mut runner = TestRunner::new_with_rng(config(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let confirm = Confirm { runs: 2, critical: 1 };
    for _ in 0..100 {
        for strategy in [steps(70).boxed(), flapping().boxed()] {
            let steps = strategy.new_tree(&mut runner).unwrap().current();
            for alert in History::tell(&steps, confirm).said {
                *kinds.entry(alert.kind.name()).or_default() += 1;
                let tags = [
                    ("grouped", !alert.with.is_empty() && alert.kind.opens()),
                    ("closed together", !alert.with.is_empty() && alert.kind.closes()),
                    ("unknown", alert.outcome == Outcome::Unknown),
                    ("one cause", alert.title.starts_with("One cause")),
                    (
                        "steady: failing",
                        alert.kind == AlertKind::Reminder && alert.title.contains("no longer flapping"),
                    ),
                    (
                        "steady: passing",
                        alert.kind == AlertKind::Resolved && alert.title.contains("no longer flapping"),
                    ),
                    ("still flapping", alert.title.contains("still flapping")),
                    ("explains", !alert.explains.is_empty()),
                ];
                for (tag, _) in tags.into_iter().filter(|(_, reached)| *reached) {
                    *kinds.entry(tag).or_default() += 1;
                }
            }
        }
    }
    for wanted in [
        "fired",
        "flapping",
        "reminder",
        "partly-resolved",
        "resolved",
        "gone",
        "grouped",
        "closed together",
        "unknown",
        "one cause",
        "steady: failing",
        "steady: passing",
        "still flapping",
        "explains",
    ] {
        assert!(kinds.get(wanted).is_some_and(|n| *n >= 3), "{wanted} is hardly reached: {kinds:#?}");
    }
}
