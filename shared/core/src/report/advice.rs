//! Recommendations in words.

use super::phrases as p;
use super::readiness;
use super::view::{Advice, Horizon, Place, Recommendation, Unknown};
use super::words::Words;
use crate::cause::Cause;
use crate::evidence::clean;
use crate::run::{ExpiryKind, Outcome};

/// Places named in one sentence.
const NAMED: usize = 8;

impl Words<'_> {
    pub fn horizon(&self, horizon: Horizon) -> String {
        self.say(match horizon {
            Horizon::Short => p::SHORT,
            Horizon::Medium => p::MEDIUM_TERM,
            Horizon::Long => p::LONG,
        })
    }

    /// What to do, and beneath it why and where.
    pub fn recommendation(&self, of: &Recommendation) -> (String, String) {
        let headline = match &of.advice {
            Advice::Fix { check } => self.remedy(check).unwrap_or_else(|| clean(check)),
            Advice::Grant { action } => self.fill(p::DO_GRANT, [("action", clean(action))]),
            Advice::Renew { kind } => self.say(match kind {
                ExpiryKind::Certificate => p::DO_RENEW_CERTIFICATE,
                ExpiryKind::Session => p::DO_RENEW_SESSION,
                ExpiryKind::AccessKey => p::DO_ROTATE_KEY,
                ExpiryKind::Domain => p::DO_PUBLISH_DOMAIN,
                ExpiryKind::Server => p::DO_UPGRADE,
            }),
            Advice::Decide { check } => self.fill(p::DO_DECIDE, [("check", self.check(check))]),
            Advice::Learn { cause } => self.why(Some(*cause), None),
            Advice::Audit => self.say(p::DO_AUDIT),
            Advice::Prepare { line } => {
                let title = readiness::find(line).map_or_else(|| clean(line), |of| self.say(of.title));
                self.fill(p::DO_PREPARE, [("id", clean(line)), ("title", title)])
            }
        };
        let mut about = Vec::new();
        match &of.advice {
            Advice::Fix { check } => {
                about.extend([self.severity(of.severity), format!("{} ({})", self.check(check), clean(check))]);
            }
            Advice::Decide { check } => about.extend([self.severity(of.severity), clean(check)]),
            Advice::Learn { cause } => about.push(self.unknown_for(of, *cause)),
            Advice::Grant { .. } | Advice::Renew { .. } | Advice::Audit | Advice::Prepare { .. } => {}
        }
        about.push(self.places(of));
        (headline, about.join(" · "))
    }

    /// The checks that give no answer for a cause.
    fn unknown_for(&self, of: &Recommendation, cause: Cause) -> String {
        let here = |environment: &str, target: &str| {
            of.places.iter().any(|place| place.environment == environment && place.subject == target)
        };
        let same = |unknown: &&Unknown| {
            unknown.cause == Some(cause) && unknown.action.is_none() && here(&unknown.environment, &unknown.target)
        };
        let never_failed = self.report.unknown.iter().filter(same).flat_map(|unknown| unknown.checks.keys().cloned());
        let after_failing = self.report.new.iter().chain(&self.report.stays).filter(|item| {
            let finding = &item.finding;
            let unknown = finding.outcome == Outcome::Unknown && finding.action.is_none();
            unknown && finding.cause == Some(cause) && here(&item.environment, &finding.target)
        });
        let mut checks: Vec<String> =
            never_failed.chain(after_failing.map(|item| item.finding.check.clone())).collect();
        checks.sort();
        checks.dedup();
        let known = self.say(p::UNKNOWN);
        if checks.is_empty() { known } else { format!("{known}{}{}", self.say(p::COLON), self.list(&checks)) }
    }

    /// `production: orders, invoices; staging: orders`.
    fn places(&self, of: &Recommendation) -> String {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for place in of.places.iter().take(NAMED) {
            let named = self.place(&of.advice, place);
            match groups.iter_mut().find(|(environment, _)| *environment == place.environment) {
                Some((_, names)) => names.extend(named),
                None => groups.push((place.environment.clone(), named.into_iter().collect())),
            }
        }
        let mut out: Vec<String> = groups
            .into_iter()
            .map(|(environment, names)| match names.is_empty() {
                true => clean(&environment),
                false => format!("{}{}{}", clean(&environment), self.say(p::COLON), names.join(", ")),
            })
            .collect();
        if of.places.len() > NAMED {
            out.push(self.more(of.places.len() - NAMED));
        }
        out.join(&self.say(p::SEMICOLON))
    }

    /// The subject, with the day that matters: on which it ends, or its mute does.
    fn place(&self, advice: &Advice, place: &Place) -> Option<String> {
        let day = match advice {
            Advice::Renew { kind } => {
                let mut ends = self.report.expires.iter().filter(|e| e.environment == place.environment);
                ends.find(|e| e.expiry.kind == *kind && e.expiry.subject == place.subject)
                    .map(|e| self.day(e.expiry.at))
            }
            Advice::Decide { check } => {
                let mut items = self.report.new.iter().chain(&self.report.stays);
                let same = |f: &crate::run::Finding| f.check == *check && self.names(f, &place.subject);
                items
                    .find(|item| item.environment == place.environment && same(&item.finding))
                    .and_then(|item| Some(self.date(item.finding.mute.as_ref()?.until)))
            }
            _ => None,
        };
        let subject = Some(clean(&place.subject)).filter(|subject| !subject.is_empty());
        match (subject, day) {
            (Some(subject), Some(day)) => Some(format!("{subject} ({day})")),
            (subject, day) => subject.or(day),
        }
    }

    fn names(&self, finding: &crate::run::Finding, subject: &str) -> bool {
        finding.subject == subject || (finding.subject.is_empty() && finding.target == subject)
    }
}
