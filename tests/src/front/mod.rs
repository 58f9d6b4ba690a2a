//! A front of our own before the AWS emulator. It forwards everything, and
//! - answers as AWS does what the emulator lacks or has wrong (`answers`);
//! - counts the calls of each operation, and keeps the mails and events that were sent;
//! - injects latency, throttling, denial and errors, an operation at a time.

mod answers;
pub mod authorize;
pub mod operation;
pub mod wanted;
mod wire;

pub use wire::Fault;

use crate::serve::{self, Answer, Asked, Serving};
use authorize::{Rights, Wanted};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use operation::Operation;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

/// The account that the emulator plays.
pub const ACCOUNT: &str = "000000000000";

pub struct Front {
    pub serving: Serving,
    state: Arc<State>,
}

/// What the front remembers.
#[derive(Default)]
struct Memory {
    /// By operation, `ses:SendRawEmail`.
    faults: BTreeMap<String, Fault>,
    calls: BTreeMap<String, u64>,
    mails: Vec<Mail>,
    events: Vec<serde_json::Value>,
    account: Account,
    /// Buckets whose public access block was deleted or set: the default no longer counts.
    own_block: BTreeSet<String>,
    /// Access keys that exist; empty: whatever comes is taken.
    keys: BTreeSet<String>,
    /// Writes of Vigie's that still go through.
    writes_left: Option<u32>,
    frozen: bool,
    /// Entries of SendMessageBatch that will be refused.
    entries_refused: u32,
    /// Whether metrics are taken and not kept.
    metrics_dropped: bool,
    /// What the sessions of roles may do, by access key. Whose key is not here is not asked.
    rights: BTreeMap<String, Rights>,
    /// The rights of a role's sessions to come, by its ARN.
    roles: BTreeMap<String, Rights>,
    /// Actions that were refused to a session for lack of a statement.
    refused: BTreeSet<String>,
    doubts: BTreeSet<String>,
    /// Amplify's apps, which the emulator does not have: their variables, by id.
    apps: BTreeMap<String, serde_json::Value>,
}

/// A mail as SES was given it.
#[derive(Clone, Debug)]
pub struct Mail {
    pub destinations: Vec<String>,
    pub raw: Vec<u8>,
}

/// The state of the SES account.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub production: bool,
    pub sending: bool,
}

impl Default for Account {
    fn default() -> Self {
        Account { production: true, sending: true }
    }
}

pub(crate) struct State {
    backend: u16,
    memory: Mutex<Memory>,
}

impl State {
    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Front {
    /// # Errors
    /// No port is free.
    pub async fn start(backend: u16) -> io::Result<Front> {
        let state = Arc::new(State { backend, memory: Mutex::default() });
        let shared = state.clone();
        let serving = serve::serve(None, move |asked| {
            let state = shared.clone();
            async move { handle(&state, asked).await }
        })
        .await?;
        Ok(Front { serving, state })
    }

    /// As `AWS_ENDPOINT_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.serving.port)
    }

    /// From now on this operation (`sqs:GetQueueAttributes`) does that; `*` is every one.
    pub fn inject(&self, operation: &str, fault: Fault) {
        self.state.memory().faults.insert(operation.to_owned(), fault);
    }

    pub fn heal(&self, operation: &str) {
        self.state.memory().faults.remove(operation);
    }

    /// How often each operation was called.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.state.memory().calls.clone()
    }

    /// Every mail that SES accepted, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.state.memory().mails.clone()
    }

    /// Every entry that PutEvents accepted, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<serde_json::Value> {
        self.state.memory().events.clone()
    }

    pub fn account(&self, account: Account) {
        self.state.memory().account = account;
    }

    /// After so many more writes of a sink (an object of the bucket `runs`, events, metrics) nothing is answered any more,
    /// as if the caller's world had ended there.
    pub fn freeze_after(&self, writes: u32) {
        let mut memory = self.state.memory();
        (memory.writes_left, memory.frozen) = (Some(writes), false);
    }

    /// Whether it has come to that.
    #[must_use]
    pub fn frozen(&self) -> bool {
        self.state.memory().frozen
    }

    pub fn thaw(&self) {
        let mut memory = self.state.memory();
        (memory.writes_left, memory.frozen) = (None, false);
    }

    /// The next so many entries of SendMessageBatch fail, the others of their calls do not.
    pub fn refuse_entries(&self, entries: u32) {
        self.state.memory().entries_refused = entries;
    }

    /// From now on metrics are counted and not kept: at each call the emulator looks at every metric that it has, which
    /// ten thousand environments make too many.
    pub fn drop_metrics(&self) {
        self.state.memory().metrics_dropped = true;
    }

    /// This access key exists too.
    pub fn exists(&self, key: &str) {
        let mut memory = self.state.memory();
        // Without a list every key is taken: a first entry would refuse the others.
        if !memory.keys.is_empty() {
            memory.keys.insert(key.to_owned());
        }
    }

    /// Only these access keys exist from now on, and those that IAM and STS make.
    pub fn keys(&self, keys: impl IntoIterator<Item = String>) {
        self.state.memory().keys = keys.into_iter().collect();
    }
}

impl Front {
    /// The key is a session of a role with these policies: from now on its calls are decided by them.
    ///
    /// # Errors
    /// A policy is not understood.
    pub fn session(&self, key: &str, policies: &[serde_json::Value]) -> Result<(), String> {
        let rights = Rights::new(policies)?;
        self.exists(key);
        let mut memory = self.state.memory();
        memory.refused.clear();
        memory.rights.insert(key.to_owned(), rights);
        Ok(())
    }

