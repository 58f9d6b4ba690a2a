//! Connection slots: how many are taken, and how many the app may take.

use super::change;
use crate::check::{Because, Check, Cx, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::evidence::Value;
use crate::facts::Fact;
use crate::facts::postgres::{Postgres, Slots};
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::text;

pub const CONN_SATURATION: Check = Check {
    id: "PG-CONN-SATURATION",
    kind: Kind::Postgres,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::High),
    title: text("Connection slots are nearly used up", "Les connexions disponibles sont presque épuisées"),
    remedy: text(
        "Lower the pool size, or put a transaction pooler in front (RDS Proxy, PgBouncer).",
        "Réduisez la taille du pool, ou placez un pooler de transactions devant (RDS Proxy, PgBouncer).",
    ),
    reads: &[Question::PostgresActivity],
    faults: &[
        Fault {
            code: "near",
            level: Level::Warn,
            limit: Limit::From(70.0, "Vigie"),
            says: text(
                "{subject}: {used} of {usable} usable connections are taken ({value}, from {limit}).",
                "{subject} : {used} connexions utilisables prises sur {usable} ({value}, à partir de {limit}).",
            ),
            broken: |s| slots(s, |slots| slots.used = slots.usable() * 75 / 100),
        },
        Fault {
            code: "high",
            level: Level::Column,
            limit: Limit::From(85.0, "Vigie"),
            says: text(
                "{subject}: {used} of {usable} usable connections are taken ({value}, from {limit}).",
                "{subject} : {used} connexions utilisables prises sur {usable} ({value}, à partir de {limit}).",
            ),
            broken: |s| slots(s, |slots| slots.used = slots.usable() * 90 / 100),
        },
        Fault {
            code: "full",
            level: Level::At(Severity::Critical),
            limit: Limit::From(95.0, "Vigie"),
            says: text(
                "{subject}: {used} of {usable} usable connections are taken ({value}, from {limit}): the next login may be refused.",
                "{subject} : {used} connexions utilisables prises sur {usable} ({value}, à partir de {limit}) : la prochaine peut être refusée.",
            ),
            broken: |s| slots(s, |slots| slots.used = slots.usable()),
        },
    ],
    judge: |cx, say| {
        say.targets(&cx.facts.postgres, |postgres| {
            let slots = *postgres.slots.get()?;
            let share = share(slots.used, slots.usable());
            Ok(cx.measure(&share).map(|because| counted(because, slots.used, slots)))
        });
    },
};

pub const POOL_OVERCOMMIT: Check = Check {
    id: "PG-POOL-OVERCOMMIT",
    kind: Kind::Postgres,
    suite: Suite::Full,
    severity: per(Severity::Medium, Severity::High),
    title: text(
        "Pool size times processes exceeds the server",
        "La taille du pool multipliée par les processus dépasse la capacité du serveur",
    ),
    remedy: text(
        "Set the pool's maximum below usable connections x 0.8 / processes, or add a transaction pooler.",
        "Fixez le maximum du pool sous connexions utilisables x 0,8 / processus, ou ajoutez un pooler de transactions.",
    ),
    reads: &[Question::PostgresActivity],
    faults: &[
        Fault {
            code: "idle-pool",
            level: Level::Warn,
            limit: Limit::None,
            says: text(
                "{subject}: each instance serves one request at a time but may hold {pool} connections; one or two do.",
                "{subject} : chaque instance traite une requête à la fois mais peut occuper {pool} connexions ; une ou deux suffisent.",
            ),
            broken: |s| {
                s.environment.contract.pool_max = Some(5);
                s.environment.contract.processes = Some(2);
                s.environment.contract.one_request_per_instance = true;
            },
        },
        Fault {
            code: "near",
            level: Level::Warn,
            limit: Limit::From(80.0, "Vigie"),
            says: text(
                "{subject}: {processes} processes x {pool} connections = {used} of {usable} usable ({value}, from {limit}).",
                "{subject} : {processes} processus x {pool} connexions = {used} sur {usable} utilisables ({value}, à partir de {limit}).",
            ),
            broken: |s| pool(s, 85),
        },
        Fault {
            code: "over",
            level: Level::Column,
            limit: Limit::From(100.0, "Vigie"),
            says: text(
                "{subject}: {processes} processes x {pool} connections = {used}, and the server has {usable} to give ({value}, from {limit}).",
                "{subject} : {processes} processus x {pool} connexions = {used}, et le serveur n'en donne que {usable} ({value}, à partir de {limit}).",
            ),
            broken: |s| pool(s, 150),
        },
    ],
    judge: |cx, say| {
        let contract = cx.contract();
        let Some(pool) = contract.pool_max else { return };
        if contract.processes.is_none() && !contract.one_request_per_instance {
            return;
        }
        say.targets(&cx.facts.postgres, |postgres| overcommit(cx, pool, postgres));
    },
};

fn overcommit(cx: &Cx<'_>, pool: u32, postgres: &Postgres) -> Judgement {
    let slots = *postgres.slots.get()?;
    let contract = cx.contract();
    let measured = contract.processes.and_then(|processes| {
        let wanted = u64::from(pool) * u64::from(processes);
        let because = cx.measure(&share(wanted, slots.usable()))?;
        Some(counted(because, wanted, slots).with("processes", Value::Count(processes.into())))
    });
    let idle = || (contract.one_request_per_instance && pool > 2).then(|| fault("idle-pool"));
    Ok(measured.or_else(idle).map(|because| because.with("pool", Value::Count(pool.into()))))
}

fn counted(because: Because, used: u64, slots: Slots) -> Because {
    because
        .with("used", Value::Count(used))
        .with("usable", Value::Count(slots.usable()))
        .asked_as(crate::facts::Identity::App)
}

/// Percent of the usable slots; a server without any is full.
#[allow(clippy::cast_precision_loss)]
fn share(taken: u64, usable: u64) -> Value {
    Value::Percent(if usable == 0 { 100.0 } else { taken as f64 * 100.0 / usable as f64 })
}

fn slots(snapshot: &mut Snapshot, with: impl FnOnce(&mut Slots)) {
    change(snapshot, |postgres| {
        if let Fact::Known(slots) = &mut postgres.slots {
            with(slots);
        }
    });
}

/// A pool of one process that wants this percentage of the slots.
fn pool(snapshot: &mut Snapshot, percent: u32) {
    let mut usable = 0;
    slots(snapshot, |slots| usable = u32::try_from(slots.usable()).unwrap_or_default());
    snapshot.environment.contract.pool_max = Some(usable * percent / 100);
    snapshot.environment.contract.processes = Some(1);
}
