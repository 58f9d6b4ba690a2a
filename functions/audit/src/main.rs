//! The Lambda function `audit`: wires the edge (clock, environment, deadline) to [`vigie_audit::handle`](vigie_audit::handle::handle).

// The SDK's futures nest deeper than rustc's default of 128 when the layout of main's is computed.
#![recursion_limit = "256"]

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use vigie_audit::handle::{Invocation, handle};
use vigie_audit::setup::Function;
use vigie_aws::process;
use vigie_probe::ask::Deadline;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().json().without_time().with_target(false).with_max_level(tracing::Level::INFO).init();
    let function = Function::new(variable)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| answer(&function, event))).await
}

async fn answer(function: &Function, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let now = now();
    let deadline = Deadline::within(process::left(event.context.deadline, now));
    let of = Invocation { now, request: &event.context.request_id, deadline };
    match handle(function, event.payload, of).await {
        Ok(answer) => Ok(answer),
        Err(e) => {
            tracing::error!(error = %e, "the audit failed");
            Err(e.into())
        }
    }
}

#[allow(clippy::disallowed_methods)] // the edge: this is where the clock enters
fn now() -> Timestamp {
    Timestamp::now()
}

#[allow(clippy::disallowed_methods)] // the edge: this is where the environment enters
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
