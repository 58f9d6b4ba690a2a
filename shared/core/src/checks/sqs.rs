//! Checks of SQS: can the app reach its queues, do failed messages have a place to go, does anything wait there or too long.

use crate::cause::Cause;
use crate::check::{Because, Check, Cx, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::evidence::Value;
use crate::facts::aws::{Queue, QueueAttributes};
use crate::facts::{Fact, Facts, Gap, Identity};
use crate::question::Question;
use crate::snapshot::{Memory, Snapshot};
use crate::text::text;

pub const CHECKS: &[Check] = &[UNREACHABLE, DLQ_NONE, DLQ_NOT_EMPTY, OLDEST_AGE];

const UNREACHABLE: Check = Check {
    id: "SQS-UNREACHABLE",
    kind: Kind::Sqs,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::High),
    title: text(
        "The queue does not exist or the app may not use it",
        "La file n'existe pas ou l'application ne peut pas l'utiliser",
    ),
    remedy: text(
        "Correct the queue's URL, or allow sqs:GetQueueAttributes, SendMessage and ReceiveMessage on it.",
        "Corrigez l'URL de la file, ou autorisez sqs:GetQueueAttributes, SendMessage et ReceiveMessage sur elle.",
    ),
    reads: &[Question::QueueAttributes],
    faults: &[
        Fault {
            code: "foreign",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "The URL of {subject} (variable {variable}) is in account {account}, region {region}: not the app's.",
                "L'URL de {subject} (variable {variable}) désigne le compte {account}, région {region} : pas ceux de l'application.",
            ),
            broken: |s| on_queue(s, "jobs", |q| q.foreign = Fact::Known(true)),
        },
        Fault {
            code: "down",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} (variable {variable}) does not answer: {cause}.",
                "{subject} (variable {variable}) ne répond pas : {cause}.",
            ),
            broken: |s| on_queue(s, "jobs", |q| q.attributes = Fact::gap(Cause::NotFound, Identity::App)),
        },
    ],
    judge: |cx, say| {
        let Some(sqs) = &cx.facts.sqs else { return };
        for (name, queue) in sqs.queues.iter().filter(|(_, queue)| declared(queue)) {
            say.subject(name, reached(queue));
        }
    },
};

const DLQ_NONE: Check = Check {
    id: "SQS-DLQ-NONE",
    kind: Kind::Sqs,
    suite: Suite::Full,
    severity: per(Severity::Medium, Severity::High),
    title: text("Poison messages have nowhere to go", "Les messages empoisonnés n'ont nulle part où aller"),
    remedy: text(
        "Create a dead-letter queue and set the queue's redrive policy.",
        "Créez une file de lettres mortes et réglez la politique de redirection de la file.",
    ),
    reads: &[Question::QueueAttributes, Question::QueueDeadLetter],
    faults: &[
        Fault {
            code: "none",
            level: Level::Column,
            limit: Limit::None,
            says: text("{subject} has no dead-letter queue.", "{subject} n'a pas de file de lettres mortes."),
            broken: |s| on_attributes(s, "jobs", |a| a.redrive = None),
        },
        Fault {
            code: "missing",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "The dead-letter queue of {subject} does not exist: {queue}.",
                "La file de lettres mortes de {subject} n'existe pas : {queue}.",
            ),
            broken: |s| {
                on_attributes(s, "jobs", |a| {
                    if let Some(redrive) = &mut a.redrive {
                        redrive.target_exists = Fact::Known(false);
                    }
                });
            },
        },
    ],
    judge: |cx, say| {
        let Some(sqs) = &cx.facts.sqs else { return };
        for (name, queue) in sqs.queues.iter().filter(|(_, queue)| !queue.dead_letter) {
            say.subject(name, has_dead_letter_queue(queue));
        }
    },
};

