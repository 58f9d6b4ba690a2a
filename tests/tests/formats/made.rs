//! Stored runs, made by the judge from a healthy environment and the checks' own counterexamples.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Severity};
use vigie_core::evidence::Value;
use vigie_core::facts::{Identity, Rung};
use vigie_core::healthy;
use vigie_core::judge::judge;
use vigie_core::question::Question;
use vigie_core::run::{Finding, MuteNote, Outcome, Run};
use vigie_core::snapshot::Snapshot;

/// What lies in the runs bucket.
#[derive(Default)]
pub struct Stored {
    pub runs: Vec<Run>,
    pub previous: Vec<Run>,
}

impl Stored {
    pub fn findings(&self) -> Vec<&Finding> {
        self.runs.iter().flat_map(|run| &run.findings).collect()
    }

    /// Writes the files; returns `--run FILE... --previous FILE...`.
    pub fn write(&self, at: &Path, name: &str) -> Vec<String> {
        let mut out = Vec::new();
        for (flag, word, runs) in [("--run", "run", &self.runs), ("--previous", "previous", &self.previous)] {
            if !runs.is_empty() {
                out.push(flag.to_owned());
            }
            for (n, run) in runs.iter().enumerate() {
                let file = format!("{name}-{word}-{n}.json");
                std::fs::write(at.join(&file), serde_json::to_vec(run).unwrap()).unwrap();
                out.push(file);
            }
        }
        let elsewhere = Run { environment: "elsewhere".to_owned(), ..earlier(run(Class::Staging, |_| {})) };
        std::fs::write(at.join(format!("{name}-other.json")), serde_json::to_vec(&elsewhere).unwrap()).unwrap();
        out
    }
}

fn run(class: Class, change: impl FnOnce(&mut Snapshot)) -> Run {
    let mut snapshot = healthy::snapshot(class);
    change(&mut snapshot);
    judge(&snapshot)
}

fn earlier(run: Run) -> Run {
    let back = |at: Timestamp| at - SignedDuration::from_hours(24);
    Run { started_at: back(run.started_at), scheduled_at: run.scheduled_at.map(back), ..run }
}

fn broken(snapshot: &mut Snapshot, check: &str, fault: usize) {
    (vigie_core::checks::find(check).unwrap().faults[fault].broken)(snapshot);
}

pub fn green() -> Stored {
    Stored { runs: vec![run(Class::Production, |_| {}), run(Class::Staging, |_| {})], previous: Vec::new() }
}

/// Production: something new, something that stays, something resolved, muted, unknown; staging is well.
pub fn mixed() -> Stored {
    let mut now = run(Class::Production, |s| {
        broken(s, "SQS-DLQ-NONE", 0);
        broken(s, "PG-DOWN", 0);
        broken(s, "S3-PUBLIC-CONFIG", 0);
        healthy::refuse(s, Question::Alarms);
    });
    for finding in now.findings.iter_mut().filter(|f| f.check == "S3-PUBLIC-CONFIG" && f.outcome == Outcome::Fail) {
        let until = "2027-03-01".parse().unwrap();
        finding.mute = Some(MuteNote { owner: "ana".to_owned(), reason: "a public site, by choice".to_owned(), until });
    }
    let before = run(Class::Production, |s| {
        broken(s, "SQS-DLQ-NONE", 0);
        broken(s, "SES-SENDING-OFF", 0);
    });
    Stored { runs: vec![now, run(Class::Staging, |_| {})], previous: vec![earlier(before)] }
}

/// Nothing answers.
pub fn down() -> Stored {
    Stored { runs: vec![judge(&down_facts())], previous: vec![earlier(run(Class::Production, |_| {}))] }
}

pub fn down_facts() -> Snapshot {
    let mut snapshot = healthy::snapshot(Class::Production);
    for kind in vigie_core::check::Kind::ALL {
        if let Some(check) = kind.reach() {
            broken(&mut snapshot, check, 0);
        }
    }
    snapshot
}

/// Attempts in every string that comes from outside, in every column of a table.
pub fn nasty() -> Stored {
    const BAD: [&str; 16] = [
        "=cmd|' /C calc'!A0",
        "+33 1",
        "-2+3",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "\t=1+1",
        "\r\n=1+1",
        "＝1+1",
        "a;=HYPERLINK(\"https://evil.example\";\"x\")",
        "\",=1+1,\"",
        "<img src=x onerror=alert(1)>]]>&amp;<!--",
        "\u{1b}[31mred\u{1b}[0m\u{9b}31m\u{0}\u{7}",
        "a\u{202e}b\u{2066}c\u{200b}d\u{feff}",
        "\u{fffe}\u{ffff}\u{fffd}",
        "🛒 commandes d'été, naïve façade 株式会社",
        "{0} {subject} %s ${jndi:ldap://x} `id` $(id)",
        "\\\"'\u{2028}\u{2029}",
    ];
    let mut now = run(Class::Production, |s| broken(s, "SQS-DLQ-NONE", 0));
    let passing = now.findings.iter().find(|f| f.outcome == Outcome::Pass).cloned().unwrap();
    for (n, bad) in BAD.iter().enumerate() {
        let long = format!("{bad}{}", "x".repeat(400));
        let outside = |text: &str| (*text).to_owned();
        let mute = MuteNote { owner: outside(bad), reason: long.clone(), until: "2027-03-01".parse().unwrap() };
        now.findings.push(Finding {
            check: outside(bad),
            fault: Some(outside(bad)),
            target: outside(bad),
            subject: format!("{bad}{n}"),
            outcome: Outcome::Fail,
            severity: Severity::High,
            cause: Some(Cause::Denied),
            action: Some(outside(bad)),
            asked_as: Some(Identity::Auditor),
            parent: Some(outside(bad)),
            mute: (n % 2 == 0).then_some(mute),
            evidence: [(outside(bad), Value::name(*bad)), ("names".to_owned(), Value::names(BAD))].into(),
            ..passing.clone()
        });
        // A sentence of ours around a name of theirs.
        now.findings.push(Finding {
            check: "SQS-DLQ-NONE".to_owned(),
            fault: Some("none".to_owned()),
            subject: long.clone(),
            outcome: Outcome::Fail,
            evidence: [("subject".to_owned(), Value::name(long))].into(),
            ..passing.clone()
        });
        now.targets[0].rungs = vec![vigie_core::run::RungReport {
            rung: Rung::Connect,
            ms: 1,
            cause: Some(Cause::Refused),
            code: Some(outside(bad)),
        }];
    }
    let elsewhere = Run { environment: "=1+1;@x\u{202e}\"<b>".to_owned(), ..now.clone() };
    Stored { runs: vec![now, elsewhere], previous: Vec::new() }
}
