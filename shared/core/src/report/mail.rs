//! The day's mail: subject, both forms, and the pictures of the HTML one.

use super::view::Report;
use super::{chart, html, page, subject, text};
use std::collections::HashSet;

/// All that a message is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub subject: String,
    pub html: String,
    pub text: String,
    /// Each is shown in the HTML once, as `cid:ID`.
    pub charts: Vec<Chart>,
    /// The whole report as a page, to attach as report.html: the HTML had to leave something out.
    pub whole: Option<String>,
}

/// A picture of the HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// Without angle brackets.
    pub cid: String,
    /// PNG.
    pub png: Vec<u8>,
}

/// Makes the mail of a report.
#[must_use]
pub fn mail(report: &Report) -> Mail {
    let made = html::mail(report);
    let whole = made.cut.then(|| page::page(report));
    let charts = charts(report, &made.html);
    Mail { subject: subject(report), html: made.html, text: text::mail(report), charts, whole }
}

/// Those that the HTML shows.
fn charts(report: &Report, html: &str) -> Vec<Chart> {
    let shown: HashSet<&str> = html.split("\"cid:").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let mut out = Vec::new();
    for (e, view) in report.environments.iter().enumerate() {
        for (t, target) in view.targets.iter().enumerate() {
            let cid = html::cid(e, t);
            let past = target.past.as_ref().filter(|_| shown.contains(cid.as_str()));
            if let Some(png) = past.and_then(|past| chart::png(&past.days)) {
                out.push(Chart { cid, png });
            }
        }
    }
    out
}
