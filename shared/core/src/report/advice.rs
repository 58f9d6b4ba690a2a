//! Recommendations in words.

use super::phrases as p;
use super::view::{Advice, Horizon, Recommendation};
use super::words::Words;
use crate::evidence::clean;
use crate::run::ExpiryKind;

impl Words<'_> {
    pub fn horizon(&self, horizon: Horizon) -> String {
        self.say(match horizon {
            Horizon::Short => p::SHORT,
            Horizon::Medium => p::MEDIUM_TERM,
            Horizon::Long => p::LONG,
        })
    }

    /// What to do, and where.
    pub fn recommendation(&self, of: &Recommendation) -> (String, String) {
        let what = match &of.advice {
            Advice::Fix { check } => self.remedy(check).unwrap_or_else(|| self.check(check)),
            Advice::Grant { action } => self.fill(p::DO_GRANT, [("action", clean(action))]),
            Advice::Renew { kind: ExpiryKind::Certificate } => self.say(p::DO_RENEW_CERTIFICATE),
            Advice::Renew { kind: ExpiryKind::Session } => self.say(p::DO_RENEW_SESSION),
            Advice::Decide { check } => self.fill(p::DO_DECIDE, [("check", self.check(check))]),
        };
        let places: Vec<String> = of
            .places
            .iter()
            .map(|place| format!("{} · {}", clean(&place.environment), clean(&place.subject)))
            .collect();
        (what, self.list(&places))
    }
}
