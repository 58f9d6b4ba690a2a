//! The healthy part of postgres: a verified TLS session to a writer with room to spare.

use super::{NOW, app_gap, climbed, fallen};
use crate::cause::Cause;
use crate::dsn::{DsnFacts, HostFacts, Origin, SslMode};
use crate::facts::postgres::{Ages, Certificate, Postgres, Session, Slots};
use crate::facts::{Fact, Facts, Gap, Rung};
use crate::question::Question;
use jiff::SignedDuration;

pub fn fill(facts: &mut Facts) {
    facts.postgres.insert("postgres".to_owned(), postgres());
}

pub fn refuse(facts: &mut Facts, question: Question, gap: &Gap) {
    for postgres in facts.postgres.values_mut() {
        match question {
            Question::PostgresLadder => postgres.ladder = fallen(Rung::Connect, Cause::Refused),
            Question::PostgresCertificate => postgres.certificate = Fact::Gap(gap.clone()),
            Question::PostgresSession => postgres.session = Fact::Gap(app_gap(gap.cause)),
            Question::PostgresActivity => postgres.slots = Fact::Gap(app_gap(gap.cause)),
            Question::PostgresAges => postgres.ages = Fact::Gap(app_gap(gap.cause)),
            _ => {}
        }
    }
}

fn postgres() -> Postgres {
    let host = "db.shop.example".to_owned();
    Postgres {
        variable: "DATABASE_URL".to_owned(),
        dsn: DsnFacts {
            scheme: Some("postgresql".to_owned()),
            hosts: vec![HostFacts { host: Some(host.clone()), port: 5432 }],
            user: true,
            password: true,
            database: true,
            sslmode: Some(SslMode::VerifyFull),
            sslmode_from: Some(Origin::Url),
            keys: vec!["sslmode".to_owned()],
            ..DsnFacts::default()
        },
        ladder: climbed(&[Rung::Resolve, Rung::Connect, Rung::Tls, Rung::Authenticate, Rung::Query]),
        certificate: Fact::Known(Some(Certificate {
            not_before: NOW - SignedDuration::from_hours(24 * 100),
            not_after: NOW + SignedDuration::from_hours(24 * 265),
            names: vec![host],
            issuer: "Amazon RDS eu-west-3 Root CA RSA2048 G1".to_owned(),
            cause: None,
            causes: Vec::new(),
        })),
        session: Fact::Known(Session {
            tls: Some("TLSv1.3".to_owned()),
            remote: true,
            others_in_clear: Fact::Known(0),
            in_recovery: false,
            read_only: false,
            server_version: "16.4".to_owned(),
        }),
        slots: Fact::Known(Slots { used: 24, max: 200, reserved: 5 }),
        ages: Fact::Known(
            [
                ("shop".to_owned(), Ages { transactions: 42_000_000, multixacts: 1_000 }),
                ("template0".to_owned(), Ages { transactions: 150_000_000, multixacts: 1_000 }),
            ]
            .into(),
        ),
    }
}
