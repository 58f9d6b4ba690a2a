//! One notice to the world, and the sentence that people read in it.

use super::Chain;
use crate::cause::Cause;
use crate::check::{Class, Severity, unreached};
use crate::checks;
use crate::evidence::{Evidence, duration};
use crate::run::{Outcome, key};
use crate::text::Language;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub const SCHEMA: &str = "vigie.alert/v1";

/// Characters of an incident. PagerDuty takes 255 (Events API v2, `dedup_key`).
pub const LONGEST_INCIDENT: usize = 38;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKind {
    Fired,
    /// It fails and passes in turn: said once instead of each time.
    Flapping,
    /// It fails still, or cannot be known any more since it failed.
    Reminder,
    /// Some of those that one alert named are over; the others are not, and the incident stays open.
    PartlyResolved,
    /// All of the incident is over.
    Resolved,
    /// All of the incident is over because its subjects no longer exist.
    Gone,
}

impl AlertKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            AlertKind::Fired => "fired",
            AlertKind::Flapping => "flapping",
            AlertKind::Reminder => "reminder",
            AlertKind::PartlyResolved => "partly-resolved",
            AlertKind::Resolved => "resolved",
            AlertKind::Gone => "gone",
        }
    }

    /// Whether it says of its findings that they are open from now on.
    #[must_use]
    pub const fn opens(self) -> bool {
        matches!(self, AlertKind::Fired | AlertKind::Flapping)
    }

    /// Whether it says of its findings that they are over.
    #[must_use]
    pub const fn closes(self) -> bool {
        matches!(self, AlertKind::PartlyResolved | AlertKind::Resolved | AlertKind::Gone)
    }
}

/// One notice. Delivery is at least once: the id is stable, and a repeat is recognised by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    pub schema: String,
    /// `ENV/CHECK/SUBJECT/FAILING-SINCE/KIND/ORDINAL`.
    pub id: String,
    /// Opaque; the same in every notice from `fired` or `flapping` to `resolved` or `gone`: a pager's key.
    pub incident: String,
    pub kind: AlertKind,
    /// What the run said: `fail`; `unknown`, after it failed; `pass`; `not_applicable`, it is no longer there.
    pub outcome: Outcome,
    pub environment: String,
    pub class: Class,
    /// Of the gravest, when there are several.
    pub severity: Severity,
    pub check: String,
    pub fault: Option<String>,
    pub target: String,
    pub subject: String,
    pub cause: Option<Cause>,
    /// The IAM action whose refusal keeps it unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[schemars(with = "String")]
    pub failing_since: Timestamp,
    /// Since when it cannot be known whether it still fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub unknown_since: Option<Timestamp>,
    /// Seconds from the first failing run to this one, of what is over; of several, the longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasted: Option<i64>,
    /// The run that said so.
    pub run: String,
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// A sentence in English, for people who read the event itself.
    pub title: String,
    /// One line for a pager, at most 130 characters: `ENV: TITLE (SUBJECT)`, without quotes, backslashes and angle brackets.
    pub summary: String,
    pub evidence: Evidence,
    /// The other findings that it says the same of: keys, `CHECK/subject`.
    pub with: Vec<String>,
    /// What it explains, which is not said beside it: keys, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explains: Vec<String>,
}

impl Alert {
    /// The findings that it speaks of.
    pub fn keys(&self) -> impl Iterator<Item = String> + '_ {
        std::iter::once(key(&self.check, &self.subject)).chain(self.with.iter().cloned())
    }

    /// What it says of what: a second round of the same run does not say it again.
    pub fn notices(&self) -> impl Iterator<Item = String> + '_ {
        self.keys().map(|key| notice(self.kind, &key))
    }
}

pub(super) fn notice(kind: AlertKind, key: &str) -> String {
    format!("{} {key}", kind.name())
}

/// `20261122T100500Z`, for ids.
#[must_use]
pub fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The incident that a finding's first alert opens, as a head names it: `ENV/CHECK/SUBJECT/FAILING-SINCE`.
#[must_use]
pub fn incident(environment: &str, key: &str, failing_since: Timestamp) -> String {
    format!("{environment}/{key}/{}", stamp(failing_since))
}

