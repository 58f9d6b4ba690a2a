//! What the app does with a bucket: an object put and fetched through presigned URLs, then deleted again. A presigned URL
//! is a credential: it is neither logged nor kept, and errors that hold it are reduced to causes.

mod protection;

use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use reqwest::Method;
use reqwest::header::HeaderMap;
use uuid::Uuid;
use vigie_core::cause::Cause;
use vigie_core::evidence::clean;
use vigie_core::facts::aws::{Caller, Roundtrip, RoundtripStep};
use vigie_core::facts::{Gap, Identity};

use crate::ask::{Ask, RUNG, ms};
use crate::net::{self, Fall};
use crate::sdk;

/// How long a URL is good for.
const VALID: Duration = Duration::from_secs(60);
/// What must be left of the deadline: what is written must be deleted again.
const RESERVE: Duration = Duration::from_secs(4);
const BYTES: usize = 32;
/// The longest answer that is read.
const LARGEST: usize = 16 * 1024;

/// Writes, reads and deletes 32 random bytes under `vigie-probe/`, in a bucket of the app's own account.
///
/// # Errors
/// Why nothing was written: writes are off, the bucket cannot be used or is another's, or a write would set something off
/// or could not be deleted.
pub(super) async fn of(
    ask: &Ask,
    app: &Client,
    auditor: &Client,
    bucket: &str,
    owned: &Result<bool, Gap>,
    caller: &Result<Caller, Gap>,
) -> Result<Roundtrip, Gap> {
    if !ask.writes {
        return Err(Gap::new(Cause::WritesOff, ask.app_identity));
    }
    if !owned.clone()? {
        return Err(Gap::new(Cause::Foreign, ask.app_identity));
    }
    let owner = caller.clone()?.account;
    let key = format!("vigie-probe/{}", Uuid::new_v4());
    protection::allows(ask, auditor, bucket, &key).await?;
    if ask.deadline.left() < RESERVE {
        return Err(Gap::new(Cause::Deadline, ask.app_identity));
    }
    Ok(Trip { ask, app, bucket, owner: &owner, key: &key, steps: Vec::new() }.make().await)
}

struct Trip<'a> {
    ask: &'a Ask,
    app: &'a Client,
    bucket: &'a str,
    owner: &'a str,
    key: &'a str,
    steps: Vec<RoundtripStep>,
}

impl Trip<'_> {
    /// The first step that fails ends it; what may have been written is deleted all the same.
    async fn make(mut self) -> Roundtrip {
        let bytes: [u8; BYTES] = rand::random();
        let start = Instant::now();
        let put = self.put(&bytes).await;
        let written = match &put {
            Ok(_) => true,
            // A refusal is a word; after a silence the object may be there.
            Err(fall) => !sdk::reached(fall.cause) && fall.cause != Cause::Signature && fall.cause != Cause::ClockSkew,
        };
        self.step("put", start, put.as_ref().err());
        if put.is_ok() {
            self.fetch(&bytes).await;
        }
        if written {
            self.delete(put.unwrap_or_default()).await;
        }
        Roundtrip { steps: self.steps }
    }

    /// The version that was written, in a versioned bucket.
    async fn put(&self, bytes: &[u8]) -> Result<Option<String>, Fall> {
        let request = self.app.put_object().bucket(self.bucket).key(self.key).expected_bucket_owner(self.owner);
        let signed = request.presigned(validity()?);
        let signed = sdk::coded(self.ask, "s3:PutObject", Identity::App, signed).await.map_err(fall)?;
        let (headers, _) = send(self.ask, &signed, bytes.to_vec()).await?;
        let version = headers.get("x-amz-version-id").and_then(|id| id.to_str().ok());
        Ok(version.filter(|id| *id != "null").map(str::to_owned))
    }

    async fn fetch(&mut self, bytes: &[u8]) {
        let start = Instant::now();
        let fetched = self.get().await;
        self.step("get", start, fetched.as_ref().err());
        if let Ok(fetched) = fetched {
            let differs = (fetched != bytes).then(|| Fall::from(Cause::Mismatch));
            self.step("compare", Instant::now(), differs.as_ref());
        }
    }

    async fn get(&self) -> Result<Vec<u8>, Fall> {
        let request = self.app.get_object().bucket(self.bucket).key(self.key).expected_bucket_owner(self.owner);
        let signed = request.presigned(validity()?);
        let signed = sdk::coded(self.ask, "s3:GetObject", Identity::App, signed).await.map_err(fall)?;
        send(self.ask, &signed, Vec::new()).await.map(|(_, body)| body)
    }

    async fn delete(&mut self, version: Option<String>) {
        let start = Instant::now();
        let request = self.app.delete_object().bucket(self.bucket).key(self.key).set_version_id(version).send();
        let deleted = sdk::coded(self.ask, "s3:DeleteObject", Identity::App, request).await.map_err(fall);
        self.step("delete", start, deleted.as_ref().err());
        if deleted.is_err() {
            return;
        }
        let start = Instant::now();
        let request = self.app.head_object().bucket(self.bucket).key(self.key).send();
        let left = match sdk::coded(self.ask, "s3:GetObject", Identity::App, request).await {
            Ok(_) => Some(Fall::from(Cause::Mismatch)),
            Err(missed) if missed.gap.cause == Cause::NotFound => None,
            Err(missed) => Some(fall(missed)),
        };
        self.step("gone", start, left.as_ref());
    }

    fn step(&mut self, step: &str, start: Instant, fall: Option<&Fall>) {
        let (cause, code) = (fall.map(|fall| fall.cause), fall.and_then(|fall| fall.code.clone()));
        self.steps.push(RoundtripStep { step: step.to_owned(), ms: ms(start), cause, code });
    }
}

fn validity() -> Result<PresigningConfig, Fall> {
    PresigningConfig::expires_in(VALID).map_err(|_| Fall::from(Cause::Unexpected))
}

fn fall(missed: sdk::Missed) -> Fall {
    Fall { cause: missed.gap.cause, code: missed.code }
}

/// Sends a presigned request as a browser would, and reads at most [`LARGEST`] of the answer.
async fn send(ask: &Ask, signed: &PresignedRequest, body: Vec<u8>) -> Result<(HeaderMap, Vec<u8>), Fall> {
    let method = Method::from_bytes(signed.method().as_bytes()).map_err(|_| Fall::from(Cause::Unexpected))?;
    let mut request = ask.net.http.request(method, signed.uri());
    for (name, value) in signed.headers() {
        request = request.header(name, value);
    }
    if !body.is_empty() {
        request = request.body(body);
    }
    let exchange = async {
        let mut answer = request.send().await.map_err(|error| net::http_cause(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| net::http_cause(&error))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(Cause::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, headers, body))
    };
    let (status, headers, body) = ask.deadline.run(RUNG, exchange).await??;
    if status.is_success() {
        return Ok((headers, body));
    }
    let text = String::from_utf8_lossy(&body);
    let code = element(&text, "Code");
    let cause = sdk::answered(code, element(&text, "Message"), status.as_u16());
    let code =
        code.map_or_else(|| status.as_u16().to_string(), |code| clean(&code.chars().take(64).collect::<String>()));
    Err(Fall::coded(cause, code))
}

/// The text of the first element of that name in one of S3's error documents.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(text, _)| text.trim()).filter(|text| !text.is_empty())
}
