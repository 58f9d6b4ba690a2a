//! The report as a Markdown page. What comes from outside is text: it can neither open a link, a table nor HTML.

use super::phrases as p;
use super::view::{Item, Report, Standing};
use super::words::Words;
use crate::evidence::clean;
use std::fmt::Write as _;

/// Entries of one list; the rest is counted.
const SHOWN: usize = 500;

/// The whole page.
#[must_use]
pub fn page(report: &Report) -> String {
    let words = Words::new(report);
    let w = &words;
    let mut out = format!("# {}\n\n", text(&w.fill(p::TITLE, [("day", w.day(report.at))])));
    for view in &report.environments {
        let colour = w.colour(view.standing.colour());
        let _ = writeln!(out, "- **{}**{}**{colour}**. {}", text(&view.name), w.say(p::COLON), text(&w.standing(view)));
        if let (Standing::Judged { .. }, Some(coverage)) = (&view.standing, w.coverage(view)) {
            let _ = writeln!(out, "  <br>{}", text(&coverage));
        }
        for note in &view.notes {
            let _ = writeln!(out, "  <br>{}", text(&w.note(note)));
        }
    }
    let _ = writeln!(out, "\n{}", text(&w.compared()));
    heading(&mut out, &w.say(if report.since.is_some() { p::NEW } else { p::FOUND }));
    if report.new.is_empty() {
        let _ = writeln!(out, "{}", w.say(if report.since.is_some() { p::NO_NEW } else { p::NOTHING_OPEN }));
    }
    items(&mut out, w, &report.new);
    resolved(&mut out, w);
    if !report.stays.is_empty() {
        heading(&mut out, &w.say(p::STAYS));
        items(&mut out, w, &report.stays);
    }
    unknown(&mut out, w);
    readiness(&mut out, w);
    expires(&mut out, w);
    targets(&mut out, w);
    let _ = writeln!(out, "\n---\n\n{}", text(&w.fill(p::FOOT, [("zone", clean(&report.time_zone))])));
    out
}

fn heading(out: &mut String, title: &str) {
    let _ = writeln!(out, "\n## {}\n", text(title));
}

fn more(out: &mut String, w: &Words<'_>, all: usize) {
    if all > SHOWN {
        let _ = writeln!(out, "- … {}", w.more(all - SHOWN));
    }
}

fn items(out: &mut String, w: &Words<'_>, items: &[Item]) {
    for item in items.iter().take(SHOWN) {
        let (check, subject) = (w.check(&item.finding.check), code(&w.subject_of(&item.finding)));
        let _ = writeln!(out, "- **{}** · {} {subject}", w.severity(item.finding.severity), text(&check));
        let mut lines: Vec<String> = w.says(item).into_iter().collect();
        if let Some(remedy) = w.remedy(&item.finding.check).filter(|_| item.finding.mute.is_none()) {
            lines.push(format!("{} {remedy}", w.say(p::FIX)));
        }
        lines.extend(w.under(item));
        lines.push(w.about(item).join(" · "));
        for line in lines {
            let _ = writeln!(out, "  <br>{}", text(&line));
        }
        let _ = writeln!(out, "  <br>{}", code(&clean(&item.finding.check)));
    }
    more(out, w, items.len());
}

fn resolved(out: &mut String, w: &Words<'_>) {
    let all = &w.report.resolved;
    if all.is_empty() {
        return;
    }
    heading(out, &w.say(p::RESOLVED));
    for resolved in all.iter().take(SHOWN) {
        let about = text(&w.resolved(resolved).join(" · "));
        let subject = code(&clean(&resolved.was.subject));
        let _ = writeln!(out, "- {} {subject} · {about}", text(&w.check(&resolved.was.check)));
    }
    more(out, w, all.len());
}

fn unknown(out: &mut String, w: &Words<'_>) {
    let all = &w.report.unknown;
    if all.is_empty() {
        return;
    }
    heading(out, &w.say(p::UNKNOWN));
    for unknown in all.iter().take(SHOWN) {
        let why = text(&w.why(unknown.cause, unknown.action.as_deref()));
        let target = code(&clean(&unknown.target));
        let _ = writeln!(out, "- {} · {target}{}{why}", text(&clean(&unknown.environment)), w.say(p::COLON));
        let _ = writeln!(out, "  <br>{}", text(&w.unknown(unknown)));
    }
    more(out, w, all.len());
}

fn readiness(out: &mut String, w: &Words<'_>) {
    heading(out, &w.say(p::READINESS));
    for of in &w.report.readiness {
        let _ = writeln!(out, "**{}**\n", text(&w.readiness(of)));
        let _ = writeln!(out, "| | | | |\n| --- | --- | --- | --- |");
        for line in &of.lines {
            let (title, notes) = (text(&w.line(line)), text(&w.line_notes(line)));
            let _ = writeln!(out, "| {} | {} | {title} | {notes} |", line.id, w.line_state(line.state));
        }
        out.push('\n');
    }
}

fn expires(out: &mut String, w: &Words<'_>) {
    if w.report.expires.is_empty() {
        return;
    }
    heading(out, &w.say(p::EXPIRES));
    for expires in w.report.expires.iter().take(SHOWN) {
        let (what, when) = w.expires(expires);
        let _ = writeln!(out, "- {}{}{}", text(&what), w.say(p::COLON), text(&when));
    }
    more(out, w, w.report.expires.len());
}

fn targets(out: &mut String, w: &Words<'_>) {
    if w.report.environments.iter().all(|view| view.targets.is_empty()) {
        return;
    }
    heading(out, &w.say(p::TARGETS));
    for view in w.report.environments.iter().filter(|view| !view.targets.is_empty()) {
        let _ = writeln!(out, "**{}**\n\n| | | |\n| --- | --- | --- |", text(&clean(&view.name)));
        for target in &view.targets {
            let (name, about) = (text(&clean(&target.target)), text(&w.target(target)));
            let _ = writeln!(out, "| {name} | {} | {about} |", w.colour(target.colour));
        }
        out.push('\n');
    }
}

/// Plain text as Markdown text: nothing in it is markup, a bare URL is no link.
fn text(plain: &str) -> String {
    let mut out = String::new();
    for (i, c) in plain.char_indices() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '!' | '~' | '&' | '@' | '{' | '}' => out.extend(['\\', c]),
            ':' if plain[i..].starts_with("://") => out.push_str("\\:"),
            '.' if plain[..i].to_ascii_lowercase().ends_with("www") => out.push_str("\\."),
            c => out.push(c),
        }
    }
    out
}

/// A name as code, fenced by more backticks than it holds in a row.
fn code(name: &str) -> String {
    let name = name.replace(['\n', '\r'], " ");
    let longest = name.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if name.starts_with('`') || name.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{name}{pad}{fence}")
}
