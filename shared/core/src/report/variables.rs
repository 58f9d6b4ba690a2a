//! What the contract expects to be set, and what was measured of it.

use super::merge::Merged;
use super::readiness::names;
use super::view::Because;
use crate::check::Kind;
use crate::checks;
use crate::contract::Contract;
use crate::run::{Finding, Outcome};
use crate::snapshot::Environment;
use schemars::JsonSchema;
use serde::Serialize;

const REQUIRED: &str = "ENV-REQUIRED-MISSING";
const RECOMMENDED: &str = "ENV-RECOMMENDED-MISSING";

/// One variable that the contract expects, or several of which one will do. Never a value.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct VariableView {
    /// Alternatives: any one of them will do.
    pub names: Vec<String>,
    /// Without it the app does not work; else a part of it does not.
    pub required: bool,
    pub state: VariableState,
    /// The targets that are found by it.
    pub targets: Vec<String>,
    /// What else fails about it, or could not be known.
    pub because: Vec<Because>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VariableState {
    Set,
    /// Set, and another check of it fails.
    Faulty,
    Missing,
    Unknown,
    /// No run judged it.
    NotLookedAt,
}

/// Required first, each in the contract's order.
pub(super) fn of(environment: &Environment, merged: &Merged) -> Vec<VariableView> {
    let contract = &environment.contract;
    let required = contract.expected(&contract.required).into_iter().filter(|names| !contract.spared(names));
    let recommended = contract.expected(&contract.recommended);
    required
        .map(|names| view(names, true, contract, merged))
        .chain(recommended.into_iter().map(|names| view(names, false, contract, merged)))
        .collect()
}

fn view(variables: Vec<String>, required: bool, contract: &Contract, merged: &Merged) -> VariableView {
    let check = if required { REQUIRED } else { RECOMMENDED };
    let first = variables.first().cloned().unwrap_or_default();
    // A source that could not be read makes all of them unknown at once: then the finding is the target's own.
    let own = merged.of(check).find(|f| f.subject == first);
    let presence = own.or_else(|| merged.of(check).find(|f| f.outcome == Outcome::Unknown && f.subject == f.target));
    let others: Vec<&Finding> = merged
        .findings
        .iter()
        .filter(|f| of_variables(f) && ![REQUIRED, RECOMMENDED].contains(&f.check.as_str()))
        .filter(|f| f.outcome == Outcome::Fail && names(&f.subject, &variables))
        .collect();
    let state = match presence.map(|f| f.outcome) {
        Some(Outcome::Pass) if others.is_empty() => VariableState::Set,
        Some(Outcome::Pass) => VariableState::Faulty,
        Some(Outcome::Fail) => VariableState::Missing,
        Some(Outcome::Unknown) => VariableState::Unknown,
        Some(Outcome::NotApplicable) | None => VariableState::NotLookedAt,
    };
    let unknown = presence.filter(|f| f.outcome == Outcome::Unknown);
    let because = unknown.into_iter().chain(others).map(because).collect();
    VariableView { targets: targets(&variables, contract), names: variables, required, state, because }
}

fn of_variables(finding: &Finding) -> bool {
    checks::find(&finding.check).is_some_and(|check| check.kind == Kind::Variables)
}

fn because(finding: &Finding) -> Because {
    Because {
        check: finding.check.clone(),
        subject: finding.subject.clone(),
        muted: finding.mute.is_some(),
        cause: finding.cause.filter(|_| finding.outcome == Outcome::Unknown),
    }
}

/// The targets that are found by one of the variables, as the contract names them.
fn targets(variables: &[String], contract: &Contract) -> Vec<String> {
    let named = contract.databases.keys().map(|name| (Kind::Postgres, name.as_str()));
    let addresses = contract.addresses.keys().map(|name| (Kind::Https, name.as_str()));
    let kinds = [Kind::Credentials, Kind::Redis, Kind::Ses, Kind::S3, Kind::Sqs, Kind::EventBridge, Kind::Https];
    let all = named.chain(addresses).chain(kinds.into_iter().map(|kind| (kind, kind.name())));
    let found = |(kind, target): &(Kind, &str)| {
        let of_target = contract.variables_of(*kind, target);
        variables.iter().any(|name| crate::contract::among(&of_target, name))
    };
    all.filter(found).map(|(_, target)| target.to_owned()).collect()
}
