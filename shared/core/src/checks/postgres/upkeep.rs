//! What a database needs to live on.

use super::change;
use crate::check::{Check, Fault, Kind, Level, Limit, Severity, Suite, per};
use crate::evidence::Value;
use crate::facts::postgres::Ages;
use crate::facts::{Fact, Identity};
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::text;

const SOURCE: &str =
    "PostgreSQL documentation, 24.1.5 Preventing Transaction ID Wraparound Failures; steps are Vigie's";

pub const WRAPAROUND_NEAR: Check = Check {
    id: "PG-WRAPAROUND-NEAR",
    kind: Kind::Postgres,
    suite: Suite::Full,
    severity: per(Severity::High, Severity::High),
    title: text(
        "Transaction ids are approaching wraparound",
        "Les identifiants de transaction approchent de leur limite (wraparound)",
    ),
    remedy: text(
        "Find what holds vacuum back (an old transaction, a slot, a prepared transaction), then VACUUM FREEZE the oldest tables.",
        "Cherchez ce qui retient le vacuum (vieille transaction, slot, transaction préparée), puis VACUUM FREEZE sur les plus vieilles tables.",
    ),
    reads: &[Question::PostgresAges],
    faults: &[
        Fault {
            code: "aging",
            level: Level::Warn,
            limit: Limit::From(500_000_000.0, SOURCE),
            says: text(
                "{subject}: the oldest {ids} of database {database} is {value} old (from {limit}); autovacuum should have frozen it at 200 million.",
                "{subject} : le plus vieux {ids} de la base {database} a un âge de {value} (à partir de {limit}) ; l'autovacuum aurait dû le geler à 200 millions.",
            ),
            broken: |s| age(s, 600_000_000),
        },
        Fault {
            code: "old",
            level: Level::Column,
            limit: Limit::From(1_000_000_000.0, SOURCE),
            says: text(
                "{subject}: the oldest {ids} of database {database} is {value} old (from {limit}), half-way to the end.",
                "{subject} : le plus vieux {ids} de la base {database} a un âge de {value} (à partir de {limit}), à mi-chemin de la fin.",
            ),
            broken: |s| age(s, 1_200_000_000),
        },
        Fault {
            code: "ending",
            level: Level::At(Severity::Critical),
            limit: Limit::From(1_900_000_000.0, SOURCE),
            says: text(
                "{subject}: the oldest {ids} of database {database} is {value} old (from {limit}): the server soon refuses every write.",
                "{subject} : le plus vieux {ids} de la base {database} a un âge de {value} (à partir de {limit}) : le serveur refusera bientôt toute écriture.",
            ),
            broken: |s| age(s, 2_000_000_000),
        },
    ],
    judge: |cx, say| {
        say.targets(&cx.facts.postgres, |postgres| {
            let worst = postgres
                .ages
                .get()?
                .iter()
                .flat_map(|(database, ages)| {
                    [(ages.transactions, "xid", database), (ages.multixacts, "multixact", database)]
                })
                .max_by_key(|(age, ..)| *age);
            let Some((age, ids, database)) = worst else { return Ok(None) };
            Ok(cx.measure(&Value::Count(age)).map(|because| {
                because
                    .with("database", Value::name(database.clone()))
                    .with("ids", Value::name(ids))
                    .asked_as(Identity::App)
            }))
        });
    },
};

fn age(snapshot: &mut Snapshot, transactions: u64) {
    change(snapshot, |postgres| {
        if let Fact::Known(ages) = &mut postgres.ages {
            ages.insert("shop".to_owned(), Ages { transactions, multixacts: 1_000 });
        }
    });
}
