//! Checks of the app's AWS credentials: do they work, how long still, and what may they do.
//!
//! What STS says of the caller counts only when the app asked: without a key or a role of the app's, Vigie would judge itself.

mod privileges;
mod session;

use crate::cause::Cause;
use crate::check::{Check, Class, Cx, Fault, Kind, Level, Limit, Severity, Suite, because_of, fault, per};
use crate::evidence::Value;
use crate::facts::aws::{Caller, Credentials, KeyKind};
use crate::facts::{Fact, Facts, Gap, Rung};
use crate::healthy::fallen;
use crate::question::Question;
use crate::snapshot::{Memory, Snapshot};
use crate::text::text;
use jiff::Timestamp;

pub const CHECKS: &[Check] = &[INVALID, session::EXPIRY_NEAR, STATIC_SESSION, LONG_LIVED, privileges::OVERPRIVILEGED];

const INVALID: Check = Check {
    id: "CRED-INVALID",
    kind: Kind::Credentials,
    suite: Suite::Connections,
    severity: per(Severity::Critical, Severity::Critical),
    title: text("The app's AWS credentials are refused", "Les identifiants AWS de l'application sont refusés"),
    remedy: text(
        "Replace the credential. If the signature is refused, first look for stray characters in the secret key.",
        "Remplacez l'identifiant. Si la signature est refusée, cherchez d'abord des caractères parasites dans la clé secrète.",
    ),
    reads: &[Question::Variables, Question::CallerIdentity],
    faults: &[
        Fault {
            code: "unreachable",
            level: Level::Warn,
            limit: Limit::None,
            says: text(
                "STS cannot be asked whether the credential is good: {cause}, on the rung {rung}.",
                "Impossible de demander à STS si l'identifiant est valable : {cause}, à l'étape {rung}.",
            ),
            broken: |s| with(s, |c| c.ladder = fallen(Rung::Connect, Cause::Timeout)),
        },
        Fault {
            code: "refused",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "AWS refuses the app's credential: {cause}.",
                "AWS refuse l'identifiant de l'application : {cause}.",
            ),
            broken: |s| with(s, |c| c.ladder = fallen(Rung::Authenticate, Cause::ExpiredToken)),
        },
    ],
    judge: |cx, say| {
        if let Some(keys) = keys(cx) {
            say.one(keys.and_then(|c| match c.ladder.failed() {
                None if c.ladder.is_empty() => c.caller.get().map(|_| None),
                None => Ok(None),
                Some(step) => {
                    let code =
                        if step.rung == Rung::Authenticate && refuses(step.cause) { "refused" } else { "unreachable" };
                    Ok(Some(because_of(code, step, c.asked_as)))
                }
            }));
        }
    },
};

const STATIC_SESSION: Check = Check {
    id: "CRED-STATIC-SESSION",
    kind: Kind::Credentials,
    suite: Suite::Connections,
    severity: per(Severity::Low, Severity::Critical),
    title: text(
        "A pasted temporary credential is used as configuration",
        "Un identifiant temporaire collé sert de configuration",
    ),
    remedy: text(
        "Attach an IAM role to the compute and delete the three variables of the key.",
        "Attachez un rôle IAM au service de calcul et supprimez les trois variables de la clé.",
    ),
    reads: &[Question::Variables, Question::CallerIdentity],
    faults: &[
        Fault {
            code: "pasted",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "Production runs on a temporary key that was stored as a setting: {caller}.",
                "La production utilise une clé temporaire enregistrée comme réglage : {caller}.",
            ),
            broken: |s| with(s, |c| c.key = KeyKind::Session),
        },
        Fault {
            code: "person",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "The app runs on a person's own session: {caller}.",
                "L'application utilise la session personnelle de quelqu'un : {caller}.",
            ),
            broken: |s| {
                with(s, |c| {
                    c.key = KeyKind::Session;
                    c.caller = caller("sts", "assumed-role/AWSReservedSSO_Admin_0123/ana@shop.example");
                });
            },
        },
    ],
    judge: |cx, say| {
        if let Some(keys) = keys(cx) {
            say.one(keys.and_then(|c| {
                let caller = c.caller.get()?;
                let code = match c.key {
                    KeyKind::Session if personal(caller) => "person",
                    KeyKind::Session if cx.class() == Class::Production => "pasted",
                    _ => return Ok(None),
                };
                Ok(Some(fault(code).with("caller", Value::name(&caller.arn)).asked_as(c.asked_as)))
            }));
        }
    },
};

