//! One finding after the other: what a run makes of its chain, and what there is to say.

use super::alert::{AlertKind, Tone};
use super::notices::{Notice, shared};
use super::{Chain, followed};
use crate::Named;
use crate::cause::Cause;
use crate::check::{Severity, Suite, is_reach};
use crate::run::{Finding, Outcome, Run};
use crate::snapshot::Confirm;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// Hours between notices of one alert: a day, three, then a week each.
const REMINDERS: [i64; 3] = [24, 72, 168];

/// Alerts opened and closed within [`FLAPS_WITHIN`] after which the next is said as flapping: twice up and down.
pub const FLAPS: usize = 4;
pub const FLAPS_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// Without a change for this long, what flapped is steady.
pub const STEADY_AFTER: SignedDuration = SignedDuration::from_hours(3);

/// After so many notices, how long until the next.
#[must_use]
pub fn reminder_after(notices: u32) -> SignedDuration {
    let nth = usize::try_from(notices.saturating_sub(1)).unwrap_or(usize::MAX).min(REMINDERS.len() - 1);
    SignedDuration::from_hours(REMINDERS[nth])
}

/// Whether a reminder is due, after so many notices of which the last went out at `notified`.
#[must_use]
pub fn reminds(notices: u32, notified: Timestamp, at: Timestamp) -> bool {
    at.duration_since(notified) >= reminder_after(notices)
}

/// A head being moved by a run.
pub(super) struct Following<'a> {
    pub run: &'a Run,
    at: Timestamp,
    today: Date,
    confirm: Confirm,
    pub chains: &'a mut Named<Chain>,
    changes: &'a mut Named<Vec<Timestamp>>,
    notices: Vec<Notice>,
    /// Failing, and not yet confirmed.
    waiting: Vec<&'a Finding>,
}

impl<'a> Following<'a> {
    pub fn new(
        run: &'a Run,
        at: Timestamp,
        confirm: Confirm,
        chains: &'a mut Named<Chain>,
        changes: &'a mut Named<Vec<Timestamp>>,
    ) -> Self {
        let today = run.started_at.to_zoned(jiff::tz::TimeZone::UTC).date();
        Following { run, at, today, confirm, chains, changes, notices: Vec::new(), waiting: Vec::new() }
    }

    /// Updates the chain of each finding that was judged.
    pub fn all(&mut self) {
        for finding in self.run.findings.iter().filter(|finding| followed(finding)) {
            match finding.outcome {
                Outcome::Pass => self.pass(finding),
                Outcome::Fail => self.fail(finding),
                Outcome::Unknown => {
                    let why = (finding.cause, finding.action.clone());
                    self.unknown(&finding.key(), why, finding.parent.is_some());
                }
                // In the connections suite a choice may hold that the full suite does not share, such as writes = "full".
                Outcome::NotApplicable if self.run.suite == Suite::Full => self.gone(&finding.key()),
                Outcome::NotApplicable => {}
            }
        }
        // What fails for a cause that several share is confirmed by the one that fires for it.
        let fired = self.notices.iter().filter(|notice| notice.kind == AlertKind::Fired);
        let causes: BTreeSet<Cause> = fired.filter_map(Notice::root).collect();
        for finding in std::mem::take(&mut self.waiting) {
            if shared(finding.cause).is_some_and(|cause| causes.contains(&cause)) {
                self.open(finding);
            }
        }
    }

    /// What there is to say. What changed long ago is forgotten.
    pub fn done(self) -> Vec<Notice> {
        let (at, chains) = (self.at, self.chains);
        self.changes.retain(|key, times| {
            chains.get(key).is_some_and(|chain| chain.flapping)
                || times.last().is_some_and(|last| at.duration_since(*last) < FLAPS_WITHIN)
        });
        self.notices
    }

    fn pass(&mut self, finding: &Finding) {
        let key = finding.key();
        let steady = self.steady(&key);
        let Some(chain) = self.chains.get_mut(&key) else { return };
        if !chain.flapping {
            let open = chain.open();
            if let Some(chain) = self.chains.remove(&key).filter(|_| open) {
                self.changed(&key);
                self.say(AlertKind::Resolved, Tone::Plain, &key, chain, Some(finding));
            }
            return;
        }
        (chain.fails, chain.unknown_since, chain.muted_until) = (0, None, None);
        if chain.passing_since.is_none() {
            chain.passing_since = Some(self.at);
            self.changed(&key);
        } else if steady {
            self.changes.remove(&key);
            if let Some(chain) = self.chains.remove(&key) {
                self.say(AlertKind::Resolved, Tone::Steady, &key, chain, Some(finding));
            }
            return;
        }
        if !self.maintained(&finding.target) {
            self.remind(&key, Tone::Flapping, Some(finding));
        }
    }

