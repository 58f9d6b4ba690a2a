//! SARIF 2.1.0: a run an environment, a result a problem. Passing results are left out unless asked for: code scanning shows
//! every result as an alert, whatever its kind (github.com/microsoft/PSRule/issues/955).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use serde_sarif::sarif::{
    ArtifactLocation, Invocation, Location, LogicalLocation, MultiformatMessageString, Notification, PhysicalLocation,
    PropertyBag, Region, ReportingConfiguration, ReportingDescriptor, Result as Problem, ResultKind, ResultLevel, Run,
    RunAutomationDetails, Sarif, Suppression, ToolComponent,
};
use vigie_core::check::Severity;
use vigie_core::checks;
use vigie_core::evidence::clean;
use vigie_core::report::Report;
use vigie_core::report::told::Teller;
use vigie_core::report::view::{EnvironmentView, Standing};
use vigie_core::run::{Finding, Outcome};
use vigie_core::text::Language;

use super::Extras;
use super::rows::{self, Row};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Where a problem is shown: what Vigie looks at is no file, and code scanning takes no result without one.
const ARTIFACT: &str = "vigie.toml";

pub fn log(report: &Report, extras: &Extras) -> Sarif {
    let teller = Teller::new(report);
    let runs: Vec<Run> = report.environments.iter().map(|view| run(report, view, &teller, extras)).collect();
    Sarif::builder().schema(SCHEMA).version(json!("2.1.0")).runs(runs).build()
}

fn run(report: &Report, view: &EnvironmentView, teller: &Teller<'_>, extras: &Extras) -> Run {
    let listed = |row: &&Row<'_>| match row.finding.outcome {
        Outcome::Fail => true,
        Outcome::Unknown => !row.explained || extras.complete,
        Outcome::Pass | Outcome::NotApplicable => extras.complete,
    };
    let mut rules = Rules::new(report.language);
    let rows = rows::of(report, view, teller);
    let mut results: Vec<Problem> =
        rows.iter().filter(listed).map(|row| result(row, &mut rules, baseline(row, extras))).collect();
    if let Some(before) = extras.before.as_ref().filter(|_| extras.complete) {
        // Those that do not apply any more have a result of their own already.
        let here: BTreeSet<String> = rows.iter().map(Row::fingerprint).collect();
        let gone = before.left(report, view, &rows, teller, |was| problem(was.outcome));
        let gone = gone.iter().filter(|row| !here.contains(&row.fingerprint()));
        results.extend(gone.map(|row| result(row, &mut rules, Some("absent"))));
    }
    let driver = ToolComponent::builder()
        .name("Vigie")
        .version(env!("CARGO_PKG_VERSION"))
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .language(code(report.language))
        .rules(rules.made)
        .build();
    let at = view.audited_at.unwrap_or(report.at);
    // All before the last slash is the category, which keeps environments apart in code scanning.
    let id = format!("vigie/{}/{at}", clean(&view.name));
    Run::builder()
        .tool(driver)
        .automation_details(RunAutomationDetails::builder().id(id).build())
        .invocations(vec![invocation(view, teller)])
        .language(code(report.language))
        .results(results)
        .build()
}

/// Not successful: nothing could be read of the environment. What is stale or partly read is a warning.
fn invocation(view: &EnvironmentView, teller: &Teller<'_>) -> Invocation {
    let told = teller.environment(view);
    let judged = matches!(view.standing, Standing::Judged { .. });
    let warn = |text: &String| Notification::builder().level(json!("warning")).message(sentence(text).as_str()).build();
    let notes: Vec<Notification> = told.iter().skip(usize::from(judged)).map(warn).collect();
    let read = !matches!(view.standing, Standing::Never | Standing::Unreadable { .. });
    let invocation = Invocation::builder().execution_successful(read).tool_execution_notifications(notes);
    match view.audited_at {
        Some(at) => invocation.start_time_utc(at.to_string()).build(),
        None => invocation.build(),
    }
}

fn result(row: &Row<'_>, rules: &mut Rules, baseline: Option<&str>) -> Problem {
    let f = row.finding;
    let (kind, level) = match f.outcome {
        Outcome::Fail => (ResultKind::Fail, level(f.severity)),
        // By the specification (3.27.9, 3.27.10) only what fails has a level.
        Outcome::Unknown => (ResultKind::Open, ResultLevel::None),
        Outcome::Pass => (ResultKind::Pass, ResultLevel::None),
        Outcome::NotApplicable => (ResultKind::NotApplicable, ResultLevel::None),
    };
    let index = rules.index(row);
    let fingerprint = row.fingerprint();
    // Code scanning compares the first of them alone.
    let fingerprints: BTreeMap<String, String> =
        ["primaryLocationLineHash", "vigie/v1"].map(|name| (name.to_owned(), fingerprint.clone())).into();
    let mut result = Problem::builder()
        .rule_id(clean(&f.check))
        .rule_index(index)
        .kind(kind)
        .level(level)
        .message(sentence(&format!("{}: {}", row.subject(), row.told.says)).as_str())
        .locations(vec![location(row)])
        .partial_fingerprints(fingerprints)
        .suppressions(suppressions(row))
        .properties(properties(row))
        .build();
    result.baseline_state = baseline.map(Value::from);
    result
}

