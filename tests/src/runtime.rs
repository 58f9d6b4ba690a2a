//! A Lambda Runtime API of our own: starts a real bootstrap binary as its own process, with a clean environment, and
//! gives it events. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use crate::process::{self, Daemon, Signal};
use crate::serve::{self, Answer, Asked, Serving};
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, oneshot};

const API: &str = "/2018-06-01/runtime/";

/// How an invocation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FunctionError {
    /// The function's own answer: an error with its type.
    #[error("{kind}: {message}")]
    Handled { kind: String, message: String },
    #[error("the function did not start: {0}")]
    Init(String),
    #[error("the function's process ended: {0}")]
    Crashed(String),
    #[error("the function timed out after {0:?}")]
    TimedOut(Duration),
    #[error("the function could not be run: {0}")]
    Host(String),
}

/// A deployed function: its binary and its configuration. The process starts with the first event and stays warm.
pub struct Function {
    name: String,
    binary: PathBuf,
    environment: Vec<(&'static str, String)>,
    serving: Serving,
    queue: Arc<Queue>,
    process: Option<Daemon>,
    /// What processes that have ended said.
    past: String,
    invoked: u32,
}

#[derive(Default)]
struct Queue {
    inner: Mutex<Inner>,
    more: Notify,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Invocation>,
    answers: HashMap<String, oneshot::Sender<Result<Value, FunctionError>>>,
}

struct Invocation {
    id: String,
    event: String,
    /// Milliseconds since 1970.
    deadline: u128,
}

impl Queue {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, id: &str, answer: Result<Value, FunctionError>) {
        if let Some(sender) = self.inner().answers.remove(id) {
            let _ = sender.send(answer);
        }
    }

    fn fail_all(&self, error: &FunctionError) {
        let mut inner = self.inner();
        inner.waiting.clear();
        for (_, sender) in inner.answers.drain() {
            let _ = sender.send(Err(error.clone()));
        }
    }
}

impl Function {
    /// Nothing of the caller's environment is inherited. `SSL_CERT_FILE` is set here, as the template does: OpenSSL reads
    /// the whole system bundle otherwise.
    ///
    /// # Errors
    /// No port is free.
    pub async fn new(
        name: &str,
        binary: &Path,
        certificates: &Path,
        environment: Vec<(&'static str, String)>,
    ) -> io::Result<Function> {
        let queue = Arc::new(Queue::default());
        let shared = queue.clone();
        let serving = serve::serve(None, move |asked| {
            let queue = shared.clone();
            async move { handle(&queue, asked).await }
        })
        .await?;
        let mut all = vec![
            ("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{}", serving.port)),
            ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "sandbox".to_owned()),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("_HANDLER", "bootstrap".to_owned()),
            ("TZ", ":UTC".to_owned()),
            ("SSL_CERT_FILE", certificates.display().to_string()),
            ("SSL_CERT_DIR", "/nonexistent".to_owned()),
        ];
        all.extend(environment);
        Ok(Function {
            name: name.to_owned(),
            binary: binary.to_path_buf(),
            environment: all,
            serving,
            queue,
            process: None,
            past: String::new(),
            invoked: 0,
        })
    }

    /// One event, answered or failed within `timeout`, which is also the deadline that the function is told.
    ///
    /// # Errors
    /// The function answered with an error, did not start, crashed, or was too late: then its process is ended, as Lambda
    /// does, and the next event starts another.
    pub async fn invoke(&mut self, event: &Value, timeout: Duration) -> Result<Value, FunctionError> {
        if self.process.is_none() {
            self.start().map_err(|e| FunctionError::Host(e.to_string()))?;
        }
        self.invoked += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", self.invoked);
        let (sender, mut receiver) = oneshot::channel();
        {
            let mut inner = self.queue.inner();
            inner.answers.insert(id.clone(), sender);
            let deadline = (now() + timeout).as_millis();
            inner.waiting.push_back(Invocation { id, event: event.to_string(), deadline });
        }
        self.queue.more.notify_one();
        let end = Instant::now() + timeout;
        loop {
            let pause = tokio::time::sleep(Duration::from_millis(20));
            tokio::select! {
                answer = &mut receiver => return answer.unwrap_or_else(|_| Err(FunctionError::Host("lost".into()))),
                () = pause => {}
            }
            if let Some(status) = self.process.as_mut().and_then(Daemon::ended) {
                let error = FunctionError::Crashed(format!(
                    "{status}: {}",
                    self.process.as_ref().map(Daemon::tail).unwrap_or_default()
                ));
                self.end(&error);
                return Err(error);
            }
            if Instant::now() > end {
                let error = FunctionError::TimedOut(timeout);
                self.end(&error);
                return Err(error);
            }
        }
    }

    fn start(&mut self) -> io::Result<()> {
        let folder = process::folder(&self.name)?;
        let process = Daemon::start(&self.name, &folder, &self.binary, &[], &self.environment, Signal::Kill)?;
        self.process = Some(process);
        Ok(())
    }

    fn end(&mut self, error: &FunctionError) {
        self.queue.fail_all(error);
        if let Some(process) = self.process.take() {
            self.past.push_str(&process.output());
        }
    }

    /// Ends the warm process: the next event meets a cold start.
    pub fn cool(&mut self) {
        self.end(&FunctionError::Crashed("cooled".into()));
    }

    /// What its process has taken so far.
    ///
    /// # Errors
    /// No process is warm.
    pub fn usage(&self) -> io::Result<process::Usage> {
        let process = self.process.as_ref().ok_or_else(|| io::Error::other("no process is warm"))?;
        process::usage(process.id())
    }

    /// All that the function has written on standard output and error.
    #[must_use]
    pub fn output(&self) -> String {
        let now = self.process.as_ref().map(Daemon::output).unwrap_or_default();
        format!("{}{now}", self.past)
    }

    /// The Runtime API's own address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.serving.port
    }
}

