//! How long the session of the app's key still lasts.

use super::{keys, resource, with};
use crate::cause::Cause;
use crate::check::{Because, Check, Cx, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::evidence::Value;
use crate::facts::aws::{Credentials, KeyKind};
use crate::facts::{Fact, Gap, Identity};
use crate::healthy::NOW;
use crate::question::Question;
use crate::text::text;
use jiff::{SignedDuration, Timestamp};

const STS: &str = "AWS STS API: GetSessionToken, AssumeRole";
pub const EXPIRY_NEAR: Check = Check {
    id: "CRED-EXPIRY-NEAR",
    kind: Kind::Credentials,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::Critical),
    title: text(
        "The session token is about to expire, or its expiry is unknown",
        "Le jeton de session va expirer, ou son expiration est inconnue",
    ),
    remedy: text(
        "Export AWS_CREDENTIAL_EXPIRATION with the key, then move to a role.",
        "Exportez AWS_CREDENTIAL_EXPIRATION avec la clé, puis passez à un rôle.",
    ),
    reads: &[Question::Variables, Question::CallerIdentity, Question::PrincipalRole, Question::Memory],
    faults: &[
        Fault {
            code: "unstated",
            level: Level::Warn,
            limit: Limit::From(3_600.0, STS),
            says: text(
                "The session does not say when it ends; Vigie has seen its key for {value}.",
                "La session ne dit pas quand elle se termine ; Vigie voit sa clé depuis {value}.",
            ),
            broken: |s| with(s, |c| c.key = KeyKind::Session),
        },
        Fault {
            code: "near",
            level: Level::Warn,
            limit: Limit::Under(3_600.0, "Vigie: time for a person to act"),
            says: text("The session ends in {value} ({at}).", "La session se termine dans {value} ({at})."),
            broken: |s| with(s, |c| c.expires = Some(NOW + SignedDuration::from_mins(40))),
        },
        Fault {
            code: "outlived",
            level: Level::Column,
            limit: Limit::From(43_200.0, STS),
            says: text(
                "Vigie has seen this session's key for {value}: longer than such a session can last ({limit}).",
                "Vigie voit la clé de cette session depuis {value} : plus que ne peut durer une telle session ({limit}).",
            ),
            broken: |s| with(s, |c| c.session_bound = Fact::Known(Some(3_600))),
        },
        Fault {
            code: "imminent",
            level: Level::Column,
            limit: Limit::Under(900.0, "Vigie: the shortest session of AWS STS"),
            says: text("The session ends in {value} ({at}).", "La session se termine dans {value} ({at})."),
            broken: |s| with(s, |c| c.expires = Some(NOW + SignedDuration::from_mins(9))),
        },
        Fault {
            code: "ended",
            level: Level::Column,
            limit: Limit::None,
            says: text("The session ended at {at}.", "La session s'est terminée le {at}."),
            broken: |s| with(s, |c| c.expires = Some(NOW - SignedDuration::from_mins(1))),
        },
    ],
    judge: |cx, say| match keys(cx) {
        Some(Ok(c)) => match (c.expires, c.key) {
            (Some(at), _) => say.one(Ok(remaining(cx, at))),
            (None, KeyKind::Session | KeyKind::Runtime) => say.one(seen(cx, c)),
            _ => {}
        },
        Some(Err(gap)) => say.one(Err(gap)),
        None => {}
    },
};

/// Of a session that says when it ends.
fn remaining(cx: &Cx<'_>, at: Timestamp) -> Option<Because> {
    let left = at.duration_since(cx.now).as_secs();
    if left <= 0 {
        return Some(fault("ended").with("at", Value::At(at)));
    }
    let code = ["imminent", "near"].into_iter().find(|code| cx.limit(code).is_some_and(|limit| below(left, limit)))?;
    Some(fault(code).with("value", Value::Seconds(left)).with("at", Value::At(at)))
}

#[allow(clippy::cast_precision_loss)] // seconds
fn below(seconds: i64, limit: f64) -> bool {
    (seconds as f64) < limit
}

/// Of a session that does not: how long its key has been seen is a lower bound of its age.
fn seen(cx: &Cx<'_>, c: &Credentials) -> Judgement {
    let runtime = c.key == KeyKind::Runtime;
    let caller = c.caller.get()?;
    let fingerprint = c.fingerprint.get()?;
    let first = cx.memory.get()?.first_seen.get(&fingerprint.mac);
    let age = first.map_or(0, |at| cx.now.duration_since(*at).as_secs());
    let say = |code, limit| {
        let because = fault(code).with("value", Value::Seconds(age)).with("limit", Value::Seconds(limit));
        Ok(Some(because.asked_as(c.asked_as)))
    };
    let shortest = limit(cx, "unstated");
    if age < shortest {
        // A key that its runtime renews is expected to be young; of a pasted one nothing is known yet.
        return if runtime { Ok(None) } else { Err(Gap::new(Cause::NoHistory, Identity::Auditor)) };
    }
    let longest = limit(cx, "outlived");
    let bound = match resource(caller).split('/').next() {
        Some("root") => Ok(3_600),
        Some("assumed-role") => c.session_bound.get().map(|bound| bound.map_or(longest, i64::from)),
        // GetSessionToken and GetFederationToken of a user: 36 hours.
        _ => Ok(longest.saturating_mul(3)),
    };
    match bound {
        Ok(bound) if age >= bound => say("outlived", bound),
        Err(_) if age >= longest => say("outlived", longest),
        Err(gap) if runtime => Err(gap),
        Ok(_) if runtime => Ok(None),
        _ => say("unstated", shortest),
    }
}

#[allow(clippy::cast_possible_truncation)] // seconds
fn limit(cx: &Cx<'_>, code: &str) -> i64 {
    cx.limit(code).unwrap_or_default() as i64
}
