//! Run and head -> the next head and its alerts. Pure: the same history always gives the same alerts.
//!
//! A run updates only the keys of checks that it judged. Unknown leaves a key as it is: it neither raises nor clears.

use super::{Alert, AlertKind, Chain, Head, Newest, SCHEMA, history};
use crate::Named;
use crate::check::{Severity, Suite, is_reach};
use crate::checks;
use crate::fingerprint::Fingerprint;
use crate::run::{Finding, Outcome, Run};
use crate::snapshot::Memory;
use crate::text::Language;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The next head and what it says to the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    pub head: Head,
    pub alerts: Vec<Alert>,
}

/// Hours between notices of one alert: a day, three, then a week each.
const REMINDERS: [i64; 3] = [24, 72, 168];

/// Fills in since when each finding has failed, as far as the head knows.
pub fn date_findings(run: &mut Run, previous: Option<&Head>) {
    let now = run.scheduled_at.unwrap_or(run.started_at);
    for finding in run.findings.iter_mut().filter(|f| f.outcome == Outcome::Fail) {
        let known = previous.and_then(|head| head.chains.get(&finding.key())).map(|chain| chain.failing_since);
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
    confirm_runs: u32,
    complete: bool,
) -> Option<Moved> {
    let at = run.scheduled_at?;
    if previous.is_some_and(|head| seen(head, run, at)) {
        return None;
    }
    let late = previous.is_some_and(|head| at < head.scheduled_at);
    let alone = late.then(|| alone(run));
    let run = alone.as_ref().unwrap_or(run);
    let mut head = previous.cloned().unwrap_or_else(|| Head {
        schema: SCHEMA.to_owned(),
        environment: run.environment.clone(),
        class: run.class,
        run: String::new(),
        scheduled_at: at,
        newest: Named::new(),
        chains: Named::new(),
        memory: Memory::default(),
        history: Named::new(),
        fingerprints: Named::new(),
    });
    let mut notices = Notices { run, at, alerts: Vec::new() };
    follow(&mut head.chains, &mut notices, confirm_runs);
    if complete {
        bury(&mut head.chains, &mut notices);
    }
    let mut alerts = notices.alerts;
    if previous.is_none() {
        alerts = group(alerts);
    }
    let newest = Newest { id: run.id.clone(), key: key.to_owned(), scheduled_at: at };
    head.newest.insert(run.suite.name().to_owned(), newest);
    if late {
        return Some(Moved { head, alerts });
    }
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
    Some(Moved { head, alerts })
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

struct Notices<'a> {
    run: &'a Run,
    at: Timestamp,
    alerts: Vec<Alert>,
}

impl Notices<'_> {
    fn say(&mut self, kind: AlertKind, key: &str, chain: &Chain, finding: Option<&Finding>) {
        let (check, subject) = key.split_once('/').unwrap_or((key, ""));
        let title = checks::find(check).map_or(check, |c| c.title.raw(Language::En));
        let with = finding.map(|f| explained(self.run, f)).unwrap_or_default();
        self.alerts.push(Alert {
            schema: "vigie.alert/v1".to_owned(),
            id: format!(
                "{}/{key}/{}/{}/{}",
                self.run.environment,
                chain.failing_since.strftime("%Y%m%dT%H%M%SZ"),
                kind.name(),
                chain.notices
            ),
            kind,
            environment: self.run.environment.clone(),
            class: self.run.class,
            severity: chain.severity,
            check: check.to_owned(),
            fault: Some(chain.fault.clone()),
            target: chain.target.clone(),
            subject: subject.to_owned(),
            cause: finding.and_then(|f| f.cause),
            failing_since: chain.failing_since,
            run: self.run.id.clone(),
            at: self.at,
            title: title.to_owned(),
            evidence: finding.map(|f| f.evidence.clone()).unwrap_or_default(),
            with,
        });
    }
}

/// What a dead target or credential explains: keys, in order, at most 50.
fn explained(run: &Run, parent: &Finding) -> Vec<String> {
    let reach = Some(parent.check.as_str());
    run.findings
        .iter()
        .filter(|f| f.parent.as_deref() == reach && (f.target == parent.target || parent.check == "CRED-INVALID"))
        .map(Finding::key)
        .take(50)
        .collect()
}

