//! The view model: all that a mail or page shows, in the order in which it is shown. It serializes.

use super::input::Open;
use crate::Named;
use crate::cause::Cause;
use crate::check::{Class, Kind, Severity, Suite};
use crate::facts::{Gap, Rung};
use crate::run::{Coverage, Expiry, Finding, SinkFailure, Verdict};
use crate::text::Language;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub const SCHEMA: &str = "vigie.report/v1";

/// One report for one recipient list.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    pub schema: String,
    pub language: Language,
    /// IANA name; every instant is shown in it.
    pub time_zone: String,
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// When the last mail of this list went out; absent: this is the first.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Sent again on demand.
    pub repeat: bool,
    /// Grey first, then red, amber, green.
    pub environments: Vec<EnvironmentView>,
    /// Failing now and not at the last mail; the gravest first.
    pub new: Vec<Item>,
    /// Failing at the last mail and not now.
    pub resolved: Vec<Resolved>,
    /// Failing (or unknown after failing) then and now, and what is muted.
    pub stays: Vec<Item>,
    /// What could not be known, by cause.
    pub unknown: Vec<Unknown>,
    pub readiness: Vec<Readiness>,
    /// Within [`super::input::HORIZON_DAYS`], the soonest first; what has ended is first of all.
    pub expires: Vec<Expires>,
}

/// How an environment stands.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Standing {
    Judged {
        verdict: Verdict,
    },
    /// A suite has not run for longer than it may: what is shown is the last that was known.
    Stale {
        suite: Suite,
        #[schemars(with = "String")]
        since: Timestamp,
    },
    Never,
    /// A run or the head could not be read.
    Unreadable {
        gap: Gap,
    },
}

/// The colour of a line. Grey is first: it hides all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Colour {
    Grey,
    Red,
    Amber,
    Green,
}

impl From<Verdict> for Colour {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Red => Colour::Red,
            Verdict::Amber => Colour::Amber,
            Verdict::Green => Colour::Green,
        }
    }
}

impl Standing {
    #[must_use]
    pub fn colour(&self) -> Colour {
        match self {
            Standing::Judged { verdict } => (*verdict).into(),
            Standing::Stale { .. } | Standing::Never | Standing::Unreadable { .. } => Colour::Grey,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct EnvironmentView {
    pub name: String,
    pub class: Class,
    pub standing: Standing,
    pub reason: Reason,
    /// When the newest run that is shown began.
    #[schemars(with = "Option<String>")]
    pub audited_at: Option<Timestamp>,
    pub coverage: Coverage,
    pub targets: Vec<TargetView>,
    pub notes: Vec<Note>,
    /// What the next mail is compared with.
    pub open: Vec<Open>,
}

/// What makes the verdict, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Reason {
    /// Unmuted fails that no other explains.
    pub open: std::collections::BTreeMap<Severity, u32>,
    /// Of them, the ones that only lame an optional target.
    pub optional: u32,
    /// Unknowns where a fail would be critical or high.
    pub grave_unknown: u32,
    pub muted: u32,
    pub worst: Option<Worst>,
}

/// The gravest fail: the first that has the most weight.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Worst {
    pub weight: Verdict,
    pub severity: Severity,
    pub check: String,
    pub subject: String,
}

/// What a reader must know of how the report came to be.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Note {
    /// Without the head there are no ages and no history.
    HeadUnreadable {
        gap: Gap,
    },
    SuiteNeverRan {
        suite: Suite,
    },
    RunUnreadable {
        suite: Suite,
        gap: Gap,
    },
    SinkFailed {
        failure: SinkFailure,
    },
}

/// One line a target.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TargetView {
    pub target: String,
    pub kind: Kind,
    pub colour: Colour,
    pub optional: bool,
    /// Milliseconds to climb the ladder; absent: it has none.
    pub ms: Option<u64>,
    /// The rung that failed, its cause and the server's code.
    pub fell: Option<(Rung, Cause, Option<String>)>,
    /// Percent of the last 24 hours and 30 days, as far as the head remembers.
    pub up_day: Option<f64>,
    pub up_month: Option<f64>,
}

/// A failing finding, or one that failed and cannot be known now.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Item {
    pub environment: String,
    /// From a stale run.
    pub last_known: bool,
    pub finding: Finding,
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// It was muted at the last mail and the mute has ended.
    pub unmuted: bool,
    /// What it explains: failing or unknown under it.
    pub under: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Resolved {
    pub environment: String,
    pub was: Open,
    /// Its subject no longer exists.
    pub gone: bool,
    /// Seconds, at most: from the first fail to the run that saw it well.
    pub lasted: Option<i64>,
}

/// Unknowns of one target with one cause.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Unknown {
    pub environment: String,
    pub target: String,
    pub cause: Option<Cause>,
    pub action: Option<String>,
    /// What a fail would be, of the gravest.
    pub severity: Severity,
    /// Check -> subjects.
    pub checks: Named<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Readiness {
    pub environment: String,
    pub class: Class,
    /// Every blocking line is amber, green or not looked at.
    pub ready: bool,
    pub lines: Vec<ReadinessLine>,
}

/// From the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LineState {
    Red,
    Grey,
    Amber,
    Green,
    /// Nothing that it lists could be asked: it has no such input.
    NotLookedAt,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ReadinessLine {
    /// `S1` to `S7`, `P1` to `P11`.
    pub id: String,
    pub state: LineState,
    pub blocking: bool,
    /// Of the line's checks that apply here, those that were judged.
    pub looked_at: u32,
    pub listed: u32,
    /// The variables that it is about, as the contract names them.
    pub variables: Vec<String>,
    /// What keeps it from green: check, subject, muted; the gravest first.
    pub because: Vec<Because>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Because {
    pub check: String,
    pub subject: String,
    pub muted: bool,
    /// Of an unknown.
    pub cause: Option<Cause>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Expires {
    pub environment: String,
    #[serde(flatten)]
    pub expiry: Expiry,
}
