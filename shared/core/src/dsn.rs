//! PostgreSQL connection strings: parsed strictly, rebuilt, never passed on raw.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What may be known of a connection string.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DsnFacts {}
