//! What is said when, by example. Random histories: `tests/alerts.rs`.

use super::*;
use crate::cause::Cause;
use crate::check::Class;
use crate::checks;
use crate::run::{Coverage, MaintenanceNote, MuteNote, Verdict};
use crate::snapshot::Confirm;
use jiff::ToSpan;

const CONFIRM: Confirm = Confirm { runs: 2, critical: 2 };

fn finding(check: &str, subject: &str, outcome: Outcome) -> Finding {
    Finding {
        check: check.into(),
        fault: (outcome == Outcome::Fail).then(|| "down".into()),
        target: "postgres".into(),
        subject: subject.into(),
        outcome,
        severity: Severity::High,
        cause: None,
        action: None,
        asked_as: None,
        failing_since: None,
        parent: None,
        mute: None,
        evidence: crate::evidence::Evidence::new(),
    }
}

fn run(minute: i64, findings: Vec<Finding>) -> Run {
    let start: Timestamp = "2026-11-22T10:00:00Z".parse().expect("a time");
    let at = start.checked_add(minute.minutes()).expect("in range");
    Run {
        schema: crate::run::SCHEMA.into(),
        id: format!("production/connections/{at}"),
        environment: "production".into(),
        class: Class::Production,
        suite: Suite::Connections,
        scheduled_at: Some(at),
        started_at: at,
        duration_ms: 10,
        verdict: Verdict::Red,
        coverage: Coverage::default(),
        targets: vec![],
        findings,
        sinks: vec![],
        stored_at: None,
        ..empty()
    }
}

fn empty() -> Run {
    crate::judge::judge(&crate::healthy::snapshot(Class::Production))
}

fn step(head: Option<&Head>, run: &Run) -> Option<Moved> {
    advance(head, run, "key", Memory::default(), Named::new(), CONFIRM, true)
}

fn kinds(moved: &Moved) -> Vec<AlertKind> {
    moved.alerts.iter().map(|a| a.kind).collect()
}

#[test]
fn the_first_run_fires_one_grouped_alert_and_resolves_nothing() {
    let findings = vec![
        finding("SQS-DLQ-NONE", "orders", Outcome::Fail),
        finding("SQS-DLQ-NONE", "mails", Outcome::Fail),
        finding("PG-TLS-OFF", "postgres", Outcome::Pass),
    ];
    let moved = step(None, &run(0, findings)).expect("moves");
    assert_eq!(kinds(&moved), [AlertKind::Fired]);
    assert_eq!(moved.alerts[0].with.len(), 1);
    assert_eq!(moved.head.chains.len(), 2);
}

#[test]
fn unreachable_fires_after_two_runs_and_everything_else_at_once() {
    let base = step(None, &run(0, vec![finding("PG-DOWN", "postgres", Outcome::Pass)])).expect("moves").head;
    let down =
        |m| run(m, vec![finding("PG-DOWN", "postgres", Outcome::Fail), finding("SQS-DLQ-NONE", "q", Outcome::Fail)]);
    let once = step(Some(&base), &down(5)).expect("moves");
    let twice = step(Some(&once.head), &down(10)).expect("moves");
    let fired = |m: &Moved| m.alerts.iter().map(|a| a.check.clone()).collect::<Vec<_>>();
    assert_eq!(fired(&once), ["SQS-DLQ-NONE"]);
    assert_eq!(fired(&twice), ["PG-DOWN"]);
    assert_eq!(twice.alerts[0].failing_since, once.head.scheduled_at);
    let back = step(Some(&twice.head), &run(15, vec![finding("PG-DOWN", "postgres", Outcome::Pass)])).expect("moves");
    assert_eq!(kinds(&back), [AlertKind::Resolved]);
}

#[test]
fn unknown_neither_raises_nor_clears() {
    let first = step(None, &run(0, vec![finding("PG-TLS-OFF", "postgres", Outcome::Fail)])).expect("moves");
    let blind =
        step(Some(&first.head), &run(5, vec![finding("PG-TLS-OFF", "postgres", Outcome::Unknown)])).expect("moves");
    assert!(blind.alerts.is_empty());
    let chain = &blind.head.chains["PG-TLS-OFF/postgres"];
    assert!(chain.open() && chain.unknown_since == blind.head.scheduled_at.into());
}

