//! Checks of EventBridge: does the bus exist, and does each of its rules do something.

use crate::cause::Cause;
use crate::check::{Check, Cx, Fault, Judgement, Kind, Level, Limit, Severity, Suite, because_of, fault, per};
use crate::evidence::Value;
use crate::facts::aws::{Bus, EventBridge, Rule};
use crate::facts::{Fact, Identity, Rung, Step};
use crate::healthy::fallen;
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::text;

pub const CHECKS: &[Check] = &[BUS_MISSING, RULE_INERT];

const BUS_MISSING: Check = Check {
    id: "EB-BUS-MISSING",
    kind: Kind::EventBridge,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::Critical),
    title: text(
        "The event bus does not exist, so events vanish",
        "Le bus d'événements n'existe pas : les événements disparaissent",
    ),
    remedy: text(
        "Create the bus, or correct its name and the region of the app's client.",
        "Créez le bus, ou corrigez son nom et la région du client de l'application.",
    ),
    reads: &[Question::Bus],
    faults: &[
        Fault {
            code: "unreachable",
            level: Level::Warn,
            limit: Limit::None,
            says: text(
                "EventBridge cannot be reached: {rung} failed ({cause}).",
                "EventBridge est injoignable : échec de {rung} ({cause}).",
            ),
            broken: |s| {
                if let Some(events) = &mut s.facts.eventbridge {
                    events.ladder = fallen(Rung::Connect, Cause::Refused);
                    for bus in events.buses.values_mut() {
                        bus.exists = Fact::gap(Cause::Refused, Identity::Auditor);
                        bus.rules = Fact::gap(Cause::Refused, Identity::Auditor);
                    }
                }
            },
        },
        Fault {
            code: "missing",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "The bus {subject} does not exist in the app's account and region: PutEvents succeeds there, and the event is dropped.",
                "Le bus {subject} n'existe pas dans le compte et la région de l'application : PutEvents y réussit et l'événement est perdu.",
            ),
            broken: |s| on_buses(s, |bus| bus.exists = Fact::Known(false)),
        },
    ],
    judge: |cx, say| {
        let Some(events) = &cx.facts.eventbridge else { return };
        for (name, bus) in &events.buses {
            say.subject(short(name), exists(events, bus));
        }
    },
};

const RULE_INERT: Check = Check {
    id: "EB-RULE-INERT",
    kind: Kind::EventBridge,
    suite: Suite::Full,
    severity: per(Severity::Medium, Severity::High),
    title: text("A rule has no target or is disabled", "Une règle n'a pas de cible ou est désactivée"),
    remedy: text(
        "Attach the target, enable the rule or delete it; a rule that rests on purpose goes into the contract's idle_rules.",
        "Attachez la cible, activez la règle ou supprimez-la ; une règle inactive à dessein se déclare dans idle_rules du contrat.",
    ),
    reads: &[Question::BusRules, Question::RuleTargets],
    faults: &[
        Fault {
            code: "disabled",
            level: Level::Column,
            limit: Limit::None,
            says: text("The rule {subject} is disabled.", "La règle {subject} est désactivée."),
            broken: |s| on_rules(s, |rule| rule.enabled = false),
        },
        Fault {
            code: "no-target",
            level: Level::Column,
            limit: Limit::None,
            says: text("The rule {subject} has no target.", "La règle {subject} n'a pas de cible."),
            broken: |s| on_rules(s, |rule| rule.targets = Fact::Known(0)),
        },
    ],
    judge: |cx, say| {
        let Some(events) = &cx.facts.eventbridge else { return };
        for (name, bus) in &events.buses {
            match bus.rules.get() {
                Err(gap) => say.subject(short(name), Err(gap)),
                Ok(rules) => {
                    for (rule, facts) in rules.iter().filter(|(_, facts)| !facts.managed) {
                        say.subject(&format!("{}/{rule}", short(name)), does_something(cx, rule, facts));
                    }
                }
            }
        }
    },
};

/// The name of a bus, of which the contract may hold the ARN.
pub(super) fn short(bus: &str) -> &str {
    bus.rsplit('/').next().unwrap_or(bus)
}

/// Vigie asks as itself: a refusal or its own lack of time is unknown, a network that fails is everybody's.
fn exists(events: &EventBridge, bus: &Bus) -> Judgement {
    match bus.exists.get() {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some(fault("missing").cause(Cause::NotFound))),
        Err(gap) => match events.ladder.failed().filter(|step| of_the_network(step)) {
            Some(step) if step.cause == Some(gap.cause) => Ok(Some(because_of("unreachable", step, Identity::Auditor))),
            _ => Err(gap),
        },
    }
}

fn of_the_network(step: &Step) -> bool {
    matches!(step.rung, Rung::Resolve | Rung::Connect | Rung::Tls) && step.cause != Some(Cause::Deadline)
}

fn does_something(cx: &Cx<'_>, name: &str, rule: &Rule) -> Judgement {
    if !rule.enabled {
        let idle = cx.contract().idle_rules.iter().any(|idle| idle == name);
        return Ok((!idle).then(|| fault("disabled").with("rule", Value::name(name))));
    }
    Ok((*rule.targets.get()? == 0).then(|| fault("no-target").with("rule", Value::name(name))))
}

fn on_buses(snapshot: &mut Snapshot, change: impl Fn(&mut Bus)) {
    if let Some(events) = &mut snapshot.facts.eventbridge {
        events.buses.values_mut().for_each(change);
    }
}

fn on_rules(snapshot: &mut Snapshot, change: impl Fn(&mut Rule)) {
    on_buses(snapshot, |bus| {
        if let Fact::Known(rules) = &mut bus.rules {
            rules.values_mut().filter(|rule| !rule.managed).for_each(&change);
        }
    });
}
