//! What a deployed Vigie would need, tried: permissions, network, quotas, sender and recipients, the subscription. The
//! function and the command line share it; each line says what was tried, what came of it, and what to do.
//!
//! Everything is tried at once, under one deadline: what is dead costs its own line only. Nothing is left behind, no value of
//! a variable is shown, and no service's own text is kept.

mod environments;
mod installation;
mod mail;
pub mod trials;

use std::path::Path;
use std::time::{Duration, Instant};

use aws_types::SdkConfig;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{self, FuturesUnordered};
use jiff::Timestamp;
use serde_json::{Value, json};
use vigie_core::cause::Cause;
use vigie_core::config::Config;
use vigie_core::evidence::clean;
use vigie_core::text::Text;

use crate::error::CallError;
use crate::key::KeyCell;
use crate::store::Store;
use crate::{Base, Need, need};
use trials::Trial;

pub const SCHEMA: &str = "vigie.doctor/v1";

/// The longest that one trial may take.
const LIMIT: Duration = Duration::from_secs(8);
/// Environments that are looked at side by side.
const AT_A_TIME: usize = 16;
/// Lines of an answer: of more, those that hold are counted only. Lambda answers at most 6 MB.
const MOST_LINES: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Ok,
    Unknown,
    Missing,
}

impl State {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Unknown => "unknown",
            State::Missing => "missing",
        }
    }
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub trial: &'static Trial,
    /// Of what: a bucket, a role, an address. Empty: of the installation.
    pub subject: String,
    pub state: State,
    pub cause: Option<Cause>,
    /// The IAM action that was refused.
    pub action: Option<String>,
    /// What was seen: a count, `sandbox`, a sentence about the configuration.
    pub seen: String,
}

/// What a trial found.
pub(crate) enum Found {
    /// It holds; what was seen.
    Holds(String),
    /// It does not, and nobody refused to say so.
    Lacks(Cause, String),
    Failed(CallError),
}

impl From<CallError> for Found {
    fn from(call: CallError) -> Self {
        Found::Failed(call)
    }
}

impl Line {
    pub(crate) fn new(trial: &'static Trial, subject: &str, found: Found) -> Line {
        let (state, cause, action, seen) = match found {
            Found::Holds(seen) => (State::Ok, None, None, seen),
            Found::Lacks(cause, seen) => (State::Missing, Some(cause), None, seen),
            Found::Failed(call) => {
                let action = (call.cause == Cause::Denied).then(|| call.action.to_owned());
                (state_of(trial, call.cause), Some(call.cause), action, String::new())
            }
        };
        Line { trial, subject: clean(subject), state, cause, action, seen: clean(&seen) }
    }

    /// What to do. Of what is unknown, only who refused to say is known.
    #[must_use]
    pub fn remedy(&self) -> Option<Text> {
        (self.state == State::Missing || self.action.is_some()).then_some(self.trial.remedy)
    }

    /// As JSON, both languages.
    #[must_use]
    pub fn json(&self) -> Value {
        let says = |cause: Cause| cause.says();
        json!({
            "id": self.trial.id, "subject": self.subject, "state": self.state.name(),
            "cause": self.cause.map(Cause::code), "action": self.action, "seen": self.seen,
            "tried": self.trial.tried, "says": self.cause.map(says),
            "what_to_do": self.remedy(),
        })
    }
}

/// The configuration loads, and declares so many environments.
#[must_use]
pub fn configured(environments: usize) -> Line {
    Line::new(&trials::CONFIGURATION, "", Found::Holds(format!("{environments} environments")))
}

/// There is none yet; `why` says how to give one.
#[must_use]
pub fn no_configuration(why: &str) -> Line {
    Line::new(&trials::CONFIGURATION, "", Found::Lacks(Cause::NotGiven, why.to_owned()))
}

/// It does not; `why` names the place and what was expected.
#[must_use]
pub fn not_configured(why: &str) -> Line {
    Line::new(&trials::CONFIGURATION, "", Found::Lacks(Cause::Malformed, why.replace('\n', "; ")))
}

