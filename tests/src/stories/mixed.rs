//! A usual bad morning: production is red, staging is green.

use jiff::SignedDuration;
use jiff::civil::date;
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Kind};
use vigie_core::facts::{Fact, Rung};
use vigie_core::healthy::NOW;
use vigie_core::question::Question;

use super::Story;
use super::life::{Life, Trouble, at, between, from_on};
use super::trouble::{cut, fault, muted, on_rule, queue, refused};

const BEGAN: &str = "2026-10-24T00:00:00Z";

pub fn mixed() -> Story {
    let mut troubles = since_yesterday();
    troubles.extend(for_longer());
    troubles.extend(over());
    let production = Life {
        name: "production",
        class: Class::Production,
        began: at(BEGAN),
        troubles,
        // Nobody noticed that the schedule was off.
        silent: vec![(at("2026-11-05T10:00:00Z"), at("2026-11-06T14:00:00Z"))],
    };
    let staging = Life {
        name: "staging",
        class: Class::Staging,
        began: at(BEGAN),
        troubles: vec![from_on(BEGAN, fault("ENV-RECOMMENDED-MISSING", "missing"))],
        silent: Vec::new(),
    };
    Story { name: "mixed", environments: vec![production.live(), staging.live()] }
}

fn since_yesterday() -> Vec<Trouble> {
    vec![
        from_on("2026-11-22T02:00:00Z", fault("PG-CONN-SATURATION", "high")),
        from_on("2026-11-22T01:00:00Z", fault("SQS-DLQ-NOT-EMPTY", "growing")),
        from_on("2026-11-21T15:00:00Z", on_rule("user-left", |rule| rule.targets = Fact::Known(0))),
        from_on(
            "2026-11-21T12:00:00Z",
            Box::new(|s| {
                if let Some(https) = s.facts.https.get_mut("https:cdn")
                    && let Fact::Known(Some(certificate)) = &mut https.certificate
                {
                    certificate.not_before = NOW - SignedDuration::from_hours(24 * 81);
                    certificate.not_after = NOW + SignedDuration::from_hours(24 * 9 + 5);
                }
            }),
        ),
        from_on("2026-11-21T11:00:00Z", refused(Question::BucketAcl)),
        from_on("2026-11-21T11:00:00Z", refused(Question::PrincipalPolicies)),
        // It failed until midnight: since then nobody knows.
        from_on("2026-11-22T00:00:00Z", refused(Question::PostgresAges)),
    ]
}

fn for_longer() -> Vec<Trouble> {
    vec![
        from_on("2026-11-13T16:00:00Z", fault("SQS-DLQ-NONE", "none")),
        from_on("2026-11-03T04:00:00Z", fault("RDS-BACKUP-WEAK", "short")),
        from_on(
            "2026-11-03T12:00:00Z",
            muted("RDS-BACKUP-WEAK", "ana", "dumps go to another account until the move", date(2027, 1, 31)),
        ),
        from_on(BEGAN, fault("CRED-LONG-LIVED", "akia")),
        // This decision has ended, and was not taken again.
        between(
            BEGAN,
            "2026-11-22T00:00:00Z",
            muted("CRED-LONG-LIVED", "olivier", "until the role is there", date(2026, 12, 31)),
        ),
        from_on("2026-11-18T09:00:00Z", fault("ENV-RECOMMENDED-MISSING", "missing")),
    ]
}

fn over() -> Vec<Trouble> {
    vec![
        between("2026-11-19T10:00:00Z", "2026-11-21T17:00:00Z", fault("HTTP-AUTH-CALLBACK-DRIFT", "differs")),
        between("2026-11-17T00:00:00Z", "2026-11-22T00:00:00Z", fault("PG-WRAPAROUND-NEAR", "aging")),
        between("2026-11-10T00:00:00Z", "2026-11-21T18:00:00Z", {
            queue("exports", |queue| {
                if let Fact::Known(attributes) = &mut queue.attributes {
                    attributes.redrive = None;
                }
            })
        }),
        between("2026-11-13T09:00:00Z", "2026-11-13T11:00:00Z", cut(Kind::Postgres, Rung::Connect, Cause::Refused)),
        between("2026-11-21T22:00:00Z", "2026-11-21T23:30:00Z", cut(Kind::Redis, Rung::Tls, Cause::Timeout)),
    ]
}