#[test]
fn a_subject_that_is_gone_closes_its_alert_unless_the_listing_is_unknown() {
    let first = step(None, &run(0, vec![finding("SQS-DLQ-NONE", "orders", Outcome::Fail)])).expect("moves");
    let unlisted =
        step(Some(&first.head), &run(5, vec![finding("SQS-DLQ-NONE", "postgres", Outcome::Unknown)])).expect("moves");
    assert!(unlisted.alerts.is_empty());
    let unread = run(7, vec![finding("SQS-DLQ-NONE", "mails", Outcome::Pass)]);
    let unread = advance(Some(&unlisted.head), &unread, "key", Memory::default(), Named::new(), CONFIRM, false);
    assert!(unread.is_some_and(|moved| moved.alerts.is_empty() && moved.head.chains.len() == 1));
    let gone =
        step(Some(&unlisted.head), &run(10, vec![finding("SQS-DLQ-NONE", "mails", Outcome::Pass)])).expect("moves");
    assert_eq!(kinds(&gone), [AlertKind::Gone]);
    assert!(gone.head.chains.is_empty());
}

#[test]
fn a_suite_that_did_not_judge_a_check_leaves_its_chain() {
    let first = step(None, &run(0, vec![finding("SQS-DLQ-NONE", "orders", Outcome::Fail)])).expect("moves");
    let other = step(Some(&first.head), &run(5, vec![finding("PG-DOWN", "postgres", Outcome::Pass)])).expect("moves");
    assert_eq!(other.head.chains, first.head.chains);
    assert!(other.alerts.is_empty());
}

#[test]
fn what_another_run_said_stands_until_it_is_answered() {
    let broken = run(0, vec![finding("SQS-DLQ-NONE", "orders", Outcome::Fail)]);
    let first = step(None, &broken).expect("moves");
    let count = |head: &Head, run: &Run| crate::head::standing(head, run).values().sum::<u32>();
    assert_eq!(count(&first.head, &broken), 0, "it is the run's own");
    for (outcome, stands) in [(Outcome::Unknown, 1), (Outcome::Fail, 0), (Outcome::Pass, 0)] {
        let next = run(5, vec![finding("SQS-DLQ-NONE", "orders", outcome)]);
        let moved = step(Some(&first.head), &next).expect("moves");
        assert_eq!(count(&moved.head, &next), stands, "{outcome:?}");
    }
    let other = run(5, vec![finding("PG-DOWN", "postgres", Outcome::Pass)]);
    let moved = step(Some(&first.head), &other).expect("moves");
    assert_eq!(count(&moved.head, &other), 1, "the other suite does not ask");
}

#[test]
fn reminders_come_at_growing_intervals() {
    let mut head = None;
    let mut told = Vec::new();
    for hour in 0..(24 * 14) {
        let moved =
            step(head.as_ref(), &run(hour * 60, vec![finding("SQS-DLQ-NONE", "q", Outcome::Fail)])).expect("moves");
        told.extend(moved.alerts.iter().map(|a| (hour, a.kind)));
        head = Some(moved.head);
    }
    use AlertKind::{Fired, Reminder};
    assert_eq!(told, [(0, Fired), (24, Reminder), (96, Reminder), (264, Reminder)]);
}

#[test]
fn a_head_never_moves_back_and_a_repeat_changes_nothing() {
    let first = run(10, vec![finding("SQS-DLQ-NONE", "q", Outcome::Fail)]);
    let head = step(None, &first).expect("moves").head;
    assert!(step(Some(&head), &first).is_none());
    assert!(step(Some(&head), &run(5, vec![])).is_none());
    let mut full = run(10, vec![]);
    full.suite = Suite::Full;
    assert!(step(Some(&head), &full).is_some(), "the other suite at the same minute counts");
}

