//! One mail a day and list, whatever SES, the store or a crash does.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use vigie_aws::store::Store;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Severity, Suite};
use vigie_core::config::{Config, EnvironmentConfig, Recipient, Report, Writes};
use vigie_core::contract::Contract;
use vigie_core::evidence::{Evidence, Value};
use vigie_core::head::{Alert, AlertKind, Head, Newest};
use vigie_core::run::{Coverage, Finding, Outcome, Run, Verdict};
use vigie_core::text::Language;
use vigie_report::claim::{Claim, Left, State};
use vigie_report::event::ReportEvent;
use vigie_report::outbox::{Letter, Outbox, REFUSED, UNCERTAIN, Unsent, compose};
use vigie_report::{Answer, Deps, Done, ReportError, report};

/// Keeps mails and alerts; answers as it is told to.
#[derive(Default)]
struct Memory {
    letters: Mutex<Vec<Letter>>,
    alerts: Mutex<Vec<Alert>>,
    /// What the next sends answer, the last first; empty: sent.
    answers: Mutex<Vec<Unsent>>,
    /// To whom sending is refused always.
    refuses: Option<&'static str>,
    deaf: bool,
}

impl Outbox for Memory {
    async fn send(&self, letter: &Letter) -> Result<String, Unsent> {
        if self.refuses.is_some_and(|to| letter.to.iter().any(|of| of == to)) {
            return Err(sandbox());
        }
        if let Some(answer) = self.answers.lock().unwrap().pop() {
            return Err(answer);
        }
        let mut letters = self.letters.lock().unwrap();
        letters.push(letter.clone());
        Ok(format!("id-{}", letters.len()))
    }

    async fn alert(&self, alert: Alert) -> Result<(), Cause> {
        if self.deaf {
            return Err(Cause::Throttled);
        }
        self.alerts.lock().unwrap().push(alert);
        Ok(())
    }
}

impl Memory {
    fn sent(&self) -> usize {
        self.letters.lock().unwrap().len()
    }

    fn subject(&self) -> String {
        self.letters.lock().unwrap().last().unwrap().subject.clone()
    }

    fn told(&self) -> Vec<(String, AlertKind)> {
        self.alerts.lock().unwrap().iter().map(|alert| (alert.check.clone(), alert.kind)).collect()
    }
}