const LONG_LIVED: Check = Check {
    id: "CRED-LONG-LIVED",
    kind: Kind::Credentials,
    suite: Suite::Connections,
    severity: per(Severity::Low, Severity::High),
    title: text("A long-lived AKIA key is used in production", "Une clé AKIA permanente est utilisée en production"),
    remedy: text(
        "Use a role, or OIDC federation where the host is outside AWS.",
        "Utilisez un rôle, ou la fédération OIDC si l'hôte est hors d'AWS.",
    ),
    reads: &[Question::Variables, Question::CallerIdentity],
    faults: &[Fault {
        code: "akia",
        level: Level::Column,
        limit: Limit::None,
        says: text(
            "Production runs on an access key that never expires: {caller}.",
            "La production utilise une clé d'accès qui n'expire jamais : {caller}.",
        ),
        broken: |s| {
            with(s, |c| {
                c.key = KeyKind::LongLived;
                c.caller = caller("iam", "user/shop");
            });
        },
    }],
    judge: |cx, say| {
        if let Some(keys) = keys(cx) {
            say.one(keys.and_then(|c| {
                let caller = c.caller.get()?;
                let lasting = match c.key {
                    KeyKind::LongLived => true,
                    // A prefix that AWS does not document, such as an emulator's: the caller tells.
                    KeyKind::Other => resource(caller).starts_with("user/"),
                    KeyKind::None | KeyKind::Session | KeyKind::Runtime => false,
                };
                let fails = lasting && cx.class() == Class::Production;
                Ok(fails.then(|| fault("akia").with("caller", Value::name(&caller.arn)).asked_as(c.asked_as)))
            }));
        }
    },
};

/// The credentials of an app that has keys; the gap, when a variable that was not read may hold one.
fn keys<'a>(cx: &Cx<'a>) -> Option<Result<&'a Credentials, Gap>> {
    let credentials = cx.facts.credentials.as_ref()?;
    match credentials.key {
        KeyKind::None => cx.facts.variables.gap().map(Err),
        _ => Some(Ok(credentials)),
    }
}

/// Whether the cause is the credential's own: STS asks no permission for GetCallerIdentity.
const fn refuses(cause: Option<Cause>) -> bool {
    matches!(
        cause,
        Some(Cause::ExpiredToken | Cause::InvalidKey | Cause::Signature | Cause::ClockSkew | Cause::NoCredentials)
    )
}

/// A person's session: IAM Identity Center's roles, or a session named after a mail address.
fn personal(caller: &Caller) -> bool {
    let Some(role) = resource(caller).strip_prefix("assumed-role/") else { return false };
    let (role, session) = role.split_once('/').unwrap_or((role, ""));
    role.starts_with("AWSReservedSSO_") || session.contains('@')
}

/// `user/app` of `arn:aws:iam::111122223333:user/app`.
fn resource(caller: &Caller) -> &str {
    caller.arn.splitn(6, ':').nth(5).unwrap_or_default()
}

/// What the head must remember after a run: when the key in use was first seen. Keys no longer in use are forgotten; a run
/// that could not see which key is in use leaves the memory as it is.
pub fn remember(facts: &Facts, memory: &mut Memory, now: Timestamp) {
    let Some(credentials) = &facts.credentials else { return };
    match &credentials.fingerprint {
        Fact::Known(fingerprint) => {
            let first = memory.first_seen.get(&fingerprint.mac).copied().unwrap_or(now).min(now);
            memory.first_seen.clear();
            memory.first_seen.insert(fingerprint.mac.clone(), first);
        }
        Fact::Gap(_) if credentials.key == KeyKind::None && facts.variables.gap().is_none() => {
            memory.first_seen.clear()
        }
        Fact::Gap(_) => {}
    }
}

fn with(snapshot: &mut Snapshot, change: impl FnOnce(&mut Credentials)) {
    if let Some(credentials) = &mut snapshot.facts.credentials {
        change(credentials);
    }
}

fn caller(service: &str, resource: &str) -> Fact<Caller> {
    let arn = format!("arn:aws:{service}::111122223333:{resource}");
    Fact::Known(Caller { account: "111122223333".to_owned(), arn })
}
