//! The runs bucket.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use aws_types::SdkConfig;
use jiff::Timestamp;
use vigie_core::cause::Cause;

use super::{ETag, LARGEST, Listed, Put, StoreError};
use crate::error;

/// The longest that the body of an object may take.
const BODY: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    name: String,
    owner: Option<String>,
}

impl Bucket {
    pub(super) fn new(config: &SdkConfig, name: &str, owner: Option<&str>) -> Self {
        // A custom endpoint has no names for its buckets.
        let own = aws_sdk_s3::config::Builder::from(config).force_path_style(config.endpoint_url().is_some()).build();
        Bucket { client: Client::from_conf(own), name: name.to_owned(), owner: owner.map(str::to_owned) }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, ETag)>, StoreError> {
        const ACTION: &str = "s3:GetObject";
        let request = self.client.get_object().bucket(&self.name).key(key);
        let object = match request.set_expected_bucket_owner(self.owner.clone()).send().await {
            Ok(object) => object,
            // NoSuchBucket is a 404 too, and no first run.
            Err(e) if e.as_service_error().is_some_and(|e| e.is_no_such_key()) => return Ok(None),
            Err(e) => return Err(StoreError { call: error::call(&e, ACTION), key: key.to_owned() }),
        };
        let fails = |cause| StoreError::new(cause, ACTION, key);
        let etag = object.e_tag.clone().ok_or_else(|| fails(Cause::Protocol))?;
        let announced = object.content_length.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        if announced > LARGEST {
            return Err(fails(Cause::TooLarge));
        }
        let read = tokio::time::timeout(BODY, read(object.body, announced)).await;
        let bytes = read.map_err(|_| fails(Cause::Timeout))?.map_err(fails)?;
        Ok(Some((bytes, ETag(etag))))
    }

    pub(super) async fn put(&self, key: &str, bytes: Vec<u8>, etag: Option<&ETag>) -> Result<Put, StoreError> {
        let request =
            self.client.put_object().bucket(&self.name).key(key).set_expected_bucket_owner(self.owner.clone());
        let request = match etag {
            Some(etag) => request.if_match(&etag.0),
            None => request.if_none_match("*"),
        };
        let sent = request.content_type(content_type(key)).body(ByteStream::from(bytes)).send().await;
        let failed = match sent {
            Ok(put) => return Ok(Put::Done(ETag(put.e_tag.unwrap_or_default()))),
            Err(failed) => failed,
        };
        match status(&failed) {
            Some(412) => Ok(Put::Precondition),
            Some(409) => Ok(Put::Conflict),
            // If-Match on an object that is gone: what was read is no longer there.
            Some(404) if etag.is_some() && !bucket_gone(&failed) => Ok(Put::Precondition),
            _ => Err(StoreError { call: error::call(&failed, "s3:PutObject"), key: key.to_owned() }),
        }
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(&self.name).key(key);
        let done = request.set_expected_bucket_owner(self.owner.clone()).send().await;
        done.map_err(|e| StoreError { call: error::call(&e, "s3:DeleteObject"), key: key.to_owned() })?;
        Ok(())
    }

    pub(super) async fn list(&self, prefix: &str, most: usize) -> Result<Vec<Listed>, StoreError> {
        let mut keys = Vec::new();
        let mut next = None;
        while keys.len() < most {
            let page = i32::try_from((most - keys.len()).min(1_000)).unwrap_or(1_000);
            let request = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).max_keys(page);
            let request = request.set_expected_bucket_owner(self.owner.clone()).set_continuation_token(next);
            let answer = request.send().await;
            let answer =
                answer.map_err(|e| StoreError { call: error::call(&e, "s3:ListBucket"), key: prefix.to_owned() })?;
            keys.extend(answer.contents.unwrap_or_default().into_iter().filter_map(listed));
            next = answer.next_continuation_token;
            if next.is_none() {
                break;
            }
        }
        keys.truncate(most);
        Ok(keys)
    }
}

/// Of an object, by the end of its key: a browser shows a page that has the type of one.
fn content_type(key: &str) -> &'static str {
    if key.ends_with(".html") { "text/html; charset=utf-8" } else { "application/json" }
}

fn listed(object: aws_sdk_s3::types::Object) -> Option<Listed> {
    let modified = object.last_modified.and_then(|at| Timestamp::from_second(at.secs()).ok());
    Some(Listed { key: object.key?, modified: modified? })
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

fn bucket_gone<E: aws_sdk_s3::error::ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(|e| e.code()) == Some("NoSuchBucket")
}

async fn read(mut body: ByteStream, announced: usize) -> Result<Vec<u8>, Cause> {
    let mut bytes = Vec::with_capacity(announced);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Cause::Reset)?;
        if bytes.len() + chunk.len() > LARGEST {
            return Err(Cause::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
