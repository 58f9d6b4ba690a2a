//! What one environment must not have in common with another.

use super::{change, of_names};
use crate::cause::Cause;
use crate::check::{Check, Class, Cx, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::contract::Purpose;
use crate::evidence::Value;
use crate::facts::variables::{HostKind, Variable, Word};
use crate::facts::{Fact, Gap, Identity};
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::text;

pub const CROSS_SHARED: Check = Check {
    id: "ENV-CROSS-SHARED",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::Critical),
    title: text(
        "An environment uses another environment's resource, or localhost",
        "Un environnement utilise la ressource d'un autre, ou localhost",
    ),
    remedy: text(
        "Give each environment its own resource and its own credentials.",
        "Donnez à chaque environnement sa propre ressource et ses propres identifiants.",
    ),
    reads: &[Question::Variables, Question::Neighbours],
    faults: &[
        Fault {
            code: "word",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} names another environment ({words}) in production.",
                "{subject} nomme un autre environnement ({words}) en production.",
            ),
            broken: |s| change(s, "AWS_S3_BUCKET", |v| v.words = vec![Word::Staging]),
        },
        Fault {
            code: "local",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} points to a host of the machine or of its local network ({address}).",
                "{subject} pointe vers un hôte de la machine ou de son réseau local ({address}).",
            ),
            broken: |s| {
                change(s, "DATABASE_URL", |v| {
                    v.shown = Some("postgresql://localhost:5432".to_owned());
                    if let Some(locator) = &mut v.locator {
                        locator.host = HostKind::Loopback;
                    }
                });
            },
        },
        Fault {
            code: "shared",
            level: Level::Column,
            limit: Limit::None,
            says: text("{subject} is the same resource in {other}.", "{subject} est la même ressource dans {other}."),
            broken: |s| share(s, "database/DATABASE_URL"),
        },
    ],
    judge: |cx, say| {
        let contract = cx.contract();
        let address = |name: &str| contract.addresses.values().any(|n| n == name);
        let ours = |name: &str| address(name) || contract.purpose(name).is_some_and(|p| p != Purpose::AuthSecret);
        let variables = &cx.facts.variables;
        for (name, variable) in variables.known.iter().filter(|(name, v)| ours(name) && v.length > 0) {
            say.subject(name, cross(cx, name, variable));
        }
        for unread in &variables.unread {
            say.subject(&unread.source, Err(unread.gap.clone()));
        }
    },
};

fn cross(cx: &Cx<'_>, name: &str, variable: &Variable) -> Judgement {
    let purpose = cx.contract().purpose(name);
    // Whose site it is is ENV-AUTH-URL-INVALID's to say.
    let site = purpose == Some(Purpose::Site);
    let shared = match purpose.filter(|_| !site) {
        Some(purpose) => also_in(cx, purpose, name),
        None => Ok(None),
    };
    if let Ok(Some(other)) = &shared {
        return Ok(Some(fault("shared").with("other", Value::name(other))));
    }
    let local = variable.locator.as_ref().is_some_and(|locator| locator.host.of_a_desk());
    if local && !site {
        let address = variable.shown.clone().unwrap_or_else(|| "localhost".to_owned());
        return Ok(Some(fault("local").with("address", Value::name(address))));
    }
    let words: Vec<&str> = variable.words.iter().filter(|w| w.before_production()).map(|w| w.name()).collect();
    if cx.class() == Class::Production && !words.is_empty() {
        return Ok(Some(fault("word").with("words", Value::names(words))));
    }
    shared.map(|_| None)
}

pub const AUTH_SECRET_SHARED: Check = Check {
    id: "ENV-AUTH-SECRET-SHARED",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::Critical),
    title: text(
        "Two environments sign sessions with the same secret",
        "Deux environnements signent les sessions avec le même secret",
    ),
    remedy: text(
        "Generate a secret of its own for each environment: openssl rand -base64 32.",
        "Générez un secret propre à chaque environnement : openssl rand -base64 32.",
    ),
    reads: &[Question::Variables, Question::Neighbours],
    faults: &[Fault {
        code: "shared",
        level: Level::Column,
        limit: Limit::None,
        says: text(
            "{subject} has the same value in {other}: a session made there is valid here.",
            "{subject} a la même valeur dans {other} : une session créée là-bas est valable ici.",
        ),
        broken: |s| share(s, "auth-secret/NEXTAUTH_SECRET"),
    }],
    judge: |cx, say| {
        let Some(auth) = &cx.contract().auth else { return };
        if cx.neighbours.is_empty() {
            return;
        }
        of_names(cx, say, &auth.secret, |name, _| {
            let other = also_in(cx, Purpose::AuthSecret, name)?;
            Ok(other.map(|other| fault("shared").with("other", Value::name(other))))
        });
    },
};

/// The neighbour that uses the same resource for the same purpose, under whatever name.
///
/// # Errors
/// No neighbour is known to, and one could not be compared with: no key, another key, not audited, or the own value
/// cannot be read.
pub(super) fn also_in(cx: &Cx<'_>, purpose: Purpose, name: &str) -> Result<Option<String>, Gap> {
    if cx.neighbours.is_empty() || cx.contract().shared.iter().any(|shared| shared == name) {
        return Ok(None);
    }
    let Some(mine) = cx.facts.variables.fingerprints.get()?.get(&format!("{}/{name}", purpose.code())) else {
        // A bare bus name without an account says nothing; any other value without a fingerprint could not be read.
        return if purpose == Purpose::Bus { Ok(None) } else { Err(Gap::new(Cause::Malformed, Identity::App)) };
    };
    let mut gap = None;
    for (environment, neighbour) in cx.neighbours {
        let theirs = match neighbour {
            Fact::Known(neighbour) => &neighbour.fingerprints,
            Fact::Gap(missing) => {
                gap.get_or_insert_with(|| missing.clone());
                continue;
            }
        };
        if theirs.is_empty() {
            gap.get_or_insert(Gap::new(Cause::NoKey, Identity::Auditor));
        }
        let comparable = theirs.iter().filter(|(key, _)| key.split('/').next() == Some(purpose.code()));
        for (_, other) in comparable {
            if other.key != mine.key {
                gap.get_or_insert(Gap::new(Cause::OtherKey, Identity::Auditor));
            } else if other.mac == mine.mac {
                return Ok(Some(environment.clone()));
            }
        }
    }
    gap.map_or(Ok(None), Err)
}

/// For counterexamples: the neighbour publishes the same.
pub(super) fn share(snapshot: &mut Snapshot, key: &str) {
    let own = snapshot.facts.variables.fingerprints.get().ok().and_then(|all| all.get(key).cloned());
    let neighbours = snapshot.neighbours.values_mut();
    for neighbour in neighbours {
        if let (Fact::Known(neighbour), Some(own)) = (neighbour, &own) {
            neighbour.fingerprints.insert(key.to_owned(), own.clone());
        }
    }
}
