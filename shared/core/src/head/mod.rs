//! One head an environment: the state between runs.

mod history;
mod transitions;

pub use transitions::{Moved, advance, date_findings, reminds, take_back};

use crate::Named;
use crate::cause::Cause;
use crate::check::{Class, Severity, Suite};
use crate::evidence::Evidence;
use crate::fingerprint::Fingerprint;
use crate::run::{Counts, Finding, Outcome, Run};
use crate::snapshot::{Memory, Neighbour};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

pub const SCHEMA: &str = "vigie.head/v1";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    pub schema: String,
    pub environment: String,
    pub class: Class,
    /// Id of the last scheduled run that moved it.
    pub run: String,
    #[schemars(with = "String")]
    pub scheduled_at: Timestamp,
    /// The newest scheduled run of each suite.
    pub newest: Named<Newest>,
    /// By finding key, `CHECK/subject`: what fails, or is unknown after failing.
    pub chains: Named<Chain>,
    pub memory: Memory,
    /// By target.
    pub history: Named<History>,
    pub fingerprints: Named<Fingerprint>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Newest {
    pub id: String,
    /// Of the run object.
    pub key: String,
    #[schemars(with = "String")]
    pub scheduled_at: Timestamp,
}

/// One finding through time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chain {
    #[schemars(with = "String")]
    pub failing_since: Timestamp,
    /// Failing runs in a row.
    pub fails: u32,
    /// When the alert went out; absent: not yet confirmed.
    #[schemars(with = "Option<String>")]
    pub fired_at: Option<Timestamp>,
    /// Of the last notice, the alert or a reminder.
    #[schemars(with = "Option<String>")]
    pub notified_at: Option<Timestamp>,
    /// Notices so far: the ordinal of the last.
    pub notices: u32,
    pub severity: Severity,
    pub target: String,
    pub fault: String,
}

/// Availability and latency of a target, rolled up: 24 hours by the hour, 30 days by the day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// At most 24, oldest first.
    pub hours: Vec<Bucket>,
    /// At most 30, oldest first.
    pub days: Vec<Bucket>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// Its beginning.
    #[schemars(with = "String")]
    pub from: Timestamp,
    pub asked: u32,
    pub up: u32,
    /// Milliseconds to climb the whole ladder.
    pub p50: u32,
    pub p95: u32,
    /// Of the hour that is still being filled, at most 60; p50 and p95 come from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKind {
    Fired,
    Reminder,
    Resolved,
    /// The subject no longer exists.
    Gone,
}

impl AlertKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            AlertKind::Fired => "fired",
            AlertKind::Reminder => "reminder",
            AlertKind::Resolved => "resolved",
            AlertKind::Gone => "gone",
        }
    }
}

/// One notice. Delivery is at least once: the id is stable, and a repeat is recognised by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    pub schema: String,
    /// `ENV/CHECK/SUBJECT/FAILING-SINCE/KIND/ORDINAL`.
    pub id: String,
    pub kind: AlertKind,
    pub environment: String,
    pub class: Class,
    pub severity: Severity,
    pub check: String,
    pub fault: Option<String>,
    pub target: String,
    pub subject: String,
    pub cause: Option<Cause>,
    #[schemars(with = "String")]
    pub failing_since: Timestamp,
    /// The run that said so.
    pub run: String,
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// A sentence in English, for people who read the event itself.
    pub title: String,
    pub evidence: Evidence,
    /// Other findings that this one explains or that fired with it: keys.
    pub with: Vec<String>,
}

impl Head {
    /// What the neighbours compare.
    #[must_use]
    pub fn neighbour(&self) -> Neighbour {
        Neighbour { class: self.class, at: self.scheduled_at, fingerprints: self.fingerprints.clone() }
    }
}

/// Findings that an earlier run said and this one does not answer, by severity: those of the other suite, and those that
/// are unknown now. With the run's own they are what is open. `head`: moved by the run.
#[must_use]
pub fn standing(head: &Head, run: &Run) -> Counts {
    let answered = |f: &&Finding| matches!(f.outcome, Outcome::Pass | Outcome::Fail);
    let answered: BTreeSet<String> = run.findings.iter().filter(answered).map(Finding::key).collect();
    let mut out = Counts::new();
    for (_, chain) in head.chains.iter().filter(|(key, chain)| chain.fired_at.is_some() && !answered.contains(*key)) {
        *out.entry(chain.severity).or_insert(0) += 1;
    }
    out
}

/// The suites whose newest run must be younger than this, in seconds: else the environment is stale.
#[must_use]
pub const fn stale_after(suite: Suite) -> i64 {
    match suite {
        Suite::Connections => 15 * 60,
        Suite::Full => 26 * 3_600,
    }
}

/// Whether a finding is one that a chain follows.
#[must_use]
pub fn followed(finding: &Finding) -> bool {
    !finding.subject.is_empty()
}
