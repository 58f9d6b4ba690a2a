//! The findings of a report, one after the other, with what each format says of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use vigie_core::check::{Class, Severity};
use vigie_core::evidence::clean;
use vigie_core::report::told::{Teller, Told};
use vigie_core::report::view::{Colour, EnvironmentView};
use vigie_core::report::{Report, explains};
use vigie_core::run::{Finding, Outcome};

/// One finding of one environment.
pub struct Row<'a> {
    pub view: &'a EnvironmentView,
    pub finding: &'a Finding,
    pub told: Told,
    /// Since when it fails, as far as it is known.
    pub since: Option<Timestamp>,
    /// When the run began that judged it.
    pub judged: Timestamp,
    /// The environment has not been audited lately: it may be otherwise by now.
    pub last_known: bool,
    /// Another finding that fails explains this one: it is no news of its own.
    pub explained: bool,
}

/// Every environment's, in the report's order.
#[must_use]
pub fn rows(report: &Report) -> Vec<Row<'_>> {
    let teller = Teller::new(report);
    report.environments.iter().flat_map(|view| of(report, view, &teller)).collect()
}

/// Of one environment, by check; what is milder than the report's threshold is left out.
#[must_use]
pub fn of<'a>(report: &'a Report, view: &'a EnvironmentView, teller: &Teller<'_>) -> Vec<Row<'a>> {
    let known: BTreeSet<(&str, &str)> = view.findings.iter().map(key).collect();
    // What failed, and whose subject cannot even be listed now, no run speaks of; it stays open all the same.
    let lost = report.stays.iter().filter(|item| item.environment == view.name).map(|item| &item.finding);
    let lost = lost.filter(|finding| !known.contains(&key(finding)));
    let failing = Failing::of(view);
    let listed = view.findings.iter().chain(lost).filter(|finding| finding.severity >= report.least);
    listed.map(|finding| Row::new(report, view, finding, &failing, teller)).collect()
}

fn key(finding: &Finding) -> (&str, &str) {
    (&finding.check, &finding.subject)
}

/// What fails in one environment.
pub struct Failing<'a> {
    since: BTreeMap<(&'a str, &'a str), Option<Timestamp>>,
    /// Check -> its fails.
    parents: BTreeMap<&'a str, Vec<&'a Finding>>,
}

impl<'a> Failing<'a> {
    pub fn of(view: &'a EnvironmentView) -> Failing<'a> {
        let since = view.open.iter().map(|open| ((open.check.as_str(), open.subject.as_str()), open.failing_since));
        let fails = view.findings.iter().filter(|f| f.outcome == Outcome::Fail);
        let mut parents: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for fail in fails {
            parents.entry(&fail.check).or_default().push(fail);
        }
        Failing { since: since.collect(), parents }
    }

    fn explains(&self, finding: &Finding) -> bool {
        let parents = finding.parent.as_deref().and_then(|check| self.parents.get(check));
        parents.is_some_and(|parents| parents.iter().any(|parent| explains(parent, finding)))
    }
}

impl<'a> Row<'a> {
    pub fn new(
        report: &Report,
        view: &'a EnvironmentView,
        finding: &'a Finding,
        failing: &Failing<'_>,
        teller: &Teller<'_>,
    ) -> Row<'a> {
        Row {
            view,
            finding,
            told: teller.finding(finding),
            since: failing.since.get(&key(finding)).copied().flatten().or(finding.failing_since),
            judged: view.judged.get(&finding.check).copied().or(view.audited_at).unwrap_or(report.at),
            last_known: view.standing.colour() == Colour::Grey,
            explained: failing.explains(finding),
        }
    }

    /// The subject; the target where a check has no narrower one.
    pub fn subject(&self) -> String {
        clean(if self.finding.subject.is_empty() { &self.finding.target } else { &self.finding.subject })
    }

    /// 32 hex digits: the same in every report of this finding, whatever the language and however long its names are.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.view.name, self.finding)
    }

    /// What it weighs here: a fail its own severity; an unknown what a fail would be, but no more than medium, since it
    /// turns a verdict amber at most; the rest nothing.
    pub fn weighs(&self) -> Severity {
        match self.finding.outcome {
            Outcome::Fail => self.finding.severity,
            Outcome::Unknown => self.finding.severity.min(Severity::Medium),
            Outcome::Pass | Outcome::NotApplicable => Severity::Info,
        }
    }

    /// What was found, and that it may be otherwise by now.
    pub fn says(&self) -> String {
        match &self.told.mute {
            Some(mute) => format!("{} ({mute})", self.told.says),
            None => self.told.says.clone(),
        }
    }
}

pub fn fingerprint(environment: &str, finding: &Finding) -> String {
    let mut hash = Sha256::new();
    for part in [environment, &finding.check, &finding.target, &finding.subject] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The stable name of an outcome, as a run writes it.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::NotApplicable => "not_applicable",
        Outcome::Unknown => "unknown",
    }
}

/// The stable names of classes and colours.
pub fn class(class: Class) -> &'static str {
    match class {
        Class::Staging => "staging",
        Class::Production => "production",
    }
}

pub fn colour(colour: Colour) -> &'static str {
    match colour {
        Colour::Grey => "grey",
        Colour::Red => "red",
        Colour::Amber => "amber",
        Colour::Green => "green",
    }
}

/// At most so many characters; what is cut ends in an ellipsis.
pub fn bounded(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let cut: String = text.chars().take(longest.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// What an earlier report had judged, by fingerprint: the environment's name, the finding, what it was called.
pub struct Before(pub BTreeMap<String, (String, Finding)>);

impl Before {
    #[must_use]
    pub fn of(report: &Report) -> Before {
        let all = report.environments.iter().flat_map(|view| view.findings.iter().map(move |f| (view, f)));
        Before(all.map(|(view, f)| (fingerprint(&view.name, f), (view.name.clone(), f.clone()))).collect())
    }

    pub fn finding(&self, fingerprint: &str) -> Option<&Finding> {
        self.0.get(fingerprint).map(|(_, finding)| finding)
    }

    /// What was judged in one environment then, is wanted, and is not among these rows now.
    pub fn left<'a>(
        &'a self,
        report: &Report,
        view: &'a EnvironmentView,
        now: &[Row<'_>],
        teller: &Teller<'_>,
        wanted: fn(&Finding) -> bool,
    ) -> Vec<Row<'a>> {
        let now: BTreeSet<String> =
            now.iter().filter(|row| row.finding.outcome != Outcome::NotApplicable).map(Row::fingerprint).collect();
        let failing = Failing::of(view);
        let of_view = self.0.iter().filter(|(_, (name, _))| *name == view.name);
        let left =
            of_view.filter(|(print, (_, was))| was.severity >= report.least && wanted(was) && !now.contains(*print));
        left.map(|(_, (_, was))| Row::new(report, view, was, &failing, teller)).collect()
    }
}
