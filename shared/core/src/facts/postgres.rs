//! Facts of one PostgreSQL target.

use super::{Fact, Ladder};
use crate::Named;
use crate::dsn::DsnFacts;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Postgres {
    /// The variable that holds the connection string.
    pub variable: String,
    /// What the connection string says, without its secrets.
    pub dsn: DsnFacts,
    pub ladder: Ladder,
    /// The chain that the server showed on the TLS rung, judged. `None`: TLS is off by the app's setting, or a unix socket.
    pub certificate: Fact<Option<Certificate>>,
    /// The app's own session: is it encrypted, and with what.
    pub session: Fact<Session>,
    pub slots: Fact<Slots>,
    /// Oldest transaction id ages, by database. Not asked in `connections`.
    pub ages: Fact<Named<Ages>>,
}

/// A server's certificate chain, read and judged; an expired one is read too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    #[schemars(with = "String")]
    pub not_before: Timestamp,
    #[schemars(with = "String")]
    pub not_after: Timestamp,
    /// Names that it carries, at most 20.
    pub names: Vec<String>,
    pub issuer: String,
    /// Absent: verified. Else tls-expired, tls-not-yet-valid, tls-hostname, tls-untrusted.
    pub cause: Option<crate::cause::Cause>,
    /// Every cause that applies, the gravest first: an expired certificate may be for the wrong host as well.
    #[serde(default)]
    pub causes: Vec<crate::cause::Cause>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// `TLSv1.3`; `None`: not encrypted.
    pub tls: Option<String>,
    /// From an address that is neither loopback nor a unix socket.
    pub remote: bool,
    /// Live sessions of the app's user that are not encrypted though remote.
    pub others_in_clear: Fact<u64>,
    /// pg_is_in_recovery().
    pub in_recovery: bool,
    /// transaction_read_only or default_transaction_read_only is on.
    pub read_only: bool,
    /// `16.4`.
    pub server_version: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Slots {
    /// Client backends now.
    pub used: u64,
    pub max: u64,
    /// superuser_reserved_connections + reserved_connections + rds.rds_superuser_reserved_connections.
    pub reserved: u64,
}

impl Slots {
    /// What an ordinary user may take.
    #[must_use]
    pub const fn usable(self) -> u64 {
        self.max.saturating_sub(self.reserved)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ages {
    pub transactions: u64,
    pub multixacts: u64,
}
