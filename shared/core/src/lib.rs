//! Vigie's pure heart: facts in, findings out. No I/O, no clock, no environment, no randomness.
//!
//! The way of the data: event -> [`plan`] -> variables -> [`targets`] -> (probe) -> [`facts`] -> [`judge`] -> [`run`]
//! -> [`head`] (transitions) -> sinks; heads and runs -> [`report`].

pub mod address;
pub mod cause;
pub mod check;
pub mod checks;
pub mod config;
pub mod contract;
pub mod cost;
pub mod dsn;
pub mod evidence;
pub mod expires;
pub mod facts;
pub mod fingerprint;
pub mod head;
pub mod healthy;
pub mod judge;
pub mod late;
pub mod maintenance;
pub mod metrics;
pub mod plan;
pub mod question;
pub mod report;
pub mod run;
pub mod snapshot;
pub mod targets;
pub mod text;
pub mod variables;

/// Things by name; the name is a target or a subject.
pub type Named<T> = std::collections::BTreeMap<String, T>;