fn sandbox() -> Unsent {
    Unsent::Refused { cause: Cause::Denied, reason: "MessageRejected: the address is not verified".to_owned() }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const SEVEN: &str = "2026-11-22T06:05:00Z";
const EIGHT: &str = "2026-11-22T07:05:00Z";
const NINE: &str = "2026-11-22T08:05:00Z";
const LIST: &str = "all-en-europe-paris-07";

fn recipient(address: &str, language: Language) -> Recipient {
    let (time_zone, environments) = ("Europe/Paris".to_owned(), Vec::new());
    Recipient { address: address.to_owned(), language, time_zone, hour: 7, environments }
}

fn config(to: Vec<Recipient>) -> Config {
    let environment = EnvironmentConfig {
        class: Class::Production,
        variables: Vec::new(),
        role: None,
        external_id: None,
        app_role: None,
        region: None,
        writes: Writes::Off,
        optional: Vec::new(),
        contract: Contract::default(),
        limits: Named::new(),
        neighbours: None,
    };
    Config {
        report: Some(Report { from: "Vigie <vigie@shop.example>".to_owned(), to }),
        environment: [("production".to_owned(), environment)].into(),
        ..Config::default()
    }
}

fn deps(root: &Path) -> Deps<Memory> {
    Deps {
        config: config(vec![recipient("team@shop.example", Language::En)]),
        store: Store::Directory(root.to_path_buf()),
        outbox: Memory::default(),
        left: Duration::from_secs(300),
    }
}

async fn hourly(deps: &Deps<Memory>, now: &str) -> Result<Answer, ReportError> {
    report(deps, &ReportEvent { scheduled_at: Some(at(now)), ..Default::default() }, at(now)).await
}

async fn forced(deps: &Deps<Memory>, now: &str) -> Result<Answer, ReportError> {
    report(deps, &ReportEvent { force: true, ..Default::default() }, at(now)).await
}

fn only(answer: Result<Answer, ReportError>) -> Done {
    let mut lists = answer.unwrap().lists;
    assert_eq!(lists.len(), 1);
    lists.remove(0).done
}

fn claim(root: &Path, date: &str) -> Claim {
    serde_json::from_slice(&std::fs::read(root.join(format!("reports/{date}/{LIST}.json"))).unwrap()).unwrap()
}

fn write(root: &Path, key: &str, bytes: &[u8]) {
    let path = root.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn finding(subject: &str, outcome: Outcome) -> Finding {
    Finding {
        check: "SQS-DLQ-NONE".to_owned(),
        fault: (outcome == Outcome::Fail).then(|| "none".to_owned()),
        target: "sqs".to_owned(),
        subject: subject.to_owned(),
        outcome,
        severity: Severity::High,
        cause: None,
        action: None,
        asked_as: None,
        failing_since: None,
        parent: None,
        mute: None,
        evidence: Evidence::from([("subject".to_owned(), Value::name(subject))]),
    }
}

/// Stores a full run and the head that names it.
fn audited(root: &Path, started: &str, findings: Vec<Finding>) {
    let key = format!("runs/production/full/{}.json", at(started).strftime("%Y/%m/%d/%H%M%SZ"));
    let run = Run {
        schema: vigie_core::run::SCHEMA.to_owned(),
        id: format!("production/full/{started}"),
        environment: "production".to_owned(),
        class: Class::Production,
        suite: Suite::Full,
        scheduled_at: Some(at(started)),
        started_at: at(started),
        duration_ms: 900,
        verdict: Verdict::Red,
        coverage: Coverage::default(),
        targets: Vec::new(),
        findings,
        expires: Vec::new(),
        sinks: Vec::new(),
        stored_at: None,
    };
    write(root, &key, &serde_json::to_vec(&run).unwrap());
    let newest = Newest { id: run.id.clone(), key, scheduled_at: at(started) };
    let head = Head {
        schema: vigie_core::head::SCHEMA.to_owned(),
        environment: "production".to_owned(),
        class: Class::Production,
        run: run.id,
        scheduled_at: at(started),
        newest: [("full".to_owned(), newest)].into(),
        chains: Named::new(),
        memory: vigie_core::snapshot::Memory::default(),
        history: Named::new(),
        fingerprints: Named::new(),
    };
    write(root, "heads/production.json", &serde_json::to_vec(&head).unwrap());
}

#[tokio::test]
async fn one_mail_a_day_from_the_local_hour_on() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    audited(root.path(), "2026-11-22T04:00:00Z", vec![finding("orders", Outcome::Fail)]);
    assert_eq!(only(hourly(&deps, "2026-11-22T05:05:00Z").await), Done::NotDue);
    assert!(matches!(only(hourly(&deps, SEVEN).await), Done::Sent { .. }));
    assert_eq!(only(hourly(&deps, EIGHT).await), Done::Left { why: Left::AlreadySent });
    assert_eq!(deps.outbox.sent(), 1);
    assert_eq!(deps.outbox.subject(), "Vigie: production red, 1 found");
    let claim = claim(root.path(), "2026-11-22");
    assert_eq!((claim.state, claim.message_id.as_deref()), (State::Sent, Some("id-1")));
    assert_eq!(claim.open["production"][0].subject, "orders");
    // Missed hours are caught up: the schedule's own hour does not matter, the list's does.
    assert!(matches!(only(hourly(&deps, "2026-11-23T15:00:00Z").await), Done::Sent { .. }));
}

#[tokio::test]
async fn new_and_resolved_are_against_the_last_mail_that_was_sent() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    audited(
        root.path(),
        "2026-11-19T04:00:00Z",
        vec![finding("orders", Outcome::Fail), finding("mails", Outcome::Fail)],
    );
    hourly(&deps, "2026-11-19T06:05:00Z").await.unwrap();
    // Two days without a mail, the second refused: neither is what is compared with.
    deps.outbox.answers.lock().unwrap().push(sandbox());
    hourly(&deps, "2026-11-21T06:05:00Z").await.unwrap_err();
    let now = vec![finding("orders", Outcome::Pass), finding("mails", Outcome::Fail), finding("bills", Outcome::Fail)];
    audited(root.path(), "2026-11-22T04:00:00Z", now);
    hourly(&deps, SEVEN).await.unwrap();
    assert_eq!(deps.outbox.subject(), "Vigie: production red, 1 new, 1 resolved");
}

