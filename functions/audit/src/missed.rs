//! A message that came too late: the next of its suite is due already. It is recorded, not audited.

use std::time::Duration;

use vigie_aws::store::Put;
use vigie_core::plan::{self, Audit};

use crate::handle::Invocation;
use crate::{AuditError, Deps};

/// How long reading or writing the record may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Whether its run is stored: then an earlier delivery audited it in time.
///
/// # Errors
/// The store does not say: the message must be delivered again.
pub async fn audited(deps: &Deps, one: &Audit, of: Invocation<'_>) -> Result<bool, AuditError> {
    let key = plan::identify(one, of.now, of.request).key;
    match of.deadline.run(LIMIT, deps.store.get(&key)).await {
        Ok(Ok(found)) => Ok(found.is_some()),
        Ok(Err(e)) => Err(unrecorded(one, &e)),
        Err(cause) => Err(unrecorded(one, &cause)),
    }
}

/// Records it: an object in the store, `EnvironmentsMissed`, a line in the log. A second delivery counts nothing again.
///
/// # Errors
/// The record was not written: the message must be delivered again, or it would be lost in silence.
pub async fn record(deps: &Deps, one: &Audit, of: Invocation<'_>) -> Result<(), AuditError> {
    let Some(scheduled_at) = one.scheduled_at else { return Ok(()) };
    tracing::warn!(environment = one.environment, suite = one.suite.name(), %scheduled_at, "too late: not audited");
    let key = plan::missed_key(&one.environment, one.suite, scheduled_at);
    let record = serde_json::json!({
        "schema": "vigie.missed/v1", "environment": one.environment, "suite": one.suite, "scheduled_at": scheduled_at, "at": of.now,
    });
    let put = deps.store.put_if_absent(&key, record.to_string().into_bytes());
    match of.deadline.run(LIMIT, put).await {
        Ok(Ok(Put::Done(_))) => {}
        Ok(Ok(Put::Precondition)) => return Ok(()),
        Ok(Ok(Put::Conflict)) => return Err(unrecorded(one, &"another write is under way")),
        Ok(Err(e)) => return Err(unrecorded(one, &e)),
        Err(cause) => return Err(unrecorded(one, &cause)),
    }
    if deps.config.metrics != vigie_core::config::Metrics::Off {
        let data = [vigie_core::metrics::missed(one.suite)];
        let published = of.deadline.run(LIMIT, vigie_aws::metrics::publish(&deps.own, &data, of.now)).await;
        if !matches!(published, Ok(Ok(()))) {
            // The object is there; due minus done says it too.
            tracing::error!(environment = one.environment, "EnvironmentsMissed was not published");
        }
    }
    Ok(())
}

fn unrecorded(one: &Audit, what: &dyn std::fmt::Display) -> AuditError {
    AuditError::Missed(one.environment.clone(), what.to_string())
}
