//! Facts of one variable: presence, length, class, shape and fingerprint; never its value unless its class allows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Variable {
    pub source: String,
}
