//! Can the app reach its database, and write to it.

use super::change;
use crate::cause::Cause;
use crate::check::{Check, Fault, Kind, Level, Limit, Severity, Suite, fault, fell, per};
use crate::dsn::SessionAttrs;
use crate::evidence::Value;
use crate::facts::postgres::{Postgres, Session};
use crate::facts::{Fact, Identity, Rung};
use crate::healthy::fallen;
use crate::question::Question;
use crate::text::text;

pub const DOWN: Check = Check {
    id: "PG-DOWN",
    kind: Kind::Postgres,
    suite: Suite::Connections,
    severity: per(Severity::Critical, Severity::Critical),
    title: text(
        "The database cannot be reached or refuses the login",
        "La base de données est injoignable ou refuse la connexion",
    ),
    remedy: text(
        "Follow the rung that failed: DNS, security group, TLS, password or connection slots.",
        "Partez de l'étape en échec : DNS, groupe de sécurité, TLS, mot de passe ou connexions disponibles.",
    ),
    reads: &[Question::PostgresLadder],
    faults: &[Fault {
        code: "down",
        level: Level::Column,
        limit: Limit::None,
        says: text(
            "{subject} cannot be used: the rung {rung} fails ({cause}).",
            "{subject} est inutilisable : l'étape {rung} échoue ({cause}).",
        ),
        broken: |s| change(s, |postgres| postgres.ladder = fallen(Rung::Connect, Cause::Refused)),
    }],
    judge: |cx, say| {
        say.targets(&cx.facts.postgres, |postgres| Ok(fell("down", &postgres.ladder, Identity::App)));
    },
};

pub const READ_ONLY: Check = Check {
    id: "PG-READ-ONLY",
    kind: Kind::Postgres,
    suite: Suite::Connections,
    severity: per(Severity::Critical, Severity::Critical),
    title: text(
        "The app is connected to a server that refuses writes",
        "L'application est connectée à un serveur qui refuse les écritures",
    ),
    remedy: text(
        "Point the connection string at the writer's endpoint; add target_session_attrs=read-write where the driver knows it.",
        "Dirigez la chaîne de connexion vers le point d'accès en écriture ; ajoutez target_session_attrs=read-write si le pilote le connaît.",
    ),
    reads: &[Question::PostgresSession],
    faults: &[
        Fault {
            code: "setting",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} opens every transaction read-only (default_transaction_read_only).",
                "{subject} ouvre chaque transaction en lecture seule (default_transaction_read_only).",
            ),
            broken: |s| session(s, |session| session.read_only = true),
        },
        Fault {
            code: "recovery",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} is a replica (pg_is_in_recovery): it refuses every write.",
                "{subject} est une réplique (pg_is_in_recovery) : elle refuse toute écriture.",
            ),
            broken: |s| {
                session(s, |session| {
                    session.in_recovery = true;
                    session.read_only = true;
                });
            },
        },
    ],
    judge: |cx, say| {
        for (name, postgres) in &cx.facts.postgres {
            if !reads_by_design(name, postgres) {
                say.at(name, name, read_only(postgres));
            }
        }
    },
};

fn read_only(postgres: &Postgres) -> crate::check::Judgement {
    let session = postgres.session.get()?;
    let code = match session {
        Session { in_recovery: true, .. } => "recovery",
        Session { read_only: true, .. } => "setting",
        _ => return Ok(None),
    };
    Ok(Some(fault(code).with("version", Value::name(session.server_version.clone())).asked_as(Identity::App)))
}

/// A reader by its name (`postgres:replica`, `postgres:reader`) or by what its connection string asks for.
fn reads_by_design(target: &str, postgres: &Postgres) -> bool {
    let named = matches!(target.split_once(':'), Some((_, "replica" | "reader" | "read-only")));
    let asked = matches!(
        postgres.dsn.target_session_attrs,
        Some(SessionAttrs::ReadOnly | SessionAttrs::Standby | SessionAttrs::PreferStandby)
    );
    named || asked
}

pub(super) fn session(snapshot: &mut crate::snapshot::Snapshot, with: impl FnOnce(&mut Session)) {
    change(snapshot, |postgres| {
        if let Fact::Known(session) = &mut postgres.session {
            with(session);
        }
    });
}
