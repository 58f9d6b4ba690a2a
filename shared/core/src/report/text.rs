//! The mail's text part: reads well alone, at most 76 columns.

use super::phrases as p;
use super::view::{EnvironmentView, Item, Report, Standing};
use super::words::Words;
use crate::evidence::clean;
use crate::text::{Text, text};

pub(super) const LANG: Text = text("en", "fr");
const WIDTH: usize = 76;
/// Entries of one list; the rest is counted.
const SHOWN: usize = 60;

/// The whole text part.
#[must_use]
pub fn mail(report: &Report) -> String {
    let words = Words::new(report);
    let w = &words;
    let mut page = Page(String::new());
    page.heading('=', &w.fill(p::TITLE, [("day", w.day(report.at))]));
    for view in report.environments.iter().take(SHOWN) {
        environment(&mut page, w, view);
    }
    page.more(w, report.environments.len());
    page.line(&w.compared());
    page.heading('-', &w.say(if report.since.is_some() { p::NEW } else { p::FOUND }));
    if report.new.is_empty() {
        page.line(&w.say(if report.since.is_some() { p::NO_NEW } else { p::NOTHING_OPEN }));
    }
    items(&mut page, w, &report.new);
    resolved(&mut page, w);
    if !report.stays.is_empty() {
        page.heading('-', &w.say(p::STAYS));
        items(&mut page, w, &report.stays);
    }
    unknown(&mut page, w);
    readiness(&mut page, w);
    expires(&mut page, w);
    targets(&mut page, w);
    page.blank();
    page.line("--");
    page.line(&w.fill(p::FOOT, [("zone", clean(&report.time_zone))]));
    page.0
}

fn environment(page: &mut Page, w: &Words<'_>, view: &EnvironmentView) {
    let colour = w.colour(view.standing.colour()).to_uppercase();
    page.line(&format!("{}{}{colour}", clean(&view.name), w.say(p::COLON)));
    page.indented(2, &w.standing(view));
    if let (Standing::Judged { .. }, Some(coverage)) = (&view.standing, w.coverage(view)) {
        page.indented(2, &coverage);
    }
    for note in view.notes.iter().take(6) {
        page.indented(2, &w.note(note));
    }
    page.blank();
}

fn items(page: &mut Page, w: &Words<'_>, items: &[Item]) {
    for item in items.iter().take(SHOWN) {
        let severity = w.severity(item.finding.severity).to_uppercase();
        page.bullet(&format!(
            "{severity}  {}{}{}",
            w.check(&item.finding.check),
            w.say(p::COLON),
            w.subject_of(&item.finding)
        ));
        if let Some(says) = w.says(item) {
            page.indented(2, &says);
        }
        if let Some(remedy) = w.remedy(&item.finding.check).filter(|_| item.finding.mute.is_none()) {
            page.indented(2, &format!("{} {remedy}", w.say(p::FIX)));
        }
        if let Some(under) = w.under(item) {
            page.indented(2, &under);
        }
        page.indented(2, &format!("[{} · {}]", w.about(item).join(" · "), clean(&item.finding.check)));
        page.blank();
    }
    page.more(w, items.len());
}

fn resolved(page: &mut Page, w: &Words<'_>) {
    let all = &w.report.resolved;
    if all.is_empty() {
        return;
    }
    page.heading('-', &w.say(p::RESOLVED));
    for resolved in all.iter().take(SHOWN) {
        page.bullet(&format!("{}{}{}", w.check(&resolved.was.check), w.say(p::COLON), clean(&resolved.was.subject)));
        page.indented(2, &format!("[{}]", w.resolved(resolved).join(" · ")));
    }
    page.more(w, all.len());
}

fn unknown(page: &mut Page, w: &Words<'_>) {
    let all = &w.report.unknown;
    if all.is_empty() {
        return;
    }
    page.heading('-', &w.say(p::UNKNOWN));
    for unknown in all.iter().take(SHOWN) {
        let colon = w.say(p::COLON);
        let why = w.why(unknown.cause, unknown.action.as_deref());
        page.bullet(&format!("{} · {}{colon}{why}", clean(&unknown.environment), clean(&unknown.target)));
        page.indented(2, &w.unknown(unknown));
    }
    page.more(w, all.len());
}

fn readiness(page: &mut Page, w: &Words<'_>) {
    page.heading('-', &w.say(p::READINESS));
    for of in w.report.readiness.iter().take(SHOWN) {
        page.line(&w.readiness(of));
        for line in &of.lines {
            page.hanging(&format!("  {:<4}[{}] ", line.id, w.line_state(line.state)), 6, &w.line(line));
            let notes = w.line_notes(line);
            if !notes.is_empty() {
                page.indented(6, &notes);
            }
        }
        page.blank();
    }
    page.more(w, w.report.readiness.len());
}

fn expires(page: &mut Page, w: &Words<'_>) {
    let all = &w.report.expires;
    if all.is_empty() {
        return;
    }
    page.heading('-', &w.say(p::EXPIRES));
    for expires in all.iter().take(12) {
        let (what, when) = w.expires(expires);
        page.bullet(&what);
        page.indented(2, &when);
    }
    if all.len() > 12 {
        page.line(&w.more(all.len() - 12));
    }
}

fn targets(page: &mut Page, w: &Words<'_>) {
    if w.report.environments.iter().all(|view| view.targets.is_empty()) {
        return;
    }
    page.heading('-', &w.say(p::TARGETS));
    for view in w.report.environments.iter().filter(|view| !view.targets.is_empty()).take(SHOWN) {
        page.line(&clean(&view.name));
        for target in view.targets.iter().take(SHOWN) {
            let about = w.target(target);
            let about = if about.is_empty() { about } else { format!(" · {about}") };
            page.hanging(
                "  ",
                4,
                &format!("{}{}{}{about}", clean(&target.target), w.say(p::COLON), w.colour(target.colour)),
            );
        }
        page.more(w, view.targets.len());
        page.blank();
    }
}

struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.hanging("", 0, text);
    }

    fn bullet(&mut self, text: &str) {
        self.hanging("* ", 2, text);
    }

    fn indented(&mut self, by: usize, text: &str) {
        self.hanging(&" ".repeat(by), by, text);
    }

    /// `first` before the first line, `by` spaces before the others. A word longer than a line is left whole.
    fn hanging(&mut self, first: &str, by: usize, text: &str) {
        let mut line = first.to_owned();
        let mut empty = true;
        // A no-break space is no place to break: split at plain spaces alone.
        for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.0.push_str(&line);
                self.0.push('\n');
                line = " ".repeat(by);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn heading(&mut self, rule: char, text: &str) {
        self.blank();
        self.line(text);
        self.0.extend(std::iter::repeat_n(rule, text.chars().count().min(WIDTH)));
        self.0.push_str("\n\n");
    }

    fn more(&mut self, w: &Words<'_>, all: usize) {
        if all > SHOWN {
            self.line(&w.more(all - SHOWN));
        }
    }

    /// One empty line, not two, and none at the top.
    fn blank(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }
}
