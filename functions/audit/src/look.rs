//! What a policy has to name and no configuration says: the app's identity with its groups and policies, and dead-letter
//! queues that only a redrive policy names. Asked with the questions of an audit; nothing is judged, nothing is written.

use jiff::Timestamp;
use vigie_aws::source::{Context, Source};
use vigie_core::check::Suite;
use vigie_core::facts::{Gap, Identity};
use vigie_core::targets::{self, Targets};
use vigie_core::variables::Unread;
use vigie_probe::ask::{Ask, Deadline};
use vigie_probe::shared::Shared;
use vigie_probe::{credentials, sqs};

use crate::observe::{VARIABLES, app, auditor, identity_of, net};
use crate::{AuditError, Deps};

/// One environment, looked at.
pub struct Looked {
    pub targets: Targets,
    /// Sources that could not be read: what their variables name is not among the targets.
    pub unread: Vec<Unread>,
    /// Where the app's resources are.
    pub region: Option<String>,
    /// ARNs of the app's own user or role, its groups and policies; empty when the auditor asks as the app.
    pub principals: Vec<String>,
    /// ARNs that redrive policies name.
    pub dead_letters: Vec<String>,
    /// What was not answered, and of what.
    pub gaps: Vec<(String, Gap)>,
}

/// Reads the variables of `name` as an audit does, and asks.
///
/// # Errors
/// The environment is not declared, or its configuration cannot be used.
pub async fn look(deps: &Deps, name: &str, now: Timestamp, deadline: Deadline) -> Result<Looked, AuditError> {
    let config = deps.config.environment.get(name).ok_or_else(|| AuditError::Undeclared(name.to_owned()))?;
    let sources = config.variables.iter().map(|text| text.parse::<Source>());
    let sources = sources.collect::<Result<Vec<_>, _>>().map_err(|e| AuditError::Source(e.to_string()))?;
    let context = Context {
        inside_lambda: deps.edge.inside_lambda,
        process: &*deps.edge.variables,
        directory: &deps.folder,
        limit: VARIABLES.min(deadline.left()),
    };
    let reader = auditor(&deps.base, config, config.region.as_deref());
    let values = vigie_aws::source::read(&reader, &sources, &context).await;
    let targets = targets::derive(&values, &config.contract);
    let region = config.region.clone().or_else(|| targets.region.clone());
    let auditor = auditor(&deps.base, config, region.as_deref());
    let (app, app_identity) = app(&deps.base, config, &targets, &auditor);
    let net = net(&deps.base, deps.config.network.public)?;
    let (shared, account) = (Shared::default(), identity_of(config));
    let suite = Suite::Full;
    let ask = Ask { deadline, now, suite, net, app, app_identity, auditor, key: None, writes: false, shared, account };
    let mut gaps = Vec::new();
    let (found, queues) = futures::join!(credentials::arns(&ask), async {
        if targets.queues.is_empty() {
            None
        } else {
            Some(sqs::observe(&ask, &targets.queues, region.as_deref()).await)
        }
    });
    let principals = if app_identity == Identity::App {
        gaps.extend(found.gaps.into_iter().map(|gap| ("the app's identity, its groups or policies".to_owned(), gap)));
        found.arns
    } else {
        Vec::new()
    };
    let mut dead_letters = Vec::new();
    for (name, queue) in queues.into_iter().flat_map(|sqs| sqs.queues) {
        match queue.attributes.get() {
            Ok(attributes) => {
                dead_letters.extend(attributes.redrive.as_ref().map(|redrive| redrive.target_arn.clone()))
            }
            Err(gap) => gaps.push((format!("the dead-letter queue of {name}"), gap)),
        }
    }
    Ok(Looked { targets, unread: values.unread, region, principals, dead_letters, gaps })
}
