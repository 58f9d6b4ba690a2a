//! The Lambda function `dispatch`: wires the edge (clock, environment, deadline) to [`vigie_dispatch::dispatch`].

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use vigie_aws::process;
use vigie_dispatch::{Function, dispatch};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().json().without_time().with_target(false).with_max_level(tracing::Level::INFO).init();
    let function = Function::new(variable)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| logged(&function, event))).await
}

/// A failure is logged once, here, and fails the invocation, so that it is tried again.
async fn logged(function: &Function, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let now = now();
    let left = process::left(event.context.deadline, now);
    match Box::pin(dispatch(function, event.payload, now, left)).await {
        Ok(answer) => Ok(serde_json::to_value(answer)?),
        Err(e) => {
            tracing::error!(error = %e, "the dispatch failed");
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
