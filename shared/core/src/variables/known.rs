//! Variables -> what may be known of them.

use std::collections::BTreeMap;

use super::fingerprints::compared;
use super::{Variable, Variables, locator, names, placeholder, shape, strays, strength};
use crate::Named;
use crate::contract::{Contract, KEY_SECRET, Purpose};
use crate::evidence::clean;
use crate::facts::variables::{self as facts, Class, Shape};
use crate::facts::{Fact, Identity};
use crate::fingerprint::FingerprintKey;
use secrecy::ExposeSecret;

/// Equal values shorter than this say nothing.
const TELLING: usize = 8;

/// What may be known of the variables; own fingerprints included, when there is a key.
#[must_use]
pub fn facts(variables: &Variables, contract: &Contract, key: Option<&FingerprintKey>) -> facts::Variables {
    // This process' own environment holds more than the app's variables.
    let ours = |name: &str, variable: &Variable| variable.source != "process" || contract.knows(name);
    let values: Named<&Variable> =
        variables.values.iter().filter(|(name, v)| ours(name, v)).map(|(name, v)| (name.clone(), v)).collect();
    let twins = Twins::of(&values, contract);
    let known = values.iter().map(|(name, v)| (name.clone(), fact(name, v, contract, key, &twins))).collect();
    let fingerprints = match key {
        Some(key) => Fact::Known(compared(variables, contract, key)),
        None => Fact::gap(crate::cause::Cause::NoKey, Identity::Auditor),
    };
    facts::Variables { known, unread: variables.unread.clone(), fingerprints }
}

fn fact(
    name: &str,
    variable: &Variable,
    contract: &Contract,
    key: Option<&FingerprintKey>,
    twins: &Twins<'_>,
) -> facts::Variable {
    let raw = variable.value.expose_secret();
    let value = strays::bare(raw);
    let source = clean(&variable.source);
    if value.is_empty() {
        return facts::Variable { source, class: contract.class_of(name), ..facts::Variable::default() };
    }
    let shape = shape::of(value);
    let class = class(name, value, shape, contract);
    let purpose = contract.purpose(name);
    let address = (shape.url() || class == Class::Locator || purpose == Some(Purpose::Site)).then(|| {
        let base = contract.auth.as_ref().and_then(|auth| auth.base_path.as_deref());
        locator::read(value, shape, base.filter(|_| purpose == Some(Purpose::Site)))
    });
    let compared = purpose.is_some() || contract.addresses.values().any(|n| n == name);
    let words = match &address {
        _ if !compared || matches!(purpose, Some(Purpose::AuthSecret | Purpose::AwsKey)) => Vec::new(),
        Some(address) => address.words.clone(),
        None => locator::plain_words(value),
    };
    facts::Variable {
        source,
        class,
        length: u64::try_from(value.len()).unwrap_or(u64::MAX),
        shape,
        shown: match class {
            Class::Secret => None,
            Class::Locator => address.as_ref().and_then(|a| a.shown.as_deref()).map(clean),
            Class::Plain => Some(clean(value)),
        },
        strays: strays::of(name, raw, class, shape),
        placeholder: placeholder::of(value, class),
        locator: address.map(|a| a.locator),
        words,
        strength: (purpose == Some(Purpose::AuthSecret)).then(|| strength::of(value)),
        equals: twins.of_name(name, value),
        fingerprint: key.map(|key| key.of("variable", value.as_bytes())),
    }
}

/// The contract's class, unless the value looks like a secret. The user info of an address that is a locator by contract
/// is never shown; of a plain value everything is.
fn class(name: &str, value: &str, shape: Shape, contract: &Contract) -> Class {
    let plain_address = || shape.url() && (value.contains('@') || value.contains('?'));
    match contract.class_of(name) {
        Class::Plain if shape::looks_secret(value, shape) || plain_address() => Class::Secret,
        // Of what is no address a secret may be any part.
        Class::Locator if shape.secret() || host_looks_secret(value, shape) => Class::Secret,
        class => class,
    }
}

/// A key pasted where the host should be.
fn host_looks_secret(value: &str, shape: Shape) -> bool {
    if shape == Shape::PostgresUrl {
        let dsn = crate::dsn::parse(&secrecy::SecretString::from(value), None);
        return dsn.facts.hosts.iter().filter_map(|h| h.host.as_deref()).any(|h| shape::looks_secret(h, Shape::Other));
    }
    let shown = locator::read(value, shape, None).shown;
    shown.is_some_and(|shown| shape::looks_secret(&shown, Shape::Other))
}

/// Which variables have the same value, where that matters.
struct Twins<'a> {
    contract: &'a Contract,
    by_value: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Twins<'a> {
    fn of(values: &'a Named<&'a Variable>, contract: &'a Contract) -> Self {
        let mut by_value: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, variable) in values {
            let value = strays::bare(variable.value.expose_secret());
            if value.len() >= TELLING {
                by_value.entry(value).or_default().push(name);
            }
        }
        Twins { contract, by_value }
    }

    fn of_name(&self, name: &str, value: &str) -> Vec<String> {
        let others = self.by_value.get(value).into_iter().flatten().filter(|other| **other != name);
        if self.is_auth(name) {
            // Two names for the one secret are right.
            return others.filter(|other| !self.is_auth(other)).map(|&other| other.to_owned()).collect();
        }
        if self.is_public(name) {
            let kept = |other: &&&str| !self.is_public(other) && self.is_secret(other, value);
            return others.filter(kept).map(|&other| other.to_owned()).collect();
        }
        Vec::new()
    }

    fn is_auth(&self, name: &str) -> bool {
        self.contract.purpose(name) == Some(Purpose::AuthSecret)
    }

    fn is_public(&self, name: &str) -> bool {
        self.contract.public_prefix.as_deref().is_some_and(|prefix| name.starts_with(prefix))
    }

    /// Whether a server-only variable is known to be a secret: an undeclared one may hold the public id of something.
    fn is_secret(&self, name: &str, value: &str) -> bool {
        let contract = self.contract;
        let declared = contract.redis.as_ref().and_then(|r| r.rest_token.as_deref()) == Some(name)
            || contract.stripe.as_ref().is_some_and(|s| s.secret == name)
            || name == KEY_SECRET
            || self.is_auth(name);
        let publishable = matches!(shape::of(value), Shape::StripeLivePublishable | Shape::StripeTestPublishable);
        !publishable && (declared || names::secret(name))
    }
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