/// Updates the chain of each finding that was judged.
fn follow(chains: &mut Named<Chain>, notices: &mut Notices<'_>, confirm_runs: u32) {
    let run = notices.run;
    for finding in run.findings.iter().filter(|f| super::followed(f)) {
        let key = finding.key();
        match finding.outcome {
            Outcome::Pass => {
                if let Some(chain) = chains.remove(&key)
                    && chain.fired_at.is_some()
                {
                    notices.say(AlertKind::Resolved, &key, &chain, Some(finding));
                }
            }
            Outcome::Fail => {
                let chain = chains.entry(key.clone()).or_insert_with(|| opened(finding, notices.at));
                chain.fails = chain.fails.saturating_add(1);
                chain.severity = finding.severity;
                chain.fault = finding.fault.clone().unwrap_or_default();
                if let Some(kind) = due(chain, finding, notices.at, confirm_runs) {
                    chain.notices = chain.notices.saturating_add(1);
                    chain.notified_at = Some(notices.at);
                    chain.fired_at.get_or_insert(notices.at);
                    let chain = chain.clone();
                    notices.say(kind, &key, &chain, Some(finding));
                }
            }
            Outcome::Unknown | Outcome::NotApplicable => {}
        }
    }
}

fn opened(finding: &Finding, at: Timestamp) -> Chain {
    Chain {
        failing_since: at,
        fails: 0,
        fired_at: None,
        notified_at: None,
        notices: 0,
        severity: finding.severity,
        target: finding.target.clone(),
        fault: String::new(),
    }
}

/// Which notice a failing chain is due, if any. A muted fail and one that a failing parent explains are silent.
fn due(chain: &Chain, finding: &Finding, at: Timestamp, confirm_runs: u32) -> Option<AlertKind> {
    if finding.mute.is_some() || finding.parent.is_some() || finding.severity < Severity::Medium {
        return None;
    }
    let Some(notified) = chain.notified_at else {
        let needed = if is_reach(&finding.check) { confirm_runs } else { 1 };
        return (chain.fails >= needed).then_some(AlertKind::Fired);
    };
    reminds(chain.notices, notified, at).then_some(AlertKind::Reminder)
}

/// Whether a reminder is due, after so many notices of which the last went out at `notified`.
#[must_use]
pub fn reminds(notices: u32, notified: Timestamp, at: Timestamp) -> bool {
    let nth = usize::try_from(notices.saturating_sub(1)).unwrap_or(usize::MAX).min(REMINDERS.len() - 1);
    at.as_second() - notified.as_second() >= REMINDERS[nth] * 3_600
}

/// Closes the chains of subjects that no longer exist. A check whose listing is unknown proves nothing about absence.
fn bury(chains: &mut Named<Chain>, notices: &mut Notices<'_>) {
    let run = notices.run;
    let mut judged: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut blind: BTreeSet<&str> = BTreeSet::new();
    for finding in &run.findings {
        judged.entry(finding.check.as_str()).or_default().insert(finding.subject.as_str());
        if finding.outcome == Outcome::Unknown && finding.subject == finding.target {
            blind.insert(finding.check.as_str());
        }
    }
    let gone: Vec<String> = chains
        .keys()
        .filter(|key| {
            let (check, subject) = key.split_once('/').unwrap_or((key, ""));
            judged.get(check).is_some_and(|subjects| !subjects.contains(subject)) && !blind.contains(check)
        })
        .cloned()
        .collect();
    for key in gone {
        if let Some(chain) = chains.remove(&key)
            && chain.fired_at.is_some()
        {
            notices.say(AlertKind::Gone, &key, &chain, None);
        }
    }
}

/// The first run ever says all that it found at once: the gravest alert carries the others' keys.
fn group(mut alerts: Vec<Alert>) -> Vec<Alert> {
    alerts.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
    let mut rest = alerts.into_iter();
    let Some(mut first) = rest.next() else { return Vec::new() };
    for other in rest {
        first.with.push(crate::run::key(&other.check, &other.subject));
        first.with.extend(other.with);
    }
    first.with.truncate(500);
    vec![first]
}