#[test]
fn a_full_run_that_the_next_connections_run_overtook_still_says_what_it_alone_judges() {
    let suite = |check: &str| checks::find(check).expect("a check").suite;
    assert_eq!((suite("PG-DOWN"), suite("S3-PUBLIC-CONFIG")), (Suite::Connections, Suite::Full));
    let up = |minute| run(minute, vec![finding("PG-DOWN", "postgres", Outcome::Pass)]);
    let before = step(None, &up(0)).expect("moves").head;
    let overtaking = step(Some(&before), &up(5)).expect("moves").head;
    let mut full = run(
        1,
        vec![finding("PG-DOWN", "postgres", Outcome::Fail), finding("S3-PUBLIC-CONFIG", "media", Outcome::Fail)],
    );
    full.suite = Suite::Full;
    let moved = step(Some(&overtaking), &full).expect("its suite's newest");
    assert_eq!(moved.alerts.iter().map(|alert| alert.check.as_str()).collect::<Vec<_>>(), ["S3-PUBLIC-CONFIG"]);
    assert_eq!(moved.head.chains.keys().collect::<Vec<_>>(), ["S3-PUBLIC-CONFIG/media"]);
    assert_eq!((&moved.head.run, moved.head.scheduled_at), (&overtaking.run, overtaking.scheduled_at));
    assert_eq!(moved.head.newest.len(), 2);
    assert!(step(Some(&moved.head), &full).is_none(), "once");
    // The other way round nothing is left to say: a full run judges all that a connections run does.
    let mut ahead = run(5, vec![finding("PG-DOWN", "postgres", Outcome::Pass)]);
    ahead.suite = Suite::Full;
    let ahead = step(Some(&before), &ahead).expect("moves").head;
    let late = run(3, vec![finding("PG-DOWN", "postgres", Outcome::Fail)]);
    let late = step(Some(&ahead), &late).expect("its suite's newest");
    assert!(late.alerts.is_empty() && late.head.chains.is_empty());
}

#[test]
fn a_muted_fail_keeps_its_chain_in_silence() {
    let mut muted = finding("SQS-DLQ-NONE", "q", Outcome::Fail);
    muted.mute =
        Some(crate::run::MuteNote { owner: "ana".into(), reason: "r".into(), until: jiff::civil::date(2027, 1, 1) });
    let moved = step(None, &run(0, vec![muted])).expect("moves");
    assert!(moved.alerts.is_empty());
    assert_eq!(moved.head.chains.len(), 1);
}

#[test]
fn what_a_dead_parent_explains_is_told_with_it() {
    let mut child = finding("S3-BUCKET-MISSING", "media", Outcome::Fail);
    child.parent = Some("CRED-INVALID".into());
    let mut parent = finding("CRED-INVALID", "credentials", Outcome::Fail);
    parent.target = "credentials".into();
    let first = step(None, &run(0, vec![parent.clone(), child.clone()])).expect("moves");
    let second = step(Some(&first.head), &run(5, vec![parent, child])).expect("moves");
    let all: Vec<_> = first.alerts.iter().chain(&second.alerts).collect();
    assert_eq!(all.len(), 1);
    let said = (all[0].check.as_str(), all[0].with.len(), all[0].explains.as_slice());
    assert_eq!(said, ("CRED-INVALID", 0, &["S3-BUCKET-MISSING/media".to_owned()][..]));
}

