//! The report as a Markdown document: the sections of the audit by hand that it replaces, in their order, each measured.
//!
//! What comes from outside is text: it can neither open a link, a table nor HTML.

mod attention;
mod connections;
mod end;
mod services;

use super::phrases as p;
use super::view::{Item, Report, Resolved, Standing};
use super::words::Words;
use crate::evidence::clean;
use crate::text::Text;
use std::fmt::Write as _;

/// Entries of one list or table; the rest is counted.
const SHOWN: usize = 500;
/// Entries of a list of the summary, which says all of them again below.
const BRIEF: usize = 20;

/// The whole document.
#[must_use]
pub fn page(report: &Report) -> String {
    let words = Words::new(report);
    let mut page = Page { out: String::new(), w: &words };
    page.heading(1, &words.fill(p::DOCUMENT, [("day", words.day(report.at))]));
    page.summary();
    page.services();
    page.variables();
    page.points();
    page.security();
    page.tests();
    page.attention();
    page.checklist();
    page.recommendations();
    page.conclusion();
    page.rule();
    page.line(&text(&words.fill(p::FOOT, [("zone", clean(&report.time_zone))])));
    page.out
}

struct Page<'a> {
    out: String,
    w: &'a Words<'a>,
}

impl Page<'_> {
    fn summary(&mut self) {
        let (w, report) = (self.w, self.w.report);
        self.title(2, p::SUMMARY);
        for view in &report.environments {
            let colour = w.colour(view.standing.colour());
            let name = text(&clean(&view.name));
            let mut lines = vec![format!("**{name}**{}**{colour}**. {}", w.say(p::COLON), text(&w.standing(view)))];
            if let (Standing::Judged { .. }, Some(coverage)) = (&view.standing, w.coverage(view)) {
                lines.push(text(&coverage));
            }
            lines.extend(view.notes.iter().map(|note| text(&w.note(note))));
            self.entry(&lines);
        }
        self.blank();
        self.line(&text(&w.compared()));
        if let Some(milder) = w.milder() {
            self.blank();
            self.line(&text(&milder));
        }
        let since = report.since.is_some();
        self.title(3, if since { p::NEW } else { p::FOUND });
        if report.new.is_empty() {
            self.line(&text(&w.say(if since { p::NO_NEW } else { p::NOTHING_OPEN })));
        }
        self.first(BRIEF, &report.new, |page, item| page.brief(item));
        if !report.resolved.is_empty() {
            self.title(3, p::RESOLVED);
            self.list(&report.resolved, |page, resolved| page.resolved(resolved));
        }
    }

    fn brief(&mut self, item: &Item) {
        let w = self.w;
        let (check, subject) = (text(&w.headline(&item.finding)), code(&w.subject_of(&item.finding)));
        let environment = text(&clean(&item.environment));
        self.entry(&[format!("**{}** · {check} {subject} · {environment}", w.severity(item.finding.severity))]);
    }

    fn resolved(&mut self, resolved: &Resolved) {
        let about = text(&self.w.resolved(resolved).join(" · "));
        let subject = code(&clean(&resolved.was.subject));
        self.entry(&[format!(
            "{} {subject} · {about}",
            text(&self.w.called(&resolved.was.check, resolved.was.fault.as_deref()))
        )]);
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}");
    }

    fn rule(&mut self) {
        self.blank();
        self.line("---");
        self.blank();
    }

    /// One empty line, not two.
    fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// `text` from outside must be cleaned; it is escaped here.
    fn heading(&mut self, level: usize, title: &str) {
        self.blank();
        let _ = writeln!(self.out, "{} {}\n", "#".repeat(level), text(title));
    }

    fn title(&mut self, level: usize, title: Text) {
        self.heading(level, &self.w.say(title));
    }

    /// A list's entry; each further line under the first. The lines are Markdown.
    fn entry(&mut self, lines: &[String]) {
        let _ = writeln!(self.out, "- {}", lines.join("\n  <br>"));
    }

    fn list<T>(&mut self, all: &[T], write: impl FnMut(&mut Self, &T)) {
        self.first(SHOWN, all, write);
    }

    fn first<T>(&mut self, most: usize, all: &[T], mut write: impl FnMut(&mut Self, &T)) {
        all.iter().take(most).for_each(|one| write(self, one));
        if all.len() > most {
            let _ = writeln!(self.out, "- … {}", self.w.more(all.len() - most));
        }
    }

    /// A table; the cells are Markdown. Nothing without a row.
    fn table(&mut self, head: &[Text], rows: &[Vec<String>]) {
        let head = head.iter().map(|title| text(&self.w.say(*title))).collect();
        self.grid(head, rows);
    }

    fn grid(&mut self, head: Vec<String>, rows: &[Vec<String>]) {
        if rows.is_empty() {
            return;
        }
        self.blank();
        let _ = writeln!(self.out, "| {} |", head.join(" | "));
        let _ = writeln!(self.out, "|{}", " --- |".repeat(head.len()));
        for row in rows.iter().take(SHOWN) {
            let _ = writeln!(self.out, "| {} |", row.join(" | "));
        }
        if rows.len() > SHOWN {
            self.blank();
            self.line(&format!("… {}", self.w.more(rows.len() - SHOWN)));
        }
    }
}

/// Plain text as Markdown text: nothing in it is markup, a bare URL or address is no link. It ends no table cell.
fn text(plain: &str) -> String {
    plain.split([' ', '\n', '\r']).map(word).collect::<Vec<_>>().join(" ")
}

/// GitHub makes a link of a mail address whatever is escaped in it; of code it does not.
fn word(word: &str) -> String {
    let (before, after) = word.split_once('@').unwrap_or_default();
    if before.is_empty() || !after.contains('.') {
        return escaped(word);
    }
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
    let bracket = |c: char| matches!(c, '|' | '\\' | '`');
    match word.split_once(bare).filter(|_| !bare.contains(bracket)) {
        Some((before, after)) => format!("{}{}{}", escaped(before), code(bare), escaped(after)),
        // In a cell this could be no code either: a word joiner, which is not seen, ends what looks like an address.
        None => escaped(word).replace('@', "@\u{2060}"),
    }
}

fn escaped(plain: &str) -> String {
    let mut out = String::new();
    for (i, c) in plain.char_indices() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '!' | '~' | '&' | '@' | '{' | '}' | '$' => {
                out.extend(['\\', c]);
            }
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
    if name.is_empty() {
        return name;
    }
    let longest = name.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if name.starts_with('`') || name.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{name}{pad}{fence}")
}

/// A name as code in a table's cell. A bar would end the cell, and readers differ on a backslash before one: such a name is
/// text.
fn cell(name: &str) -> String {
    if name.contains(['|', '\\']) { text(name) } else { code(name) }
}

/// Several lines in one cell.
fn lines(lines: &[String]) -> String {
    lines.iter().filter(|line| !line.is_empty()).map(String::as_str).collect::<Vec<_>>().join("<br>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_a_cell_or_opens_markup() {
        assert_eq!(cell("shop-media"), "`shop-media`");
        assert_eq!(cell("a|b"), r"a\|b");
        assert_eq!(cell(r"a\|b"), r"a\\\|b");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(text("a\n$x$ https://x www.x"), r"a \$x\$ https\://x www\.x");
        assert_eq!(text("(a_b@c.example), @SUM(1) x@y"), r"(`a_b@c.example`), \@SUM(1) x\@y");
        assert_eq!(text("a|b@c.example"), "a\\|b\\@\u{2060}c.example");
        assert_eq!(text(" a\u{a0}b  "), " a\u{a0}b  ");
    }
}
