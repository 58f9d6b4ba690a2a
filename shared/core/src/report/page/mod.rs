//! The report as one self-contained page: for a browser, from S3 or as the mail's attachment. No script, no remote content
//! (its own policy forbids both); every value is escaped by maud.

mod parts;

use super::phrases as p;
use super::view::{Colour, EnvironmentView, Item, Report, Standing};
use super::words::Words;
use crate::evidence::clean;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::cell::Cell;

const STYLE: &str = include_str!("page.css");

/// Nothing may be loaded or run, whatever a value might smuggle in. `style`: the sheet above.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Entries of one list; the rest is counted.
const SHOWN: usize = 2_000;

/// Bytes of all entries, in the order of their weight: the page is attached to a mail, and SES takes 10 MB of base64.
const ROOM: usize = 6_000_000;

/// The whole page.
#[must_use]
pub fn page(report: &Report) -> String {
    let page = Page { words: Words::new(report), report, room: Cell::new(ROOM) };
    let (w, title) = (&page.words, super::subject(report));
    html! {
        (DOCTYPE)
        html lang=(w.say(super::text::LANG)) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#main" { (w.say(p::SKIP)) }
                div class="page" {
                    header {
                        h1 { (w.fill(p::TITLE, [("day", w.day(report.at))])) }
                        p class="soft" { (w.compared()) @if let Some(milder) = w.milder() { " " (milder) } }
                    }
                    main id="main" { (page.body()) }
                    footer { (w.fill(p::FOOT, [("zone", clean(&report.time_zone))])) }
                }
            }
        }
    }
    .into_string()
}

struct Page<'a> {
    words: Words<'a>,
    report: &'a Report,
    /// Bytes that are left of [`ROOM`].
    room: Cell<usize>,
}

/// A list as far as it is shown.
struct Listed {
    entries: Markup,
    /// How many are not.
    more: Markup,
}

/// One section: its anchor, its heading, how many entries, what is in it.
struct Section {
    id: &'static str,
    title: String,
    entries: Option<usize>,
    content: Markup,
}

impl Page<'_> {
    fn body(&self) -> Markup {
        // What comes first has the room first.
        let all = &self.report.environments;
        let verdicts =
            self.list(all, all.len(), self.room.get(), |view| html! { li class="item" { (self.environment(view)) } });
        let sections = self.sections();
        // Grey, red, amber, green: the first environment's is the worst.
        let verdict = match self.report.environments.first().map_or(Colour::Grey, |view| view.standing.colour()) {
            Colour::Grey => "card verdict grey",
            Colour::Red => "card verdict red",
            Colour::Amber => "card verdict amber",
            Colour::Green => "card verdict green",
        };
        html! {
            section class=(verdict) aria-label=(self.words.say(p::VERDICTS)) {
                ul { (verdicts.entries) }
                (verdicts.more)
            }
            nav aria-label=(self.words.say(p::CONTENTS)) {
                ul { @for of in &sections {
                    li { a href=(format!("#{}", of.id)) { (of.title) @if let Some(n) = of.entries { " (" (self.words.number(n)) ")" } } }
                } }
            }
            @for of in sections {
                section class="card" id=(of.id) aria-labelledby=(format!("{}-title", of.id)) {
                    h2 id=(format!("{}-title", of.id)) { (of.title) }
                    (of.content)
                }
            }
        }
    }

    fn sections(&self) -> Vec<Section> {
        let (w, r) = (&self.words, self.report);
        let new = if r.since.is_some() { p::NEW } else { p::FOUND };
        let mut out = Vec::new();
        let mut add = |id, title, entries: Option<usize>, content| {
            out.push(Section { id, title: w.say(title), entries, content });
        };
        add("new", new, Some(r.new.len()), self.news());
        if !r.resolved.is_empty() {
            add("resolved", p::RESOLVED, Some(r.resolved.len()), self.resolved());
        }
        if !r.stays.is_empty() {
            add("open", p::STAYS, Some(r.stays.len()), self.items(&r.stays));
        }
        if !r.unknown.is_empty() {
            add("unknown", p::UNKNOWN, Some(r.unknown.len()), self.unknown());
        }
        if !r.expires.is_empty() {
            add("expires", p::EXPIRES, Some(r.expires.len()), self.expires());
        }
        let recommendations = self.recommendations();
        add("readiness", p::READINESS, None, self.readiness());
        if r.environments.iter().any(|view| !view.targets.is_empty()) {
            add("connections", p::TARGETS, None, self.targets());
        }
        if !r.recommendations.is_empty() {
            add("recommendations", p::RECOMMENDATIONS, Some(r.recommendations.len()), recommendations);
        }
        if r.environments.iter().any(|view| !view.findings.is_empty()) {
            add("checks", p::CHECKS, None, self.checks());
        }
        out
    }

    fn environment(&self, view: &EnvironmentView) -> Markup {
        let w = &self.words;
        let colour = view.standing.colour();
        html! {
            h2 { (clean(&view.name)) " " (self.pill(colour, &w.colour(colour))) }
            p { (w.standing(view)) }
            @if let Standing::Judged { .. } = view.standing {
                @if let Some(coverage) = w.coverage(view) { p class="soft" { (coverage) } }
            }
            @for note in view.notes.iter().take(6) { p class="soft" { (w.note(note)) } }
        }
    }

    fn news(&self) -> Markup {
        if self.report.new.is_empty() {
            let text = if self.report.since.is_some() { p::NO_NEW } else { p::NOTHING_OPEN };
            return html! { p class="soft" { (self.words.say(text)) } };
        }
        self.items(&self.report.new)
    }

    fn items(&self, items: &[Item]) -> Markup {
        let all =
            self.list(items, items.len(), self.room.get(), |item| html! { li class="item" { (self.item(item)) } });
        html! { ul { (all.entries) } (all.more) }
    }

    fn item(&self, item: &Item) -> Markup {
        let (w, finding) = (&self.words, &item.finding);
        let colour = super::html::severity_colour(finding.severity, finding.mute.is_some());
        html! {
            h3 { (self.pill(colour, &w.severity(finding.severity))) " " (w.headline(finding)) }
            p class="mono" { (w.subject_of(finding)) }
            @if let Some(says) = w.says(item) { p { (says) } }
            @if finding.mute.is_none() {
                @if let Some(remedy) = w.remedy_of(finding) { p { span class="soft" { (w.say(p::FIX)) } " " (remedy) } }
            }
            @if let Some(under) = w.under(item) { p class="soft" { (under) } }
            p class="soft" { (w.about(item).join(" · ")) " · " (clean(&finding.check)) }
        }
    }

    /// The entries that there is room for, of `room` bytes at most; what is left of `of` is counted.
    fn list<T>(&self, all: impl IntoIterator<Item = T>, of: usize, room: usize, entry: impl Fn(T) -> Markup) -> Listed {
        let (mut entries, mut shown) = (String::new(), 0);
        for one in all.into_iter().take(SHOWN) {
            let made = entry(one).into_string();
            if entries.len() + made.len() > room {
                break;
            }
            entries.push_str(&made);
            shown += 1;
        }
        self.room.set(self.room.get().saturating_sub(entries.len()));
        let more = html! { @if of > shown { p class="soft" { "… " (self.words.more(of - shown)) } } };
        Listed { entries: PreEscaped(entries), more }
    }
}
