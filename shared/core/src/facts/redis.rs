//! Facts of one Redis target, over Upstash REST or RESP.

use super::postgres::Certificate;
use super::{Fact, Ladder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Redis {
    /// The variable that holds the address.
    pub variable: String,
    pub scheme: String,
    pub host: String,
    /// The host is loopback or a private address.
    pub private: bool,
    /// The last rung is PING.
    pub ladder: Ladder,
    /// `None`: no TLS.
    pub certificate: Fact<Option<Certificate>>,
    /// SET with EX, GET, TTL, DEL on a key under `vigie:probe:`.
    pub roundtrip: Fact<RedisRoundtrip>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedisRoundtrip {
    /// Why a step was refused.
    pub cause: Option<crate::cause::Cause>,
    /// Which step: set, get, ttl, del.
    pub step: Option<String>,
    /// Seconds left right after SET EX 60.
    pub ttl: Option<i64>,
}