const DLQ_NOT_EMPTY: Check = Check {
    id: "SQS-DLQ-NOT-EMPTY",
    kind: Kind::Sqs,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::High),
    title: text("Messages have failed for good", "Des messages ont échoué pour de bon"),
    remedy: text(
        "Read one of the messages, correct the consumer, then start a redrive to the source queue.",
        "Lisez un des messages, corrigez le consommateur, puis relancez-les vers la file d'origine.",
    ),
    reads: &[Question::QueueAttributes, Question::QueueDeadLetter],
    faults: &[
        Fault {
            code: "waiting",
            level: Level::Column,
            limit: Limit::From(1.0, "AWS SQS developer guide: alarm on a dead-letter queue that is not empty"),
            says: text(
                "{subject}, a dead-letter queue, holds messages: {value}.",
                "{subject}, une file de lettres mortes, contient des messages : {value}.",
            ),
            broken: |s| {
                on_attributes(s, "jobs-dlq", |a| a.visible = 3);
                s.memory = Fact::gap(Cause::NoHistory, Identity::Auditor);
            },
        },
        Fault {
            code: "growing",
            level: Level::Above,
            limit: Limit::None,
            says: text(
                "{subject}, a dead-letter queue, grows: {before} messages at the last run, {value} now.",
                "{subject}, une file de lettres mortes, grossit : {before} messages au dernier audit, {value} maintenant.",
            ),
            broken: |s| {
                on_attributes(s, "jobs-dlq", |a| (a.visible, a.in_flight) = (4, 1));
            },
        },
    ],
    judge: |cx, say| {
        let Some(sqs) = &cx.facts.sqs else { return };
        for (name, queue) in sqs.queues.iter().filter(|(_, queue)| queue.dead_letter) {
            say.subject(name, is_empty(cx, name, queue));
        }
    },
};

const OLDEST_AGE: Check = Check {
    id: "SQS-OLDEST-AGE",
    kind: Kind::Sqs,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::High),
    title: text("The oldest message has waited too long", "Le plus vieux message attend depuis trop longtemps"),
    remedy: text(
        "Start or scale the consumer, and look for a message that fails again and again.",
        "Démarrez ou multipliez le consommateur, et cherchez un message qui échoue sans cesse.",
    ),
    reads: &[Question::QueueAttributes, Question::QueueOldest],
    faults: &[
        Fault {
            code: "slow",
            level: Level::Warn,
            limit: Limit::From(300.0, "Vigie"),
            says: text(
                "The oldest message of {subject} has waited {value} (limit {limit}).",
                "Le plus vieux message de {subject} attend depuis {value} (limite {limit}).",
            ),
            broken: |s| on_queue(s, "jobs", |q| q.oldest = Fact::Known(Some(300))),
        },
        Fault {
            code: "old",
            level: Level::Column,
            limit: Limit::From(900.0, "Vigie"),
            says: text(
                "The oldest message of {subject} has waited {value} (limit {limit}).",
                "Le plus vieux message de {subject} attend depuis {value} (limite {limit}).",
            ),
            broken: |s| on_queue(s, "jobs", |q| q.oldest = Fact::Known(Some(900))),
        },
        Fault {
            code: "expiring",
            level: Level::Column,
            limit: Limit::From(25.0, "Vigie"),
            says: text(
                "The oldest message of {subject} has waited {age}: {value} of the time after which SQS deletes it (limit {limit}).",
                "Le plus vieux message de {subject} attend depuis {age} : {value} du délai après lequel SQS le supprime (limite {limit}).",
            ),
            broken: |s| {
                on_queue(s, "jobs", |q| q.oldest = Fact::Known(Some(200)));
                on_attributes(s, "jobs", |a| a.retention = 600);
            },
        },
    ],
    judge: |cx, say| {
        let Some(sqs) = &cx.facts.sqs else { return };
        for (name, queue) in sqs.queues.iter().filter(|(_, queue)| !queue.dead_letter) {
            say.subject(name, keeps_up(cx, queue));
        }
    },
};

/// What the next run compares with: `dlq/NAME` -> messages. A queue that did not answer keeps its last count; one that
/// is no longer there is forgotten.
pub fn remember(facts: &Facts, memory: &mut Memory) {
    let Some(sqs) = &facts.sqs else { return };
    memory.counters.retain(|key, _| {
        key.strip_prefix("dlq/").is_none_or(|name| sqs.queues.get(name).is_some_and(|queue| queue.dead_letter))
    });
    for (name, queue) in sqs.queues.iter().filter(|(_, queue)| queue.dead_letter) {
        if let Ok(attributes) = queue.attributes.get() {
            memory.counters.insert(counter(name), depth(attributes));
        }
    }
}

fn counter(queue: &str) -> String {
    format!("dlq/{queue}")
}

/// Messages, taken and not.
fn depth(attributes: &QueueAttributes) -> u64 {
    attributes.visible.saturating_add(attributes.in_flight)
}