#[test]
fn a_notice_that_could_not_be_sent_is_said_by_the_next_run() {
    let first = run(0, vec![finding("SQS-DLQ-NONE", "a", Outcome::Fail), finding("SQS-DLQ-NONE", "b", Outcome::Fail)]);
    let mut lost = step(None, &first).expect("moves");
    take_back(&mut lost.head, None, &lost.alerts);
    let again = step(Some(&lost.head), &run(5, first.findings.clone())).expect("moves");
    assert_eq!(kinds(&again), [AlertKind::Fired], "the first run's one alert, one run later");
    assert_eq!((&again.alerts[0].id, again.alerts[0].with.len()), (&lost.alerts[0].id, 1));
    assert!(!again.head.first_unsaid);
    let passed =
        run(10, vec![finding("SQS-DLQ-NONE", "a", Outcome::Pass), finding("SQS-DLQ-NONE", "b", Outcome::Fail)]);
    let mut unsaid = step(Some(&again.head), &passed).expect("moves");
    take_back(&mut unsaid.head, Some(&again.head), &unsaid.alerts);
    let said = step(Some(&unsaid.head), &run(15, passed.findings.clone())).expect("moves");
    assert_eq!((kinds(&unsaid), kinds(&said)), (vec![AlertKind::PartlyResolved], vec![AlertKind::PartlyResolved]));
    assert_eq!(said.alerts[0].id, unsaid.alerts[0].id);
}

fn mute() -> Option<MuteNote> {
    Some(MuteNote { owner: "ana".into(), reason: "r".into(), until: jiff::civil::date(2026, 11, 30) })
}

fn down(check: &str, target: &str, cause: Cause) -> Finding {
    Finding { target: target.into(), cause: Some(cause), ..finding(check, target, Outcome::Fail) }
}

fn up(check: &str, target: &str) -> Finding {
    Finding { target: target.into(), ..finding(check, target, Outcome::Pass) }
}

/// A head in which nothing has ever failed.
fn calm() -> Head {
    step(None, &run(0, vec![finding("PG-TLS-OFF", "postgres", Outcome::Pass)])).expect("moves").head
}

/// Runs from a calm head, each with its minute and findings: what each said.
fn story(runs: Vec<(i64, Vec<Finding>)>) -> (Head, Vec<Alert>) {
    let mut head = calm();
    let mut said = Vec::new();
    for (minute, findings) in runs {
        let moved = step(Some(&head), &run(minute, findings)).expect("moves");
        said.extend(moved.alerts);
        head = moved.head;
    }
    (head, said)
}

fn of(said: &[Alert]) -> Vec<(AlertKind, &str)> {
    said.iter().map(|alert| (alert.kind, alert.title.as_str())).collect()
}

const DLQ: &str = "SQS-DLQ-NONE";

fn queue(outcome: Outcome) -> Vec<Finding> {
    vec![finding(DLQ, "orders", outcome)]
}

#[test]
fn critical_findings_may_be_confirmed_sooner() {
    let confirm = Confirm { runs: 3, critical: 1 };
    let fired = |severity| {
        let findings = vec![Finding { severity, ..down("PG-DOWN", "postgres", Cause::Refused) }];
        let (mut head, mut fired) = (calm(), 0);
        for minute in [5, 10, 15] {
            let run = run(minute, findings.clone());
            let moved = advance(Some(&head), &run, "key", Memory::default(), Named::new(), confirm, true);
            let moved = moved.expect("moves");
            head = moved.head;
            if fired == 0 && !moved.alerts.is_empty() {
                fired = minute;
            }
        }
        fired
    };
    assert_eq!((fired(Severity::Critical), fired(Severity::High)), (5, 15));
}

#[test]
fn an_open_alert_that_turned_unknown_keeps_its_reminders_and_never_resolves() {
    let hour = 60;
    let mut blind = queue(Outcome::Unknown);
    (blind[0].cause, blind[0].action) = (Some(Cause::Denied), Some("sqs:GetQueueAttributes".into()));
    let mut runs = vec![(hour, queue(Outcome::Fail))];
    runs.extend((2..=30).map(|n| (n * hour, blind.clone())));
    runs.push((31 * hour, queue(Outcome::Fail)));
    runs.push((32 * hour, queue(Outcome::Pass)));
    let (head, said) = story(runs);
    let title = checks::find(DLQ).expect("a check").title.en;
    assert_eq!(
        of(&said),
        [
            (AlertKind::Fired, title),
            (
                AlertKind::Reminder,
                &*format!(
                    "{title}: it failed, and cannot be known since 2026-11-22 12:00 UTC (denied, sqs:GetQueueAttributes)"
                )
            ),
            (AlertKind::Resolved, &*format!("{title}: resolved after 1 d 7 h")),
        ]
    );
    assert_eq!(
        (said[1].outcome, said[1].cause, said[1].action.as_deref()),
        (Outcome::Unknown, Some(Cause::Denied), Some("sqs:GetQueueAttributes"))
    );
    assert_eq!(said[1].unknown_since.map(|at| at.to_string()).as_deref(), Some("2026-11-22T12:00:00Z"));
    assert_eq!((said[2].lasted, said[2].unknown_since), (Some(31 * 3_600), None));
    assert!(said.iter().all(|alert| alert.incident == said[0].incident) && head.chains.is_empty());
}

