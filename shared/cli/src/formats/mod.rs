//! The report in the formats that machines read: each lays out the view model, the words come from `report::told`.
//! What every field means and how severities are mapped: shared/core/docs/formats.md.

mod asff;
mod csv;
mod junit;
mod mail;
mod ocsf;
mod paint;
mod rows;
mod sarif;

use clap::ValueEnum;
use miette::{IntoDiagnostic, miette};
use vigie_aws::policy::Place;
use vigie_core::report::{Report, markdown, page, text};

pub use mail::Envelope;
pub use paint::paint;
pub use rows::Before;

/// How a report is rendered. `json`: the report itself. `mail`: the whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Html,
    Markdown,
    Json,
    Csv,
    Junit,
    Sarif,
    Ocsf,
    Asff,
    Mail,
}

/// What a format needs beside the report.
#[derive(Default)]
pub struct Extras {
    /// What the earlier report had judged; absent: this is the first.
    pub before: Option<Before>,
    /// The account and region that ASFF is for.
    pub place: Option<Place>,
    /// SARIF: also what passes, does not apply or is resolved.
    pub complete: bool,
    /// The mail's sender and recipients.
    pub envelope: Envelope,
}

/// The whole report.
///
/// # Errors
/// ASFF without an account and a region; a mail from or to what is no address.
pub fn render(report: &Report, format: Format, extras: &Extras) -> miette::Result<Vec<u8>> {
    Ok(match format {
        Format::Text => text::mail(report).into_bytes(),
        Format::Html => page::page(report).into_bytes(),
        Format::Markdown => markdown::page(report).into_bytes(),
        Format::Json => json(&serde_json::to_value(report).into_diagnostic()?),
        Format::Csv => csv::table(report).into_diagnostic()?,
        Format::Junit => junit::suites(report).into_diagnostic()?,
        Format::Sarif => json(&serde_json::to_value(sarif::log(report, extras)).into_diagnostic()?),
        Format::Ocsf => json(&ocsf::events(report, extras)),
        Format::Mail => mail::message(report, &extras.envelope)?,
        Format::Asff => json(&asff::findings(report, extras, extras.place.as_ref().ok_or_else(no_place)?)),
    })
}

fn no_place() -> miette::Report {
    miette!(
        help =
            "--account 111122223333 --region eu-west-1: those of the Security Hub that the findings are imported into",
        "ASFF names the account and the region that a finding is in, and a run does not know them"
    )
}

/// Indented, in UTF-8. Characters that could steer a terminal, which JSON lets through, are escaped as JSON escapes the rest.
fn json(value: &serde_json::Value) -> Vec<u8> {
    let mut out = String::new();
    for c in format!("{value:#}\n").chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.into_bytes()
}
