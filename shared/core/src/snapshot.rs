//! All that judging may look at. It serializes, so a run can be judged again later, offline, with newer checks.

use crate::Named;
use crate::check::{Class, Suite};
use crate::contract::Contract;
use crate::facts::{Fact, Facts};
use crate::fingerprint::Fingerprint;
use crate::maintenance::Window;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub const SCHEMA: &str = "vigie.snapshot/v1";

/// What judging needs of an environment's configuration. No source, role or secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    pub name: String,
    pub class: Class,
    pub contract: Contract,
    /// Targets whose absence or failure the app survives.
    #[serde(default)]
    pub optional: Vec<String>,
    /// `ID.code` -> limit.
    #[serde(default)]
    pub limits: Named<f64>,
    #[serde(default)]
    pub mutes: Vec<Mute>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintenance: Vec<Window>,
    /// Failing runs before a reachability check fires an alert.
    #[serde(default = "two")]
    pub confirm_runs: u32,
    /// The same of critical findings; absent: as the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_critical: Option<u32>,
}

impl Environment {
    #[must_use]
    pub fn confirm(&self) -> Confirm {
        Confirm { runs: self.confirm_runs, critical: self.confirm_critical.unwrap_or(self.confirm_runs) }
    }
}

/// Failing runs before a reachability check fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirm {
    pub runs: u32,
    /// Of critical findings.
    pub critical: u32,
}

const fn two() -> u32 {
    2
}

/// A decision to live with a finding, for a while. It stays a fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mute {
    pub check: String,
    /// Absent: every subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub owner: String,
    pub reason: String,
    /// The last day, in UTC.
    #[schemars(with = "String")]
    pub until: jiff::civil::Date,
}

/// What the head remembers for checks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Fingerprint of a key id -> when it was first seen.
    #[serde(default)]
    #[schemars(with = "Named<String>")]
    pub first_seen: Named<Timestamp>,
    /// When each suite last ran, as far as the schedule's runs go.
    #[serde(default)]
    #[schemars(with = "Named<String>")]
    pub audited: Named<Timestamp>,
    /// Counters of the last run that read them, such as `dlq/NAME`.
    #[serde(default)]
    pub counters: Named<u64>,
    /// SES identity -> since when its verification has been seen pending.
    #[serde(default)]
    #[schemars(with = "Named<String>")]
    pub pending: Named<Timestamp>,
}

/// What an environment publishes for its neighbours to compare, in its head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Neighbour {
    pub class: Class,
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What it is the fingerprint of -> fingerprint: `auth-secret`, `database`, `bucket`, `variable/NAME`, ...
    pub fingerprints: Named<Fingerprint>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    pub schema: String,
    /// The run's id.
    pub id: String,
    #[schemars(with = "String")]
    pub now: Timestamp,
    pub suite: Suite,
    pub environment: Environment,
    pub facts: Facts,
    pub memory: Fact<Memory>,
    /// Every other declared environment.
    pub neighbours: Named<Fact<Neighbour>>,
    #[serde(flatten)]
    pub timing: Timing,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// When the schedule meant it to run; absent on demand.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub scheduled_at: Option<Timestamp>,
    pub duration_ms: u64,
}
