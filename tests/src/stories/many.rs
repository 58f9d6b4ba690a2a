//! Five hundred findings in an environment whose every name was chosen by an enemy.

use jiff::SignedDuration;
use jiff::civil::date;
use vigie_core::check::Class;
use vigie_core::facts::aws::{AlarmState, Bucket, Queue, Rule};
use vigie_core::facts::variables::{Class as Shown, Stray, Variable};
use vigie_core::facts::{Fact, Rung, Step};
use vigie_core::healthy::NOW;
use vigie_core::snapshot::{Mute, Snapshot};

use super::life::{Life, at, between, from_on};
use super::{Story, nasty};

const BEGAN: &str = "2026-11-19T00:00:00Z";

pub fn many() -> Story {
    let production = Life {
        // As long as a name may be.
        name: "production-of-a-very-long-name-1",
        class: Class::Production,
        began: at(BEGAN),
        troubles: vec![
            from_on(BEGAN, Box::new(|s| queues(s, 0..84))),
            from_on("2026-11-20T00:00:00Z", Box::new(variables)),
            from_on("2026-11-21T08:00:00Z", Box::new(buckets)),
            from_on("2026-11-21T12:00:00Z", Box::new(rules)),
            from_on("2026-11-21T16:00:00Z", Box::new(alarms)),
            from_on("2026-11-22T00:00:00Z", Box::new(addresses)),
            from_on("2026-11-22T00:00:00Z", Box::new(mutes)),
            // Queues that are gone today.
            between(BEGAN, "2026-11-21T20:00:00Z", Box::new(|s| queues(s, 84..126))),
        ],
        silent: Vec::new(),
    };
    Story { name: "many", environments: vec![production.live()] }
}

/// Without a dead-letter queue and without an alarm.
fn queues(s: &mut Snapshot, which: std::ops::Range<usize>) {
    let Some(sqs) = &mut s.facts.sqs else { return };
    let Some(like) = sqs.queues.get("jobs").cloned() else { return };
    for n in which {
        let mut queue: Queue = like.clone();
        queue.variable = nasty::name(n + 7);
        if let Fact::Known(attributes) = &mut queue.attributes {
            attributes.redrive = None;
        }
        sqs.queues.insert(nasty::name(n), queue);
    }
}

/// Quoted, shown, and from sources with such names.
fn variables(s: &mut Snapshot) {
    for n in 0..84 {
        let variable = Variable {
            source: format!("dotenv:{}", nasty::name(n + 3)),
            class: if n.is_multiple_of(2) { Shown::Plain } else { Shown::Secret },
            length: 24,
            shown: (n.is_multiple_of(2)).then(|| nasty::name(n + 5)),
            strays: vec![if n.is_multiple_of(3) { Stray::Quotes } else { Stray::ZeroWidth }],
            equals: vec![nasty::name(n + 1)],
            ..Variable::default()
        };
        s.facts.variables.known.insert(nasty::name(n), variable);
    }
}

fn buckets(s: &mut Snapshot) {
    let Some(s3) = &mut s.facts.s3 else { return };
    let Some(like) = s3.buckets.get("shop-media").cloned() else { return };
    for n in 0..42 {
        let mut bucket: Bucket = like.clone();
        bucket.region = Fact::Known(nasty::name(n + 11));
        bucket.public_grants = Fact::Known(vec![nasty::name(n + 2)]);
        s3.buckets.insert(nasty::name(n), bucket);
    }
}

fn rules(s: &mut Snapshot) {
    let Some(events) = &mut s.facts.eventbridge else { return };
    for bus in events.buses.values_mut() {
        if let Fact::Known(rules) = &mut bus.rules {
            let rule = |n: usize| Rule { enabled: n.is_multiple_of(2), managed: false, targets: Fact::Known(0) };
            rules.extend((0..84).map(|n| (nasty::name(n), rule(n))));
        }
    }
}

fn alarms(s: &mut Snapshot) {
    let Some(Fact::Known(alarms)) = s.facts.cloudwatch.as_mut().map(|cloudwatch| &mut cloudwatch.alarms) else {
        return;
    };
    let Some(like) = alarms.get("worker").cloned() else { return };
    for n in 0..42 {
        let mut alarm = like.clone();
        (alarm.state, alarm.since) = (AlarmState::Alarm, Some(NOW - SignedDuration::from_mins(11 + n)));
        alarm.actions = 0;
        alarms.insert(nasty::name(usize::try_from(n).unwrap_or(0)), alarm);
    }
}

/// Sites that do not answer, with codes that a server may have made up.
fn addresses(s: &mut Snapshot) {
    let Some(like) = s.facts.https.get("https:cdn").cloned() else { return };
    for n in 0..12 {
        let mut https = like.clone();
        https.variable = nasty::name(n + 4);
        https.origin = format!("https://{}", nasty::name(n));
        let code = Some(nasty::name(n + 20));
        let step = Step { rung: Rung::Query, ms: 90, cause: Some(vigie_core::cause::Cause::BadStatus), code };
        https.ladder.attempts = vec![vec![step.clone()], vec![step]];
        if let Fact::Known(Some(certificate)) = &mut https.certificate {
            certificate.names = vec![nasty::name(n + 1)];
            certificate.issuer = nasty::name(n + 2);
            certificate.not_after = NOW + SignedDuration::from_hours(24 * 3 + i64::try_from(n).unwrap_or(0));
        }
        s.facts.https.insert(format!("https:{}", nasty::name(n + 30)), https);
    }
    if let Some(ses) = &mut s.facts.ses {
        ses.from = Fact::Known(nasty::name(0));
        ses.identities = Fact::Known([(nasty::name(1), nasty::name(2))].into());
        ses.region = nasty::name(4);
    }
    if let Some(postgres) = s.facts.postgres.get_mut("postgres")
        && let Fact::Known(session) = &mut postgres.session
    {
        session.server_version = nasty::name(13);
    }
}

fn mutes(s: &mut Snapshot) {
    s.environment.mutes = (0..21)
        .map(|n| Mute {
            check: "SQS-DLQ-NONE".to_owned(),
            subject: Some(nasty::name(n * 2)),
            owner: nasty::name(n + 1),
            reason: nasty::name(n),
            until: date(2027, 1, 15),
        })
        .collect();
}
