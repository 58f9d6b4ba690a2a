//! The Lambda function `report`: wires the edge (clock, environment, deadline) to [`vigie_report::handle`](vigie_report::handle::handle).

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use vigie_aws::process::{self, Process};
use vigie_report::handle::handle;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().json().without_time().with_target(false).with_max_level(tracing::Level::INFO).init();
    let kept = Process::of_lambda(variable)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| logged(&kept, event))).await
}

/// A failure is logged once, here, and fails the invocation, so that it is tried again.
async fn logged(kept: &Process, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let done = answer(kept, event).await;
    if let Err(e) = &done {
        tracing::error!(error = %e, "the report failed");
    }
    done
}

async fn answer(kept: &Process, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let now = now();
    let left = process::left(event.context.deadline, now);
    // Boxed: the SDK's futures are deep.
    Ok(Box::pin(handle(kept, event.payload, left, now)).await?)
}

#[allow(clippy::disallowed_methods)] // the edge: this is where the clock enters
fn now() -> Timestamp {
    Timestamp::now()
}

#[allow(clippy::disallowed_methods)] // the edge: this is where the environment enters
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
