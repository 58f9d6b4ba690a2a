//! Checks of CloudWatch: are there alarms for what matters, do they reach anyone, is one firing. The alarms that an app
//! needs are in `coverage`.

mod coverage;

use crate::cause::Cause;
use crate::check::{Check, Cx, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::evidence::Value;
use crate::facts::aws::{Alarm, AlarmState};
use crate::facts::{Fact, Gap, Identity};
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::text;
use jiff::{SignedDuration, Timestamp};

pub const CHECKS: &[Check] = &[coverage::COVERAGE_GAP, ALARM_FIRING, ALARM_MUTE];

const ALARM_FIRING: Check = Check {
    id: "CW-ALARM-FIRING",
    kind: Kind::CloudWatch,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::High),
    title: text("An alarm is in ALARM now", "Une alarme est en état ALARM"),
    remedy: text("Handle what the alarm reports.", "Traitez ce que l'alarme signale."),
    reads: &[Question::Alarms],
    faults: &[
        Fault {
            code: "fresh",
            level: Level::Warn,
            limit: Limit::From(0.0, "Vigie"),
            says: text("{subject} has been in ALARM for {value}.", "{subject} est en ALARM depuis {value}."),
            broken: |s| fires(s, 599),
        },
        Fault {
            code: "firing",
            level: Level::Column,
            limit: Limit::From(600.0, "Vigie"),
            says: text("{subject} has been in ALARM for {value}.", "{subject} est en ALARM depuis {value}."),
            broken: |s| fires(s, 600),
        },
    ],
    judge: |cx, say| {
        let Some(cloudwatch) = &cx.facts.cloudwatch else { return };
        say.each(&cloudwatch.alarms, |alarm| quiet(cx, alarm));
    },
};

const ALARM_MUTE: Check = Check {
    id: "CW-ALARM-MUTE",
    kind: Kind::CloudWatch,
    suite: Suite::Full,
    severity: per(Severity::Low, Severity::High),
    title: text("An alarm can fire without telling anyone", "Une alarme peut se déclencher sans prévenir personne"),
    remedy: text(
        "Give the alarm an action, such as an SNS topic that somebody reads, and turn its actions on.",
        "Donnez une action à l'alarme, par exemple un sujet SNS que quelqu'un lit, et activez ses actions.",
    ),
    reads: &[Question::Alarms],
    faults: &[
        Fault {
            code: "off",
            level: Level::Column,
            limit: Limit::None,
            says: text("The actions of {subject} are turned off.", "Les actions de {subject} sont désactivées."),
            broken: |s| on_alarms(s, |alarm| alarm.actions_enabled = false),
        },
        Fault {
            code: "no-action",
            level: Level::Column,
            limit: Limit::None,
            says: text("{subject} has no action for ALARM.", "{subject} n'a aucune action pour ALARM."),
            broken: |s| on_alarms(s, |alarm| alarm.actions = 0),
        },
    ],
    judge: |cx, say| {
        let Some(cloudwatch) = &cx.facts.cloudwatch else { return };
        match cloudwatch.alarms.get() {
            Err(gap) => say.one(Err(gap)),
            // A composite alarm speaks for its children.
            Ok(alarms) => {
                for (name, alarm) in alarms.iter().filter(|(_, alarm)| !alarm.child) {
                    say.subject(name, Ok(heard(alarm)));
                }
            }
        }
    },
};

fn quiet(cx: &Cx<'_>, alarm: &Alarm) -> Judgement {
    if alarm.state != AlarmState::Alarm {
        return Ok(None);
    }
    let since: Timestamp = alarm.since.ok_or_else(|| Gap::new(Cause::NoData, Identity::Auditor))?;
    Ok(cx.measure(&Value::Seconds(cx.now.duration_since(since).as_secs().max(0))))
}

fn heard(alarm: &Alarm) -> Option<crate::check::Because> {
    if alarm.actions == 0 {
        return Some(fault("no-action"));
    }
    (!alarm.actions_enabled).then(|| fault("off"))
}

fn fires(snapshot: &mut Snapshot, seconds: i64) {
    let since = snapshot.now - SignedDuration::from_secs(seconds);
    on_alarms(snapshot, |alarm| (alarm.state, alarm.since) = (AlarmState::Alarm, Some(since)));
}

/// All but the children of a composite alarm.
fn on_alarms(snapshot: &mut Snapshot, change: impl Fn(&mut Alarm)) {
    if let Some(Fact::Known(alarms)) = snapshot.facts.cloudwatch.as_mut().map(|cloudwatch| &mut cloudwatch.alarms) {
        alarms.values_mut().filter(|alarm| !alarm.child).for_each(change);
    }
}
