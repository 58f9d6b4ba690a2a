//! The mail's longer lists: readiness, expiries, connections with their charts, recommendations.

use super::{Mail, cid};
use crate::evidence::clean;
use crate::report::chart;
use crate::report::phrases as p;
use crate::report::view::{Horizon, Recommendation, TargetView};
use maud::{Markup, PreEscaped, html};

impl Mail<'_> {
    pub(super) fn readiness(&self) -> Markup {
        let (w, all) = (&self.words, &self.report.readiness);
        let shown = self.limits.environments.min(4);
        html! {
            @for of in all.iter().take(shown) {
                div class="name wrap" style="padding:8px 0 2px" { (w.readiness(of)) }
                table class="row" role="presentation" {
                    @for (i, line) in of.lines.iter().enumerate() {
                        tr class=[(i == 0).then_some("first")] {
                            td class="mark" { (self.line_pill(line.state)) }
                            td class="wrap" {
                                span class="muted small" style="color:#5b6067" { (line.id) } " " (w.line(line))
                                @let notes = w.line_notes(line);
                                @if !notes.is_empty() { div class="muted small wrap" style="color:#5b6067" { (notes) } }
                            }
                        }
                    }
                }
            }
            @for of in all.iter().skip(shown).take(20) { div class="wrap" style="padding:8px 0 2px" { (w.readiness(of)) } }
            (self.more(all.len(), shown + 20))
        }
    }

    pub(super) fn expires(&self) -> Markup {
        let (w, all) = (&self.words, &self.report.expires);
        let shown = self.limits.items.min(12);
        html! {
            @for (i, expires) in all.iter().take(shown).enumerate() {
                @let (what, when) = w.expires(expires);
                div class=(if i == 0 { "item first" } else { "item" }) {
                    div class="wrap" { (what) }
                    div class="muted small" style="color:#5b6067" { (when) }
                }
            }
            (self.more(all.len(), shown))
        }
    }

    pub(super) fn targets(&self) -> Markup {
        let (w, shown) = (&self.words, (self.limits.rows / self.report.environments.len().max(1)).max(2));
        let views = self.report.environments.iter().enumerate().filter(|(_, view)| !view.targets.is_empty());
        html! {
            @if let Some(legend) = w.legend() { div class="muted small" style="color:#5b6067" { (legend) } }
            @for (e, view) in views.take(self.limits.environments) {
                div class="name wrap" style="padding:8px 0 2px" { (clean(&view.name)) }
                table class="row" role="presentation" {
                    @for (t, target) in view.targets.iter().take(shown).enumerate() {
                        tr class=[(t == 0).then_some("first")] {
                            td class="mark" { (self.pill(target.colour, &w.colour(target.colour))) }
                            td class="wrap" { (self.target(target, &cid(e, t))) }
                        }
                    }
                }
                (self.more(view.targets.len(), shown))
            }
        }
    }

    /// Name, state, and the last 30 days as a picture and in figures.
    fn target(&self, target: &TargetView, cid: &str) -> Markup {
        let w = &self.words;
        let optional = target.optional.then(|| w.say(p::IS_OPTIONAL));
        let state: Vec<String> = w.climb(target).into_iter().chain(optional).collect();
        html! {
            span class="name" { (clean(&target.target)) }
            @if !state.is_empty() { span class="muted small" style="color:#5b6067" { " · " (state.join(" · ")) } }
            @if let Some((past, ups)) = target.past.as_ref().and_then(|past| Some((past, w.ups(past)?))) {
                div style="padding:4px 0 2px" {
                    img src=(format!("cid:{cid}")) alt=(attribute(&w.chart(target, past))) width=(chart::WIDTH) height=(chart::HEIGHT)
                        style="display:block;width:100%;max-width:300px;height:auto;border:0";
                }
                div class="muted small" style="color:#5b6067" {
                    (ups) @if let Some(latency) = w.latency(past) { br; (latency) }
                }
            }
        }
    }

    pub(super) fn recommendations(&self) -> Markup {
        let (w, shown) = (&self.words, self.limits.items);
        html! {
            @for horizon in Horizon::ALL {
                @let all: Vec<&Recommendation> = self.report.recommendations.iter().filter(|r| r.horizon == horizon).collect();
                @if !all.is_empty() {
                    div class="name" style="padding:8px 0 2px" { (w.horizon(horizon)) }
                    @for of in all.iter().take(shown) {
                        @let (what, places) = w.recommendation(of);
                        div class="wrap" style="padding:4px 0" {
                            (what) div class="muted small wrap" style="color:#5b6067" { (places) }
                        }
                    }
                    (self.more(all.len(), shown))
                }
            }
        }
    }
}

/// A value for an attribute within the layout: mrml prints attributes in Debug form, which would escape anything but plain
/// ASCII a second time and in another way than HTML does.
fn attribute(value: &str) -> PreEscaped<String> {
    let one = |c: char| match c {
        c if c.is_ascii_alphanumeric() || " .,:;-_%()/".contains(c) => c.to_string(),
        c => format!("&#{};", u32::from(c)),
    };
    PreEscaped(value.chars().map(one).collect())
}
