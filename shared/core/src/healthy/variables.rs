//! The healthy part of the variables, and the contract that they fulfil.

use crate::Named;
use crate::contract::Contract;
use crate::facts::{Facts, Gap};
use crate::fingerprint::Fingerprint;
use crate::question::Question;

pub fn fill(_facts: &mut Facts) {}

pub fn refuse(_facts: &mut Facts, _question: Question, _gap: &Gap) {}

#[must_use]
pub fn contract() -> Contract {
    Contract::default()
}

#[must_use]
pub fn neighbour_fingerprints() -> Named<Fingerprint> {
    Named::new()
}
