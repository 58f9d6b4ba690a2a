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
use vigie_core::report::{Input, Making, Observed, Report, mail, markdown};

use crate::claim::{Before, Claim, Left};
use crate::event::ReportEvent;
use crate::lists::List;
use crate::outbox::Outbox;
use crate::read::Stored;

/// The most bytes that a dry run answers with. Lambda answers at most 6 MB, in JSON. Source: AWS Lambda developer guide,
/// "Lambda quotas".
const MOST_RENDERED: usize = 4_000_000;
/// Environments that are read at a time: three objects each.
const AT_ONCE: usize = 32;
/// Environments that are remembered between lists: with their runs and heads about 100 KB each.
const KEPT: usize = 256;
/// Environments of a list with all their details: more than a mail or its page has room for.
const DETAILED: usize = 100;

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
        /// Absent: the answer had no room for it.
        markdown: Option<String>,
    },
    /// A dry run whose answer has no room for it.
    NoRoom,
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
    let until = tokio::time::Instant::now() + deps.left;
    let mut room = MOST_RENDERED;
    let mut world = World { deps_store: &deps.store, now, known: Named::new() };
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for list in &lists {
        let one = if event.dry_run {
            rendered(deps, list, &mut world, &mut room).await
        } else {
            let date = if event.force { Some(list.today(now)) } else { list.due(now) };
            match date {
                None => Ok(Done::NotDue),
                Some(date) => send::today(deps, list, date, &mut world, event.force, until).await,
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

/// Renders as far as the answer has room.
async fn rendered<O>(deps: &Deps<O>, list: &List, world: &mut World<'_>, room: &mut usize) -> Result<Done, ListError> {
    if *room == 0 {
        return Ok(Done::NoRoom);
    }
    let (report, _) = world.report(&deps.config, list, list.today(world.now), false).await?;
    let mail::Mail { subject, html, text, .. } = mail::mail(&report);
    let Some(left) = room.checked_sub(html.len() + text.len()) else {
        *room = 0;
        return Ok(Done::NoRoom);
    };
    let markdown = Some(markdown::page(&report)).filter(|page| page.len() <= left);
    *room = left - markdown.as_ref().map_or(0, String::len);
    Ok(Done::Rendered { subject, html, text, markdown })
}

/// What was read of the environments: of a small estate each once an invocation, of a large one again for each list.
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
        let mut making = Making::new(&Input {
            environments: Vec::new(),
            now: self.now,
            since: last.and_then(|claim| claim.sent_at),
            language: list.language,
            time_zone: list.time_zone.clone(),
            repeat,
            least: list.least,
        })
        .detailed(DETAILED);
        for names in list.environments.chunks(AT_ONCE) {
            self.read(names).await;
            names.iter().filter_map(|name| self.observed(config, name, last)).for_each(|one| making.add(&one));
        }
        Ok((making.done(), before))
    }

    /// Reads those that are not remembered; a large estate is forgotten on the way.
    async fn read(&mut self, names: &[String]) {
        if self.known.len() + names.len() > KEPT {
            self.known.clear();
        }
        let unread: Vec<&String> = names.iter().filter(|name| !self.known.contains_key(*name)).collect();
        let read = unread
            .into_iter()
            .map(|name| async { (name.clone(), read::environment(self.deps_store, name, self.now).await) });
        let read = futures::future::join_all(read).await;
        self.known.extend(read);
    }

    fn observed(&self, config: &Config, name: &str, last: Option<&Claim>) -> Option<Observed> {
        let Stored { head, connections, full } = self.known.get(name)?.clone();
        let previous = last.and_then(|claim| claim.open.get(name).cloned());
        Some(Observed { environment: config.environment(name)?, connections, full, head, previous })
    }
}
