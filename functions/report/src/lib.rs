//! The daily report: heads and newest runs -> [`vigie_core::report`] -> one mail a day and recipient list.

pub mod claim;
pub mod event;
pub mod handle;
mod keep;
pub mod lists;
pub mod outbox;
pub mod read;
pub mod send;
pub mod setup;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use vigie_aws::store::Store;
use vigie_core::Named;
use vigie_core::config::Config;
use vigie_core::facts::Gap;
use vigie_core::report::{self, Input, Observed, Report, mail, markdown};

use crate::claim::{Before, Claim, Left};
use crate::event::ReportEvent;
use crate::lists::List;
use crate::outbox::Outbox;
use crate::read::Stored;

/// The most lists that a dry run answers with: Lambda answers at most 6 MB.
const MOST_RENDERED: usize = 20;

/// What a report is made with.
pub struct Deps<O> {
    pub config: Config,
    pub store: Store,
    pub outbox: O,
    /// What is left of the invocation when it begins: no mail is begun that could not be finished.
    pub left: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    #[error("there is nobody to report to: write [report] with from and [[report.to]] in the configuration")]
    NoRecipients,
    #[error("there is no runs bucket to read from: set [runs] bucket, or VIGIE_RUNS_BUCKET")]
    NoStore,
    #[error("{0}")]
    Lists(String),
}

/// What became of each list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    pub dry_run: bool,
    pub lists: Vec<ListAnswer>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListAnswer {
    pub list: String,
    #[serde(flatten)]
    pub done: Done,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Done {
    /// Its hour has not come.
    NotDue,
    Left {
        why: Left,
    },
    Sent {
        message_id: String,
        subject: String,
        repeat: bool,
        /// Where the report lies as a page, in the runs bucket; absent: it could not be kept, which an alert says.
        page: Option<String>,
    },
    /// It may have been sent; nothing was sent now.
    Uncertain,
    Rendered {
        subject: String,
        html: String,
        text: String,
        markdown: String,
    },
}

/// Why one list's mail is not where it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    #[error("SES refuses the mail of {list}: {reason}")]
    Refused { list: String, reason: String },
    #[error("the claim of {list} cannot be read or written ({}): nothing is sent", .gap.cause)]
    Claim { list: String, gap: Gap },
    #[error("the mail of {list} was sent ({message_id}), but that could not be recorded; it will be called uncertain")]
    Unrecorded { list: String, message_id: String },
    #[error("the invocation has no time left for {0}; the next hour sends it")]
    NoTime(String),
}

/// Sends what is due, or renders everything. A list that fails stops no other.
///
/// # Errors
/// There is nothing to report to or from; or, after all lists were tried, those that failed.
pub async fn report<O: Outbox>(deps: &Deps<O>, event: &ReportEvent, now: Timestamp) -> Result<Answer, ReportError> {
    let lists = lists::lists(&deps.config);
    if lists.is_empty() {
        return Err(ReportError::NoRecipients);
    }
    if matches!(deps.store, Store::Nowhere) {
        return Err(ReportError::NoStore);
    }
    let begun = tokio::time::Instant::now();
    let mut world = World { deps_store: &deps.store, now, known: Named::new() };
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for list in &lists {
        let one = if event.dry_run {
            if done.len() >= MOST_RENDERED {
                break;
            }
            rendered(deps, list, &mut world).await
        } else {
            let date = if event.force { Some(list.today(now)) } else { list.due(now) };
            let left = deps.left.saturating_sub(begun.elapsed());
            match date {
                None => Ok(Done::NotDue),
                Some(date) => send::today(deps, list, date, &mut world, event.force, left).await,
            }
        };
        match one {
            Ok(one) => done.push(ListAnswer { list: list.id.clone(), done: one }),
            Err(e) => {
                tracing::error!(list = list.id, error = %e, "a list's mail was not sent");
                failed.push(e.to_string());
            }
        }
    }
    if failed.is_empty() {
        Ok(Answer { dry_run: event.dry_run, lists: done })
    } else {
        Err(ReportError::Lists(failed.join("; ")))
    }
}

async fn rendered<O>(deps: &Deps<O>, list: &List, world: &mut World<'_>) -> Result<Done, ListError> {
    let (report, _) = world.report(&deps.config, list, list.today(world.now), false).await?;
    let mail::Mail { subject, html, text, .. } = mail::mail(&report);
    Ok(Done::Rendered { subject, html, text, markdown: markdown::page(&report) })
}

/// What was read of the environments, each once an invocation.
pub struct World<'a> {
    deps_store: &'a Store,
    now: Timestamp,
    known: Named<Stored>,
}

impl World<'_> {
    /// The report of a list, compared with its last mail before `date`, and what became of its mails since then.
    ///
    /// # Errors
    /// The last mail cannot be read.
    pub async fn report(
        &mut self,
        config: &Config,
        list: &List,
        date: Date,
        repeat: bool,
    ) -> Result<(Report, Before), ListError> {
        let before = read::before(self.deps_store, &list.id, date).await;
        let before = before.map_err(|gap| ListError::Claim { list: list.id.clone(), gap })?;
        let last = before.sent.as_ref();
        let unread: Vec<&String> = list.environments.iter().filter(|name| !self.known.contains_key(*name)).collect();
        let read = unread
            .into_iter()
            .map(|name| async { (name.clone(), read::environment(self.deps_store, name, self.now).await) });
        let read = futures::future::join_all(read).await;
        self.known.extend(read);
        let environments = list.environments.iter().filter_map(|name| self.observed(config, name, last));
        let report = report::report(&Input {
            environments: environments.collect(),
            now: self.now,
            since: last.and_then(|claim| claim.sent_at),
            language: list.language,
            time_zone: list.time_zone.clone(),
            repeat,
            least: list.least,
        });
        Ok((report, before))
    }

    fn observed(&self, config: &Config, name: &str, last: Option<&Claim>) -> Option<Observed> {
        let Stored { head, connections, full } = self.known.get(name)?.clone();
        let previous = last.and_then(|claim| claim.open.get(name).cloned());
        Some(Observed { environment: config.environment(name)?, connections, full, head, previous })
    }
}
