//! What a connection string and the contract say about the app's TLS.

use super::{Driver, DsnFacts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// libpq's modes (PostgreSQL documentation, 34.19.3), and node-postgres's `no-verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
    NoVerify,
}

impl SslMode {
    pub(super) fn read(value: &str) -> Option<Self> {
        Some(match value {
            "disable" => SslMode::Disable,
            "allow" => SslMode::Allow,
            "prefer" => SslMode::Prefer,
            "require" => SslMode::Require,
            "verify-ca" => SslMode::VerifyCa,
            "verify-full" => SslMode::VerifyFull,
            "no-verify" => SslMode::NoVerify,
            _ => return None,
        })
    }

    /// node-postgres's `ssl` in the query.
    pub(super) fn read_ssl(value: &str) -> Option<Self> {
        Some(match value {
            "true" | "1" => SslMode::Require,
            "false" | "0" => SslMode::Disable,
            "no-verify" => SslMode::NoVerify,
            _ => return None,
        })
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SslMode::Disable => "disable",
            SslMode::Allow => "allow",
            SslMode::Prefer => "prefer",
            SslMode::Require => "require",
            SslMode::VerifyCa => "verify-ca",
            SslMode::VerifyFull => "verify-full",
            SslMode::NoVerify => "no-verify",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    Url,
    /// PGSSLMODE.
    Environment,
}

/// What the app's own driver does about TLS. Ordered from the loosest to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AppTls {
    /// Never.
    Off,
    /// If the server offers it, unverified; else in clear.
    Prefer,
    /// Required, whatever certificate is shown: encrypted, not authenticated.
    Unverified,
    /// Required, from a trusted issuer, for whatever name.
    VerifiedCa,
    /// Required and verified.
    Verified,
}

impl AppTls {
    #[must_use]
    pub const fn required(self) -> bool {
        !matches!(self, AppTls::Off | AppTls::Prefer)
    }

    #[must_use]
    pub const fn verifies(self) -> bool {
        matches!(self, AppTls::VerifiedCa | AppTls::Verified)
    }
}

impl DsnFacts {
    /// The app's TLS, from its connection string, PGSSLMODE and the contract's `tls_verify` (`rejectUnauthorized`).
    ///
    /// What the string says beyond doubt stands: `disable`, `no-verify`, `verify-full`, `sslaccept`. For the modes whose
    /// meaning depends on the driver the contract decides. Without it, Prisma's keys mean Prisma (encrypts only, unless
    /// `sslaccept=strict`), `uselibpqcompat` means libpq's table, and anything else node-postgres 8, which reads
    /// `prefer`, `require` and `verify-ca` as `verify-full` (pg-connection-string's README, "SSL modes") and is the
    /// strictest, so that a password never goes over a session less verified than the app's.
    /// Nothing said at all is libpq's and Prisma's default, `prefer`.
    #[must_use]
    pub fn tls(&self, contract: Option<bool>) -> AppTls {
        let declared = |verify: bool| if verify { AppTls::Verified } else { AppTls::Unverified };
        let unknown_mode = self.malformed.contains(&super::Malformation::Sslmode);
        match self.sslmode {
            Some(SslMode::Disable) => AppTls::Off,
            Some(SslMode::NoVerify) => AppTls::Unverified,
            Some(SslMode::VerifyFull) => AppTls::Verified,
            Some(SslMode::VerifyCa) if self.libpq_compat => AppTls::VerifiedCa,
            Some(SslMode::VerifyCa) => AppTls::Verified,
            mode => match (contract.or(self.sslaccept_strict), mode) {
                (Some(verify), _) => declared(verify),
                (None, None) if unknown_mode => AppTls::Verified,
                (None, None | Some(SslMode::Allow | SslMode::Prefer)) if mode.is_none() || self.lenient() => {
                    AppTls::Prefer
                }
                (None, _) if self.lenient() => AppTls::Unverified,
                (None, _) => AppTls::Verified,
            },
        }
    }

    /// Whether the app's driver reads the middling modes as libpq does.
    fn lenient(&self) -> bool {
        self.libpq_compat || !self.only_of(Driver::Prisma).is_empty()
    }
}