#[tokio::test]
async fn a_refused_mail_is_tried_again_and_said() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    deps.outbox.answers.lock().unwrap().extend([sandbox(), sandbox(), sandbox()]);
    for hour in [SEVEN, EIGHT, NINE] {
        let error = hourly(&deps, hour).await.unwrap_err().to_string();
        assert!(error.contains("MessageRejected"), "{error}");
        assert_eq!(claim(root.path(), "2026-11-22").state, State::Refused);
    }
    let told = |kind| (REFUSED.to_owned(), kind);
    // At the first and second refusal; not at the third.
    assert_eq!(deps.outbox.told(), [told(AlertKind::Fired), told(AlertKind::Reminder)]);
    let reason = deps.outbox.alerts.lock().unwrap()[0].evidence["reason"].clone();
    assert_eq!(reason, Value::name("MessageRejected: the address is not verified"));
    assert!(matches!(only(hourly(&deps, "2026-11-22T09:05:00Z").await), Done::Sent { .. }));
    assert_eq!(deps.outbox.told().last(), Some(&told(AlertKind::Resolved)));
    assert_eq!(deps.outbox.sent(), 1);
}

#[tokio::test]
async fn a_mail_without_an_answer_is_not_sent_twice() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    deps.outbox.answers.lock().unwrap().push(Unsent::Uncertain(Cause::Timeout));
    assert_eq!(only(hourly(&deps, SEVEN).await), Done::Uncertain);
    assert_eq!(only(hourly(&deps, EIGHT).await), Done::Left { why: Left::Uncertain });
    assert_eq!(deps.outbox.sent(), 0);
    assert_eq!(deps.outbox.told(), [(UNCERTAIN.to_owned(), AlertKind::Fired)]);
    // A person may decide to send it.
    assert!(matches!(only(forced(&deps, NINE).await), Done::Sent { repeat: true, .. }));
    assert_eq!(claim(root.path(), "2026-11-22").state, State::Sent);
}

#[tokio::test]
async fn a_claim_left_behind_by_a_crash_is_uncertain_and_said_once() {
    let root = tempfile::tempdir().unwrap();
    let mut deps = deps(root.path());
    let left = Claim::new(LIST, jiff::civil::date(2026, 11, 22), at(SEVEN));
    write(root.path(), &format!("reports/2026-11-22/{LIST}.json"), &serde_json::to_vec(&left).unwrap());
    // Its twin: a fresh one is somebody's who is at it.
    assert_eq!(only(hourly(&deps, "2026-11-22T06:14:00Z").await), Done::Left { why: Left::BeingSent });
    deps.outbox.deaf = true;
    assert_eq!(only(hourly(&deps, EIGHT).await), Done::Uncertain);
    assert!(!claim(root.path(), "2026-11-22").told, "the alert did not go out");
    deps.outbox.deaf = false;
    assert_eq!(only(hourly(&deps, NINE).await), Done::Uncertain);
    assert_eq!(only(hourly(&deps, "2026-11-22T09:05:00Z").await), Done::Left { why: Left::Uncertain });
    assert_eq!(deps.outbox.told(), [(UNCERTAIN.to_owned(), AlertKind::Fired)]);
    assert_eq!(deps.outbox.sent(), 0);
}

#[tokio::test]
async fn force_sends_again_and_says_so() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    audited(root.path(), "2026-11-22T03:00:00Z", vec![finding("orders", Outcome::Fail)]);
    // Before the hour it is the day's mail, and no repeat.
    assert!(matches!(only(forced(&deps, "2026-11-22T04:00:00Z").await), Done::Sent { repeat: false, .. }));
    assert!(matches!(only(forced(&deps, EIGHT).await), Done::Sent { repeat: true, .. }));
    assert_eq!(deps.outbox.subject(), "Vigie: production red, 1 found (repeat)");
    let claim = claim(root.path(), "2026-11-22");
    assert_eq!((claim.repeats, claim.message_id.as_deref()), (1, Some("id-1")));
    assert_eq!(only(hourly(&deps, NINE).await), Done::Left { why: Left::AlreadySent });
    // A refused repeat leaves the day's mail sent.
    deps.outbox.answers.lock().unwrap().push(sandbox());
    forced(&deps, NINE).await.unwrap_err();
    assert_eq!(self::claim(root.path(), "2026-11-22").state, State::Sent);
}

#[tokio::test]
async fn a_dry_run_only_renders() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    let event = ReportEvent { dry_run: true, ..Default::default() };
    let Done::Rendered { subject, html, text, markdown } = only(report(&deps, &event, at(SEVEN)).await) else {
        panic!("not rendered")
    };
    assert_eq!(subject, "Vigie: production never audited, nothing new");
    assert!(html.starts_with("<!doctype html>") && text.contains("Never audited.") && markdown.starts_with("# Vigie"));
    assert_eq!(deps.outbox.sent(), 0);
    assert!(!root.path().join("reports").exists());
}

