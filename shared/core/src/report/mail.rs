//! The day's mail: subject, both forms, and the pictures of the HTML one.

use super::view::Report;
use super::{html, page, subject, text};

/// All that a message is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub subject: String,
    pub html: String,
    pub text: String,
    /// Shown in the HTML as `cid:ID`.
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
    let html = html::mail(report);
    let whole = html.contains("<!-- more -->").then(|| page::page(report));
    Mail { subject: subject(report), html, text: text::mail(report), charts: Vec::new(), whole }
}
