//! What a check is: one value in its service's file. A level, a limit and a sentence are data; `judge` only compares.

use crate::Named;
use crate::cause::Cause;
use crate::evidence::{Evidence, Value};
use crate::facts::{Fact, Facts, Gap, Identity, Ladder, Step};
use crate::question::Question;
use crate::run::Finding;
use crate::snapshot::{Environment, Memory, Neighbour, Snapshot};
use crate::text::Text;
use jiff::Timestamp;
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

/// Which fault was reached, and what shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Because {
    pub fault: &'static str,
    pub evidence: Evidence,
    /// The failing rung's cause, where there is one.
    pub cause: Option<Cause>,
    /// Who met it.
    pub asked_as: Option<Identity>,
}

/// `fault("none")`, then `.with("queue", Value::name(..))`.
#[must_use]
pub fn fault(code: &'static str) -> Because {
    Because { fault: code, evidence: Evidence::new(), cause: None, asked_as: None }
}

impl Because {
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.evidence.insert(name.to_owned(), value);
        self
    }

    #[must_use]
    pub fn cause(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    #[must_use]
    pub fn asked_as(mut self, identity: Identity) -> Self {
        self.asked_as = Some(identity);
        self
    }
}

/// `Ok(None)` passes, `Ok(Some(because))` fails, `Err(gap)` is unknown for that subject only.
pub type Judgement = Result<Option<Because>, Gap>;

/// What a check may look at: the snapshot, its own limits, and for `SELF-*` the run's findings so far.
pub struct Cx<'a> {
    pub now: Timestamp,
    pub suite: Suite,
    pub environment: &'a Environment,
    pub facts: &'a Facts,
    /// A gap: the head could not be read, or there is none yet.
    pub memory: &'a Fact<Memory>,
    /// The other environments; a gap: that one has not been audited or cannot be read.
    pub neighbours: &'a Named<Fact<Neighbour>>,
    pub findings: &'a [Finding],
    pub check: &'static Check,
}

impl Cx<'_> {
    #[must_use]
    pub fn class(&self) -> Class {
        self.environment.class
    }

    #[must_use]
    pub fn contract(&self) -> &crate::contract::Contract {
        &self.environment.contract
    }

    /// The limit of a fault of this check: the configuration's, else its own.
    #[must_use]
    pub fn limit(&self, code: &str) -> Option<f64> {
        let key = format!("{}.{code}", self.check.id);
        let own = match self.check.fault(code)?.limit {
            Limit::None => return None,
            Limit::From(value, _) | Limit::Under(value, _) => value,
        };
        Some(self.environment.limits.get(&key).copied().unwrap_or(own))
    }

    /// The worst fault whose limit `value` passes, with `value` and `limit` as evidence.
    #[must_use]
    pub fn measure(&self, value: &Value) -> Option<Because> {
        let number = value.number()?;
        self.check.faults.iter().rev().find_map(|candidate| {
            let limit = self.limit(candidate.code)?;
            let passed = match candidate.limit {
                Limit::None => false,
                Limit::From(..) => number >= limit,
                Limit::Under(..) => number < limit,
            };
            passed.then(|| fault(candidate.code).with("value", value.clone()).with("limit", value.with_number(limit)))
        })
    }
}

/// What a reachability check makes of a ladder: fails on the failing rung with fault `code`.
#[must_use]
pub fn fell(code: &'static str, ladder: &Ladder, asked_as: Identity) -> Option<Because> {
    ladder.failed().map(|step| because_of(code, step, asked_as))
}

/// A fault whose evidence is a failing rung: `rung`, and `cause` with the server's own code where it gave one
/// (`auth, 28P01`).
#[must_use]
pub fn because_of(code: &'static str, step: &Step, asked_as: Identity) -> Because {
    let cause = step.cause.unwrap_or(Cause::Unexpected);
    fault(code)
        .with("rung", Value::name(rung_name(step.rung)))
        .with("cause", Value::name(coded(cause, step.code.as_deref())))
        .cause(cause)
        .asked_as(asked_as)
}

/// `auth, 28P01`; without a code of the server's, `refused`.
#[must_use]
pub fn coded(cause: Cause, code: Option<&str>) -> String {
    code.map_or_else(|| cause.code().to_owned(), |code| format!("{}, {code}", cause.code()))
}

#[must_use]
pub const fn rung_name(rung: crate::facts::Rung) -> &'static str {
    use crate::facts::Rung;
    match rung {
        Rung::Resolve => "resolve",
        Rung::Connect => "connect",
        Rung::Tls => "tls",
        Rung::Authenticate => "authenticate",
        Rung::Query => "query",
        Rung::Assert => "assert",
    }
}

/// Something that has subjects by name: a map, or a fact of one.
pub trait Subjects {
    type Item;
    /// # Errors
    /// The gap, when the listing itself could not be had.
    fn subjects(&self) -> Result<&Named<Self::Item>, Gap>;
}

impl<T> Subjects for Named<T> {
    type Item = T;
    fn subjects(&self) -> Result<&Named<T>, Gap> {
        Ok(self)
    }
}

impl<T> Subjects for Fact<Named<T>> {
    type Item = T;
    fn subjects(&self) -> Result<&Named<T>, Gap> {
        self.get()
    }
}

/// One judged subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub target: String,
    pub subject: String,
    pub judgement: Judgement,
}

/// Collects a check's judgements. A check that says nothing is not applicable.
pub struct Judgements<'a> {
    check: &'a Check,
    pub(crate) said: Vec<Judged>,
}

impl<'a> Judgements<'a> {
    pub(crate) fn new(check: &'a Check) -> Self {
        Judgements { check, said: Vec::new() }
    }

    /// One judgement for the kind's only target; the subject is the target itself.
    pub fn one(&mut self, judgement: Judgement) {
        let name = self.check.kind.name();
        self.at(name, name, judgement);
    }

    /// One judgement a subject of the kind's only target. A listing that is a gap is one unknown.
    pub fn each<S: Subjects>(&mut self, subjects: &S, judge: impl Fn(&S::Item) -> Judgement) {
        match subjects.subjects() {
            Ok(map) => {
                for (name, item) in map {
                    self.subject(name, judge(item));
                }
            }
            Err(gap) => self.one(Err(gap)),
        }
    }

    /// One judgement a target of a kind that has several (`postgres`, `postgres:replica`).
    pub fn targets<T>(&mut self, targets: &Named<T>, judge: impl Fn(&T) -> Judgement) {
        for (name, item) in targets {
            self.at(name, name, judge(item));
        }
    }

    pub fn subject(&mut self, name: &str, judgement: Judgement) {
        self.at(self.check.kind.name(), name, judgement);
    }

    pub fn at(&mut self, target: &str, subject: &str, judgement: Judgement) {
        self.said.push(Judged { target: target.to_owned(), subject: subject.to_owned(), judgement });
    }
}
