//! Reports made of judged snapshots.
#![allow(dead_code, reason = "each test file uses its own part")]

use jiff::{SignedDuration, Timestamp};
use vigie_core::Named;
use vigie_core::check::{Class, Severity};
use vigie_core::checks;
use vigie_core::facts::{Fact, Gap, Identity};
use vigie_core::head::{Bucket, Head, History};
use vigie_core::healthy::{self, NOW};
use vigie_core::judge::judge;
use vigie_core::question::Question;
use vigie_core::report::{Input, Observed, Open};
use vigie_core::snapshot::{Memory, Mute, Snapshot};
use vigie_core::text::Language;

pub fn broken(class: Class, faults: &[(&str, &str)]) -> Snapshot {
    let mut snapshot = healthy::snapshot(class);
    for (id, code) in faults {
        let fault = checks::find(id).and_then(|check| check.fault(code));
        let fault = fault.unwrap_or_else(|| panic!("{id}.{code} is no fault"));
        (fault.broken)(&mut snapshot);
    }
    snapshot
}

pub fn mute(check: &str, until: &str) -> Mute {
    Mute {
        check: check.to_owned(),
        subject: None,
        owner: "ana".to_owned(),
        reason: "OPS-1234".to_owned(),
        until: until.parse().unwrap_or_else(|e| panic!("{until}: {e}")),
    }
}

/// A month of answers, with an outage in it.
pub fn head(snapshot: &Snapshot) -> Head {
    let bucket = |hours: i64, asked, up| Bucket {
        from: NOW - SignedDuration::from_hours(hours),
        asked,
        up,
        p50: 30,
        p95: 1_234,
        samples: Vec::new(),
    };
    let history = History { hours: vec![bucket(2, 12, 11)], days: vec![bucket(240, 288, 288), bucket(24, 288, 287)] };
    let targets = snapshot.facts.ladders().into_iter().map(|(_, name, _)| (name, history.clone()));
    Head {
        schema: vigie_core::head::SCHEMA.to_owned(),
        environment: snapshot.environment.name.clone(),
        class: snapshot.environment.class,
        run: String::new(),
        scheduled_at: NOW,
        newest: Named::new(),
        chains: Named::new(),
        changes: Named::new(),
        first_unsaid: false,
        memory: Memory::default(),
        history: targets.collect(),
        fingerprints: Named::new(),
    }
}

pub fn observed(snapshot: &Snapshot) -> Observed {
    Observed {
        environment: snapshot.environment.clone(),
        connections: Fact::Known(None),
        full: Fact::Known(Some(judge(snapshot))),
        head: Fact::Known(Some(head(snapshot))),
        previous: None,
    }
}

pub fn input(environments: Vec<Observed>, language: Language) -> Input {
    Input {
        environments,
        now: NOW + SignedDuration::from_mins(5),
        since: None,
        language,
        time_zone: "Europe/Paris".to_owned(),
        repeat: false,
        least: Severity::Info,
    }
}

pub fn of_snapshots(snapshots: &[&Snapshot], language: Language) -> Input {
    input(snapshots.iter().map(|snapshot| observed(snapshot)).collect(), language)
}

fn yesterday() -> Timestamp {
    NOW - SignedDuration::from_hours(24)
}

pub fn open(check: &str, target: &str, subject: &str) -> Open {
    Open {
        check: check.to_owned(),
        fault: None,
        target: target.to_owned(),
        subject: subject.to_owned(),
        severity: Severity::High,
        failing_since: Some(yesterday() - SignedDuration::from_hours(25)),
        muted: false,
    }
}

pub type Story = fn(Language) -> Input;

/// What a report may have to tell.
pub fn stories() -> [(&'static str, Story); 5] {
    [("green", green), ("mixed", mixed), ("dark", dark), ("never", never), ("old", old)]
}

fn green(language: Language) -> Input {
    of_snapshots(&[&healthy::snapshot(Class::Production), &healthy::snapshot(Class::Staging)], language)
}

/// New, resolved, still open, muted, not to be known, ending.
pub fn mixed(language: Language) -> Input {
    let faults = [("SQS-DLQ-NONE", "none"), ("ENV-REQUIRED-MISSING", "missing"), ("PG-CONN-SATURATION", "high")];
    let mut production = broken(Class::Production, &faults);
    healthy::refuse(&mut production, Question::BucketAcl);
    healthy::refuse(&mut production, Question::Neighbours);
    production.environment.mutes = vec![mute("PG-CONN-SATURATION", "2027-01-01")];
    for https in production.facts.https.values_mut() {
        if let Fact::Known(Some(certificate)) = &mut https.certificate {
            certificate.not_after = NOW + SignedDuration::from_hours(24 * 40);
        }
    }
    let mut first = observed(&production);
    first.previous = Some(vec![open("SQS-DLQ-NONE", "sqs", "orders"), open("S3-ROUNDTRIP", "s3", "shop-media")]);
    let staging = broken(Class::Staging, &[("ENV-RECOMMENDED-MISSING", "missing")]);
    let mut second = observed(&staging);
    second.previous = Some(Vec::new());
    let mut out = input(vec![first, second], language);
    out.since = Some(yesterday());
    out.repeat = true;
    out
}

/// Nothing answers, and what could be read of the state is not much.
fn dark(language: Language) -> Input {
    let mut snapshot = healthy::snapshot(Class::Production);
    for question in checks::all().flat_map(|check| check.reads.iter().copied()) {
        healthy::refuse(&mut snapshot, question);
    }
    let mut one = observed(&snapshot);
    one.head = Fact::Gap(Gap::denied("s3:GetObject", Identity::Auditor));
    if let Fact::Known(Some(run)) = &mut one.full {
        run.sinks.push(vigie_core::run::SinkFailure {
            sink: "metrics".to_owned(),
            cause: vigie_core::cause::Cause::Throttled,
            action: None,
        });
    }
    input(vec![one], language)
}

fn never(language: Language) -> Input {
    let mut one = observed(&healthy::snapshot(Class::Production));
    one.full = Fact::Known(None);
    one.head = Fact::Known(None);
    let mut unread = observed(&healthy::snapshot(Class::Staging));
    unread.full = Fact::Gap(Gap::denied("s3:GetObject", Identity::Auditor));
    input(vec![one, unread], language)
}

/// The newest run is too old, and one subject failed in it.
fn old(language: Language) -> Input {
    let mut out = of_snapshots(&[&broken(Class::Production, &[("SQS-DLQ-NONE", "none")])], language);
    out.now = NOW + SignedDuration::from_hours(50);
    out
}
