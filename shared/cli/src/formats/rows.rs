//! The findings of a report, one after the other, with what each format says of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use vigie_core::check::{Class, Kind, Severity};
use vigie_core::evidence::clean;
use vigie_core::report::Report;
use vigie_core::report::told::{Teller, Told};
use vigie_core::report::view::{Colour, EnvironmentView};
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

/// By environment in the report's order, then by check; what is milder than the report's threshold is left out.
#[must_use]
pub fn rows(report: &Report) -> Vec<Row<'_>> {
    let teller = Teller::new(report);
    let mut out = Vec::new();
    for view in &report.environments {
        // What failed, and whose subject cannot even be listed now, no run speaks of; it stays open all the same.
        let lost = report.stays.iter().filter(|item| item.environment == view.name).map(|item| &item.finding);
        let lost =
            lost.filter(|lost| !view.findings.iter().any(|f| f.check == lost.check && f.subject == lost.subject));
        let listed = view.findings.iter().chain(lost).filter(|finding| finding.severity >= report.least);
        out.extend(listed.map(|finding| Row::new(report, view, finding, &teller)));
    }
    out
}

impl<'a> Row<'a> {
    pub fn new(report: &Report, view: &'a EnvironmentView, finding: &'a Finding, teller: &Teller<'_>) -> Row<'a> {
        let open = view.open.iter().find(|open| open.check == finding.check && open.subject == finding.subject);
        let parent = |other: &&Finding| {
            finding.parent.as_deref() == Some(&other.check)
                && other.outcome == Outcome::Fail
                && (other.target == finding.target || other.target == Kind::Credentials.name())
        };
        Row {
            view,
            finding,
            told: teller.finding(finding),
            since: open.and_then(|open| open.failing_since).or(finding.failing_since),
            judged: view.judged.get(&finding.check).copied().or(view.audited_at).unwrap_or(report.at),
            last_known: view.standing.colour() == Colour::Grey,
            explained: view.findings.iter().find(parent).is_some(),
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
}
