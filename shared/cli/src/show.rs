//! A run on the terminal: the verdict a target, then what fails, then what could not be known.

use owo_colors::{OwoColorize, Style};
use std::fmt::Write;
use vigie_core::cause::Cause;
use vigie_core::check::{Severity, rung_name, unreached};
use vigie_core::checks;
use vigie_core::evidence::clean;
use vigie_core::run::{Finding, Outcome, Run, TargetReport, Verdict};
use vigie_core::text::Language;

fn colour(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Green => Style::new().green().bold(),
        Verdict::Amber => Style::new().yellow().bold(),
        Verdict::Red => Style::new().red().bold(),
    }
}

fn grave(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => Style::new().red(),
        Severity::Medium => Style::new().yellow(),
        Severity::Low | Severity::Info => Style::new().dimmed(),
    }
}

/// The whole run as coloured text; whoever prints it strips the colour where there is no terminal.
#[must_use]
pub fn text(run: &Run, language: Language) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} {} ({}, {})  {} answered, {} unknown, {} ms",
        run.verdict.name().to_uppercase().style(colour(run.verdict)),
        run.environment.bold(),
        class(run),
        run.suite.name(),
        run.coverage.answered,
        run.coverage.unknown,
        run.duration_ms,
    );
    for target in &run.targets {
        let _ = writeln!(out, "  {}", target_line(run, target));
    }
    let mut fails: Vec<&Finding> =
        run.findings.iter().filter(|f| f.outcome == Outcome::Fail && f.parent.is_none()).collect();
    fails.sort_by_key(|f| (f.mute.is_some(), std::cmp::Reverse(f.severity)));
    if !fails.is_empty() {
        out.push('\n');
    }
    for finding in fails {
        fail(&mut out, run, finding, language);
    }
    unknowns(&mut out, run, language);
    for f in run.findings.iter().filter(|f| f.outcome == Outcome::NotApplicable) {
        if let Some(cause) = f.cause {
            let (subject, why) = (clean(&f.subject), cause.says().raw(language));
            let _ = writeln!(out, "{} {} {subject}: {why}", "not asked".dimmed(), f.check);
        }
    }
    for failure in &run.sinks {
        let action = failure.action.as_deref().map(|a| format!(" ({a})")).unwrap_or_default();
        let says = failure.cause.says().raw(language);
        let _ = writeln!(out, "  {} {}: {}{action}", "not written".red(), failure.sink, says);
    }
    out
}

fn class(run: &Run) -> &'static str {
    match run.class {
        vigie_core::check::Class::Staging => "staging",
        vigie_core::check::Class::Production => "production",
    }
}

/// One target: its verdict, its rungs with their times, and the rung that failed.
#[must_use]
pub fn target_line(run: &Run, target: &TargetReport) -> String {
    let counts = |outcome| run.findings.iter().filter(|f| f.target == target.target && f.outcome == outcome).count();
    let mut rungs = String::new();
    for rung in &target.rungs {
        match rung.cause {
            None => {
                let _ = write!(rungs, " {} {}ms", rung_name(rung.rung), rung.ms);
            }
            Some(cause) => {
                let _ = write!(rungs, " {}", format!("{} failed: {}", rung_name(rung.rung), cause.code()).red());
            }
        }
    }
    format!(
        "{:<5} {:<14} {:>2} pass {:>2} fail {:>2} unknown {}",
        target.verdict.name().style(colour(target.verdict)),
        clean(&target.target),
        counts(Outcome::Pass),
        counts(Outcome::Fail),
        counts(Outcome::Unknown),
        rungs.dimmed(),
    )
}

fn fail(out: &mut String, run: &Run, finding: &Finding, language: Language) {
    let check = checks::find(&finding.check);
    let fault = finding.fault.as_deref().unwrap_or_default();
    let says =
        check.and_then(|c| c.fault(fault)).map(|f| f.says.render(language, &finding.evidence)).unwrap_or_default();
    let _ = writeln!(
        out,
        "{} {} {}",
        format!("{:<8}", finding.severity.name()).style(grave(finding.severity)),
        finding.check.bold(),
        clean(&finding.subject)
    );
    let _ = writeln!(out, "         {says}");
    if let Some(cause) = finding.cause {
        let _ = writeln!(out, "         {}", cause.says().raw(language));
    }
    // What could not be reached is mended where its cause says.
    if let Some(check) = check.filter(|check| unreached(check.id, fault).is_none()) {
        let _ = writeln!(out, "         {}", check.remedy.raw(language).dimmed());
    }
    if let Some(mute) = &finding.mute {
        let _ = writeln!(out, "         muted by {} until {}: {}", clean(&mute.owner), mute.until, clean(&mute.reason));
    }
    let under = run
        .findings
        .iter()
        .filter(|f| f.parent.as_deref() == Some(finding.check.as_str()) && f.target == finding.target);
    let under = under.count();
    if under > 0 {
        let _ = writeln!(out, "         {}", format!("{under} more checks cannot be answered because of it").dimmed());
    }
}

/// What could not be known, by cause: not what a failing parent explains already.
fn unknowns(out: &mut String, run: &Run, language: Language) {
    let mut by_cause: std::collections::BTreeMap<(Cause, Option<&str>), Vec<String>> =
        std::collections::BTreeMap::new();
    for f in run.findings.iter().filter(|f| f.outcome == Outcome::Unknown && f.parent.is_none()) {
        let cause = f.cause.unwrap_or(Cause::Unexpected);
        by_cause.entry((cause, f.action.as_deref())).or_default().push(f.check.clone());
    }
    for ((cause, action), mut checks) in by_cause {
        checks.sort();
        checks.dedup();
        let action = action.map(|a| format!(" ({a})")).unwrap_or_default();
        let _ = writeln!(out, "{} {}{action}", "unknown ".yellow(), cause.says().raw(language));
        let _ = writeln!(out, "         {}", checks.join(", ").dimmed());
    }
}
