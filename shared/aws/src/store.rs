//! Where runs, snapshots, heads and report claims are kept: the runs bucket, a directory with the same meaning, or nowhere.
//!
//! What is written is never overwritten by chance: a put is if-absent or if-match, nothing else. Source: Amazon S3 user
//! guide, "How to prevent object overwrites with conditional writes".

mod bucket;
mod directory;

use std::path::PathBuf;
use std::time::Duration;

use aws_types::SdkConfig;
use jiff::Timestamp;
use vigie_core::cause::Cause;
use vigie_core::facts::{Gap, Identity};

use crate::error::CallError;
use crate::{Need, need};
use bucket::Bucket;

/// The largest object that is read or written, in bytes.
pub const LARGEST: usize = 16 * 1024 * 1024;
/// The most keys that one listing gives.
pub const MOST_KEYS: usize = 100_000;

/// The first part of a key: what a function may read or write is granted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    Runs,
    Heads,
    Reports,
    Dispatches,
    Missed,
}

impl Folder {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Folder::Runs => "runs",
            Folder::Heads => "heads",
            Folder::Reports => "reports",
            Folder::Dispatches => "dispatches",
            Folder::Missed => "missed",
        }
    }
}

/// The version of an object, quotes included, as S3 gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(pub String);

/// How a conditional put ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    Done(ETag),
    /// 412: it exists already, or is no longer what was read.
    Precondition,
    /// 409: another write was under way. Read again, or try again.
    Conflict,
}

/// How storing a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Written,
    /// A redelivery: the run was stored before.
    AlreadyThere,
}

/// An object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    /// When it was written.
    pub modified: Timestamp,
}

/// A store that did not answer as it should. A missing object is not an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {call}")]
pub struct StoreError {
    pub call: CallError,
    pub key: String,
}

impl StoreError {
    fn new(cause: Cause, action: &'static str, key: &str) -> Self {
        StoreError { call: CallError::new(cause, action), key: key.to_owned() }
    }

    #[must_use]
    pub fn cause(&self) -> Cause {
        self.call.cause
    }

    #[must_use]
    pub fn gap(&self) -> Gap {
        self.call.gap(Identity::Auditor)
    }
}

#[derive(Clone, Debug)]
pub enum Store {
    Bucket(Bucket),
    /// Files under it, one an object; for the command line.
    Directory(PathBuf),
    /// Everything is written and nothing is kept: without configuration.
    Nowhere,
}

impl Store {
    /// `owner`: the account that must own the bucket, so that a name taken over by another account gets no run.
    #[must_use]
    pub fn bucket(config: &SdkConfig, bucket: &str, owner: Option<&str>) -> Self {
        Store::Bucket(Bucket::new(config, bucket, owner))
    }

    /// What telling a missing object from a refusal needs, and listing. Without ListBucket a missing object is answered by
    /// 403, and a first run cannot be told from a refusal.
    #[must_use]
    pub fn lists(bucket: &str) -> Need {
        need("s3:ListBucket", format!("arn:*:s3:::{bucket}"))
    }

    /// What reading a folder needs. A put with If-Match needs it too.
    #[must_use]
    pub fn reads(bucket: &str, folder: Folder) -> Need {
        need("s3:GetObject", format!("arn:*:s3:::{bucket}/{}/*", folder.name()))
    }

    /// What writing into a folder needs.
    #[must_use]
    pub fn writes(bucket: &str, folder: Folder) -> Need {
        need("s3:PutObject", format!("arn:*:s3:::{bucket}/{}/*", folder.name()))
    }

    /// The object, or `None` when there is none (404).
    ///
    /// # Errors
    /// Denied, throttled, out of reach, larger than [`LARGEST`].
    pub async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, ETag)>, StoreError> {
        match self {
            Store::Bucket(bucket) => bucket.get(key).await,
            Store::Directory(root) => directory::get(root.clone(), key.to_owned()).await,
            Store::Nowhere => Ok(None),
        }
    }

    /// Writes only when there is nothing under the key (`If-None-Match: *`).
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn put_if_absent(&self, key: &str, bytes: Vec<u8>) -> Result<Put, StoreError> {
        self.put(key, bytes, None).await
    }

    /// Writes only when the object is still the one that was read (`If-Match`).
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &ETag) -> Result<Put, StoreError> {
        self.put(key, bytes, Some(etag)).await
    }

    /// Stores a run or its snapshot: once, whatever is redelivered. A conflict (409) is tried again.
    ///
    /// # Errors
    /// As [`Store::get`]; also a conflict that lasts.
    pub async fn put_run(&self, key: &str, bytes: Vec<u8>) -> Result<Written, StoreError> {
        for round in 0..4 {
            match self.put_if_absent(key, bytes.clone()).await? {
                Put::Done(_) => return Ok(Written::Written),
                Put::Precondition => return Ok(Written::AlreadyThere),
                Put::Conflict => pause(round).await,
            }
        }
        Err(conflict(key))
    }

    /// Writes whatever is there, which it reads first: for the caller who holds the claim beside it.
    ///
    /// # Errors
    /// As [`Store::put_run`].
    pub async fn put_over(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let mut there = None;
        for round in 0..4 {
            match self.put(key, bytes.clone(), there.as_ref()).await? {
                Put::Done(_) => return Ok(()),
                Put::Precondition => there = self.get(key).await?.map(|(_, tag)| tag),
                Put::Conflict => pause(round).await,
            }
        }
        Err(conflict(key))
    }

    /// The keys that start with `prefix`, ascending, at most `most` (and [`MOST_KEYS`]).
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn list(&self, prefix: &str, most: usize) -> Result<Vec<String>, StoreError> {
        Ok(self.listed(prefix, most).await?.into_iter().map(|object| object.key).collect())
    }

    /// As [`Store::list`], with the time of each object.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn listed(&self, prefix: &str, most: usize) -> Result<Vec<Listed>, StoreError> {
        let most = most.min(MOST_KEYS);
        match self {
            Store::Bucket(bucket) => bucket.list(prefix, most).await,
            Store::Directory(root) => directory::list(root.clone(), prefix.to_owned(), most).await,
            Store::Nowhere => Ok(Vec::new()),
        }
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self {
            Store::Bucket(bucket) => bucket.delete(key).await,
            Store::Directory(root) => directory::delete(root.clone(), key.to_owned()).await,
            Store::Nowhere => Ok(()),
        }
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, etag: Option<&ETag>) -> Result<Put, StoreError> {
        if bytes.len() > LARGEST {
            return Err(StoreError::new(Cause::TooLarge, "s3:PutObject", key));
        }
        match self {
            Store::Bucket(bucket) => bucket.put(key, bytes, etag).await,
            Store::Directory(root) => directory::put(root.clone(), key.to_owned(), bytes, etag.cloned()).await,
            Store::Nowhere => Ok(Put::Done(ETag(String::new()))),
        }
    }
}

fn conflict(key: &str) -> StoreError {
    let call = CallError {
        cause: Cause::Unexpected,
        code: Some("ConditionalRequestConflict".to_owned()),
        action: "s3:PutObject",
    };
    StoreError { call, key: key.to_owned() }
}

/// Waits before another round: 100 ms doubled each time, with full jitter, so that two writers do not meet again.
pub(crate) async fn pause(round: u32) {
    let most = 100u64.saturating_mul(1 << round.min(6));
    tokio::time::sleep(Duration::from_millis(rand::random_range(most / 4..=most))).await;
}
