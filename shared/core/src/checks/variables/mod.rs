//! Checks of the app's variables, by theme.

mod auth;
mod database;
mod keys;
mod presence;
mod shared;
mod values;

use crate::check::{Check, Cx, Judgement, Judgements};
use crate::facts::variables::Variable;
use crate::snapshot::Snapshot;

pub const CHECKS: &[Check] = &[
    presence::REQUIRED_MISSING,
    presence::RECOMMENDED_MISSING,
    values::WHITESPACE,
    values::PLACEHOLDER,
    values::PUBLIC_SECRET,
    presence::FALLBACK_IN_USE,
    shared::CROSS_SHARED,
    database::DB_MALFORMED,
    auth::SECRET_WEAK,
    shared::AUTH_SECRET_SHARED,
    auth::URL_INVALID,
    keys::KEY_SHAPE,
    keys::STRIPE_MODE,
    keys::REDIS_SILENT_OFF,
];

/// One judgement a variable that has a value, and one unknown a source that could not be read.
fn each(cx: &Cx<'_>, say: &mut Judgements<'_>, judge: impl Fn(&str, &Variable) -> Judgement) {
    for (name, variable) in cx.facts.variables.known.iter().filter(|(_, v)| v.length > 0) {
        say.subject(name, judge(name, variable));
    }
    for unread in &cx.facts.variables.unread {
        say.subject(&unread.source, Err(unread.gap.clone()));
    }
}

/// One judgement each of these variables that has a value. When none has, and a source could not be read, the first of
/// them is unknown.
fn of_names(cx: &Cx<'_>, say: &mut Judgements<'_>, names: &[String], judge: impl Fn(&str, &Variable) -> Judgement) {
    let variables = &cx.facts.variables;
    let set: Vec<_> = names.iter().filter_map(|name| Some((name, variables.set(name)?))).collect();
    if let (true, Some(gap), Some(first)) = (set.is_empty(), variables.gap(), names.first()) {
        say.subject(first, Err(gap));
    }
    for (name, variable) in set {
        say.subject(name, judge(name, variable));
    }
}

/// For counterexamples: changes a healthy variable.
fn change(snapshot: &mut Snapshot, name: &str, change: impl FnOnce(&mut Variable)) {
    if let Some(variable) = snapshot.facts.variables.known.get_mut(name) {
        change(variable);
    }
}

/// For counterexamples: no source has it.
fn forget(snapshot: &mut Snapshot, name: &str) {
    snapshot.facts.variables.known.remove(name);
}
