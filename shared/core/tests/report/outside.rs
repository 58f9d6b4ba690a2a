//! That every outside string is text, that nothing remote is fetched, and that no mail is clipped.

use vigie_core::cause::Cause;
use vigie_core::check::{Class, Kind, Severity, Suite};
use vigie_core::facts::{Fact, Rung};
use vigie_core::report::{html, markdown, page, report, subject, text};
use vigie_core::run::{Finding, MuteNote, RungReport, TargetReport};
use vigie_core::text::Language;

use super::made::*;

/// How a chart begins: a part of the mail itself.
const CHART: &str = "<img src=\"cid:chart-";

const EVIL: &str = "<img src=x onerror=alert(1)>|[x](https://evil.example)`**\"'&amp;{limit}</td></mj-text>";

#[test]
fn outside_strings_are_text() {
    let class = Class::Production;
    let mut evil = fail(("SQS-DLQ-NONE", "none"), "sqs", EVIL, Severity::High, []);
    evil.mute =
        Some(MuteNote { owner: EVIL.to_owned(), reason: EVIL.to_owned(), until: jiff::civil::date(2027, 3, 1) });
    let mut findings = vec![evil, fail(("SQS-DLQ-NONE", "none"), "sqs", &format!("b{EVIL}"), Severity::High, [])];
    findings.push(unknown(EVIL, EVIL, EVIL, Cause::Denied, Some(EVIL)));
    findings.push(fail((EVIL, EVIL), EVIL, EVIL, Severity::High, []));
    let mut full = run(EVIL, class, Suite::Full, FULL, findings);
    full.targets.push(target(EVIL, Kind::Https, None));
    full.targets.push(TargetReport {
        rungs: vec![RungReport { rung: Rung::Query, ms: 1, cause: Some(Cause::Auth), code: Some(EVIL.to_owned()) }],
        ..target(&format!("c{EVIL}"), Kind::Https, None)
    });
    full.expires[0].subject = EVIL.to_owned();
    let quotes = format!("{EVIL}\u{a0}é\" onload=\"alert(1)\\");
    full.targets.push(target(&quotes, Kind::Https, None));
    full.sinks.push(vigie_core::run::SinkFailure {
        sink: EVIL.to_owned(),
        cause: Cause::Denied,
        action: Some(EVIL.to_owned()),
    });
    let mut one = observed(EVIL, class, None, Some(full));
    one.previous = Some(vec![open(EVIL, EVIL, "gone"), open("SQS-DLQ-NONE", "sqs", &format!("d{EVIL}"))]);
    one.environment.contract.databases = [("postgres".to_owned(), EVIL.to_owned())].into();
    let mut told = head("production", class);
    told.history = [(quotes, told.history["postgres"].clone())].into();
    one.head = Fact::Known(Some(told));
    let made = report(&input(vec![one], Language::En));
    let mail = html::mail(&made).html.replace(CHART, "");
    assert!(!mail.contains("<img"), "{mail}");
    assert!(!mail.contains("</mj-text>") && !mail.contains("<mj-text"), "the layout was rendered");
    assert!(mail.contains("&lt;img src=x onerror=alert(1)&gt;"), "as text it is shown");
    assert!(mail.contains("&#160;&#233;&#34; onload&#61;&#34;alert(1)&#92;"), "in an attribute, too");
    let whole = page::page(&made);
    assert!(!whole.contains("<img") && !whole.contains("onload=\"") && whole.contains("&lt;img src=x"));
    let page = markdown::page(&made);
    // Outside of code spans nothing of it is markup.
    for line in page.lines() {
        let bare = unescaped(&outside_code(line));
        assert!(!bare.contains("<img") && !bare.contains("](https") && !bare.contains("https://"), "{line}");
    }
    assert!(text::mail(&made).contains("onerror"));
    assert!(!subject(&made).contains('\n'));
}

/// A line without its code spans, by CommonMark's rule: a run of backticks up to the next run of the same length.
fn outside_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(open) = rest.find('`') {
        if rest[..open].ends_with('\\') {
            out.push_str(&rest[..open]);
            rest = &rest[open + 1..];
            continue;
        }
        out.push_str(&rest[..open]);
        let run = rest[open..].chars().take_while(|c| *c == '`').count();
        let inner = &rest[open + run..];
        let fence = "`".repeat(run);
        let close = inner
            .match_indices(&fence)
            .find(|(at, _)| !inner[..*at].ends_with('`') && !inner[at + run..].starts_with('`'));
        let Some((close, _)) = close else { break };
        rest = &inner[close + run..];
    }
    out.push_str(rest);
    out
}

/// A line without what a backslash takes out of markup.
fn unescaped(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            let _ = chars.next();
        } else {
            out.push(c)
        }
    }
    out
}

#[test]
fn no_mail_is_clipped() {
    let class = Class::Production;
    let findings: Vec<Finding> = (0..500)
        .map(|n| fail(("SQS-DLQ-NONE", "none"), "sqs", &format!("{n}{}", "<&>".repeat(80)), Severity::High, []))
        .collect();
    let full = run("production", class, Suite::Full, FULL, findings);
    let environments = (0..20).map(|n| observed(&format!("production-{n}"), class, None, Some(full.clone()))).collect();
    let mail = html::mail(&report(&input(environments, Language::En))).html;
    assert!(mail.len() <= html::LARGEST, "{} bytes", mail.len());
    assert!(mail.contains("more"), "what is left out is counted");
    assert!(!mail.contains("mj-text font-size"), "the layout was rendered");
}

#[test]
fn no_remote_content() {
    for (_, story) in STORIES {
        let mail = html::mail(&report(&story(Language::En))).html.replace(CHART, "");
        for remote in ["<img", "<link", "@import", "url(", "<script"] {
            assert!(!mail.contains(remote), "{remote} in {mail}");
        }
    }
}
