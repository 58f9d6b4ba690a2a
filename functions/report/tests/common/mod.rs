//! An outbox in memory and a store in a directory.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)] // helpers of tests; not every file uses all of them

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
use vigie_report::claim::Claim;
use vigie_report::event::ReportEvent;
use vigie_report::outbox::{Letter, Outbox, Unsent};
use vigie_report::{Answer, Deps, Done, ReportError, report};

/// Keeps mails and alerts; answers as it is told to.
#[derive(Default)]
pub struct Memory {
    pub letters: Mutex<Vec<Letter>>,
    pub alerts: Mutex<Vec<Alert>>,
    /// What the next sends answer, the last first; empty: sent.
    pub answers: Mutex<Vec<Unsent>>,
    /// To whom sending is refused always.
    pub refuses: Option<&'static str>,
    pub deaf: bool,
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
    pub fn sent(&self) -> usize {
        self.letters.lock().unwrap().len()
    }

    pub fn subject(&self) -> String {
        self.letters.lock().unwrap().last().unwrap().mail.subject.clone()
    }

    pub fn told(&self) -> Vec<(String, AlertKind)> {
        self.alerts.lock().unwrap().iter().map(|alert| (alert.check.clone(), alert.kind)).collect()
    }
}

pub fn sandbox() -> Unsent {
    Unsent::Refused { cause: Cause::Denied, reason: "MessageRejected: the address is not verified".to_owned() }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub const SEVEN: &str = "2026-11-22T06:05:00Z";
pub const EIGHT: &str = "2026-11-22T07:05:00Z";
pub const NINE: &str = "2026-11-22T08:05:00Z";
pub const LIST: &str = "all-en-europe-paris-07";

pub fn recipient(address: &str, language: Language) -> Recipient {
    let (time_zone, environments) = ("Europe/Paris".to_owned(), Vec::new());
    Recipient { address: address.to_owned(), language, time_zone, hour: 7, environments, severity: Severity::Info }
}

pub fn config(to: Vec<Recipient>) -> Config {
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

pub fn deps(root: &Path) -> Deps<Memory> {
    Deps {
        config: config(vec![recipient("team@shop.example", Language::En)]),
        store: Store::Directory(root.to_path_buf()),
        outbox: Memory::default(),
        left: Duration::from_secs(300),
    }
}

pub async fn hourly(deps: &Deps<Memory>, now: &str) -> Result<Answer, ReportError> {
    report(deps, &ReportEvent { scheduled_at: Some(at(now)), ..Default::default() }, at(now)).await
}

pub async fn forced(deps: &Deps<Memory>, now: &str) -> Result<Answer, ReportError> {
    report(deps, &ReportEvent { force: true, ..Default::default() }, at(now)).await
}

pub fn only(answer: Result<Answer, ReportError>) -> Done {
    let mut lists = answer.unwrap().lists;
    assert_eq!(lists.len(), 1);
    lists.remove(0).done
}

pub fn claim(root: &Path, date: &str) -> Claim {
    serde_json::from_slice(&std::fs::read(root.join(format!("reports/{date}/{LIST}.json"))).unwrap()).unwrap()
}

pub fn write(root: &Path, key: &str, bytes: &[u8]) {
    let path = root.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

pub fn finding(subject: &str, outcome: Outcome) -> Finding {
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
pub fn audited(root: &Path, started: &str, findings: Vec<Finding>) {
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
        maintenance: Vec::new(),
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
        changes: Named::new(),
        first_unsaid: false,
        memory: vigie_core::snapshot::Memory::default(),
        history: Named::new(),
        fingerprints: Named::new(),
    };
    write(root, "heads/production.json", &serde_json::to_vec(&head).unwrap());
}
