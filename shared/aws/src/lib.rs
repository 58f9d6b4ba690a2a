//! I/O out, and what both the probes and the sinks need: the one lazy connector, the SDK configurations, the resolver,
//! the HTTP client and the roots ([`base`]); the app's variables ([`source`]), the fingerprint key ([`key`]), the
//! configuration ([`config_source`]), runs and heads ([`store`]), metrics, alert events and mail.
//!
//! Nothing here judges. An error carries its [`vigie_core::cause::Cause`] and, for a call of AWS, the IAM action; a
//! service's own text is never kept.

pub mod base;
pub mod config_folder;
pub mod config_source;
mod credentials;
pub mod doctor;
pub mod error;
pub mod events;
pub mod key;
pub mod mail;
pub mod metrics;
mod network;
pub mod policy;
pub mod process;
pub mod queue;
pub mod source;
pub mod store;

pub use base::{Base, Role, Settings, SetupError};
pub use credentials::profile_region;
pub use error::CallError;

/// What something needs of IAM. Sources, keys and sinks declare it; the policies derive from it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// `service:Operation`.
    pub action: &'static str,
    /// An ARN, `*` where the installation fills in (partition, region, account).
    pub resource: String,
    /// What narrows an action that knows no resource, or too wide a one.
    pub condition: Option<Condition>,
}

/// One entry of a statement's Condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// `StringEquals`.
    pub operator: &'static str,
    /// `cloudwatch:namespace`.
    pub key: &'static str,
    /// Any of them.
    pub values: Vec<String>,
}

pub(crate) const fn need(action: &'static str, resource: String) -> Need {
    Need { action, resource, condition: None }
}

/// A need that holds only where `key` has this very value.
pub(crate) fn need_if(action: &'static str, resource: String, key: &'static str, value: &str) -> Need {
    let condition = Some(Condition { operator: "StringEquals", key, values: vec![value.to_owned()] });
    Need { action, resource, condition }
}
