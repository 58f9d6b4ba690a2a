//! Which environments are late: the age of their heads, from one listing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use vigie_aws::events;
use vigie_aws::store::{ETag, MOST_KEYS, Store};
use vigie_core::late::{Late, look as judge};
use vigie_core::plan::LATE_KEY;

/// How many are late. What is new, still so or over is put on the bus.
///
/// # Errors
/// A listing, the memory or the bus did not answer; the sentence says which.
pub async fn look(
    own: &aws_types::SdkConfig,
    store: &Store,
    bus: &str,
    declared: &[String],
    now: Timestamp,
) -> Result<usize, String> {
    let heads = store.listed("heads/", MOST_KEYS).await.map_err(|e| e.to_string())?;
    let name = |key: &str| Some(key.strip_prefix("heads/")?.strip_suffix(".json")?.to_owned());
    let heads: BTreeMap<String, Timestamp> =
        heads.into_iter().filter_map(|head| Some((name(&head.key)?, head.modified))).collect();
    let (before, tag) = memory(store).await?;
    let (after, alerts) = judge(&before, declared, &heads, now);
    // Said before it is remembered: said twice under one id is better than never.
    if let Err(left) = events::send(own, bus, &alerts).await {
        return Err(left.to_string());
    }
    keep(store, &after, tag).await?;
    Ok(after.late.len())
}

async fn memory(store: &Store) -> Result<(Late, Option<ETag>), String> {
    let Some((bytes, tag)) = store.get(LATE_KEY).await.map_err(|e| e.to_string())? else {
        return Ok((Late::default(), None));
    };
    let late = serde_json::from_slice(&bytes).map_err(|_| format!("{LATE_KEY} is not what Vigie wrote: delete it"))?;
    Ok((late, Some(tag)))
}

/// Another dispatch that was faster has looked at the same moment.
async fn keep(store: &Store, late: &Late, tag: Option<ETag>) -> Result<(), String> {
    let bytes = serde_json::to_vec(late).map_err(|e| e.to_string())?;
    let put = match &tag {
        Some(tag) => store.put_if_match(LATE_KEY, bytes, tag).await,
        None => store.put_if_absent(LATE_KEY, bytes).await,
    };
    put.map(|_| ()).map_err(|e| e.to_string())
}