#[test]
fn a_subject_that_is_out_of_sight_is_unknown_not_gone() {
    let first = step(None, &run(0, queue(Outcome::Fail))).expect("moves").head;
    let other = run(60 * 25, vec![finding(DLQ, "mails", Outcome::Pass)]);
    let unread = advance(Some(&first), &other, "key", Memory::default(), Named::new(), CONFIRM, false).expect("moves");
    assert_eq!(kinds(&unread), [AlertKind::Reminder]);
    assert_eq!((unread.alerts[0].outcome, unread.alerts[0].cause), (Outcome::Unknown, Some(Cause::SourceUnread)));
    assert_eq!(kinds(&step(Some(&first), &other).expect("moves")), [AlertKind::Gone], "all sources were read");
}

#[test]
fn twelve_targets_behind_one_dead_name_server_are_one_alert() {
    let names: Vec<String> = (0..12).map(|n| format!("https:{n:02}")).collect();
    let all = |down_from: usize| {
        let mut findings = vec![down("PG-DOWN", "postgres", Cause::Refused)];
        for (n, name) in names.iter().enumerate() {
            findings.push(if n >= down_from {
                down("HTTP-DOWN", name, Cause::DnsTimeout)
            } else {
                up("HTTP-DOWN", name)
            });
        }
        findings
    };
    let (head, said) = story(vec![(5, all(0)), (10, all(0)), (15, all(1)), (20, all(1)), (25, all(12))]);
    let alerts: Vec<_> = said.iter().map(|a| (a.kind, a.check.as_str(), a.with.len())).collect();
    assert_eq!(
        alerts,
        [
            (AlertKind::Fired, "HTTP-DOWN", 11),
            (AlertKind::Fired, "PG-DOWN", 0),
            (AlertKind::PartlyResolved, "HTTP-DOWN", 0),
            (AlertKind::Resolved, "HTTP-DOWN", 10),
        ],
        "a refused port says nothing of a second target"
    );
    assert_eq!(said[0].title, "One cause, 12 findings: the resolver did not answer");
    assert!(said[2].title.ends_with(": over after 10 min; 11 of the same alert still open"), "{}", said[2].title);
    for n in [2, 3] {
        assert_eq!(said[n].incident, said[0].incident);
    }
    assert_eq!(head.chains.keys().collect::<Vec<_>>(), ["PG-DOWN/postgres"]);
}

#[test]
fn a_cause_that_one_target_has_confirmed_needs_no_second_run_of_another() {
    let both = vec![down("PG-DOWN", "postgres", Cause::Timeout), down("REDIS-DOWN", "redis", Cause::Timeout)];
    let (_, said) = story(vec![(5, both[..1].to_vec()), (10, both.clone())]);
    assert_eq!(
        said.iter().map(|a| (a.kind, a.with.as_slice())).collect::<Vec<_>>(),
        [(AlertKind::Fired, &["REDIS-DOWN/redis".to_owned()][..])]
    );
    let own = vec![both[0].clone(), down("REDIS-DOWN", "redis", Cause::Refused)];
    let (_, said) = story(vec![(5, own[..1].to_vec()), (10, own)]);
    assert!(said[0].with.is_empty() && said.len() == 1, "another cause: {said:#?}");
}

