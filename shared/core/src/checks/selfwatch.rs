//! Checks of Vigie itself, over the findings of this run. They run last.

use crate::cause::Cause;
use crate::check::{Because, Check, Cx, Fault, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::evidence::Value;
use crate::head::stale_after;
use crate::healthy;
use crate::question::Question;
use crate::run::{Finding, Outcome};
use crate::snapshot::{Memory, Snapshot};
use crate::text::text;
use jiff::Timestamp;
use std::collections::BTreeSet;

pub const CHECKS: &[Check] = &[BLIND, STALE];

const BLIND: Check = Check {
    id: "SELF-BLIND",
    kind: Kind::Vigie,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::Medium),
    title: text("Too many checks could not be answered", "Trop de contrôles sont restés sans réponse"),
    remedy: text(
        "Grant the named actions to Vigie's role, or take what need not be checked out of the contract.",
        "Accordez les actions nommées au rôle de Vigie, ou retirez du contrat ce qui n'a pas à être contrôlé.",
    ),
    reads: &[],
    faults: &[
        Fault {
            code: "some",
            level: Level::Warn,
            limit: Limit::None,
            says: text(
                "{denied} of {total} answers were refused for lack of permission. Missing actions: {actions}.",
                "{denied} réponses sur {total} ont été refusées faute de permission. Actions manquantes : {actions}.",
            ),
            broken: |s| healthy::refuse(s, Question::RuleTargets),
        },
        Fault {
            code: "many",
            level: Level::Column,
            limit: Limit::From(10.0, "Vigie"),
            says: text(
                "{value} of the answers were refused for lack of permission ({denied} of {total}, limit {limit}). Missing actions: {actions}.",
                "{value} des réponses ont été refusées faute de permission ({denied} sur {total}, limite {limit}). Actions manquantes : {actions}.",
            ),
            broken: |s| {
                let questions: BTreeSet<Question> =
                    crate::checks::all().flat_map(|check| check.reads.iter().copied()).collect();
                for question in questions {
                    healthy::refuse(s, question);
                }
            },
        },
        Fault {
            code: "lost",
            level: Level::At(Severity::High),
            limit: Limit::None,
            says: text(
                "Vigie broke while it looked at {targets}: nothing is known of them. Please report it.",
                "Vigie s'est interrompue en examinant {targets} : rien n'en est connu. Merci de le signaler.",
            ),
            broken: |s| s.facts.lost = vec!["postgres".to_owned()],
        },
    ],
    judge: |cx, say| {
        if !cx.facts.lost.is_empty() {
            let targets = Value::names(cx.facts.lost.iter().map(String::as_str));
            return say.one(Ok(Some(fault("lost").with("targets", targets))));
        }
        let asked: Vec<&Finding> = cx.findings.iter().filter(|f| f.outcome != Outcome::NotApplicable).collect();
        let denied: Vec<&Finding> = asked.iter().copied().filter(|f| blind(f)).collect();
        if denied.is_empty() {
            return say.one(Ok(None));
        }
        let because = cx.measure(&percent(denied.len(), asked.len())).unwrap_or_else(|| fault("some"));
        let actions: BTreeSet<&str> = denied.iter().filter_map(|f| f.action.as_deref()).collect();
        let actions = if actions.is_empty() { Value::name("-") } else { Value::names(actions) };
        say.one(Ok(Some(
            because
                .with("denied", Value::Count(denied.len() as u64))
                .with("total", Value::Count(asked.len() as u64))
                .with("actions", actions),
        )));
    },
};

const STALE: Check = Check {
    id: "SELF-STALE",
    kind: Kind::Vigie,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::High),
    title: text("The auditor itself stopped", "L'auditeur lui-même s'est arrêté"),
    remedy: text(
        "Look at the schedule of that suite, then at the functions' errors and timeouts and at the dead-letter queue.",
        "Vérifiez la planification de cette suite, puis les erreurs et délais des fonctions et la file de lettres mortes.",
    ),
    reads: &[Question::Memory],
    faults: &[
        Fault {
            code: "connections",
            level: Level::Column,
            limit: stale(Suite::Connections),
            says: text(
                "The suite {subject} has not run for {value} (limit {limit}).",
                "La suite {subject} n'a pas été exécutée depuis {value} (limite {limit}).",
            ),
            broken: |s| audited_before(s, Suite::Connections),
        },
        Fault {
            code: "full",
            level: Level::Column,
            limit: stale(Suite::Full),
            says: text(
                "The suite {subject} has not run for {value} (limit {limit}).",
                "La suite {subject} n'a pas été exécutée depuis {value} (limite {limit}).",
            ),
            broken: |s| {
                s.suite = Suite::Connections;
                audited_before(s, Suite::Full);
            },
        },
    ],
    judge: |cx, say| {
        let memory = match cx.memory.get() {
            // The first run of all: there is nothing to be late for.
            Err(gap) if gap.cause == Cause::NoHistory => return,
            memory => memory,
        };
        for suite in [Suite::Connections, Suite::Full] {
            say.subject(suite.name(), memory.clone().map(|memory| late(cx, memory, suite)));
        }
    },
};

#[allow(clippy::cast_precision_loss)]
const fn stale(suite: Suite) -> Limit {
    Limit::From(stale_after(suite) as f64, "Vigie: three missed connections runs, one missed day")
}

/// A suite that is running now is not late.
fn late(cx: &Cx<'_>, memory: &Memory, suite: Suite) -> Option<Because> {
    let age = cx.now.duration_since(*memory.audited.get(suite.name())?);
    let (value, limit) = (Value::Seconds(age.as_secs()), cx.limit(suite.name())?);
    (suite != cx.suite && value.number()? >= limit)
        .then(|| fault(suite.name()).with("limit", value.with_number(limit)).with("value", value))
}

fn audited_before(snapshot: &mut Snapshot, suite: Suite) {
    let mut memory = snapshot.memory.get().cloned().unwrap_or_default();
    memory.audited.insert(suite.name().to_owned(), snapshot.now - jiff::SignedDuration::from_hours(30));
    snapshot.memory = crate::facts::Fact::Known(memory);
}

/// What the head remembers of a run for `SELF-STALE`. A suite that has never run is counted from the first run of any.
pub fn remember(memory: &mut Memory, suite: Suite, now: Timestamp) {
    for other in [Suite::Connections, Suite::Full] {
        memory.audited.entry(other.name().to_owned()).or_insert(now);
    }
    memory.audited.insert(suite.name().to_owned(), now);
}

/// Unknown for lack of a permission.
fn blind(finding: &Finding) -> bool {
    finding.outcome == Outcome::Unknown && finding.cause == Some(Cause::Denied)
}

#[allow(clippy::cast_precision_loss)]
fn percent(part: usize, whole: usize) -> Value {
    Value::Percent(part as f64 * 100.0 / whole.max(1) as f64)
}
