//! What a check is: one value in its service's file. A level, a limit and a sentence are data; `judge` only compares.

mod judging;

pub use judging::{Because, Cx, Judged, Judgement, Judgements, Subjects, because_of, coded, fault, fell, rung_name};

use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::Text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub type CheckId = &'static str;

/// Ordered from the mildest to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

    /// One below; below info is info.
    #[must_use]
    pub const fn below(self) -> Self {
        match self {
            Severity::Critical => Severity::High,
            Severity::High => Severity::Medium,
            Severity::Medium => Severity::Low,
            Severity::Low | Severity::Info => Severity::Info,
        }
    }

    /// One above; above critical is critical.
    #[must_use]
    pub const fn above(self) -> Self {
        match self {
            Severity::Info => Severity::Low,
            Severity::Low => Severity::Medium,
            Severity::Medium => Severity::High,
            Severity::High | Severity::Critical => Severity::Critical,
        }
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// `connections` runs every few minutes, `full` daily; `full` repeats all of `connections`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Suite {
    Connections,
    Full,
}

impl Suite {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Suite::Connections => "connections",
            Suite::Full => "full",
        }
    }
}

/// Picks the severity column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    Staging,
    Production,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PerClass<T> {
    pub staging: T,
    pub production: T,
}

impl<T: Copy> PerClass<T> {
    pub const fn of(self, class: Class) -> T {
        match class {
            Class::Staging => self.staging,
            Class::Production => self.production,
        }
    }
}

/// `per(Medium, High)`: staging, production.
#[must_use]
pub const fn per(staging: Severity, production: Severity) -> PerClass<Severity> {
    PerClass { staging, production }
}

/// What kind of connection a target is, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Variables,
    Credentials,
    Postgres,
    Redis,
    Ses,
    S3,
    Sqs,
    EventBridge,
    CloudWatch,
    Https,
    Rds,
    /// Vigie itself (`SELF-*`).
    Vigie,
}

impl Kind {
    pub const ALL: [Kind; 12] = [
        Kind::Variables,
        Kind::Credentials,
        Kind::Postgres,
        Kind::Redis,
        Kind::Ses,
        Kind::S3,
        Kind::Sqs,
        Kind::EventBridge,
        Kind::CloudWatch,
        Kind::Https,
        Kind::Rds,
        Kind::Vigie,
    ];

    /// The name of the kind, and of its only or first target.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Variables => "variables",
            Kind::Credentials => "credentials",
            Kind::Postgres => "postgres",
            Kind::Redis => "redis",
            Kind::Ses => "ses",
            Kind::S3 => "s3",
            Kind::Sqs => "sqs",
            Kind::EventBridge => "eventbridge",
            Kind::CloudWatch => "cloudwatch",
            Kind::Https => "https",
            Kind::Rds => "rds",
            Kind::Vigie => "vigie",
        }
    }

    /// The check that fails when a target of this kind cannot be used at all; every other one is unknown then.
    #[must_use]
    pub const fn reach(self) -> Option<CheckId> {
        match self {
            Kind::Credentials => Some("CRED-INVALID"),
            Kind::Postgres => Some("PG-DOWN"),
            Kind::Redis => Some("REDIS-DOWN"),
            Kind::S3 => Some("S3-BUCKET-MISSING"),
            Kind::Sqs => Some("SQS-UNREACHABLE"),
            Kind::EventBridge => Some("EB-BUS-MISSING"),
            Kind::Https => Some("HTTP-DOWN"),
            Kind::Variables | Kind::Ses | Kind::CloudWatch | Kind::Rds | Kind::Vigie => None,
        }
    }
}

/// Whether a check is the reachability check of its kind.
#[must_use]
pub fn is_reach(check: &str) -> bool {
    Kind::ALL.iter().any(|kind| kind.reach() == Some(check))
}

/// How a fault's severity follows from the check's column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The check's severity for the class.
    Column,
    /// One below it (the catalogue's *warn*).
    Warn,
    /// One above it.
    Above,
    At(Severity),
    /// A column of its own.
    Per(PerClass<Severity>),
}

/// A threshold with its source. Configuration overrides it as `ID.code`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    None,
    /// Fails at or above the value.
    From(f64, &'static str),
    /// Fails below the value.
    Under(f64, &'static str),
}

/// One way to fail.
pub struct Fault {
    pub code: &'static str,
    pub level: Level,
    pub limit: Limit,
    pub says: Text,
    /// Its own counterexample: breaks a healthy snapshot so that this fault, and no milder reading, is reached.
    pub broken: fn(&mut Snapshot),
}

pub struct Check {
    pub id: CheckId,
    pub kind: Kind,
    pub suite: Suite,
    pub severity: PerClass<Severity>,
    pub title: Text,
    pub remedy: Text,
    /// The questions whose refusal makes it unknown; proved by the family test, not trusted.
    pub reads: &'static [Question],
    /// From the mildest to the worst.
    pub faults: &'static [Fault],
    pub judge: fn(&Cx<'_>, &mut Judgements<'_>),
}

impl Check {
    #[must_use]
    pub fn fault(&self, code: &str) -> Option<&'static Fault> {
        self.faults.iter().find(|fault| fault.code == code)
    }

    /// The severity of one of its faults in an environment of this class.
    #[must_use]
    pub fn severity_of(&self, fault: &Fault, class: Class) -> Severity {
        let column = self.severity.of(class);
        match fault.level {
            Level::Column => column,
            Level::Warn => column.below(),
            Level::Above => column.above(),
            Level::At(severity) => severity,
            Level::Per(per) => per.of(class),
        }
    }
}

/// The service that could not be reached, when a fault is that and not what its check is about: its title and its remedy
/// would speak of something else.
#[must_use]
pub fn unreached(check: &str, fault: &str) -> Option<&'static str> {
    if fault != "unreachable" {
        return None;
    }
    Some(match crate::checks::find(check)?.kind {
        Kind::Credentials => "AWS STS",
        Kind::EventBridge => "AWS EventBridge",
        Kind::S3 => "AWS S3",
        kind => kind.name(),
    })
}