#[test]
fn a_group_that_could_not_be_sent_is_said_again_under_the_same_id() {
    let both = vec![down("PG-DOWN", "postgres", Cause::Timeout), down("REDIS-DOWN", "redis", Cause::Timeout)];
    let (head, _) = story(vec![(5, both.clone())]);
    let mut lost = step(Some(&head), &run(10, both.clone())).expect("moves");
    take_back(&mut lost.head, Some(&head), &lost.alerts);
    assert!(lost.head.chains.values().all(|chain| !chain.open() && chain.incident.is_none()));
    assert!(lost.head.changes.is_empty());
    let again = step(Some(&lost.head), &run(15, both)).expect("moves");
    assert_eq!((&again.alerts[0].id, &again.alerts[0].with), (&lost.alerts[0].id, &lost.alerts[0].with));
}

#[test]
fn a_second_round_says_only_what_the_first_did_not() {
    let both = vec![down("PG-DOWN", "postgres", Cause::Timeout), down("REDIS-DOWN", "redis", Cause::Timeout)];
    let (head, _) = story(vec![(5, both.clone())]);
    let moved = step(Some(&head), &run(10, both)).expect("moves");
    let said: BTreeSet<String> = moved.alerts[0].notices().collect();
    assert_eq!(said.len(), 2);
    assert!(moved.beyond(&said).is_empty());
    let half: BTreeSet<String> = moved.alerts[0].notices().take(1).collect();
    let rest = moved.beyond(&half);
    assert_eq!((rest.len(), rest[0].check.as_str(), rest[0].with.len()), (1, "REDIS-DOWN", 0));
    assert_eq!(rest[0].incident, moved.alerts[0].incident);
    assert_eq!(moved.beyond(&BTreeSet::new()), moved.alerts);
}

#[test]
fn a_child_that_outlives_its_parent_fires_then() {
    let child = |parent: Option<&str>| Finding {
        parent: parent.map(str::to_owned),
        ..finding("S3-BUCKET-MISSING", "media", Outcome::Fail)
    };
    let dead = Finding { severity: Severity::Critical, ..down("CRED-INVALID", "credentials", Cause::InvalidKey) };
    let under = || vec![dead.clone(), child(Some("CRED-INVALID"))];
    let (_, said) =
        story(vec![(5, under()), (10, under()), (15, vec![up("CRED-INVALID", "credentials"), child(None)])]);
    let kinds: Vec<_> = said.iter().map(|a| (a.kind, a.check.as_str())).collect();
    assert_eq!(
        kinds,
        [
            (AlertKind::Fired, "CRED-INVALID"),
            (AlertKind::Fired, "S3-BUCKET-MISSING"),
            (AlertKind::Resolved, "CRED-INVALID")
        ]
    );
}

/// Runs every five minutes; a window from minute 10 to minute 60.
fn maintained(targets: &[&str], findings: impl Fn(i64) -> Vec<Finding>) -> Vec<(i64, AlertKind)> {
    let (mut head, mut said) = (calm(), Vec::new());
    for minute in (5..=120).step_by(5) {
        let mut run = run(minute, findings(minute));
        if (10..60).contains(&minute) {
            let targets = targets.iter().map(|target| (*target).to_owned()).collect();
            let until = run.started_at;
            run.maintenance = vec![MaintenanceNote { targets, owner: "ana".into(), reason: "upgrade".into(), until }];
        }
        let moved = step(Some(&head), &run).expect("moves");
        said.extend(moved.alerts.iter().map(|alert| (minute, alert.kind)));
        head = moved.head;
    }
    said
}

#[test]
fn a_window_is_silent_and_what_outlives_it_fires_at_its_end() {
    use AlertKind::{Fired, Resolved};
    let state = |down: bool| {
        vec![if down { self::down("PG-DOWN", "postgres", Cause::Refused) } else { up("PG-DOWN", "postgres") }]
    };
    assert_eq!(maintained(&[], |m| state((20..50).contains(&m))), [], "over before its end");
    assert_eq!(maintained(&["postgres"], |m| state((20..90).contains(&m))), [(60, Fired), (90, Resolved)]);
    assert_eq!(
        maintained(&["redis"], |m| state((20..50).contains(&m))),
        [(25, Fired), (50, Resolved)],
        "of another target"
    );
    assert_eq!(maintained(&[], |m| state(m < 30)), [], "unconfirmed before it");
    let early = |m: i64| vec![finding(DLQ, "orders", if m < 30 { Outcome::Fail } else { Outcome::Pass })];
    assert_eq!(maintained(&[], early), [(5, Fired), (30, Resolved)], "what was open is closed");
}

