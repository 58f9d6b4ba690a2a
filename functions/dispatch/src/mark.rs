//! The mark of a scheduled time in the runs bucket: that its messages are sent, and that they are counted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vigie_aws::store::{ETag, Put, Store, StoreError};

use crate::DispatchError;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub due: usize,
    pub at: Timestamp,
    pub counted: bool,
}

/// The mark, if there is one. One that cannot be read is none: messages that are sent again cost nothing, since a run is
/// stored once.
pub async fn read(store: &Store, key: &str) -> Result<Option<(Mark, ETag)>, StoreError> {
    let found = store.get(key).await?;
    Ok(found.and_then(|(bytes, tag)| Some((serde_json::from_slice(&bytes).ok()?, tag))))
}

/// Every message is in its queue. `None`: another invocation has said so.
pub async fn put(store: &Store, key: &str, due: usize, at: Timestamp) -> Result<Option<ETag>, DispatchError> {
    match store.put_if_absent(key, bytes(due, at, false)).await? {
        Put::Done(tag) => Ok(Some(tag)),
        Put::Precondition => Ok(None),
        Put::Conflict => Err(DispatchError::Busy),
    }
}

/// They are counted too.
pub async fn counted(store: &Store, key: &str, due: usize, at: Timestamp, tag: &ETag) -> Result<(), StoreError> {
    // Another invocation that counted at the same moment has written the same.
    store.put_if_match(key, bytes(due, at, true), tag).await.map(|_| ())
}

fn bytes(due: usize, at: Timestamp, counted: bool) -> Vec<u8> {
    serde_json::json!({ "due": due, "at": at, "counted": counted }).to_string().into_bytes()
}
