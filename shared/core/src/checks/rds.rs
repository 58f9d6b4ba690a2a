//! Checks of RDS: is there a backup to go back to.

use crate::check::{Check, Cx, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::evidence::Value;
use crate::facts::aws::Database;
use crate::facts::{Fact, Gap, Identity};
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::text;
use jiff::SignedDuration;

pub const CHECKS: &[Check] = &[BACKUP_WEAK];

const BACKUP_WEAK: Check = Check {
    id: "RDS-BACKUP-WEAK",
    kind: Kind::Rds,
    suite: Suite::Full,
    severity: per(Severity::Medium, Severity::High),
    title: text(
        "Automated backup is off, short, or lagging",
        "La sauvegarde automatique est absente, courte ou en retard",
    ),
    remedy: text(
        "Set 7 to 35 days of backup retention; if the restore point lags, look at the database's events and its storage.",
        "Réglez 7 à 35 jours de rétention des sauvegardes ; si le point de restauration est en retard, examinez les événements et le stockage de la base.",
    ),
    reads: &[Question::DatabaseInstances],
    faults: &[
        Fault {
            code: "short",
            level: Level::Column,
            limit: Limit::Under(7.0, "AWS Security Hub RDS.11"),
            says: text(
                "{subject}: days that backups are kept: {value}; at least {limit} are needed.",
                "{subject} : jours de conservation des sauvegardes : {value} ; il en faut au moins {limit}.",
            ),
            broken: |s| on_database(s, |d| d.backup_retention = 6),
        },
        Fault {
            code: "lagging",
            level: Level::Column,
            limit: Limit::From(1800.0, "Vigie; RDS saves the log every 5 minutes"),
            says: text(
                "{subject} can only be restored to {value} ago (limit {limit}).",
                "{subject} ne peut être restaurée qu'à un point vieux de {value} (limite {limit}).",
            ),
            broken: |s| {
                let late = s.now - SignedDuration::from_secs(1800);
                on_database(s, |d| d.latest_restorable = Some(late));
            },
        },
        Fault {
            code: "off",
            level: Level::At(Severity::Critical),
            limit: Limit::None,
            says: text("{subject} has no automated backup.", "{subject} n'a aucune sauvegarde automatique."),
            broken: |s| on_database(s, |d| d.backup_retention = 0),
        },
    ],
    judge: |cx, say| {
        let Some(rds) = &cx.facts.rds else { return };
        match rds.databases.get() {
            Err(gap) => say.one(Err(gap)),
            // A replica is restored from its source.
            Ok(databases) => {
                for (name, database) in databases {
                    match database.get() {
                        Ok(database) if database.replica => {}
                        Ok(database) => say.subject(name, restorable(cx, database)),
                        Err(gap) => say.subject(name, Err(gap)),
                    }
                }
            }
        }
    },
};

/// Days and seconds are two units: each limit is held against its own.
fn restorable(cx: &Cx<'_>, database: &Database) -> Judgement {
    if database.backup_retention == 0 {
        return Ok(Some(fault("off")));
    }
    let short = cx.limit("short").filter(|days| f64::from(database.backup_retention) < *days).map(|days| {
        let kept = Value::Count(u64::from(database.backup_retention));
        let limit = kept.with_number(days);
        fault("short").with("value", kept).with("limit", limit)
    });
    let Some(latest) = database.latest_restorable else {
        // Short is certain; that it does not lag is not.
        let none = Gap::new(crate::cause::Cause::NoData, Identity::Auditor);
        return short.map_or(Err(none), |because| Ok(Some(because)));
    };
    let lag = Value::Seconds(cx.now.duration_since(latest).as_secs().max(0));
    let lagging = cx
        .limit("lagging")
        .filter(|limit| lag.number().is_some_and(|seconds| seconds >= *limit))
        .map(|limit| fault("lagging").with("limit", lag.with_number(limit)).with("value", lag));
    Ok(lagging.or(short))
}

fn on_database(snapshot: &mut Snapshot, change: impl Fn(&mut Database)) {
    if let Some(Fact::Known(databases)) = snapshot.facts.rds.as_mut().map(|rds| &mut rds.databases) {
        for database in databases.values_mut() {
            if let Fact::Known(database) = database {
                change(database);
            }
        }
    }
}