#[test]
fn a_mute_silences_and_its_end_says_it_again() {
    let hour = 60;
    let muted = || vec![Finding { mute: mute(), ..queue(Outcome::Fail).remove(0) }];
    let mut runs = vec![(hour, queue(Outcome::Fail))];
    runs.extend((2..=30).map(|n| (n * hour, muted())));
    let (head, said) = story(runs.clone());
    assert_eq!(said.len(), 1, "nothing more once it is muted: {said:#?}");
    let counts =
        |head: &Head, minute| standing(head, &run(minute, vec![finding("PG-DOWN", "postgres", Outcome::Pass)])).len();
    assert_eq!(counts(&head, 31 * hour), 0, "the other suite does not count what is muted");
    assert_eq!(counts(&head, 24 * 10 * hour), 1, "until the mute's last day is over");
    runs.push((31 * hour, queue(Outcome::Fail)));
    let (_, said) = story(runs);
    assert_eq!(said.last().map(|a| (a.kind, a.at)), Some((AlertKind::Reminder, said[0].at + (30 * hour).minutes())));
    let (_, said) = story(vec![(hour, muted()), (2 * hour, queue(Outcome::Fail))]);
    assert_eq!(said.len(), 1, "one that was muted from the beginning fires then");
    assert_eq!(said[0].kind, AlertKind::Fired);
}

#[test]
fn what_flaps_is_said_once_and_again_when_it_is_steady() {
    use AlertKind::{Fired, Flapping, Reminder, Resolved};
    let flap = |until: i64, then: Outcome| {
        let runs = (1..100_i64).map(|n| {
            let failing = if n < until { n % 2 == 1 } else { then == Outcome::Fail };
            (n * 10, queue(if failing { Outcome::Fail } else { Outcome::Pass }))
        });
        let (head, said) = story(runs.collect());
        (head, said.iter().map(|a| a.kind).collect::<Vec<_>>(), said)
    };
    let (head, kinds, said) = flap(20, Outcome::Pass);
    assert_eq!(kinds, [Fired, Resolved, Fired, Resolved, Flapping, Resolved]);
    assert_eq!(said[5].incident, said[4].incident);
    assert!(said[5].title.contains("no longer flapping, it passes, after 5 h"), "{}", said[5].title);
    assert!(head.chains.is_empty() && head.changes.is_empty());
    let (head, kinds, said) = flap(20, Outcome::Fail);
    assert_eq!(kinds, [Fired, Resolved, Fired, Resolved, Flapping, Reminder]);
    assert!(said[5].title.contains("no longer flapping, it fails steadily"), "{}", said[5].title);
    assert_eq!(said[5].incident, said[4].incident);
    assert!(!head.chains["SQS-DLQ-NONE/orders"].flapping);
    // Without end: a day later it is said to flap still.
    let days = (1..(24 * 6 + 20)).map(|n| (n * 10, queue(if n % 2 == 1 { Outcome::Fail } else { Outcome::Pass })));
    let (head, said) = story(days.collect());
    assert_eq!(said.len(), 6, "{:#?}", of(&said));
    assert!(said[5].kind == Reminder && said[5].title.contains("still flapping, after 1 d"), "{}", said[5].title);
    assert!(head.changes.values().all(|times| times.len() <= FLAPS));
}

#[test]
fn what_comes_back_now_and_then_does_not_flap() {
    let runs = (1..=40).map(|n| (n * 7 * 60, queue(if n % 2 == 1 { Outcome::Fail } else { Outcome::Pass })));
    let (_, said) = story(runs.collect());
    assert!(said.iter().all(|alert| alert.kind != AlertKind::Flapping), "{:#?}", of(&said));
    assert_eq!(said.len(), 40);
}