/// An incident as an alert names it: half of its SHA-256, in hexadecimal. Pagers take it for their key and put it into the
/// path of a URL. Sources: PagerDuty's Events API v2, `dedup_key`; Opsgenie's Alert API, "Close Alert" by alias.
#[must_use]
pub fn opaque(incident: &str) -> String {
    let half =
        Sha256::digest(incident.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("vigie-{half}")
}

/// What a notice says beside its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    Plain,
    /// The environment's first run: all that it found.
    First,
    /// It cannot be known whether it still fails.
    Unknown,
    /// It has not stopped flapping.
    Flapping,
    /// It flapped and no longer does.
    Steady,
    /// It is graver than when it was last said.
    Graver,
}

/// What the sentence is made of.
pub(super) struct Said<'a> {
    pub kind: AlertKind,
    pub tone: Tone,
    pub at: Timestamp,
    pub check: &'a str,
    pub chain: &'a Chain,
    pub cause: Option<Cause>,
    pub action: Option<&'a str>,
    /// Findings that it speaks of.
    pub count: usize,
    /// Seconds.
    pub lasted: i64,
    /// Findings of the incident that are still open.
    pub left: usize,
}

/// The sentence that people read: the finding's, or how many; then what became of it.
pub(super) fn title(said: &Said<'_>) -> String {
    let check = match unreached(said.check, &said.chain.fault) {
        Some(service) => format!("No connection to {service}"),
        None => checks::find(said.check).map_or(said.check, |check| check.title.raw(Language::En)).to_owned(),
    };
    let others = said.count.saturating_sub(1);
    let about = match (said.kind.opens() && said.tone != Tone::First, said.cause.filter(|_| others > 0)) {
        _ if others == 0 => check.clone(),
        (true, Some(cause)) => format!("One cause, {} findings: {}", said.count, first_sentence(cause)),
        _ => format!("{check}, and {others} other {}", if others == 1 { "finding" } else { "findings" }),
    };
    let lasted = duration(said.lasted, Language::En);
    match (said.kind, said.tone) {
        (AlertKind::Fired, Tone::First) if others > 0 => format!("The first audit found {}: {about}", said.count),
        (AlertKind::Fired, _) => about,
        (AlertKind::Flapping, _) => format!("{about}: flapping, it fails and passes in turn"),
        (AlertKind::Reminder, Tone::Unknown) => {
            let since = said.chain.unknown_since.unwrap_or(said.at).strftime("%Y-%m-%d %H:%M UTC");
            let why = [said.cause.map(Cause::code), said.action].into_iter().flatten().collect::<Vec<_>>().join(", ");
            let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
            format!("{about}: it failed, and cannot be known since {since}{why}")
        }
        (AlertKind::Reminder, Tone::Flapping) => format!("{about}: still flapping, after {lasted}"),
        (AlertKind::Reminder, Tone::Steady) => format!("{about}: no longer flapping, it fails steadily"),
        (AlertKind::Reminder, Tone::Graver) => {
            format!("{about}: it grew worse and is {} now", said.chain.severity.name())
        }
        (AlertKind::Reminder, _) => format!("{about}: still failing, after {lasted}"),
        (AlertKind::PartlyResolved, _) => {
            format!("{about}: over after {lasted}; {} of the same alert still open", said.left)
        }
        (AlertKind::Resolved, Tone::Steady) => format!("{about}: no longer flapping, it passes, after {lasted}"),
        (AlertKind::Resolved, _) => format!("{about}: resolved after {lasted}"),
        (AlertKind::Gone, _) => format!("{about}: what it was about is gone, after {lasted}"),
    }
}

/// `The name does not resolve`: what happened, without what to do.
fn first_sentence(cause: Cause) -> String {
    let says = cause.says().raw(Language::En);
    let says = says.split_once(". ").map_or(says, |(first, _)| first);
    let mut chars = says.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_short_safe_in_a_url_and_tells_findings_apart() {
        let since: Timestamp = "2026-11-22T10:05:00Z".parse().expect("a time");
        let said = |environment, key: &str, since| opaque(&incident(environment, key, since));
        let one = said("production", "PG-DOWN/postgres", since);
        assert_eq!(
            one, "vigie-bb8531349dc9841d092731143bdcfba2",
            "it never changes: a pager that holds it open waits for the same"
        );
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{one}");
        for other in [
            said("staging", "PG-DOWN/postgres", since),
            said("production", "PG-DOWN/postgres:replica", since),
            said("production", &format!("PG-DOWN/{}", "é".repeat(400)), since),
            said("production", "PG-DOWN/postgres", since + jiff::SignedDuration::from_secs(1)),
        ] {
            assert!(other != one && other.len() == LONGEST_INCIDENT, "{other}");
        }
    }
}
