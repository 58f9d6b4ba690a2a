//! Points of attention: what is open, with its age and who muted it; what could not be known; what ends soon.

use super::super::phrases as p;
use super::super::view::{Expires, Item, Unknown};
use super::{Page, code, text};
use crate::evidence::clean;

impl Page<'_> {
    pub(super) fn attention(&mut self) {
        let report = self.w.report;
        self.title(2, p::S_ATTENTION);
        if report.new.is_empty() && report.stays.is_empty() && report.unknown.is_empty() && report.expires.is_empty() {
            self.line(&text(&self.w.say(p::NOTHING_OPEN)));
        }
        if !report.new.is_empty() {
            self.title(3, if report.since.is_some() { p::NEW } else { p::FOUND });
            self.list(&report.new, |page, item| page.item(item));
        }
        if !report.stays.is_empty() {
            self.title(3, p::STAYS);
            self.list(&report.stays, |page, item| page.item(item));
        }
        if !report.unknown.is_empty() {
            self.title(3, p::UNKNOWN);
            self.list(&report.unknown, |page, unknown| page.unknown(unknown));
        }
        if !report.expires.is_empty() {
            self.title(3, p::EXPIRES);
            self.list(&report.expires, |page, expires| page.expires(expires));
        }
    }

    fn item(&mut self, item: &Item) {
        let w = self.w;
        let (check, subject) = (text(&w.headline(&item.finding)), code(&w.subject_of(&item.finding)));
        let mut lines = vec![format!("**{}** · {check} {subject}", w.severity(item.finding.severity))];
        lines.extend(w.says(item).map(|says| text(&says)));
        if let Some(remedy) = w.remedy_of(&item.finding).filter(|_| item.finding.mute.is_none()) {
            lines.push(text(&format!("{} {remedy}", w.say(p::FIX))));
        }
        lines.extend(w.under(item).map(|under| text(&under)));
        lines.push(text(&w.about(item).join(" · ")));
        lines.push(code(&clean(&item.finding.check)));
        self.entry(&lines);
    }

    fn unknown(&mut self, unknown: &Unknown) {
        let w = self.w;
        let why = text(&w.why(unknown.cause, unknown.action.as_deref()));
        let (environment, target) = (text(&clean(&unknown.environment)), code(&clean(&unknown.target)));
        self.entry(&[format!("{environment} · {target}{}{why}", w.say(p::COLON)), text(&w.unknown(unknown))]);
    }

    fn expires(&mut self, expires: &Expires) {
        let (what, when) = self.w.expires(expires);
        self.entry(&[format!("{}{}{}", text(&what), self.w.say(p::COLON), text(&when))]);
    }
}