fn location(row: &Row<'_>) -> Location {
    let artifact = ArtifactLocation::builder().uri(ARTIFACT).build();
    let physical = PhysicalLocation::builder()
        .artifact_location(artifact)
        .region(Region::builder().start_line(1_i64).build())
        .build();
    let (environment, target, subject) = (clean(&row.view.name), clean(&row.finding.target), row.subject());
    let logical = LogicalLocation::builder()
        .fully_qualified_name(format!("{environment}/{target}/{subject}"))
        .name(subject)
        .kind("resource")
        .build();
    Location::builder().physical_location(physical).logical_locations(vec![logical]).build()
}

/// Always there, by the specification (3.27.23): an empty list says that it is not muted.
fn suppressions(row: &Row<'_>) -> Vec<Suppression> {
    let mute = row.told.mute.as_ref();
    let suppress = |mute: &String| {
        Suppression::builder().kind(json!("external")).status(json!("accepted")).justification(mute).build()
    };
    mute.map(suppress).into_iter().collect()
}

fn properties(row: &Row<'_>) -> PropertyBag {
    let f = row.finding;
    let mut bag: BTreeMap<String, Value> = BTreeMap::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            bag.insert(name.to_owned(), value);
        }
    };
    put("environment", clean(&row.view.name).into());
    put("target", clean(&f.target).into());
    put("outcome", rows::outcome(f.outcome).into());
    put("severity", f.severity.name().into());
    put("fault", f.fault.as_deref().map(clean).into());
    put("cause", f.cause.map(|cause| cause.code()).into());
    put("action", f.action.as_deref().map(clean).into());
    put("failingSince", row.since.map(|at| at.to_string()).into());
    put("judgedAt", row.judged.to_string().into());
    put("lastKnown", row.last_known.into());
    PropertyBag::builder().additional_properties(bag).build()
}

/// Against the earlier report, where there is one.
fn baseline(row: &Row<'_>, extras: &Extras) -> Option<&'static str> {
    let was = extras.before.as_ref()?.finding(&row.fingerprint());
    Some(match was {
        Some(was) if same(was, row.finding) => "unchanged",
        Some(was) if extras.complete || problem(was.outcome) => "updated",
        // It passed: among problems alone it is new.
        Some(_) | None => "new",
    })
}

fn same(was: &Finding, is: &Finding) -> bool {
    was.outcome == is.outcome && was.fault == is.fault && was.mute.is_some() == is.mute.is_some()
}

fn problem(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Fail | Outcome::Unknown)
}

/// The checks that occur, each once.
struct Rules {
    language: Language,
    made: Vec<ReportingDescriptor>,
    worst: Vec<Severity>,
}

impl Rules {
    fn new(language: Language) -> Rules {
        Rules { language, made: Vec::new(), worst: Vec::new() }
    }

    /// The place of the row's check; a rule is as severe as the gravest of its results.
    fn index(&mut self, row: &Row<'_>) -> i64 {
        let id = clean(&row.finding.check);
        let severity = row.weighs();
        let at = self.made.iter().position(|rule| rule.id == id).unwrap_or_else(|| {
            self.made.push(self.rule(&id, row));
            self.worst.push(severity);
            self.made.len() - 1
        });
        let severity = self.worst[at].max(severity);
        self.worst[at] = severity;
        self.made[at].default_configuration =
            Some(ReportingConfiguration::builder().level(json!(level(severity))).build());
        let tags = json!([row.finding.target.split(':').next().map(clean)]);
        let mut bag: BTreeMap<String, Value> = [("tags".to_owned(), tags)].into();
        if let Some(score) = score(severity) {
            bag.insert("security-severity".to_owned(), score.into());
        }
        self.made[at].properties = Some(PropertyBag::builder().additional_properties(bag).build());
        i64::try_from(at).unwrap_or(i64::MAX)
    }

    fn rule(&self, id: &str, row: &Row<'_>) -> ReportingDescriptor {
        let text = |text: &str| MultiformatMessageString::builder().text(sentence(text)).build();
        // Of a check that this version does not know, the id says all there is.
        let remedy = checks::find(id).map_or(id, |check| check.remedy.raw(self.language));
        ReportingDescriptor::builder()
            .id(id)
            .short_description(text(&row.told.title))
            .full_description(text(&row.told.title))
            .help(text(remedy))
            .build()
    }
}

fn level(severity: Severity) -> ResultLevel {
    match severity {
        Severity::Critical | Severity::High => ResultLevel::Error,
        Severity::Medium => ResultLevel::Warning,
        Severity::Low | Severity::Info => ResultLevel::Note,
    }
}

/// In the middle of the band that code scanning gives the word to: above 9 critical, from 7 high, from 4 medium, else low.
/// Source: docs.github.com, "SARIF support for code scanning", reportingDescriptor object.
fn score(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Critical => Some("9.5"),
        Severity::High => Some("8.0"),
        Severity::Medium => Some("5.5"),
        Severity::Low => Some("2.0"),
        Severity::Info => None,
    }
}

/// Ended by a full stop, as readers of SARIF expect of a message.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?', '…']) { text.to_owned() } else { format!("{text}.") }
}

fn code(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::Fr => "fr",
    }
}
