//! Checks of Vigie itself, over the findings of this run. They run last.

use crate::cause::Cause;
use crate::check::{Because, Check, Cx, Fault, Judgements, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::evidence::Value;
use crate::facts::{Gap, Identity};
use crate::head::stale_after;
use crate::healthy;
use crate::question::Question;
use crate::run::{Finding, Outcome, key};
use crate::snapshot::{Memory, Mute, Snapshot};
use crate::text::text;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

pub const CHECKS: &[Check] = &[BLIND, STALE, MUTE_EXPIRED, MUTE_UNMATCHED];

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

const MUTE_EXPIRED: Check = Check {
    id: "SELF-MUTE-EXPIRED",
    kind: Kind::Vigie,
    suite: Suite::Full,
    severity: per(Severity::Low, Severity::Low),
    title: text(
        "A mute has expired and its finding still fails",
        "Une mise en sourdine a expiré et son constat échoue toujours",
    ),
    remedy: text(
        "Correct what it muted, or decide again: a new day, with its owner and its reason.",
        "Corrigez ce qui était en sourdine, ou décidez à nouveau : une nouvelle date, avec son responsable et sa raison.",
    ),
    reads: &[],
    faults: &[Fault {
        code: "failing",
        level: Level::Column,
        limit: Limit::None,
        says: text(
            "The mute of {subject} ended on {until} and it still fails. {owner} had muted it: {reason}",
            "La mise en sourdine de {subject} a pris fin le {until} et le constat échoue toujours. {owner} l'avait décidée : {reason}",
        ),
        broken: |s| {
            fail_one(s);
            s.environment.mutes = vec![a_mute("SQS-DLQ-NONE", None, "2026-11-21")];
        },
    }],
    judge: |cx, say| {
        mutes(cx, say, |mute, of| {
            let over = mute.until < today(cx);
            let failing = || of.iter().any(|f| f.outcome == Outcome::Fail && f.mute.is_none());
            (over && failing()).then_some("failing")
        })
    },
};

const MUTE_UNMATCHED: Check = Check {
    id: "SELF-MUTE-UNMATCHED",
    kind: Kind::Vigie,
    suite: Suite::Full,
    severity: per(Severity::Low, Severity::Low),
    title: text("A mute matches nothing that fails", "Une mise en sourdine ne correspond à rien qui échoue"),
    remedy: text(
        "Take it out of the configuration, or correct its subject: what it would hide one day is hidden in silence.",
        "Retirez-la de la configuration, ou corrigez son sujet : ce qu'elle cacherait un jour serait caché en silence.",
    ),
    reads: &[],
    faults: &[
        Fault {
            code: "passes",
            level: Level::Warn,
            limit: Limit::None,
            says: text(
                "{subject} passes: the mute of {owner} until {until} is no longer needed.",
                "{subject} passe : la mise en sourdine de {owner} jusqu'au {until} n'est plus nécessaire.",
            ),
            broken: |s| s.environment.mutes = vec![a_mute("SQS-DLQ-NONE", None, "2027-03-01")],
        },
        Fault {
            code: "nothing",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} is muted by {owner} until {until}, and no such finding was judged.",
                "{subject} est en sourdine par {owner} jusqu'au {until}, et aucun constat de ce nom n'a été jugé.",
            ),
            broken: |s| s.environment.mutes = vec![a_mute("SQS-DLQ-NONE", Some("jbos"), "2027-03-01")],
        },
    ],
    judge: |cx, say| {
        mutes(cx, say, |mute, of| match of {
            _ if mute.until < today(cx) => None,
            [] => Some("nothing"),
            // What does not apply here was not judged: the mute proves nothing, for or against.
            of if of.iter().all(|f| f.outcome == Outcome::Pass) => Some("passes"),
            _ => None,
        })
    },
};

fn today(cx: &Cx<'_>) -> jiff::civil::Date {
    cx.now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Judges each mute by the findings that it speaks of, as this run judged them. What is unknown is not unmatched.
fn mutes(cx: &Cx<'_>, say: &mut Judgements<'_>, judge: impl Fn(&Mute, &[&Finding]) -> Option<&'static str>) {
    if cx.environment.mutes.is_empty() {
        // A run that knows nothing does not know this either.
        let known = cx.findings.iter().any(|f| f.outcome == Outcome::Pass);
        return say.one(if known { Ok(None) } else { Err(Gap::new(Cause::NoData, Identity::Auditor)) });
    }
    // Two of one finding are one: the one that lasts.
    let mut last: BTreeMap<String, &Mute> = BTreeMap::new();
    for mute in &cx.environment.mutes {
        let name = mute.subject.as_ref().map_or_else(|| mute.check.clone(), |subject| key(&mute.check, subject));
        let known = last.entry(name).or_insert(mute);
        if known.until < mute.until {
            *known = mute;
        }
    }
    for (name, mute) in last {
        let of_check = || cx.findings.iter().filter(|f| f.check == mute.check);
        let matches = |f: &&Finding| mute.subject.as_ref().is_none_or(|subject| *subject == f.subject);
        let of: Vec<&Finding> = of_check().filter(matches).collect();
        let applies = of_check().any(|f| f.outcome != Outcome::NotApplicable);
        let fault = judge(mute, &of).filter(|_| applies);
        let unknown = of_check().find(|f| f.outcome == Outcome::Unknown && (of.is_empty() || matches(f)));
        let judgement = match (fault, unknown) {
            (Some("failing") | None, _) | (Some(_), None) => Ok(fault.map(|code| because(code, mute))),
            (Some(_), Some(f)) => Err(gap(f)),
        };
        say.subject(&name, judgement);
    }
}

fn gap(finding: &Finding) -> Gap {
    let (cause, asked_as) = (finding.cause.unwrap_or(Cause::NoData), finding.asked_as.unwrap_or(Identity::Auditor));
    Gap { cause, action: finding.action.clone(), asked_as }
}

fn because(code: &'static str, mute: &Mute) -> Because {
    fault(code)
        .with("owner", Value::name(&mute.owner))
        .with("reason", Value::name(&mute.reason))
        .with("until", Value::name(mute.until.to_string()))
}

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

fn fail_one(snapshot: &mut Snapshot) {
    for queue in snapshot.facts.sqs.iter_mut().flat_map(|sqs| sqs.queues.values_mut()) {
        if let crate::facts::Fact::Known(attributes) = &mut queue.attributes {
            attributes.redrive = None;
        }
    }
}

fn a_mute(check: &str, subject: Option<&str>, until: &str) -> Mute {
    Mute {
        check: check.to_owned(),
        subject: subject.map(str::to_owned),
        owner: "ana".to_owned(),
        reason: "decided in October".to_owned(),
        until: until.parse().unwrap_or_default(),
    }
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
