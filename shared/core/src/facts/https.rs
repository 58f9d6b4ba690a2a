//! Facts of one HTTPS address.

use super::postgres::Certificate;
use super::{Fact, Ladder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Https {
    pub variable: String,
    /// `https://host[:port]`.
    pub origin: String,
    pub ladder: Ladder,
    pub certificate: Fact<Option<Certificate>>,
    /// Status of the last answer.
    pub status: Fact<u16>,
    /// Milliseconds to the first byte of the first answer.
    pub first_byte_ms: Fact<u64>,
    /// Origins of signinUrl and callbackUrl in /api/auth/providers; `None`: this address has no auth routes by contract.
    pub callbacks: Fact<Option<Vec<String>>>,
}
