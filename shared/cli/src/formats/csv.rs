//! CSV (RFC 4180): a row a finding, every cell in quotes, lines end in CRLF. No cell can act as a formula.

use super::rows::{self, Row};
use vigie_core::evidence::clean;
use vigie_core::report::Report;
use vigie_core::report::view::Standing;

/// The header row: the same in every language.
const HEADER: [&str; 25] = [
    "environment",
    "class",
    "standing",
    "verdict",
    "judged_at",
    "target",
    "check",
    "subject",
    "outcome",
    "severity",
    "fault",
    "cause",
    "action",
    "asked_as",
    "failing_since",
    "explained_by",
    "last_known",
    "mute_owner",
    "mute_reason",
    "mute_until",
    "title",
    "sentence",
    "remedy",
    "fingerprint",
    "reported_at",
];

/// # Errors
/// None: what it writes to is memory.
pub fn table(report: &Report) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(Vec::new());
    writer.write_record(HEADER)?;
    for row in rows::rows(report) {
        writer.write_record(cells(&row, report).map(|cell| harmless(&cell)))?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

fn cells(row: &Row<'_>, report: &Report) -> [String; HEADER.len()] {
    let f = row.finding;
    let or_none = |text: Option<&str>| text.map(clean).unwrap_or_default();
    let mute = f.mute.as_ref();
    [
        clean(&row.view.name),
        rows::class(row.view.class).to_owned(),
        standing(&row.view.standing).to_owned(),
        rows::colour(row.view.standing.colour()).to_owned(),
        row.judged.to_string(),
        clean(&f.target),
        clean(&f.check),
        clean(&f.subject),
        rows::outcome(f.outcome).to_owned(),
        f.severity.name().to_owned(),
        or_none(f.fault.as_deref()),
        or_none(f.cause.map(|cause| cause.code())),
        or_none(f.action.as_deref()),
        f.asked_as.map(identity).unwrap_or_default().to_owned(),
        row.since.map(|at| at.to_string()).unwrap_or_default(),
        or_none(f.parent.as_deref()),
        row.last_known.to_string(),
        or_none(mute.map(|mute| mute.owner.as_str())),
        or_none(mute.map(|mute| mute.reason.as_str())),
        mute.map(|mute| mute.until.to_string()).unwrap_or_default(),
        row.told.title.clone(),
        row.told.says.clone(),
        row.told.remedy.clone().unwrap_or_default(),
        row.fingerprint(),
        report.at.to_string(),
    ]
}

/// Neutralised by an apostrophe: what a spreadsheet takes for the beginning of a formula, at the beginning of a cell (after
/// spaces and quotes too), and after a semicolon, which is what separates cells where the comma is the decimal sign.
/// Source: OWASP, "CSV Injection" (owasp.org/www-community/attacks/CSV_Injection).
fn harmless(cell: &str) -> String {
    let mut out = String::with_capacity(cell.len() + 1);
    for (i, part) in cell.split(';').enumerate() {
        if i > 0 {
            out.push(';');
        }
        let begins = part.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || QUOTES.contains(c));
        // A tab or line break is dangerous where it stands, whatever follows.
        let breaks = part.starts_with(['\t', '\r', '\n']);
        if breaks || begins.starts_with(STARTS) {
            out.push('\'');
        }
        out.push_str(part);
    }
    out
}

const QUOTES: &str = "\"'`´‘’“”«»";
/// With their full-width forms, which some spreadsheets fold.
const STARTS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

fn standing(standing: &Standing) -> &'static str {
    match standing {
        Standing::Judged { .. } => "judged",
        Standing::Stale { .. } => "stale",
        Standing::Never => "never",
        Standing::Unreadable { .. } => "unreadable",
    }
}

fn identity(identity: vigie_core::facts::Identity) -> &'static str {
    use vigie_core::facts::Identity;
    match identity {
        Identity::App => "app",
        Identity::Auditor => "auditor",
        Identity::Nobody => "nobody",
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER, harmless};

    #[test]
    fn every_column_is_documented() {
        let docs = include_str!("../../../core/docs/formats.md");
        for column in HEADER {
            assert!(docs.contains(&format!("`{column}`")), "{column} is not in formats.md");
        }
    }

    #[test]
    fn formulas_begin_with_an_apostrophe_and_the_rest_stays() {
        for bad in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠1", " =1", "\"=1", "' =1", "“=1"]
        {
            assert_eq!(harmless(bad), format!("'{bad}"));
        }
        assert_eq!(harmless("a;=1;b; \"@x"), "a;'=1;b;' \"@x");
        for good in ["", "a=1", "jobs-dlq", "1 - 2", "a; b", "l'été", "« a »", "<b>", "2026-11-22"] {
            assert_eq!(harmless(good), good);
        }
    }
}
