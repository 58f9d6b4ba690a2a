//! How a check judges: what it may look at, what it says, and of whom.

use super::{Check, Class, Limit, Suite};
use crate::Named;
use crate::cause::Cause;
use crate::evidence::{Evidence, Value};
use crate::facts::{Fact, Facts, Gap, Identity, Ladder, Step};
use crate::run::Finding;
use crate::snapshot::{Environment, Memory, Neighbour};
use jiff::Timestamp;

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