/// Takes notices back that could not be sent: the next run says them again, under the same ids.
pub fn take_back(head: &mut Head, previous: Option<&Head>, alerts: &[Alert]) {
    for alert in alerts {
        let keys = std::iter::once(crate::run::key(&alert.check, &alert.subject)).chain(alert.with.iter().cloned());
        for key in keys {
            let before = previous.and_then(|p| p.chains.get(&key));
            match (before, head.chains.get_mut(&key)) {
                (Some(before), Some(chain)) => {
                    chain.fired_at = before.fired_at;
                    chain.notified_at = before.notified_at;
                    chain.notices = before.notices;
                }
                (None, Some(chain)) => (chain.fired_at, chain.notified_at, chain.notices) = (None, None, 0),
                (Some(before), None) => {
                    head.chains.insert(key, before.clone());
                }
                (None, None) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Class;
    use crate::run::{Coverage, Verdict};
    use jiff::ToSpan;

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
        advance(head, run, "key", Memory::default(), Named::new(), 2, true)
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
        let down = |m| {
            run(m, vec![finding("PG-DOWN", "postgres", Outcome::Fail), finding("SQS-DLQ-NONE", "q", Outcome::Fail)])
        };
        let once = step(Some(&base), &down(5)).expect("moves");
        let twice = step(Some(&once.head), &down(10)).expect("moves");
        let fired = |m: &Moved| m.alerts.iter().map(|a| a.check.clone()).collect::<Vec<_>>();
        assert_eq!(fired(&once), ["SQS-DLQ-NONE"]);
        assert_eq!(fired(&twice), ["PG-DOWN"]);
        assert_eq!(twice.alerts[0].failing_since, once.head.scheduled_at);
        let back =
            step(Some(&twice.head), &run(15, vec![finding("PG-DOWN", "postgres", Outcome::Pass)])).expect("moves");
        assert_eq!(kinds(&back), [AlertKind::Resolved]);
    }

    #[test]
    fn unknown_neither_raises_nor_clears() {
        let first = step(None, &run(0, vec![finding("PG-TLS-OFF", "postgres", Outcome::Fail)])).expect("moves");
        let blind =
            step(Some(&first.head), &run(5, vec![finding("PG-TLS-OFF", "postgres", Outcome::Unknown)])).expect("moves");
        assert!(blind.alerts.is_empty());
        assert_eq!(blind.head.chains, first.head.chains);
    }

    #[test]
    fn a_subject_that_is_gone_closes_its_alert_unless_the_listing_is_unknown() {
        let first = step(None, &run(0, vec![finding("SQS-DLQ-NONE", "orders", Outcome::Fail)])).expect("moves");
        let unlisted = step(Some(&first.head), &run(5, vec![finding("SQS-DLQ-NONE", "postgres", Outcome::Unknown)]))
            .expect("moves");
        assert!(unlisted.alerts.is_empty());
        let unread = run(7, vec![finding("SQS-DLQ-NONE", "mails", Outcome::Pass)]);
        let unread = advance(Some(&unlisted.head), &unread, "key", Memory::default(), Named::new(), 2, false);
        assert!(unread.is_some_and(|moved| moved.alerts.is_empty() && moved.head.chains.len() == 1));
        let gone =
            step(Some(&unlisted.head), &run(10, vec![finding("SQS-DLQ-NONE", "mails", Outcome::Pass)])).expect("moves");
        assert_eq!(kinds(&gone), [AlertKind::Gone]);
        assert!(gone.head.chains.is_empty());
    }

    #[test]
    fn a_suite_that_did_not_judge_a_check_leaves_its_chain() {
        let first = step(None, &run(0, vec![finding("SQS-DLQ-NONE", "orders", Outcome::Fail)])).expect("moves");
        let other =
            step(Some(&first.head), &run(5, vec![finding("PG-DOWN", "postgres", Outcome::Pass)])).expect("moves");
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
        muted.mute = Some(crate::run::MuteNote {
            owner: "ana".into(),
            reason: "r".into(),
            until: jiff::civil::date(2027, 1, 1),
        });
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
        assert_eq!(
            (all[0].check.as_str(), all[0].with.as_slice()),
            ("CRED-INVALID", &["S3-BUCKET-MISSING/media".to_owned()][..])
        );
    }

    #[test]
    fn a_notice_that_could_not_be_sent_is_said_by_the_next_run() {
        let first =
            run(0, vec![finding("SQS-DLQ-NONE", "a", Outcome::Fail), finding("SQS-DLQ-NONE", "b", Outcome::Fail)]);
        let mut lost = step(None, &first).expect("moves");
        take_back(&mut lost.head, None, &lost.alerts);
        let again = step(Some(&lost.head), &run(5, first.findings.clone())).expect("moves");
        assert_eq!(kinds(&again), [AlertKind::Fired, AlertKind::Fired]);
        assert_eq!(again.alerts[0].failing_since, lost.alerts[0].failing_since);
        let passed =
            run(10, vec![finding("SQS-DLQ-NONE", "a", Outcome::Pass), finding("SQS-DLQ-NONE", "b", Outcome::Fail)]);
        let mut unsaid = step(Some(&again.head), &passed).expect("moves");
        take_back(&mut unsaid.head, Some(&again.head), &unsaid.alerts);
        let said = step(Some(&unsaid.head), &run(15, passed.findings.clone())).expect("moves");
        assert_eq!((kinds(&unsaid), kinds(&said)), (vec![AlertKind::Resolved], vec![AlertKind::Resolved]));
        assert_eq!(said.alerts[0].id, unsaid.alerts[0].id);
    }
}
