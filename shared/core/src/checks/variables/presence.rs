//! What is set, what is not, and what the app then falls back to.

use super::{change, forget};
use crate::check::{Check, Cx, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::contract::{KEY_ID, KEY_SECRET, REGION};
use crate::evidence::Value;
use crate::question::Question;
use crate::text::text;
use crate::variables::of_a_desk;

pub const REQUIRED_MISSING: Check = Check {
    id: "ENV-REQUIRED-MISSING",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::Critical, Severity::Critical),
    title: text("A required variable is absent or empty", "Une variable requise est absente ou vide"),
    remedy: text(
        "Set the variable in that environment's store and deploy again.",
        "Définissez la variable dans la source de cet environnement, puis redéployez.",
    ),
    reads: &[Question::Variables],
    faults: &[
        Fault {
            code: "empty",
            level: Level::Column,
            limit: Limit::None,
            says: text("{names} is set and empty.", "{names} est définie et vide."),
            broken: |s| change(s, "DATABASE_URL", |v| v.length = 0),
        },
        Fault {
            code: "missing",
            level: Level::Column,
            limit: Limit::None,
            says: text("{names} is not set in any source.", "{names} n'est définie dans aucune source."),
            broken: |s| forget(s, "NEXTAUTH_SECRET"),
        },
    ],
    judge: |cx, say| {
        let contract = cx.contract();
        for names in contract.expected(&contract.required).into_iter().filter(|names| !contract.spared(names)) {
            say.subject(&names[0], presence(cx, &names, ["missing", "empty"]));
        }
    },
};

pub const RECOMMENDED_MISSING: Check = Check {
    id: "ENV-RECOMMENDED-MISSING",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::Low, Severity::Medium),
    title: text("A recommended variable is absent", "Une variable recommandée est absente"),
    remedy: text(
        "Set it, or take it out of the contract's recommended list if the feature is off on purpose.",
        "Définissez-la, ou retirez-la de la liste recommended du contrat si la fonction est volontairement absente.",
    ),
    reads: &[Question::Variables],
    faults: &[
        Fault {
            code: "missing",
            level: Level::Warn,
            limit: Limit::None,
            says: text(
                "{names} is not set: a part of the app is off.",
                "{names} n'est pas définie : une partie de l'application est inactive.",
            ),
            broken: |s| forget(s, "STRIPE_SECRET_KEY"),
        },
        Fault {
            code: "grave",
            level: Level::Per(per(Severity::Info, Severity::High)),
            limit: Limit::None,
            says: text(
                "{names} is not set: the app uses a value that was not meant for it.",
                "{names} n'est pas définie : l'application utilise une valeur qui ne lui était pas destinée.",
            ),
            broken: |s| forget(s, "FROM_EMAIL"),
        },
    ],
    judge: |cx, say| {
        for names in cx.contract().expected(&cx.contract().recommended) {
            let grave = names.iter().any(|name| cx.contract().recommended_grave.contains(name));
            let code = if grave { "grave" } else { "missing" };
            say.subject(&names[0], presence(cx, &names, [code, code]));
        }
    },
};

pub const FALLBACK_IN_USE: Check = Check {
    id: "ENV-FALLBACK-IN-USE",
    kind: Kind::Variables,
    suite: Suite::Full,
    severity: per(Severity::Medium, Severity::High),
    title: text("The app runs on a literal from its code", "L'application tourne sur une valeur écrite dans son code"),
    remedy: text(
        "Set the variable, and let the app refuse to start without it in production.",
        "Définissez la variable, et faites refuser le démarrage sans elle en production.",
    ),
    reads: &[Question::Variables],
    faults: &[
        Fault {
            code: "literal",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} is not set: the app uses {literal} instead.",
                "{subject} n'est pas définie : l'application utilise {literal} à la place.",
            ),
            broken: |s| forget(s, "AWS_S3_BUCKET"),
        },
        Fault {
            code: "localhost",
            level: Level::Per(per(Severity::Medium, Severity::Critical)),
            limit: Limit::None,
            says: text(
                "{subject} is not set: the app uses {literal}, and sends links to it.",
                "{subject} n'est pas définie : l'application utilise {literal}, et l'envoie dans ses liens.",
            ),
            broken: |s| forget(s, "NEXTAUTH_URL"),
        },
    ],
    judge: |cx, say| {
        for (name, literal) in &cx.contract().fallbacks {
            let code = if of_a_desk(literal) { "localhost" } else { "literal" };
            let judged = presence(cx, std::slice::from_ref(name), [code, code]);
            say.subject(name, judged.map(|b| b.map(|b| b.with("literal", Value::name(literal)))));
        }
    },
};

/// Whether one of the alternatives has a value; `codes` of none and of an empty one.
fn presence(cx: &Cx<'_>, names: &[String], codes: [&'static str; 2]) -> Judgement {
    let variables = &cx.facts.variables;
    if names.iter().any(|name| variables.set(name).is_some() || supplied(cx, name)) {
        return Ok(None);
    }
    if let Some(gap) = variables.gap() {
        return Err(gap);
    }
    let empty = names.iter().find(|name| variables.known.contains_key(*name));
    let [missing, of_empty] = codes;
    let (code, named) = match empty {
        Some(name) => (of_empty, name.clone()),
        None => (missing, names.join(" / ")),
    };
    Ok(Some(fault(code).with("names", Value::name(named))))
}

/// Whether the runtime that a source belongs to sets the variable itself: Lambda all three, Amplify's compute the region.
/// Neither lets anybody set them.
///
/// Source: Lambda developer guide, "Defined runtime environment variables"; Amplify user guide, "Environment variables".
fn supplied(cx: &Cx<'_>, name: &str) -> bool {
    let from = |scheme: &str| cx.facts.variables.known.values().any(|v| v.source.starts_with(scheme));
    match name {
        REGION => from("lambda:") || from("amplify:"),
        KEY_ID | KEY_SECRET => from("lambda:"),
        _ => false,
    }
}