#[tokio::test]
async fn a_claim_that_cannot_be_read_sends_nothing() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    write(root.path(), &format!("reports/2026-11-22/{LIST}.json"), b"{\"schema\": \"other\"");
    let error = hourly(&deps, SEVEN).await.unwrap_err().to_string();
    assert!(error.contains("nothing is sent"), "{error}");
    assert_eq!(deps.outbox.sent(), 0);
    // Yesterday's does not stop tomorrow's.
    assert!(matches!(only(hourly(&deps, "2026-11-23T06:05:00Z").await), Done::Sent { .. }));
}

#[tokio::test]
async fn a_list_that_fails_stops_no_other() {
    let root = tempfile::tempdir().unwrap();
    let mut deps = deps(root.path());
    deps.config = config(vec![recipient("a@shop.example", Language::Fr), recipient("b@shop.example", Language::En)]);
    deps.outbox.refuses = Some("a@shop.example");
    let error = hourly(&deps, SEVEN).await.unwrap_err().to_string();
    assert!(error.contains("all-fr-europe-paris-07") && !error.contains(LIST), "{error}");
    assert_eq!(deps.outbox.sent(), 1);
    deps.outbox.refuses = None;
    hourly(&deps, EIGHT).await.unwrap();
    assert_eq!(deps.outbox.sent(), 2);
    assert!(deps.outbox.subject().starts_with("Vigie\u{a0}:"));
}

#[tokio::test]
async fn two_invocations_at_once_send_one_mail() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    let (one, two) = futures::join!(hourly(&deps, SEVEN), hourly(&deps, SEVEN));
    let done = [only(one), only(two)];
    assert_eq!(deps.outbox.sent(), 1, "{done:?}");
}

#[tokio::test]
async fn a_head_that_cannot_be_read_does_not_hide_the_runs() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    audited(root.path(), "2026-11-22T04:00:00Z", vec![finding("orders", Outcome::Fail)]);
    write(root.path(), "heads/production.json", b"not JSON");
    write(root.path(), "runs/production/full/2026/11/22/040000Z.snapshot.json", b"{}");
    hourly(&deps, SEVEN).await.unwrap();
    assert_eq!(deps.outbox.subject(), "Vigie: production red, 1 found");
    let text = deps.outbox.letters.lock().unwrap()[0].text.clone();
    assert!(text.contains("the head could not be read"), "{text}");
    // A run that the head names and that is gone is not "never audited".
    audited(root.path(), "2026-11-23T04:00:00Z", Vec::new());
    std::fs::remove_file(root.path().join("runs/production/full/2026/11/23/040000Z.json")).unwrap();
    hourly(&deps, "2026-11-23T06:05:00Z").await.unwrap();
    assert!(deps.outbox.subject().starts_with("Vigie: production unreadable"), "{}", deps.outbox.subject());
}

#[tokio::test]
async fn nobody_to_report_to_or_nowhere_to_read_from() {
    let root = tempfile::tempdir().unwrap();
    let mut deps = deps(root.path());
    deps.left = Duration::from_secs(3);
    assert!(hourly(&deps, SEVEN).await.unwrap_err().to_string().contains("no time left"));
    assert!(!root.path().join("reports").exists(), "nothing was claimed");
    deps.store = Store::Nowhere;
    assert_eq!(hourly(&deps, SEVEN).await, Err(ReportError::NoStore));
    deps.config.report = None;
    assert_eq!(hourly(&deps, SEVEN).await, Err(ReportError::NoRecipients));
}

#[tokio::test]
async fn a_letter_is_a_message() {
    let root = tempfile::tempdir().unwrap();
    let mut deps = deps(root.path());
    deps.config = config(vec![recipient("équipe <team@shop.example>", Language::Fr)]);
    hourly(&deps, SEVEN).await.unwrap();
    let letter = deps.outbox.letters.lock().unwrap()[0].clone();
    let raw = String::from_utf8(compose(&letter).unwrap()).unwrap();
    for header in ["List-Id: <all-fr-europe-paris-07.vigie.shop.example>", "Auto-Submitted: auto-generated"] {
        assert!(raw.contains(header), "{header} in {raw}");
    }
    assert!(raw.contains("References: <all-fr-europe-paris-07@vigie.shop.example>"));
    assert!(raw.contains("multipart/alternative"));
}
