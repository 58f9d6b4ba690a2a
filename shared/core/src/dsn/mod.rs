//! PostgreSQL connection strings: parsed strictly, rebuilt, never passed on raw.
//!
//! Three readers disagree on one string: libpq (PostgreSQL documentation, 34.1.1.2 "Connection URIs"), node-postgres
//! (`pg-connection-string`, on the WHATWG URL parser) and Prisma. What one of them misreads is a malformation here.

mod keys;
mod parse;
mod tls;

pub use keys::Driver;
pub use parse::{LONGEST, parse};
pub use tls::{AppTls, Origin, SslMode};

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// A connection string in parts. Holds the password: neither `Debug` text nor `Serialize`.
pub struct Dsn {
    /// In the order in which they are tried; empty when the string cannot be used.
    pub endpoints: Vec<Endpoint>,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub database: Option<String>,
    /// libpq's `options`, sent in the start-up message; poolers (Neon) route by it.
    pub options: Option<String>,
    pub facts: DsnFacts,
}

/// Where a server listens.
#[derive(Clone, PartialEq, Eq)]
pub enum Endpoint {
    Tcp {
        host: String,
        port: u16,
    },
    /// `DIRECTORY/.s.PGSQL.PORT`
    Unix {
        directory: String,
        port: u16,
    },
}

/// What may be known of a connection string: no user, password, path or query value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DsnFacts {
    /// Shown only when it is a scheme that one knows; a string without one may be anything.
    pub scheme: Option<String>,
    pub hosts: Vec<HostFacts>,
    pub user: bool,
    pub password: bool,
    pub database: bool,
    pub sslmode: Option<SslMode>,
    /// Who says the sslmode.
    pub sslmode_from: Option<Origin>,
    /// Prisma's `sslaccept`: `true` is `strict`.
    pub sslaccept_strict: Option<bool>,
    /// node-postgres's `uselibpqcompat=true`.
    pub libpq_compat: bool,
    pub target_session_attrs: Option<SessionAttrs>,
    /// Known query keys, sorted.
    pub keys: Vec<String>,
    /// How many query keys no driver knows.
    pub unknown_keys: u32,
    pub malformed: Vec<Malformation>,
}

/// A host that may be shown; `None` is a unix socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostFacts {
    pub host: Option<String>,
    pub port: u16,
}

/// libpq's `target_session_attrs`: which of several hosts will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// What is wrong with a connection string, from the mildest to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Malformation {
    /// White space before or after it: WHATWG strips it, libpq does not.
    Whitespace,
    /// A value of sslmode that no driver knows.
    Sslmode,
    NoDatabase,
    /// A raw space in user or password.
    RawSpace,
    /// A `%` in user or password that starts no escape.
    RawPercent,
    /// A raw `@` in user or password: node-postgres cuts at the last, libpq at the first.
    RawAt,
    /// A raw `/`, `?` or `#` in user or password: the host ends before it.
    RawReserved,
    /// An escape that is not UTF-8, or a NUL.
    Encoding,
    Port,
    Host,
    NoHost,
    Scheme,
    TooLong,
}

impl Malformation {
    /// Whether no driver could connect with it. The others are read as node-postgres reads them.
    #[must_use]
    pub const fn fatal(self) -> bool {
        matches!(
            self,
            Malformation::RawReserved
                | Malformation::Encoding
                | Malformation::Port
                | Malformation::Host
                | Malformation::NoHost
                | Malformation::Scheme
                | Malformation::TooLong
        )
    }
}

impl DsnFacts {
    #[must_use]
    pub fn usable(&self) -> bool {
        !self.malformed.iter().any(|m| m.fatal())
    }

    /// The worst malformation.
    #[must_use]
    pub fn worst(&self) -> Option<Malformation> {
        self.malformed.iter().copied().max()
    }

    /// Keys that only this driver knows.
    #[must_use]
    pub fn only_of(&self, driver: Driver) -> Vec<&str> {
        self.keys.iter().map(String::as_str).filter(|key| keys::only(key) == Some(driver)).collect()
    }

    /// Whether every host is this machine itself or a unix socket: nothing crosses a network.
    #[must_use]
    pub fn local(&self) -> bool {
        self.hosts.iter().all(|h| h.host.as_deref().is_none_or(is_loopback))
    }
}

/// `localhost` and the loopback addresses.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
