//! Heads in the runs bucket.

use std::time::Duration;

use vigie_aws::store::{ETag, Store};
use vigie_core::cause::Cause;
use vigie_core::facts::{Gap, Identity};
use vigie_core::head::{Head, SCHEMA};
use vigie_core::plan;

/// An environment's head with its tag; `None`: it has none yet.
///
/// # Errors
/// The head cannot be read: denied, throttled, or corrupt. That is not "no head".
pub async fn head(store: &Store, environment: &str, limit: Duration) -> Result<Option<(Head, ETag)>, Gap> {
    let read = tokio::time::timeout(limit, store.get(&plan::head_key(environment))).await;
    let found = match read {
        Err(_) => return Err(Gap::new(Cause::Timeout, Identity::Auditor)),
        Ok(found) => found.map_err(|e| e.gap())?,
    };
    let Some((bytes, tag)) = found else { return Ok(None) };
    let head: Head = serde_json::from_slice(&bytes).map_err(|_| Gap::new(Cause::Malformed, Identity::Auditor))?;
    if head.schema != SCHEMA || head.environment != environment {
        return Err(Gap::new(Cause::Malformed, Identity::Auditor));
    }
    Ok(Some((head, tag)))
}