/// A refusal or an absence of what Vigie needs is missing; an answer that did not come is unknown.
fn state_of(trial: &Trial, cause: Cause) -> State {
    match cause {
        Cause::Timeout
        | Cause::Deadline
        | Cause::Throttled
        | Cause::ServerError
        | Cause::Unexpected
        | Cause::Protocol => State::Unknown,
        Cause::Denied if trial.only_doctor => State::Unknown,
        _ => State::Missing,
    }
}

/// The whole answer.
#[must_use]
pub fn json(lines: &[Line]) -> Value {
    let count = |state| lines.iter().filter(|line| line.state == state).count();
    json!({
        "schema": SCHEMA,
        "ok": count(State::Ok), "missing": count(State::Missing), "unknown": count(State::Unknown),
        "lines": shown(lines).map(Line::json).collect::<Vec<_>>(),
    })
}

/// All of them, or of too many those that do not hold.
pub fn shown(lines: &[Line]) -> impl Iterator<Item = &Line> {
    let many = lines.len() > MOST_LINES;
    lines.iter().filter(move |line| !many || line.state != State::Ok).take(MOST_LINES)
}

/// What the stack gives its function beside the configuration; empty: not given, and not tried.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// ARN.
    pub topic: Option<String>,
    /// URL.
    pub dead_letters: Option<String>,
    /// URLs.
    pub queues: Vec<String>,
    /// The template's MaximumConcurrency, of each of the two queues.
    pub maximum_concurrency: Option<u32>,
}

impl Stack {
    /// Reads VIGIE_TOPIC, VIGIE_DEAD_LETTERS, VIGIE_QUEUE_CONNECTIONS, VIGIE_QUEUE_FULL, VIGIE_MAXIMUM_CONCURRENCY.
    #[must_use]
    pub fn from_vars(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| variable(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        Stack {
            topic: given("VIGIE_TOPIC"),
            dead_letters: given("VIGIE_DEAD_LETTERS"),
            queues: ["VIGIE_QUEUE_CONNECTIONS", "VIGIE_QUEUE_FULL"].into_iter().filter_map(given).collect(),
            maximum_concurrency: given("VIGIE_MAXIMUM_CONCURRENCY").and_then(|n| n.parse().ok()),
        }
    }
}

/// What doctor alone asks of the account: these actions know no resource. All else that it tries is what sinks, sources, keys
/// and roles need anyway, and what [`topic_actions`] and [`queue_actions`] say.
#[must_use]
pub fn actions() -> Vec<Need> {
    let mail = ["ses:GetAccountSendingEnabled", "ses:GetSendQuota", "ses:GetIdentityVerificationAttributes"];
    mail.into_iter().chain(["lambda:GetAccountSettings"]).map(|action| need(action, "*".to_owned())).collect()
}

/// What looking for a confirmed subscription needs.
#[must_use]
pub fn topic_actions(topic: &str) -> Vec<Need> {
    vec![need("sns:ListSubscriptionsByTopic", topic.to_owned())]
}

/// What counting a queue's messages needs.
#[must_use]
pub fn queue_actions(queue: &str) -> Vec<Need> {
    vec![need("sqs:GetQueueAttributes", queue.to_owned())]
}

/// What trying needs.
pub struct Doctor<'a> {
    pub base: &'a Base,
    /// Vigie's own calls.
    pub own: &'a SdkConfig,
    /// As it was loaded; the empty one when it could not be.
    pub config: &'a Config,
    pub store: &'a Store,
    pub stack: &'a Stack,
    pub key: &'a KeyCell,
    /// Reads one variable of Vigie's own environment.
    pub variable: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// Reads them all.
    pub variables: &'a (dyn Fn() -> Vec<(String, String)> + Sync),
    pub inside_lambda: bool,
    /// Where relative paths of the configuration start.
    pub folder: &'a Path,
    pub now: Timestamp,
    /// The moment that was `now`.
    pub began: Instant,
    pub until: Instant,
}

/// One trial under way; it answers with a line or, for an environment, with several.
type Trying<'a> = BoxFuture<'a, Vec<Line>>;

