//! English and French are both complete: no text exists in one language only, and no renderer has words of its own.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use vigie_core::check::Class;
use vigie_core::checks;
use vigie_core::report::{Report, mail, markdown, page, report, subject, text};
use vigie_core::text::Language;

/// Words and names that are the same in both.
const SAME: &[&str] = &[
    "Vigie, {day}",
    "info",
    "Conclusion",
    "Verdict",
    "Verdicts",
    "Variables",
    "Variable",
    "Service",
    "Production",
    "Audits",
    "ok",
    "p95",
    "{counts}.",
];

fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut open = vec![root.join("shared"), root.join("functions")];
    let mut out = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs")
                && path.components().any(|c| c.as_os_str() == "src")
            {
                out.push(path);
            }
        }
    }
    assert!(out.len() > 80, "the sources were not found: {}", out.len());
    out
}

/// A string literal at the start of `code`: what it says, and what follows it.
fn literal(code: &str) -> Option<(String, &str)> {
    let rest = code.trim_start().strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &rest[at + 1..])),
            '\\' => out.extend(chars.next().map(|(_, c)| c)),
            c => out.push(c),
        }
    }
    None
}

/// Two literals with a comma between: a text in both languages.
fn pair(code: &str) -> Option<(String, String)> {
    let (en, rest) = literal(code)?;
    let (fr, _) = literal(rest.trim_start().strip_prefix(',')?)?;
    Some((en, fr))
}

/// Each `text("…", "…")` of a file, and each line `NAME = "…", "…";` of its lists of phrases and causes.
fn texts(source: &str) -> Vec<(String, String)> {
    let calls = source.match_indices("text(").filter_map(|(at, _)| pair(&source[at + 5..]));
    let lists = source.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(" = ")?;
        let phrase = rest.ends_with("\";") && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        // A cause's own code comes first.
        let three = || pair(literal(rest)?.1.trim_start().strip_prefix(',')?);
        phrase.then(|| three().or_else(|| pair(rest))).flatten()
    });
    calls.chain(lists).collect()
}

#[test]
fn no_text_exists_in_one_language_only() {
    let mut seen = 0;
    let mut same = Vec::new();
    for path in sources() {
        for (en, fr) in texts(&std::fs::read_to_string(&path).unwrap()) {
            seen += 1;
            let place = path.display();
            assert!(!en.trim().is_empty() && !fr.trim().is_empty(), "{place}: {en:?}, {fr:?}");
            let words = en.chars().any(char::is_alphabetic);
            if words && en == fr && !SAME.contains(&en.as_str()) {
                same.push(format!("{place}: {en:?}"));
            }
        }
    }
    assert!(same.is_empty(), "the same in both languages: {same:#?}");
    let known = checks::all().map(|check| 2 + check.faults.len()).sum::<usize>();
    assert!(seen > known + 150, "only {seen} texts were found: the scan no longer reads the sources");
}