    /// The sessions of this role are decided by these policies.
    ///
    /// # Errors
    /// A policy is not understood.
    pub fn role(&self, arn: &str, policies: &[serde_json::Value]) -> Result<(), String> {
        self.state.memory().roles.insert(arn.to_owned(), Rights::new(policies)?);
        Ok(())
    }

    /// The actions that were refused since the last change of a session's policies.
    #[must_use]
    pub fn refused(&self) -> BTreeSet<String> {
        self.state.memory().refused.clone()
    }

    /// What could not be decided; a test that decides by policies must see none.
    #[must_use]
    pub fn doubts(&self) -> BTreeSet<String> {
        self.state.memory().doubts.clone()
    }

    /// An Amplify app with these variables.
    pub fn app(&self, id: &str, variables: serde_json::Value) {
        self.state.memory().apps.insert(id.to_owned(), variables);
    }
}

/// Whether the session may do what it asks. `None`: no session.
fn decide(state: &State, operation: &Operation, wanted: impl FnOnce() -> Result<Vec<Wanted>, String>) -> Option<bool> {
    let mut memory = state.memory();
    let rights = memory.rights.get(operation.key.as_ref()?)?.clone();
    let decided = wanted().and_then(|all| {
        let refused = all.iter().map(|one| Ok(rights.allow(one)?.then_some(()).ok_or(one.action)));
        Ok(refused.collect::<Result<Vec<_>, String>>()?.into_iter().find_map(Result::err))
    });
    match decided {
        Ok(None) => Some(true),
        Ok(Some(action)) => {
            memory.refused.insert(action.to_owned());
            Some(false)
        }
        Err(doubt) => {
            memory.doubts.insert(doubt);
            Some(false)
        }
    }
}

async fn handle(state: &State, asked: Asked) -> Answer {
    let operation = operation::of(&asked);
    let denied = || wire::refuse(operation.wire, Fault::Denied).unwrap_or_else(|| answers::unknown_key(operation.wire));
    if decide(state, &operation, || wanted::of(&operation, &asked)) == Some(false) {
        *state.memory().calls.entry(operation.name.clone()).or_default() += 1;
        return denied();
    }
    let tells = wanted::tells_missing(&operation, &asked);
    let answer = handled(state, &operation, asked).await;
    if answer.status() == StatusCode::NOT_FOUND
        && let Some(tells) = tells
        && decide(state, &operation, || Ok(vec![tells])) == Some(false)
    {
        return denied();
    }
    answer
}

async fn handled(state: &State, operation: &Operation, asked: Asked) -> Answer {
    let fault = {
        let mut memory = state.memory();
        *memory.calls.entry(operation.name.clone()).or_default() += 1;
        let unknown = operation.key.as_ref().is_some_and(|key| !memory.keys.is_empty() && !memory.keys.contains(key));
        if unknown {
            return answers::unknown_key(operation.wire);
        }
        if let Some(left) = memory.writes_left
            && sinks(operation, &asked)
        {
            memory.frozen |= left == 0;
            memory.writes_left = Some(left.saturating_sub(1));
        }
        let planned = memory.faults.get(&operation.name).or_else(|| memory.faults.get("*")).copied();
        if memory.frozen { Some(Fault::Hangs) } else { planned }
    };
    match fault {
        Some(Fault::Late(late)) => tokio::time::sleep(late).await,
        Some(Fault::Hangs) => std::future::pending().await,
        Some(Fault::Truncated) => {
            let (parts, body) = answers::answer(state, operation, asked).await.into_parts();
            let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            return Answer::from_parts(parts, Full::new(bytes.slice(..bytes.len() / 2)));
        }
        Some(fault) => {
            if let Some(refusal) = wire::refuse(operation.wire, fault) {
                return refusal;
            }
        }
        None => {}
    }
    answers::answer(state, operation, asked).await
}

/// Whether this is what a sink writes.
fn sinks(operation: &Operation, asked: &Asked) -> bool {
    match operation.name.as_str() {
        "events:PutEvents" | "cloudwatch:PutMetricData" => true,
        "s3:PutObject" => operation::bucket(asked).0 == crate::shop::RUNS,
        _ => false,
    }
}

/// Asks the emulator.
async fn forward(state: &State, operation: &Operation, asked: Asked) -> Answer {
    match ask(state.backend, asked).await {
        Ok(answer) => answer,
        Err(error) => wire::error(operation.wire, 503, "ServiceUnavailable", &format!("emulator: {error}")),
    }
}

async fn ask(backend: u16, asked: Asked) -> io::Result<Answer> {
    let stream = TcpStream::connect(("127.0.0.1", backend)).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let mut request = Request::from_parts(asked.parts, Full::new(asked.body));
    // The body is whole: its length is what counts, not how it came.
    request.headers_mut().remove("transfer-encoding");
    request.headers_mut().remove("expect");
    let exchange = async {
        let (mut parts, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
        let body = Limited::new(body, serve::LARGEST).collect().await.map_err(io::Error::other)?.to_bytes();
        parts.headers.remove("transfer-encoding");
        Ok(Answer::from_parts(parts, Full::new(body)))
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), exchange).await.map_err(io::Error::other)?;
    connection.abort();
    answer
}

/// The text of an answer's body.
async fn body(answer: Answer) -> (hyper::http::response::Parts, Bytes) {
    let (parts, body) = answer.into_parts();
    (parts, body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default())
}

fn ok(status: StatusCode) -> bool {
    status.is_success()
}
