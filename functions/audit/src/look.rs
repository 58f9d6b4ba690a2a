//! What a policy has to name and no configuration says: the app's identity with its groups and policies, and dead-letter
//! queues that only a redrive policy names. Asked with the questions of an audit; nothing is judged, nothing is written.

use jiff::Timestamp;
use vigie_core::check::Suite;
use vigie_core::facts::{Gap, Identity};
use vigie_core::targets::Targets;
use vigie_core::variables::Unread;
use vigie_probe::ask::Deadline;
use vigie_probe::{credentials, sqs};

use crate::open::{Opened, VARIABLES, open};
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
    let opened = open(deps, name, VARIABLES.min(deadline.left())).await?;
    let ask = opened.ask(deps, Suite::Full, now, deadline)?;
    let Opened { values, targets, region, app_identity, .. } = opened;
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
