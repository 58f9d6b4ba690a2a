//! One mail a day and list: the claim under `reports/DATE/LIST.json`, and what its state allows. Pure.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::report::Open;

pub const SCHEMA: &str = "vigie.mail/v1";

/// Seconds after which a claim that nobody finished was left behind by a crash: longer than an invocation lives.
pub const ABANDONED: i64 = 10 * 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Somebody is sending it.
    Claimed,
    Sent,
    /// SES proved that it did not take it: the next hour tries again.
    Refused,
    /// It may have been sent, and is not sent twice.
    Uncertain,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    pub schema: String,
    pub list: String,
    pub date: Date,
    pub state: State,
    /// Of the last claim.
    pub at: Timestamp,
    /// Claims since a mail went out, this one included: more than one after a refusal.
    pub attempts: u32,
    /// Taken over by the next day's claim, until a mail goes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// The report as a page: its key beside this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The page could not be written. Taken over by the next day's claim, until one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unkept: Option<Unkept>,
    /// The alert of an uncertain mail went out.
    #[serde(default)]
    pub told: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// How often it was sent again on demand.
    #[serde(default)]
    pub repeats: u32,
    /// What the mail said is open, by environment: the next one is compared with it.
    #[serde(default)]
    pub open: Named<Vec<Open>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub cause: Cause,
    /// SES's code and reason.
    pub reason: String,
    /// Of the first refusal since a mail went out.
    pub since: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unkept {
    pub cause: Cause,
    /// Of the first page since one was written.
    pub since: Timestamp,
}

impl Claim {
    #[must_use]
    pub fn new(list: &str, date: Date, now: Timestamp) -> Self {
        Claim {
            schema: SCHEMA.to_owned(),
            list: list.to_owned(),
            date,
            state: State::Claimed,
            at: now,
            attempts: 1,
            refused: None,
            page: None,
            unkept: None,
            told: false,
            message_id: None,
            sent_at: None,
            repeats: 0,
            open: Named::new(),
        }
    }

    /// The day's first claim, which takes over what is not over.
    #[must_use]
    pub fn after(before: &Before, list: &str, date: Date, now: Timestamp) -> Self {
        let refused = before.unsent.iter().find(|claim| claim.refused.is_some());
        let newest = before.unsent.first().or(before.sent.as_ref());
        Claim {
            attempts: refused.map_or(1, |claim| claim.attempts.saturating_add(1)),
            refused: refused.and_then(|claim| claim.refused.clone()),
            unkept: newest.and_then(|claim| claim.unkept.clone()),
            ..Claim::new(list, date, now)
        }
    }

    /// Claimed again after a refusal.
    #[must_use]
    pub fn again(self, now: Timestamp) -> Self {
        Claim { state: State::Claimed, at: now, attempts: self.attempts.saturating_add(1), ..self }
    }
}

/// A list's claims before today's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Before {
    /// The last mail that was sent: what the next is compared with.
    pub sent: Option<Claim>,
    /// Those since, the newest first.
    pub unsent: Vec<Claim>,
}

/// What to do with a list's mail of today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Claim it and send it.
    Send,
    /// Send it once more, on demand.
    Repeat,
    /// A claim was left behind: it may have been sent. Say so.
    Doubt,
    /// It is uncertain and the alert about it did not go out yet.
    Tell,
    Leave(Left),
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    AlreadySent,
    BeingSent,
    Uncertain,
}

/// The step that today's claim, or its absence, allows.
#[must_use]
pub fn step(claim: Option<&Claim>, now: Timestamp, force: bool) -> Step {
    let Some(claim) = claim else { return Step::Send };
    let abandoned = now.as_second() - claim.at.as_second() > ABANDONED;
    match (claim.state, force) {
        (State::Refused, _) => Step::Send,
        (State::Claimed, _) if !abandoned => Step::Leave(Left::BeingSent),
        (State::Sent | State::Claimed | State::Uncertain, true) => Step::Repeat,
        (State::Sent, false) => Step::Leave(Left::AlreadySent),
        (State::Claimed, false) => Step::Doubt,
        (State::Uncertain, false) if claim.told => Step::Leave(Left::Uncertain),
        (State::Uncertain, false) => Step::Tell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_machine() {
        let now: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
        let earlier = |minutes: i64| now - jiff::SignedDuration::from_mins(minutes);
        let claim = |state, minutes, told| Claim {
            state,
            told,
            ..Claim::new("all", jiff::civil::date(2026, 11, 22), earlier(minutes))
        };
        let next = |claim: Claim, force| step(Some(&claim), now, force);
        assert_eq!(step(None, now, false), Step::Send);
        assert_eq!(next(claim(State::Claimed, 5, false), false), Step::Leave(Left::BeingSent));
        assert_eq!(next(claim(State::Claimed, 5, false), true), Step::Leave(Left::BeingSent));
        assert_eq!(next(claim(State::Claimed, 11, false), false), Step::Doubt);
        assert_eq!(next(claim(State::Claimed, 11, false), true), Step::Repeat);
        assert_eq!(next(claim(State::Sent, 60, false), false), Step::Leave(Left::AlreadySent));
        assert_eq!(next(claim(State::Sent, 60, false), true), Step::Repeat);
        assert_eq!(next(claim(State::Refused, 60, false), false), Step::Send);
        assert_eq!(next(claim(State::Uncertain, 60, false), false), Step::Tell);
        assert_eq!(next(claim(State::Uncertain, 60, true), false), Step::Leave(Left::Uncertain));
        assert_eq!(next(claim(State::Uncertain, 60, true), true), Step::Repeat);
    }
}