impl Doctor<'_> {
    /// Tries everything; `heard` hears of each line as it comes. The lines are in the order of [`trials::ALL`].
    pub async fn examine(&self, configuration: Line, heard: &(dyn Fn(&Line) + Sync)) -> Vec<Line> {
        heard(&configuration);
        let mut lines = vec![configuration];
        let mut under_way: FuturesUnordered<Trying<'_>> = FuturesUnordered::new();
        under_way.extend(self.installation());
        under_way.push(Box::pin(self.mail()));
        let environments = stream::iter(&self.config.environment).map(|(name, of)| self.environment(name, of));
        let mut all = stream::select(under_way, environments.buffer_unordered(AT_A_TIME));
        while let Some(found) = all.next().await {
            found.iter().for_each(heard);
            lines.extend(found);
        }
        let place = |line: &Line| trials::ALL.iter().position(|trial| trial.id == line.trial.id);
        lines.sort_by(|a, b| (place(a), &a.subject).cmp(&(place(b), &b.subject)));
        lines
    }

    /// One trial, within its limit and the deadline.
    async fn line(&self, trial: &'static Trial, subject: &str, work: impl Future<Output = Found>) -> Line {
        let found = self.within(work).await.unwrap_or_else(|cause| Found::Failed(CallError::new(cause, trial.id)));
        Line::new(trial, subject, found)
    }

    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, Cause> {
        let left = self.until.saturating_duration_since(Instant::now());
        let cause = if left < LIMIT { Cause::Deadline } else { Cause::Timeout };
        // The SDK's futures are large, and many are joined.
        tokio::time::timeout(left.min(LIMIT), Box::pin(work)).await.map_err(|_| cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(trial: &'static Trial, cause: Cause) -> Line {
        Line::new(trial, "x", Found::Failed(CallError::new(cause, "s3:PutObject")))
    }

    #[test]
    fn a_refusal_of_what_is_needed_is_missing_and_names_the_action() {
        let line = failed(&trials::RUNS_WRITE, Cause::Denied);
        assert_eq!((line.state, line.action.as_deref()), (State::Missing, Some("s3:PutObject")));
        assert!(line.json()["what_to_do"]["fr"].as_str().is_some());
        assert_eq!(failed(&trials::RUNS_WRITE, Cause::NotFound).action, None);
    }

    #[test]
    fn what_only_doctor_asks_is_unknown_when_it_is_refused() {
        assert_eq!(failed(&trials::TOPIC, Cause::Denied).state, State::Unknown);
        assert_eq!(failed(&trials::TOPIC, Cause::NotFound).state, State::Missing);
    }

    #[test]
    fn an_answer_that_did_not_come_is_unknown() {
        for cause in [Cause::Timeout, Cause::Deadline, Cause::Throttled, Cause::ServerError] {
            assert_eq!(failed(&trials::RUNS_READ, cause).state, State::Unknown, "{cause}");
        }
    }

    #[test]
    fn foreign_text_is_cleaned() {
        let line = Line::new(&trials::SOURCE, "a\u{1b}[31m", Found::Holds("b\u{202e}".to_owned()));
        assert!(!line.json().to_string().contains("\\u001b") && !line.subject.contains('\u{1b}'));
        assert!(!line.seen.contains('\u{202e}'));
    }

    #[test]
    fn the_stack_is_what_is_set() {
        let stack = Stack::from_vars(&|name| match name {
            "VIGIE_TOPIC" => Some("arn:aws:sns:eu-west-3:111122223333:vigie-alerts".to_owned()),
            "VIGIE_QUEUE_FULL" => Some(" https://sqs/full ".to_owned()),
            "VIGIE_DEAD_LETTERS" => Some(String::new()),
            _ => None,
        });
        assert!(stack.topic.is_some() && stack.dead_letters.is_none());
        assert_eq!(stack.queues, ["https://sqs/full"]);
    }

    #[test]
    fn the_answer_counts_its_lines() {
        let ok = Line::new(&trials::CLOCK, "", Found::Holds(String::new()));
        let answer = json(&[ok, failed(&trials::BUS, Cause::NotFound), failed(&trials::QUOTA, Cause::Denied)]);
        assert_eq!((&answer["ok"], &answer["missing"], &answer["unknown"]), (&1.into(), &1.into(), &1.into()));
        assert_eq!(answer["schema"], "vigie.doctor/v1");
    }
}
