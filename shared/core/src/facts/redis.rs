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
    /// Every address of the host is loopback or private.
    pub private: Fact<bool>,
    /// The last rung is PING.
    pub ladder: Ladder,
    /// `None`: no TLS.
    pub certificate: Fact<Option<Certificate>>,
    /// SET with EX, GET, TTL, DEL on a key under `vigie:probe:`.
    pub roundtrip: Fact<RedisRoundtrip>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedisRoundtrip {
    /// Why the server refused a step, or `mismatch`. Absent: all four held.
    pub cause: Option<crate::cause::Cause>,
    /// The refused step: set, get, ttl, del.
    pub step: Option<String>,
    /// The first word of the server's refusal: `READONLY`, `OOM`, `NOPERM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Seconds left right after SET EX 60; -1: the key does not expire, -2: it is gone.
    pub ttl: Option<i64>,
}