async fn handle(queue: &Queue, asked: Asked) -> Answer {
    let path = asked.path().strip_prefix(API).unwrap_or_default().to_owned();
    match (asked.parts.method.clone(), path.split('/').collect::<Vec<_>>().as_slice()) {
        (Method::GET, ["invocation", "next"]) => next(queue).await,
        (Method::POST, ["invocation", id, "response"]) => {
            let answer = serde_json::from_slice(&asked.body)
                .map_err(|e| FunctionError::Host(format!("the answer is not JSON: {e}")));
            queue.finish(id, answer);
            accepted()
        }
        (Method::POST, ["invocation", id, "error"]) => {
            let (kind, message) = error(&asked);
            queue.finish(id, Err(FunctionError::Handled { kind, message }));
            accepted()
        }
        (Method::POST, ["init", "error"]) => {
            let (kind, message) = error(&asked);
            queue.fail_all(&FunctionError::Init(format!("{kind}: {message}")));
            accepted()
        }
        _ => serve::json(StatusCode::NOT_FOUND, &json!({"errorType": "NotFound"})),
    }
}

async fn next(queue: &Queue) -> Answer {
    let invocation = loop {
        if let Some(invocation) = queue.inner().waiting.pop_front() {
            break invocation;
        }
        queue.more.notified().await;
    };
    let mut answer = serve::answer(StatusCode::OK, "application/json", invocation.event);
    let headers = [
        ("lambda-runtime-aws-request-id", invocation.id),
        ("lambda-runtime-deadline-ms", invocation.deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:000000000000:function:vigie".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned()),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

fn accepted() -> Answer {
    serve::json(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

fn error(asked: &Asked) -> (String, String) {
    let said = serde_json::from_slice::<Value>(&asked.body).unwrap_or_default();
    let field = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    (field("errorType"), field("errorMessage"))
}

/// Lambda's deadline is a time of day: the host is an edge.
#[allow(clippy::disallowed_methods)]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
