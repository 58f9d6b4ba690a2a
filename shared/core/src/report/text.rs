//! The mail's text part: reads well alone, at most 76 columns.

use super::phrases as p;
use super::view::{EnvironmentView, Horizon, Item, Report, Standing, TargetView};
use super::words::Words;
use crate::evidence::clean;
use crate::text::{Text, text};

pub(super) const LANG: Text = text("en", "fr");
const WIDTH: usize = 76;
/// Entries of one list; the rest is counted.
const SHOWN: usize = 60;
/// Recommendations of one horizon.
const ADVISED: usize = 20;
/// Name, verdict, availability of 24 hours, 7 and 30 days, median, p95; with a space between, [`WIDTH`] at most.
const COLUMNS: [usize; 7] = [24, 7, 7, 7, 7, 9, 9];

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
    if let Some(milder) = w.milder() {
        page.line(&milder);
    }
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
    expires(&mut page, w);
    readiness(&mut page, w);
    targets(&mut page, w);
    recommendations(&mut page, w);
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
            w.headline(&item.finding),
            w.say(p::COLON),
            w.subject_of(&item.finding)
        ));
        if let Some(says) = w.says(item) {
            page.indented(2, &says);
        }
        if let Some(remedy) = w.remedy_of(&item.finding).filter(|_| item.finding.mute.is_none()) {
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
        page.bullet(&format!(
            "{}{}{}",
            w.called(&resolved.was.check, resolved.was.fault.as_deref()),
            w.say(p::COLON),
            clean(&resolved.was.subject)
        ));
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
        let head = [p::IN_DAY, p::IN_WEEK, p::IN_MONTH, p::P50, p::P95].map(|title| w.say(title));
        page.row(&clean(&view.name), "", &head);
        for target in view.targets.iter().take(SHOWN) {
            page.row(&format!("  {}", clean(&target.target)), &w.colour(target.colour), &figures(w, target));
            if target.fell.is_some() || target.optional {
                page.indented(4, &w.target_notes(target));
            }
        }
        page.more(w, view.targets.len());
        page.blank();
    }
    page.line(&w.say(p::FIGURES));
}

/// Availability over 24 hours, 7 and 30 days; the day's median and p95. Without a history, only how long the climb took.
fn figures(w: &Words<'_>, target: &TargetView) -> [String; 5] {
    match &target.past {
        Some(past) => {
            let [day, week, month] = [&past.day, &past.week, &past.month].map(|period| w.percent(period));
            [day, week, month, w.ms(past.day.p50), w.ms(past.day.p95)]
        }
        None => ["–", "–", "–", "–", "–"].map(str::to_owned),
    }
}

fn recommendations(page: &mut Page, w: &Words<'_>) {
    let all = &w.report.recommendations;
    if all.is_empty() {
        return;
    }
    page.heading('-', &w.say(p::RECOMMENDATIONS));
    for horizon in Horizon::ALL {
        let of: Vec<_> = all.iter().filter(|r| r.horizon == horizon).collect();
        if of.is_empty() {
            continue;
        }
        page.line(&w.horizon(horizon));
        for (i, one) in of.iter().take(ADVISED).enumerate() {
            let (headline, about) = w.recommendation(one);
            page.hanging(&format!("  {:>2}. ", i + 1), 6, &headline);
            page.indented(6, &format!("[{about}]"));
        }
        if of.len() > ADVISED {
            page.indented(6, &w.more(of.len() - ADVISED));
        }
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

    /// A name, a word and figures, in columns. A name that is too long for its column has a line of its own.
    fn row(&mut self, name: &str, word: &str, figures: &[String; 5]) {
        let mut line = name.to_owned();
        if name.chars().count() > COLUMNS[0] {
            self.0.push_str(name);
            self.0.push('\n');
            line.clear();
        }
        // Counted in characters, which `format!` does, too.
        line = format!("{line:<0$} {word:<1$}", COLUMNS[0], COLUMNS[1]);
        for (figure, width) in figures.iter().zip(&COLUMNS[2..]) {
            line = format!("{line} {figure:>width$}");
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