#[test]
fn the_scan_finds_a_text_of_one_language() {
    assert_eq!(texts(r#"title: text("One", ""),"#), [("One".to_owned(), String::new())]);
    assert_eq!(texts("    text(\n \"It's \\\"so\\\"\",\n  \"Ainsi\",\n )").len(), 1);
    assert_eq!(texts(r#"    NEW = "New", "Nouveau";"#), [("New".to_owned(), "Nouveau".to_owned())]);
    assert_eq!(
        texts(r#"    Dns = "dns", "No name.", "Pas de nom.";"#),
        [("No name.".to_owned(), "Pas de nom.".to_owned())]
    );
}

/// English words that no French sentence has. What comes from outside is chosen by the test, so none is there either.
const ENGLISH: &[&str] = &[
    "the", "and", "of", "is", "are", "not", "with", "for", "from", "this", "that", "was", "were", "has", "have",
    "will", "its", "it", "cannot", "should", "failed", "fails", "since", "until", "check", "checks", "unknown",
    "missing", "day", "days", "open", "closed", "more", "nothing", "new", "found", "still", "by", "be", "been", "than",
    "which", "what", "who", "when", "where", "how", "into", "each", "every", "no", "yes", "red", "green", "amber",
    "grey", "high", "low", "critical", "ready", "report", "took", "ago", "up", "expired", "expires", "name", "row",
    "chart", "hours", "week", "month", "last", "first", "none", "see", "show", "shown", "warning", "error", "about",
    "only",
];

/// Words of a rendered report: without what is code, an address, or an id. Of HTML, only the text and what is read aloud.
fn words(rendered: &str) -> BTreeSet<String> {
    let mut plain = String::new();
    let mut rest = rendered;
    while let Some(open) = rest.find('<') {
        plain.push_str(&rest[..open]);
        let tag = &rest[open..];
        let name: String = tag.chars().skip(1).take_while(char::is_ascii_alphanumeric).collect();
        let end =
            if ["style", "title", "code"].contains(&name.as_str()) { format!("</{name}>") } else { ">".to_owned() };
        let close = tag.find(&end).map_or(tag.len(), |at| at + end.len());
        for read_aloud in ["alt=\"", "aria-label=\"", "title=\""] {
            if let Some(at) = tag[..close].find(read_aloud).filter(|_| name != "style") {
                plain.push(' ');
                plain.push_str(tag[at + read_aloud.len()..close].split('"').next().unwrap_or_default());
            }
        }
        plain.push(' ');
        rest = &tag[close..];
    }
    plain.push_str(rest);
    plain.split(|c: char| !(c.is_alphanumeric() || "-_/.:@`’'".contains(c))).map(str::to_owned).collect()
}

fn english_in(rendered: &str) -> Vec<String> {
    words(rendered).into_iter().filter(|word| ENGLISH.contains(&word.trim_matches(['.', ':', '\'']))).collect()
}

type Renderer = fn(&Report) -> String;

#[test]
fn no_renderer_has_english_words_of_its_own() {
    for (name, story) in common::stories() {
        let (fr, en) = (report(&story(Language::Fr)), report(&story(Language::En)));
        let renderers: [(&str, Renderer); 5] = [
            ("subject", subject),
            ("text", text::mail),
            ("Markdown", markdown::page),
            ("HTML", |of| mail::mail(of).html),
            ("page", page::page),
        ];
        for (renderer, render) in renderers {
            let found = english_in(&render(&fr));
            assert!(found.is_empty(), "{name}, {renderer}: English in French: {found:?}");
            // Its twin: the same words are found where they belong.
            assert!(renderer == "subject" || english_in(&render(&en)).len() > 3, "{name}, {renderer}");
        }
    }
}

/// Each fault of each check, said in French by the whole report: its evidence carries words, too.
#[test]
fn no_fault_is_told_in_english_in_a_french_report() {
    for check in checks::all() {
        for fault in check.faults {
            let mut snapshot = vigie_core::healthy::snapshot(Class::Production);
            (fault.broken)(&mut snapshot);
            let made = report(&common::of_snapshots(&[&snapshot], Language::Fr));
            let found = english_in(&text::mail(&made));
            assert!(found.is_empty(), "{}.{}: English in French: {found:?}", check.id, fault.code);
        }
    }
}

/// A number, a day and a time as each language writes them; in French no line breaks inside of them.
#[test]
fn numbers_days_and_times_follow_the_language() {
    let shown = |language| {
        let mut input = common::mixed(language);
        input.since = Some("2026-11-01T06:04:00Z".parse().unwrap());
        input.time_zone = "Europe/Paris".to_owned();
        markdown::page(&report(&input))
    };
    let (en, fr) = (shown(Language::En), shown(Language::Fr));
    for (english, french) in [
        ("Compared with the mail of 1 Nov 2026, 07:04.", "Comparé au courriel du 1er\u{a0}nov. 2026 à 07:04."),
        ("99.82%", "99,82\u{a0}%"),
        ("1,234 ms", "1\u{202f}234\u{a0}ms"),
        ("until 1 Jan 2027", "jusqu’au 1er\u{a0}janv. 2027"),
        ("was open for 2 d 1 h at most", "ouvert pendant 2\u{a0}j 1\u{a0}h au plus"),
    ] {
        assert!(en.contains(english), "{english:?} is not in:\n{en}");
        assert!(fr.contains(french), "{french:?} is not in:\n{fr}");
    }
}
