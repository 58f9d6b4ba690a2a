//! The view model: all that a mail or page shows, in the order in which it is shown. It serializes.

use super::input::Open;
pub use super::variables::{VariableState, VariableView};
use crate::Named;
use crate::cause::Cause;
use crate::check::{Class, Kind, Severity, Suite};
use crate::facts::{Gap, Rung};
use crate::run::{Coverage, Expiry, ExpiryKind, Finding, MaintenanceNote, RungReport, SinkFailure, Verdict};
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
    /// The list's threshold: what is milder is counted in `milder` and in the verdicts, and listed nowhere.
    pub least: Severity,
    /// Findings that are new, resolved or open and milder than `least`.
    pub milder: u32,
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
    /// Within [`super::input::HORIZON_DAYS`], the soonest first; what has ended is first of all.
    pub expires: Vec<Expires>,
    pub readiness: Vec<Readiness>,
    /// What to do, the soonest and the gravest first.
    pub recommendations: Vec<Recommendation>,
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
    /// What the contract requires, then what it recommends.
    pub variables: Vec<VariableView>,
    /// The runs that this is made of, the newest first.
    pub runs: Vec<RunView>,
    pub notes: Vec<Note>,
    /// What the next mail is compared with.
    pub open: Vec<Open>,
    /// All that was judged, of both suites the newest, by check; what the machine's formats are made of.
    pub findings: Vec<Finding>,
    /// Check -> when the run began that judged it: a day's audit and one of five minutes ago stand side by side.
    #[schemars(with = "Named<String>")]
    pub judged: Named<Timestamp>,
}

/// One of the runs that a view is made of.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RunView {
    pub id: String,
    pub suite: Suite,
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    pub duration_ms: u64,
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
    pub fault: Option<String>,
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
    /// The newest run fell into a maintenance window: what fails in it raises no alert.
    Maintenance {
        window: MaintenanceNote,
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
    /// Of the rungs that were climbed, in order.
    pub rungs: Vec<RungReport>,
    /// As far as the head remembers; absent: it has no ladder, or no head was read.
    pub past: Option<Past>,
    /// The variables that it is found by, as the contract names them: names, or `*_SUFFIX`.
    pub variables: Vec<String>,
    /// What of it ends, however far ahead.
    pub ends: Vec<Expiry>,
}

/// Availability and latency of one target.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Past {
    /// The last 24 hours.
    pub day: Period,
    /// The last 7 days.
    pub week: Period,
    /// The last 30 days.
    pub month: Period,
    /// The last 24 hours, oldest first; an hour in which it was not asked is there, with nothing asked.
    pub hours: Vec<Period>,
    /// The last 30 days, likewise.
    pub days: Vec<Period>,
}

/// How a target did for a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Period {
    #[schemars(with = "String")]
    pub from: Timestamp,
    pub asked: u32,
    pub up: u32,
    /// Milliseconds to climb the ladder: the median, and what 95 of 100 stay below; absent: it never was.
    pub p50: Option<u32>,
    pub p95: Option<u32>,
}

impl Period {
    /// Percent of the climbs that held; absent: none was tried.
    #[must_use]
    pub fn availability(&self) -> Option<f64> {
        (self.asked > 0).then(|| f64::from(self.up) * 100.0 / f64::from(self.asked))
    }
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
    /// It goes to and fro: its alert was said once, and waits until it is steady.
    pub flaps: bool,
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

/// By when something should be done: the three horizons of the audit by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Horizon {
    /// This week.
    Short,
    /// This month.
    Medium,
    /// This quarter.
    Long,
}

impl Horizon {
    pub const ALL: [Horizon; 3] = [Horizon::Short, Horizon::Medium, Horizon::Long];
}

/// One thing to do, wherever it is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Recommendation {
    pub horizon: Horizon,
    #[serde(flatten)]
    pub advice: Advice,
    /// Of the gravest that it would mend.
    pub severity: Severity,
    pub places: Vec<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(tag = "advice", rename_all = "kebab-case")]
pub enum Advice {
    /// The remedy of a failing check.
    Fix { check: String },
    /// Give the auditor a permission, so that something is known.
    Grant { action: String },
    /// Renew what ends.
    Renew { kind: ExpiryKind },
    /// A mute ends: decide again.
    Decide { check: String },
    /// Mend what keeps something from being known, where no permission is missing.
    Learn { cause: Cause },
    /// There is no audit, or an old one: nothing else is known for sure.
    Audit,
    /// An advisory line of the checklist is not green, and nothing above says so.
    Prepare { line: String },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Place {
    pub environment: String,
    pub subject: String,
}
