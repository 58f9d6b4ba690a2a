//! The mail's HTML part: MJML, laid out by mrml. No remote content, no script; every value is escaped by maud.

mod lists;

use super::phrases as p;
use super::view::{Colour, EnvironmentView, Item, LineState, Report, Standing};
use super::words::Words;
use crate::check::Severity;
use crate::evidence::clean;
use maud::{Markup, PreEscaped, html};
use std::borrow::Cow;
use std::cell::Cell;

/// Gmail clips a message whose HTML is larger, in bytes.
pub const LARGEST: usize = 100_000;

const FONT: &str = "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

/// Colours are inline too, for clients that drop the style sheet. White on each pill and each text on its ground has a
/// contrast of at least 4.5 (WCAG AA), in both schemes.
const STYLE: &str = "
:root { color-scheme: light dark; supported-color-schemes: light dark; }
.item { padding: 14px 0 12px; border-top: 1px solid #e4e2dc; }
.first { border-top: 0; padding-top: 4px; }
.pill { display: inline-block; padding: 1px 9px; margin-right: 3px; border-radius: 10px; font-size: 12px; line-height: 18px; color: #ffffff; white-space: nowrap; }
.none { border: 1px solid #c9c6be; padding: 0 8px; }
.name { font-weight: 600; } .env { font-size: 18px; font-weight: 600; }
.mono { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 13px; overflow-wrap: anywhere; }
.muted { color: #5b6067; } .small { font-size: 13px; line-height: 19px; }
.row { width: 100%; border-collapse: collapse; } .row td { padding: 7px 0; border-top: 1px solid #e4e2dc; vertical-align: top; }
.row tr.first td { border-top: 0; } .mark { width: 96px; }
.wrap { overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) {
  .ground, .ground > table, body { background: #14171a !important; background-color: #14171a !important; }
  .card, .card > table { background: #1e2226 !important; background-color: #1e2226 !important; }
  .ink, .ink div, .ink td, .ink span { color: #e9e7e3 !important; }
  .ink .muted { color: #aab0b7 !important; } .ink .pill { color: #ffffff !important; }
  .ink .none { color: #aab0b7 !important; border-color: #4a5057 !important; }
  .item, .row td { border-color: #353a40 !important; }
}
@media (max-width: 480px) { .mark { width: 88px; } }
";

/// How much is shown of each list; the rest is counted.
#[derive(Clone, Copy)]
struct Limits {
    items: usize,
    rows: usize,
    environments: usize,
}

/// The HTML part of a mail.
pub struct Html {
    pub html: String,
    /// Something is only counted: the whole belongs beside it.
    pub cut: bool,
}

/// The whole HTML part, under [`LARGEST`]: what does not fit is counted, the gravest stays. Charts are shown as
/// `cid:` of [`cid`].
#[must_use]
pub fn mail(report: &Report) -> Html {
    let mut limits = Limits { items: 40, rows: 60, environments: 12 };
    loop {
        // What is cut is known once all is laid out, and the header says so: a second time over.
        let cut = Cell::new(false);
        let made = |attached: bool| Mail { words: Words::new(report), report, limits, cut: &cut, attached }.mjml();
        let first = made(false);
        let mjml = if cut.get() { made(true) } else { first };
        let html = render(&mjml.into_string());
        if html.len() <= LARGEST || limits.items <= 1 {
            return Html { html, cut: cut.get() };
        }
        limits = Limits {
            items: limits.items / 2,
            rows: (limits.rows / 2).max(4),
            environments: (limits.environments / 2).max(2),
        };
    }
}

/// MJML to HTML. Our own layout parses: a test renders every kind of report. Should it not, the content is sent bare.
fn render(mjml: &str) -> String {
    let options = mrml::prelude::render::RenderOptions {
        // The default set names remote font files.
        fonts: std::collections::HashMap::<String, Cow<'static, str>>::new(),
        ..Default::default()
    };
    let parsed = mrml::parse(mjml).ok();
    parsed.and_then(|out| out.element.render(&options).ok()).unwrap_or_else(|| mjml.to_owned())
}

/// Of the chart of a target: the `e`-th environment's `t`-th.
#[must_use]
pub fn cid(e: usize, t: usize) -> String {
    format!("chart-{e}-{t}@vigie")
}

struct Mail<'a> {
    words: Words<'a>,
    report: &'a Report,
    limits: Limits,
    cut: &'a Cell<bool>,
    /// The whole report is attached.
    attached: bool,
}

impl Mail<'_> {
    fn mjml(&self) -> Markup {
        let (w, r) = (&self.words, self.report);
        html! {
            mjml lang=(w.say(super::text::LANG)) {
                mj-head {
                    // mrml prints it in Debug form as an aria-label: ASCII only.
                    mj-title { "Vigie" }
                    mj-preview { (self.preheader()) }
                    mj-attributes {
                        mj-all font-family=(FONT) {}
                        mj-text font-size="15px" line-height="22px" color="#22262a" padding="0 28px" {}
                        mj-section padding="0" {}
                    }
                    mj-style { (PreEscaped(STYLE)) }
                    mj-raw { meta name="color-scheme" content="light dark"; }
                }
                mj-body background-color="#f3f2ee" css-class="ground" width="600px" {
                    (self.header())
                    (self.section(&w.say(if r.since.is_some() { p::NEW } else { p::FOUND }), &self.news()))
                    @if !r.resolved.is_empty() { (self.section(&w.say(p::RESOLVED), &self.resolved())) }
                    @if !r.stays.is_empty() { (self.section(&w.say(p::STAYS), &self.items(&r.stays))) }
                    @if !r.unknown.is_empty() { (self.section(&w.say(p::UNKNOWN), &self.unknown())) }
                    @if !r.expires.is_empty() { (self.section(&w.say(p::EXPIRES), &self.expires())) }
                    (self.section(&w.say(p::READINESS), &self.readiness()))
                    @if r.environments.iter().any(|e| !e.targets.is_empty()) {
                        (self.section(&w.say(p::TARGETS), &self.targets()))
                    }
                    @if !r.recommendations.is_empty() { (self.section(&w.say(p::RECOMMENDATIONS), &self.recommendations())) }
                    (self.footer())
                }
            }
        }
    }

    fn preheader(&self) -> String {
        let first = self.report.environments.first().map(|view| self.words.standing(view)).unwrap_or_default();
        let w = &self.words;
        let open = (!self.report.stays.is_empty()).then(|| w.count(self.report.stays.len(), p::ONE_OPEN, p::MANY_OPEN));
        let counts: Vec<String> = std::iter::once(w.changed()).chain(open).collect();
        format!("{}. {first}", counts.join(", "))
    }

    fn header(&self) -> Markup {
        let (w, r) = (&self.words, self.report);
        // Grey, red, amber, green: the first environment's is the worst.
        let worst = r.environments.first().map_or(Colour::Grey, |view| view.standing.colour());
        html! {
            mj-section css-class="ground" padding="28px 0 10px" { mj-column { mj-text css-class="ink" {
                div class="muted small" style="color:#5b6067" { (w.fill(p::TITLE, [("day", w.day(r.at))])) }
            } } }
            mj-section css-class="card" background-color="#ffffff" padding="24px 0 18px" border-top=(format!("4px solid {}", ground(worst))) { mj-column { mj-text css-class="ink" {
                @for (i, view) in r.environments.iter().take(self.limits.environments).enumerate() {
                    div class=(if i == 0 { "item first" } else { "item" }) { (self.environment(view)) }
                }
                (self.more(r.environments.len(), self.limits.environments))
                div class="muted small" style="padding-top:6px;color:#5b6067" {
                    (w.compared())
                    @if let Some(milder) = w.milder() { " " (milder) }
                    @if self.attached { " " (w.say(p::ATTACHED)) }
                }
            } } }
        }
    }

    fn environment(&self, view: &EnvironmentView) -> Markup {
        let w = &self.words;
        html! {
            div { span class="env wrap" { (clean(&view.name)) } " " (self.pill(view.standing.colour(), &w.colour(view.standing.colour()))) }
            div class="wrap" style="padding-top:4px" { (w.standing(view)) }
            @if let Standing::Judged { .. } = view.standing {
                @if let Some(coverage) = w.coverage(view) {
                    div class="muted small" style="color:#5b6067" { (coverage) }
                }
            }
            @for note in view.notes.iter().take(6) { div class="small wrap" { (w.note(note)) } }
        }
    }

    fn section(&self, title: &str, content: &Markup) -> Markup {
        html! {
            mj-section css-class="card" background-color="#ffffff" padding="20px 0 14px" { mj-column { mj-text css-class="ink" {
                div style="font-size:17px;line-height:24px;font-weight:600;padding-bottom:6px" { (title) }
                (content)
            } } }
        }
    }

    fn pill(&self, colour: Colour, text: &str) -> Markup {
        html! { span class="pill" style=(format!("background:{};color:#ffffff", ground(colour))) { (text) } }
    }

    /// What was not looked at is no verdict: an outline, no ground.
    fn line_pill(&self, state: LineState) -> Markup {
        let text = &self.words.line_state(state);
        match state {
            LineState::Red => self.pill(Colour::Red, text),
            LineState::Amber => self.pill(Colour::Amber, text),
            LineState::Green => self.pill(Colour::Green, text),
            LineState::Grey => self.pill(Colour::Grey, text),
            LineState::NotLookedAt => html! { span class="pill none" style="color:#5b6067" { (text) } },
        }
    }

    fn more(&self, all: usize, shown: usize) -> Markup {
        self.cut.set(self.cut.get() || all > shown);
        html! { @if all > shown { div class="muted small" style="padding:8px 0;color:#5b6067" { "… " (self.words.more(all - shown)) } } }
    }

    fn news(&self) -> Markup {
        if self.report.new.is_empty() {
            let text = if self.report.since.is_some() { p::NO_NEW } else { p::NOTHING_OPEN };
            return html! { div class="muted" style="color:#5b6067" { (self.words.say(text)) } };
        }
        self.items(&self.report.new)
    }

    fn items(&self, items: &[Item]) -> Markup {
        html! {
            @for (i, item) in items.iter().take(self.limits.items).enumerate() {
                div class=(if i == 0 { "item first" } else { "item" }) { (self.item(item)) }
            }
            (self.more(items.len(), self.limits.items))
        }
    }

    fn item(&self, item: &Item) -> Markup {
        let w = &self.words;
        let colour = severity_colour(item.finding.severity, item.finding.mute.is_some());
        html! {
            div { (self.pill(colour, &w.severity(item.finding.severity))) " " span class="name" { (w.headline(&item.finding)) } }
            div class="mono" { (w.subject_of(&item.finding)) }
            @if let Some(says) = w.says(item) { div class="wrap" { (says) } }
            @if item.finding.mute.is_none() {
                @if let Some(remedy) = w.remedy_of(&item.finding) {
                    div class="small wrap" { span class="muted" style="color:#5b6067" { (w.say(p::FIX)) } " " (remedy) }
                }
            }
            @if let Some(under) = w.under(item) { div class="muted small wrap" style="color:#5b6067" { (under) } }
            div class="muted small wrap" style="color:#5b6067" { (w.about(item).join(" · ")) " · " (id(&item.finding.check)) }
        }
    }

    fn resolved(&self) -> Markup {
        let (w, all) = (&self.words, &self.report.resolved);
        html! {
            @for (i, resolved) in all.iter().take(self.limits.items).enumerate() {
                div class=(if i == 0 { "item first" } else { "item" }) {
                    div { (self.pill(Colour::Green, "✓")) " " span class="name" { (w.called(&resolved.was.check, resolved.was.fault.as_deref())) } }
                    div class="mono" { (clean(&resolved.was.subject)) }
                    div class="muted small" style="color:#5b6067" { (w.resolved(resolved).join(" · ")) }
                }
            }
            (self.more(all.len(), self.limits.items))
        }
    }

    fn unknown(&self) -> Markup {
        let (w, all) = (&self.words, &self.report.unknown);
        html! {
            @for (i, unknown) in all.iter().take(self.limits.items).enumerate() {
                div class=(if i == 0 { "item first" } else { "item" }) {
                    div { (self.pill(Colour::Grey, "?")) " " span class="name wrap" { (clean(&unknown.target)) } }
                    div class="wrap" { (w.why(unknown.cause, unknown.action.as_deref())) }
                    div class="muted small wrap" style="color:#5b6067" { (clean(&unknown.environment)) " · " (w.unknown(unknown)) }
                }
            }
            (self.more(all.len(), self.limits.items))
        }
    }

    fn footer(&self) -> Markup {
        let foot = self.words.fill(p::FOOT, [("zone", clean(&self.report.time_zone))]);
        html! {
            mj-section css-class="ground" padding="18px 0 32px" { mj-column { mj-text css-class="ink" {
                div class="muted small" style="color:#5b6067" { (foot) }
            } } }
        }
    }
}

pub(super) fn severity_colour(severity: Severity, muted: bool) -> Colour {
    match severity {
        _ if muted => Colour::Grey,
        Severity::Critical | Severity::High => Colour::Red,
        Severity::Medium => Colour::Amber,
        Severity::Low | Severity::Info => Colour::Grey,
    }
}

/// The ground of a pill.
const fn ground(colour: Colour) -> &'static str {
    match colour {
        Colour::Red => "#b3261e",
        Colour::Amber => "#8a5200",
        Colour::Green => "#1a6b3c",
        Colour::Grey => "#5b6067",
    }
}

/// A check's id, never broken at its hyphens.
fn id(check: &str) -> Markup {
    html! { span class="muted" style="white-space:nowrap;color:#5b6067" { (clean(check)) } }
}