/// A variable of the app's names it.
fn declared(queue: &Queue) -> bool {
    !queue.variable.is_empty()
}

fn reached(queue: &Queue) -> Judgement {
    match queue.attributes.get() {
        // A refusal of a queue that lies elsewhere is explained by where it lies.
        Err(gap) if matches!(gap.cause, Cause::NotFound | Cause::Denied) && queue.foreign == Fact::Known(true) => {
            Ok(Some(elsewhere(queue).cause(gap.cause).asked_as(gap.asked_as)))
        }
        Err(gap) => refused(queue, gap).map(Some),
        Ok(_) => Ok(queue.foreign.get()?.then(|| elsewhere(queue).cause(Cause::Foreign))),
    }
}

fn elsewhere(queue: &Queue) -> Because {
    let shown = |value: &Option<String>| Value::name(value.as_deref().unwrap_or("-"));
    fault("foreign")
        .with("variable", Value::name(&queue.variable))
        .with("account", shown(&queue.account))
        .with("region", shown(&queue.region))
}

/// A queue that did not answer fails, unless the reason lies with Vigie: its own permissions, or its own time.
fn refused(queue: &Queue, gap: Gap) -> Result<Because, Gap> {
    let vigies = match gap.cause {
        Cause::Deadline | Cause::Throttled | Cause::NotAsked | Cause::Unexpected => true,
        Cause::Denied
        | Cause::NoCredentials
        | Cause::ExpiredToken
        | Cause::InvalidKey
        | Cause::Signature
        | Cause::ClockSkew => gap.asked_as != Identity::App,
        _ => false,
    };
    if vigies {
        return Err(gap);
    }
    Ok(fault("down")
        .with("variable", Value::name(&queue.variable))
        .with("cause", Value::name(gap.cause.code()))
        .cause(gap.cause)
        .asked_as(gap.asked_as))
}

fn has_dead_letter_queue(queue: &Queue) -> Judgement {
    let attributes = queue.attributes.get()?;
    let Some(redrive) = &attributes.redrive else { return Ok(Some(fault("none"))) };
    let name = redrive.target_arn.rsplit(':').next().unwrap_or_default();
    Ok((!redrive.target_exists.get()?).then(|| fault("missing").with("queue", Value::name(name))))
}

/// Growth is only known with the memory of an earlier run; without it, messages are still messages.
fn is_empty(cx: &Cx<'_>, name: &str, queue: &Queue) -> Judgement {
    let now = depth(queue.attributes.get()?);
    let Some(waiting) = cx.measure(&Value::Count(now)) else { return Ok(None) };
    let before = cx.memory.get().ok().and_then(|memory| memory.counters.get(&counter(name)).copied());
    Ok(Some(match before.filter(|before| *before < now) {
        Some(before) => fault("growing").with("before", Value::Count(before)).with("value", Value::Count(now)),
        None => waiting,
    }))
}

/// Two units, so each limit is held against its own: seconds, and percent of the retention.
#[allow(clippy::cast_precision_loss)]
fn keeps_up(cx: &Cx<'_>, queue: &Queue) -> Judgement {
    let attributes = queue.attributes.get()?;
    let Some(seconds) = *queue.oldest.get()? else { return Ok(None) };
    let age = Value::Seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
    let share = Value::Percent(seconds as f64 * 100.0 / attributes.retention.max(1) as f64);
    let passed = |code: &'static str, value: &Value| {
        let limit = cx.limit(code).filter(|limit| value.number().is_some_and(|number| number >= *limit))?;
        Some(fault(code).with("value", value.clone()).with("limit", value.with_number(limit)))
    };
    Ok(passed("expiring", &share)
        .map(|because| because.with("age", age.clone()))
        .or_else(|| passed("old", &age))
        .or_else(|| passed("slow", &age)))
}

fn on_queue(snapshot: &mut Snapshot, name: &str, change: impl FnOnce(&mut Queue)) {
    if let Some(queue) = snapshot.facts.sqs.as_mut().and_then(|sqs| sqs.queues.get_mut(name)) {
        change(queue);
    }
}

fn on_attributes(snapshot: &mut Snapshot, name: &str, change: impl FnOnce(&mut QueueAttributes)) {
    on_queue(snapshot, name, |queue| {
        if let Fact::Known(attributes) = &mut queue.attributes {
            change(attributes);
        }
    });
}