    fn fail(&mut self, finding: &'a Finding) {
        let (key, steady) = (finding.key(), self.steady(&finding.key()));
        let chain = self.chains.entry(key.clone()).or_insert_with(|| opened(finding, self.at));
        chain.fails = chain.fails.saturating_add(1);
        chain.severity = finding.severity;
        chain.fault = finding.fault.clone().unwrap_or_default();
        chain.unknown_since = None;
        let confirmed = chain.fails >= needed(finding, self.confirm);
        let turned = confirmed && chain.passing_since.take().is_some();
        // A mute that was taken back is over; that it was there is known until it is said again.
        chain.muted_until = match &finding.mute {
            Some(mute) => Some(mute.until),
            None => chain.muted_until.map(|until| until.min(self.today.yesterday().unwrap_or(until))),
        };
        let (open, flapping, passing) = (chain.open(), chain.flapping, chain.passing_since.is_some());
        if turned {
            self.changed(&key);
        }
        if finding.mute.is_some() || finding.parent.is_some() || self.maintained(&finding.target) {
            return;
        }
        if !open {
            if finding.severity < Severity::Medium {
                // Silent; if it grows worse it fires.
            } else if confirmed {
                self.open(finding);
            } else {
                self.waiting.push(finding);
            }
        } else if flapping && !passing && !turned && steady {
            self.changes.remove(&key);
            if let Some(chain) = self.chains.get_mut(&key) {
                chain.flapping = false;
            }
            self.remind_now(&key, Tone::Steady, Some(finding));
        } else {
            self.remind(&key, if flapping { Tone::Flapping } else { Tone::Plain }, Some(finding));
        }
    }

    /// It neither raises nor clears; an open alert keeps its reminders. `under`: a failing parent explains it.
    pub fn unknown(&mut self, key: &str, why: (Option<Cause>, Option<String>), under: bool) {
        let Some(chain) = self.chains.get_mut(key) else { return };
        chain.unknown_since.get_or_insert(self.at);
        let (open, muted, target) = (chain.open(), chain.muted(self.today), chain.target.clone());
        if open && !muted && !under && !self.maintained(&target) {
            let said = self.notices.len();
            self.remind(key, Tone::Unknown, None);
            for notice in &mut self.notices[said..] {
                (notice.outcome, notice.cause, notice.action) = (Outcome::Unknown, why.0, why.1.clone());
            }
        }
    }

    /// Its subject no longer exists.
    pub fn gone(&mut self, key: &str) {
        if let Some(chain) = self.chains.remove(key)
            && chain.open()
        {
            // What comes and goes flaps, too.
            if chain.flapping {
                self.changes.remove(key);
            } else {
                self.changed(key);
            }
            self.say(AlertKind::Gone, Tone::Plain, key, chain, None);
        }
    }

    /// Its first notice.
    fn open(&mut self, finding: &Finding) {
        let key = finding.key();
        let times = self.changes.get(&key).map_or(&[][..], Vec::as_slice);
        let recent = times.iter().filter(|time| self.at.duration_since(**time) < FLAPS_WITHIN).count();
        let kind = if recent >= FLAPS { AlertKind::Flapping } else { AlertKind::Fired };
        self.changed(&key);
        if let Some(chain) = self.chains.get_mut(&key) {
            chain.flapping = kind == AlertKind::Flapping;
            chain.fired_at = Some(self.at);
            self.count(&key, kind, Tone::Plain, Some(finding));
        }
    }

    /// A reminder if one is due, if a mute has ended since the last, or if it is graver than the last said.
    fn remind(&mut self, key: &str, tone: Tone, finding: Option<&Finding>) {
        let Some(chain) = self.chains.get(key) else { return };
        let due = chain.notified_at.is_none_or(|notified| reminds(chain.notices, notified, self.at));
        let graver = finding.is_some() && chain.told.is_some_and(|told| chain.severity > told);
        if graver {
            self.remind_now(key, Tone::Graver, finding);
        } else if due || chain.muted_until.is_some() {
            self.remind_now(key, tone, finding);
        }
    }

    fn remind_now(&mut self, key: &str, tone: Tone, finding: Option<&Finding>) {
        self.count(key, AlertKind::Reminder, tone, finding);
    }

    /// One notice more of an open chain.
    fn count(&mut self, key: &str, kind: AlertKind, tone: Tone, finding: Option<&Finding>) {
        let Some(chain) = self.chains.get_mut(key) else { return };
        chain.notices = chain.notices.saturating_add(1);
        chain.notified_at = Some(self.at);
        chain.told = Some(chain.severity);
        chain.muted_until = None;
        let chain = chain.clone();
        self.say(kind, tone, key, chain, finding);
    }

    fn say(&mut self, kind: AlertKind, tone: Tone, key: &str, chain: Chain, finding: Option<&Finding>) {
        self.notices.push(Notice::new(self.run, kind, tone, key, chain, finding));
    }

    fn maintained(&self, target: &str) -> bool {
        self.run.maintenance_of(target).is_some()
    }

    /// Its alert was opened or closed, or would have been if it did not flap.
    fn changed(&mut self, key: &str) {
        let times = self.changes.entry(key.to_owned()).or_default();
        times.retain(|time| self.at.duration_since(*time) < FLAPS_WITHIN);
        times.push(self.at);
        times.drain(..times.len().saturating_sub(FLAPS));
    }

    fn steady(&self, key: &str) -> bool {
        let last = self.changes.get(key).and_then(|times| times.last());
        last.is_none_or(|last| self.at.duration_since(*last) >= STEADY_AFTER)
    }
}

fn opened(finding: &Finding, at: Timestamp) -> Chain {
    Chain {
        failing_since: at,
        fails: 0,
        fired_at: None,
        notified_at: None,
        told: None,
        notices: 0,
        severity: finding.severity,
        target: finding.target.clone(),
        fault: String::new(),
        unknown_since: None,
        muted_until: None,
        incident: None,
        flapping: false,
        passing_since: None,
    }
}

/// Failing runs that confirm it: several of a reachability check, one of every other.
fn needed(finding: &Finding, confirm: Confirm) -> u32 {
    match finding.severity {
        _ if !is_reach(&finding.check) => 1,
        Severity::Critical => confirm.critical,
        _ => confirm.runs,
    }
}
