//! From the process to [`Deps`].

use std::time::Duration;

use vigie_aws::config_folder::Scope;
use vigie_aws::process::{Process, StartError};
use vigie_aws::store::Store;

use crate::Deps;
use crate::outbox::Aws;

/// The configuration of this invocation, and what follows from it. `left`: of the invocation.
///
/// # Errors
/// There is no configuration, it cannot be read, or it is wrong: the sentence says what to do.
pub async fn deps(process: &Process, left: Duration) -> Result<Deps<Aws>, StartError> {
    let loaded = process.load(Scope::All, left).await?;
    let own = process.base.auditor(None, None, "vigie");
    let store = loaded.bucket.map_or(Store::Nowhere, |bucket| Store::bucket(&own, &bucket, None));
    let outbox = Aws { own, bus: loaded.config.alerts.bus.clone() };
    Ok(Deps { config: loaded.config, store, outbox, left })
}
