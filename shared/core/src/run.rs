//! The run: what an audit found. Check ids and evidence, never prose, so that any language and format can be rendered later.

use crate::Named;
use crate::cause::Cause;
use crate::check::{Class, Kind, Severity, Suite};
use crate::evidence::Evidence;
use crate::facts::{Identity, Rung};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub const SCHEMA: &str = "vigie.run/v1";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Green,
    Amber,
    Red,
}

impl Verdict {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Green => "green",
            Verdict::Amber => "amber",
            Verdict::Red => "red",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    Fail,
    NotApplicable,
    Unknown,
}

/// One check's answer for one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub check: String,
    /// Which of the check's faults, when it fails.
    pub fault: Option<String>,
    pub target: String,
    /// A queue, bucket, variable, ...; the target itself when the check has no narrower subject. Empty: not applicable.
    pub subject: String,
    pub outcome: Outcome,
    /// Of a fail, its own; else what a fail would be.
    pub severity: Severity,
    /// Why it is unknown, or the failing rung's cause.
    pub cause: Option<Cause>,
    /// The IAM action that was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    pub asked_as: Option<Identity>,
    /// Since when it has failed without a pass between, as far as the head knows.
    #[schemars(with = "Option<String>")]
    pub failing_since: Option<Timestamp>,
    /// The failing check that explains this one: it is shown under it.
    pub parent: Option<String>,
    pub mute: Option<MuteNote>,
    pub evidence: Evidence,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MuteNote {
    pub owner: String,
    pub reason: String,
    #[schemars(with = "String")]
    pub until: jiff::civil::Date,
}

/// The key of a chain of findings in the head: `CHECK/subject`. A subject with the target's name stands for the target.
pub type FindingKey = String;

impl Finding {
    #[must_use]
    pub fn key(&self) -> FindingKey {
        key(&self.check, &self.subject)
    }

    /// An unmuted fail.
    #[must_use]
    pub fn open(&self) -> bool {
        self.outcome == Outcome::Fail && self.mute.is_none()
    }
}

#[must_use]
pub fn key(check: &str, subject: &str) -> FindingKey {
    format!("{check}/{subject}")
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RungReport {
    pub rung: Rung,
    /// Milliseconds.
    pub ms: u32,
    pub cause: Option<Cause>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetReport {
    pub target: String,
    pub kind: Kind,
    pub verdict: Verdict,
    pub optional: bool,
    /// How often the ladder was climbed: 2 when the first attempt failed.
    pub attempts: u32,
    /// Of the attempt that counts; empty for a target without a connection.
    pub rungs: Vec<RungReport>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Findings that passed or failed.
    pub answered: u32,
    pub unknown: u32,
}

/// A maintenance window in which a run fell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MaintenanceNote {
    /// Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    pub owner: String,
    pub reason: String,
    /// When it ends.
    #[schemars(with = "String")]
    pub until: Timestamp,
}

/// What kind of thing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExpiryKind {
    Certificate,
    /// A session of temporary AWS credentials.
    Session,
    /// A long-lived access key: when it is to be rotated.
    AccessKey,
    /// A pending domain of SES: when its verification is given up.
    Domain,
    /// A server's major version: when its support ends.
    Server,
}

/// Something that ends at a known time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expiry {
    pub kind: ExpiryKind,
    pub target: String,
    /// Of a certificate, the first name that it carries; of a domain, its name; of a server, `PostgreSQL 16`.
    pub subject: String,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// One audit of one environment. `vigie.run/v1`: fields are added, never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    pub schema: String,
    /// `ENV/SUITE/2026-11-22T10:05:00Z`, or `ENV/on-demand/TIME-REQUEST`: the same for a redelivered event.
    pub id: String,
    pub environment: String,
    pub class: Class,
    pub suite: Suite,
    /// Absent on demand.
    #[schemars(with = "Option<String>")]
    pub scheduled_at: Option<Timestamp>,
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    pub duration_ms: u64,
    pub verdict: Verdict,
    pub coverage: Coverage,
    pub targets: Vec<TargetReport>,
    pub findings: Vec<Finding>,
    /// What ends at a known time, the soonest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expires: Vec<Expiry>,
    /// The maintenance windows that were open: what fails in one is judged, stored and reported, and raises no alert.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintenance: Vec<MaintenanceNote>,
    /// What could not be written, by sink: filled in by whoever writes the sinks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sinks: Vec<SinkFailure>,
    /// Findings left out because the answer would be too large: the whole run lies under this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<String>,
}

/// A sink that could not be written. It stops no other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SinkFailure {
    /// `run`, `snapshot`, `alerts`, `metrics`, `head`, `heartbeat`, `mail`.
    pub sink: String,
    pub cause: Cause,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

/// How many, by severity.
pub type Counts = std::collections::BTreeMap<Severity, u32>;

impl Run {
    /// Fails by severity that are neither muted nor under maintenance.
    #[must_use]
    pub fn open_by_severity(&self) -> Counts {
        let mut out = Counts::new();
        for finding in self.findings.iter().filter(|f| f.open() && self.maintenance_of(&f.target).is_none()) {
            *out.entry(finding.severity).or_insert(0) += 1;
        }
        out
    }

    /// The open maintenance window that covers a target, the one that ends last.
    #[must_use]
    pub fn maintenance_of(&self, target: &str) -> Option<&MaintenanceNote> {
        let covers = |note: &&MaintenanceNote| note.targets.is_empty() || note.targets.iter().any(|t| t == target);
        self.maintenance.iter().filter(covers).max_by_key(|note| note.until)
    }

    /// Findings by target.
    #[must_use]
    pub fn by_target(&self) -> Named<Vec<&Finding>> {
        let mut out: Named<Vec<&Finding>> = Named::new();
        for finding in &self.findings {
            out.entry(finding.target.clone()).or_default().push(finding);
        }
        out
    }
}
