//! The page's lists: resolved, unknown, expiries, readiness, connections, recommendations, every check.

use super::Page;
use crate::evidence::clean;
use crate::report::chart;
use crate::report::html::severity_colour;
use crate::report::phrases as p;
use crate::report::view::{Colour, EnvironmentView, Horizon, LineState, Recommendation, TargetView};
use crate::run::{Finding, Outcome};
use maud::{Markup, html};

impl Page<'_> {
    pub(super) fn pill(&self, colour: Colour, text: &str) -> Markup {
        let class = match colour {
            Colour::Red => "pill red",
            Colour::Amber => "pill amber",
            Colour::Green => "pill green",
            Colour::Grey => "pill grey",
        };
        html! { span class=(class) { (text) } }
    }

    /// What was not looked at is no verdict: an outline, no ground.
    fn line_pill(&self, state: LineState) -> Markup {
        let text = self.words.line_state(state);
        match state {
            LineState::Red => self.pill(Colour::Red, &text),
            LineState::Amber => self.pill(Colour::Amber, &text),
            LineState::Green => self.pill(Colour::Green, &text),
            LineState::Grey => self.pill(Colour::Grey, &text),
            LineState::NotLookedAt => html! { span class="pill none" { (text) } },
        }
    }

    pub(super) fn resolved(&self) -> Markup {
        let (w, all) = (&self.words, &self.report.resolved);
        let list = self.list(all, all.len(), self.room.get(), |resolved| {
            html! {
                li class="item" {
                    h3 { (w.called(&resolved.was.check, resolved.was.fault.as_deref())) }
                    p class="mono" { (clean(&resolved.was.subject)) }
                    p class="soft" { (w.resolved(resolved).join(" · ")) }
                }
            }
        });
        html! { ul { (list.entries) } (list.more) }
    }

    pub(super) fn unknown(&self) -> Markup {
        let (w, all) = (&self.words, &self.report.unknown);
        let list = self.list(all, all.len(), self.room.get(), |unknown| {
            html! {
                li class="item" {
                    h3 { (clean(&unknown.target)) }
                    p { (w.why(unknown.cause, unknown.action.as_deref())) }
                    p class="soft" { (clean(&unknown.environment)) " · " (w.unknown(unknown)) }
                }
            }
        });
        html! { ul { (list.entries) } (list.more) }
    }

    pub(super) fn expires(&self) -> Markup {
        let (w, all) = (&self.words, &self.report.expires);
        let list = self.list(all, all.len(), self.room.get(), |expires| {
            let (what, when) = w.expires(expires);
            html! { li class="item" { p { (what) } p class="soft" { (when) } } }
        });
        html! { ul { (list.entries) } (list.more) }
    }

    pub(super) fn readiness(&self) -> Markup {
        let (w, all) = (&self.words, &self.report.readiness);
        let list = self.list(all, all.len(), self.room.get() / 2, |of| {
            html! {
                h3 class="of" { (w.readiness(of)) }
                ul class="lines" { @for line in &of.lines {
                    li {
                        div { (self.line_pill(line.state)) }
                        div {
                            span class="soft" { (line.id) } " " (w.line(line))
                            @let notes = w.line_notes(line);
                            @if !notes.is_empty() { p class="soft" { (notes) } }
                        }
                    }
                } }
            }
        });
        html! { (list.entries) (list.more) }
    }

    pub(super) fn targets(&self) -> Markup {
        let views: Vec<&EnvironmentView> =
            self.report.environments.iter().filter(|view| !view.targets.is_empty()).collect();
        let list = self.list(&views, views.len(), self.room.get() / 2, |view| {
            html! {
                h3 class="of" { (clean(&view.name)) }
                ul class="tight" { @for target in &view.targets { li class="item" { (self.target(target)) } } }
            }
        });
        html! {
            @if let Some(legend) = self.words.legend() { p class="soft" { (legend) } }
            (list.entries) (list.more)
        }
    }

    fn target(&self, target: &TargetView) -> Markup {
        let w = &self.words;
        let optional = target.optional.then(|| w.say(p::IS_OPTIONAL));
        let state: Vec<String> = w.climb(target).into_iter().chain(optional).collect();
        let past = target.past.as_ref().filter(|past| past.month.asked > 0);
        html! {
            div class="cols" {
                div {
                    p { strong { (clean(&target.target)) } " " (self.pill(target.colour, &w.colour(target.colour))) " " span class="soft" { (state.join(" · ")) } }
                    @if let Some(past) = past {
                        dl class="figures" { @for (name, period) in w.periods(past) {
                            div { dt { (name) } dd { (w.percent(&period)) } }
                        } }
                        @if let Some(latency) = w.latency(past) { p class="soft" { (latency) } }
                    }
                }
                @if let Some(past) = past { div { (chart::svg(&past.days, &w.chart(target, past))) } }
            }
        }
    }

    pub(super) fn recommendations(&self) -> Markup {
        let w = &self.words;
        html! {
            @for horizon in Horizon::ALL {
                @let all: Vec<&Recommendation> = self.report.recommendations.iter().filter(|r| r.horizon == horizon).collect();
                @if !all.is_empty() {
                    h3 class="of" { (w.horizon(horizon)) }
                    @let list = self.list(&all, all.len(), self.room.get(), |of| {
                        let (what, places) = w.recommendation(of);
                        html! { li class="item" { p { (what) } p class="soft" { (places) } } }
                    });
                    ol { (list.entries) }
                    (list.more)
                }
            }
        }
    }

    /// Every check that was judged: what stands behind the verdicts.
    pub(super) fn checks(&self) -> Markup {
        let judged = |view: &&EnvironmentView| view.coverage.answered + view.coverage.unknown > 0;
        let of = self.report.environments.iter().filter(judged).count();
        let views = self.report.environments.iter().filter(|view| !view.findings.is_empty());
        let list = self.list(views, of, self.room.get(), |view| self.environment_checks(view));
        html! { (list.entries) (list.more) }
    }

    fn environment_checks(&self, view: &EnvironmentView) -> Markup {
        let w = &self.words;
        let judged: Vec<&Finding> = view.findings.iter().filter(|f| f.outcome != Outcome::NotApplicable).collect();
        let name = clean(&view.name);
        html! {
            details {
                summary { (name) " · " (w.number(judged.len())) }
                div class="scroll" tabindex="0" role="region" aria-label=(format!("{} {name}", w.say(p::CHECKS))) {
                    table {
                        thead { tr { @for head in [p::CHECK, p::SUBJECT_HEAD, p::OUTCOME] { th scope="col" { (w.say(head)) } } } }
                        tbody { @for finding in judged {
                            tr {
                                th scope="row" { (clean(&finding.check)) }
                                td class="wide" { (w.subject_of(finding)) }
                                td { (self.outcome(finding)) }
                            }
                        } }
                    }
                }
            }
        }
    }

    fn outcome(&self, finding: &Finding) -> Markup {
        let w = &self.words;
        match finding.outcome {
            Outcome::Pass => self.pill(Colour::Green, &w.say(p::PASSES)),
            Outcome::Fail => {
                self.pill(severity_colour(finding.severity, finding.mute.is_some()), &w.severity(finding.severity))
            }
            Outcome::Unknown | Outcome::NotApplicable => self.pill(Colour::Grey, &w.say(p::LINE_GREY)),
        }
    }
}
