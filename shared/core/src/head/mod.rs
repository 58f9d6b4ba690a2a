//! One head an environment: the state between runs.

mod absent;
mod alert;
mod follow;
mod history;
mod lost;
mod notices;
mod summary;
#[cfg(test)]
mod tests;
mod transitions;

pub use alert::{Alert, AlertKind, LONGEST_INCIDENT, SCHEMA as ALERT_SCHEMA, incident, opaque, stamp};
pub use follow::{FLAPS, FLAPS_WITHIN, STEADY_AFTER, reminder_after, reminds};
pub use lost::take_back;
pub use summary::summary;
pub use transitions::{Moved, advance, date_findings};

use crate::Named;
use crate::check::{Class, Severity, Suite};
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
    /// By finding key, `CHECK/subject`: what fails, is unknown after failing, or flaps.
    pub chains: Named<Chain>,
    /// When a finding's alerts were opened and closed within the last day, by its key; at most four, oldest first. What
    /// tells flapping.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    #[schemars(with = "Named<Vec<String>>")]
    pub changes: Named<Vec<Timestamp>>,
    /// The one alert of the first run could not be sent: the next run says it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first_unsaid: bool,
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
    /// Of the last notice: what grows graver is said at once, and once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Severity>,
    /// Notices so far: the ordinal of the last.
    pub notices: u32,
    pub severity: Severity,
    pub target: String,
    pub fault: String,
    /// Since when it cannot be known whether it still fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub unknown_since: Option<Timestamp>,
    /// The last day of the mute under which it was last seen to fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub muted_until: Option<jiff::civil::Date>,
    /// Of the alert that named it beside others; absent: it has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// It was said to flap, and is followed in silence until it is steady.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flapping: bool,
    /// It flaps, and passes since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub passing_since: Option<Timestamp>,
}

impl Chain {
    /// Whether its alert is open: said, and not taken back or closed.
    #[must_use]
    pub const fn open(&self) -> bool {
        self.fired_at.is_some()
    }

    /// Whether a mute covers it on this day, as far as was last seen.
    #[must_use]
    pub fn muted(&self, today: jiff::civil::Date) -> bool {
        self.muted_until.is_some_and(|until| until >= today)
    }

    /// The incident that its notices belong to.
    #[must_use]
    pub fn incident(&self, environment: &str, key: &str) -> String {
        self.incident.clone().unwrap_or_else(|| incident(environment, key, self.failing_since))
    }
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

impl Head {
    /// What the neighbours compare.
    #[must_use]
    pub fn neighbour(&self) -> Neighbour {
        Neighbour { class: self.class, at: self.scheduled_at, fingerprints: self.fingerprints.clone() }
    }
}

/// Findings that an earlier run said and this one does not answer, by severity: those of the other suite, and those that
/// are unknown now. With the run's own they are what is open. What is muted or under maintenance is not. `head`: moved by
/// the run.
#[must_use]
pub fn standing(head: &Head, run: &Run) -> Counts {
    let answered = |f: &&Finding| matches!(f.outcome, Outcome::Pass | Outcome::Fail);
    let answered: BTreeSet<String> = run.findings.iter().filter(answered).map(Finding::key).collect();
    let today = run.started_at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut out = Counts::new();
    for (key, chain) in &head.chains {
        let fails = chain.open() && chain.passing_since.is_none();
        let quiet = chain.muted(today) || run.maintenance_of(&chain.target).is_some();
        if fails && !quiet && !answered.contains(key) {
            *out.entry(chain.severity).or_insert(0) += 1;
        }
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
