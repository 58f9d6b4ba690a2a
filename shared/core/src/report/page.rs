//! The report as one self-contained page: no script, no remote content.

use super::phrases as p;
use super::view::Report;
use super::words::Words;
use maud::{DOCTYPE, html};

/// The whole page.
#[must_use]
pub fn page(report: &Report) -> String {
    let w = Words::new(report);
    html! {
        (DOCTYPE)
        html lang=(w.say(super::text::LANG)) {
            head { meta charset="utf-8"; title { (w.fill(p::TITLE, [("day", w.day(report.at))])) } }
            body { main { pre { (super::text::mail(report)) } } }
        }
    }
    .into_string()
}
