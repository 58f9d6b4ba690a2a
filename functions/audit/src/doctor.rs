//! `{"doctor": true}`, and `vigie doctor`: what a deployed Vigie would need, tried with what is wired here.

use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;
use vigie_aws::config_folder::Scope;
use vigie_aws::doctor::{self, Doctor, Line, Stack};
use vigie_aws::process::StartError;
use vigie_probe::ask::Deadline;

use crate::handle::Invocation;
use crate::setup::Function;
use crate::{AuditError, Deps};

/// The function's answer. A configuration that does not load is its first line, not an error: the rest is tried all the same.
pub async fn of_function(function: &Function, of: Invocation<'_>) -> Value {
    let loaded = function.deps(Scope::All, of.deadline).await;
    let (deps, configuration) = match loaded {
        Ok(deps) => {
            let line = doctor::configured(deps.config.environment.len());
            (Ok(deps), line)
        }
        Err(e @ AuditError::Start(StartError::Nothing)) => (function.bare(), doctor::no_configuration(&e.to_string())),
        Err(e) => (function.bare(), doctor::not_configured(&e.to_string())),
    };
    match deps {
        Ok(deps) => doctor::json(&examine(&deps, configuration, of.now, of.deadline, &|_| {}).await),
        Err(e) => doctor::json(&[doctor::not_configured(&e.to_string())]),
    }
}

/// Tries everything with these dependencies; `heard` hears of each line as it comes.
pub async fn examine(
    deps: &Deps,
    configuration: Line,
    now: Timestamp,
    deadline: Deadline,
    heard: &(dyn Fn(&Line) + Sync),
) -> Vec<Line> {
    let stack = Stack::from_vars(&*deps.edge.variable);
    let doctor = Doctor {
        base: &deps.base,
        own: &deps.own,
        config: &deps.config,
        store: &deps.store,
        stack: &stack,
        key: &deps.key,
        variable: &*deps.edge.variable,
        variables: &*deps.edge.variables,
        inside_lambda: deps.edge.inside_lambda,
        folder: &deps.folder,
        now,
        began: Instant::now(),
        until: Instant::now() + deadline.left(),
    };
    doctor.examine(configuration, heard).await
}
