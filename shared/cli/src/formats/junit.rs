//! JUnit XML: a suite an environment, a case a finding. What could not be known is never green.

use super::rows::{self, Row};
use quick_junit::{NonSuccessKind, Report as Suites, SerializeError, TestCase, TestCaseStatus, TestSuite};
use vigie_core::check::Severity;
use vigie_core::evidence::clean;
use vigie_core::report::Report;
use vigie_core::report::told::Teller;
use vigie_core::report::view::{EnvironmentView, Standing};
use vigie_core::run::Outcome;

/// # Errors
/// None: what it writes to is memory.
pub fn suites(report: &Report) -> Result<Vec<u8>, SerializeError> {
    let teller = Teller::new(report);
    let mut out = Suites::new("Vigie");
    for view in &report.environments {
        let name = clean(&view.name);
        let mut suite = TestSuite::new(xml(&name));
        suite.add_property(("verdict", rows::colour(view.standing.colour())));
        for (property, at) in [("audited_at", view.audited_at), ("reported_at", Some(report.at))] {
            if let Some(at) = at {
                suite.add_property((property, at.to_string().as_str()));
            }
        }
        suite.add_test_case(audited(view, &teller, &name));
        suite.add_test_cases(rows::of(report, view, &teller).iter().map(case));
        out.add_test_suite(suite);
    }
    let mut bytes = Vec::new();
    out.serialize(&mut bytes)?;
    Ok(bytes)
}

/// Whether the environment was audited, and lately: an error where nothing of it, or only what was last known, is shown.
fn audited(view: &EnvironmentView, teller: &Teller<'_>, name: &str) -> TestCase {
    let mut status = match view.standing {
        Standing::Judged { .. } => TestCaseStatus::success(),
        _ => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    status.set_type("not-audited").set_message(xml(&teller.environment(view).join(" ")));
    let mut case = TestCase::new("audited", status);
    case.set_classname(xml(&format!("{name}.vigie")));
    case
}

fn case(row: &Row<'_>) -> TestCase {
    let f = row.finding;
    let status = status(row);
    let mut case = TestCase::new(xml(&format!("{} {}", clean(&f.check), row.subject())), status);
    case.set_classname(xml(&format!("{}.{}", clean(&row.view.name), clean(&f.target))));
    case
}

fn status(row: &Row<'_>) -> TestCaseStatus {
    let f = row.finding;
    let mut status = match f.outcome {
        Outcome::Pass => return TestCaseStatus::success(),
        Outcome::Fail if f.mute.is_none() => TestCaseStatus::non_success(NonSuccessKind::Failure),
        // What turns the verdict amber must not pass a pipeline unseen; what a failure explains is seen there.
        Outcome::Unknown if f.severity >= Severity::High && f.mute.is_none() && !row.explained => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
        Outcome::Fail | Outcome::Unknown | Outcome::NotApplicable => TestCaseStatus::skipped(),
    };
    let kind = match f.outcome {
        Outcome::Fail if f.mute.is_some() => "muted",
        Outcome::Fail => f.severity.name(),
        other => rows::outcome(other),
    };
    status.set_type(kind).set_message(xml(&row.says()));
    let text = [Some(&row.told.title), row.told.remedy.as_ref()].into_iter().flatten().cloned().collect::<Vec<_>>();
    status.set_description(xml(&text.join("\n")));
    status
}

/// Without the two noncharacters that XML 1.0 has no place for and quick-junit lets through.
fn xml(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