#[test]
fn a_fired_finding_that_no_longer_applies_is_closed_by_the_full_suite() {
    let first = step(None, &run(0, queue(Outcome::Fail))).expect("moves").head;
    let mut other = run(5, queue(Outcome::NotApplicable));
    let moved = step(Some(&first), &other).expect("moves");
    assert!(moved.alerts.is_empty() && moved.head.chains.len() == 1, "a connections run may have writes off");
    other.suite = Suite::Full;
    let moved = step(Some(&first), &other).expect("moves");
    assert_eq!(kinds(&moved), [AlertKind::Gone]);
    assert!(moved.head.chains.is_empty());
}

/// A head that an earlier version wrote.
#[test]
fn an_old_head_is_read_and_moves_on() {
    let old = r#"{"schema":"vigie.head/v1","environment":"production","class":"production","run":"production/connections/2026-11-22T09:55:00Z",
        "scheduled_at":"2026-11-22T09:55:00Z","newest":{},"memory":{},"history":{},"fingerprints":{},
        "chains":{"SQS-DLQ-NONE/orders":{"failing_since":"2026-11-22T09:00:00Z","fails":12,"fired_at":"2026-11-22T09:00:00Z",
        "notified_at":"2026-11-22T09:00:00Z","notices":1,"severity":"high","target":"sqs","fault":"none"}}}"#;
    let old: Head = serde_json::from_str(old).expect("an old head");
    let moved = step(Some(&old), &run(0, queue(Outcome::Pass))).expect("moves");
    assert_eq!(kinds(&moved), [AlertKind::Resolved]);
    assert_eq!(moved.alerts[0].incident, "vigie-cbd6df4ad53167beb5c2804692404b1f");
    assert_eq!(moved.alerts[0].lasted, Some(3_600));
}

#[test]
fn what_grows_graver_is_said_at_once_and_once() {
    let of = |minute: i64, severity: Severity| {
        run(minute, vec![Finding { severity, ..finding("SQS-DLQ-NONE", "orders", Outcome::Fail) }])
    };
    let mut head = step(None, &of(0, Severity::Medium)).expect("moves").head;
    let steps = [
        (5, Severity::Medium, false),
        (10, Severity::Critical, true),
        (15, Severity::Critical, false),
        (20, Severity::Medium, false),
        (25, Severity::Critical, false),
    ];
    // What flutters between two severities was said at the graver one.
    for (minute, severity, said) in steps {
        let moved = step(Some(&head), &of(minute, severity)).expect("moves");
        assert_eq!(moved.alerts.len(), usize::from(said), "minute {minute}: {:?}", moved.alerts);
        for alert in &moved.alerts {
            assert_eq!((alert.kind, alert.severity), (AlertKind::Reminder, Severity::Critical));
            assert!(alert.title.contains("it grew worse and is critical now"), "{}", alert.title);
        }
        head = moved.head;
    }
    let unsent = step(Some(&head), &of(30, Severity::Critical)).expect("moves");
    assert!(unsent.alerts.is_empty());
}

#[test]
fn a_graver_notice_that_could_not_be_sent_is_said_by_the_next_run() {
    let of = |minute: i64, severity: Severity| {
        run(minute, vec![Finding { severity, ..finding("SQS-DLQ-NONE", "orders", Outcome::Fail) }])
    };
    let head = step(None, &of(0, Severity::Medium)).expect("moves").head;
    let mut lost = step(Some(&head), &of(5, Severity::High)).expect("moves");
    assert_eq!(lost.alerts.len(), 1);
    take_back(&mut lost.head, Some(&head), &lost.alerts);
    let again = step(Some(&lost.head), &of(10, Severity::High)).expect("moves");
    assert_eq!(kinds(&again), [AlertKind::Reminder]);
    assert_eq!(again.alerts[0].id, lost.alerts[0].id);
}
