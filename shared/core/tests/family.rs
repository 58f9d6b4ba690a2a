//! What holds for every check at once.

use std::collections::BTreeSet;

use vigie_core::check::{Class, Kind};
use vigie_core::checks;
use vigie_core::healthy;
use vigie_core::judge::judge;
use vigie_core::question::Question;
use vigie_core::run::{Finding, Outcome, Run, Verdict};
use vigie_core::text::Language;

fn failing(run: &Run) -> Vec<&Finding> {
    run.findings.iter().filter(|f| f.outcome == Outcome::Fail).collect()
}

#[test]
fn a_healthy_snapshot_passes_every_check() {
    for class in [Class::Staging, Class::Production] {
        let run = judge(&healthy::snapshot(class));
        for finding in &run.findings {
            assert_eq!(finding.outcome, Outcome::Pass, "{class:?}: {finding:#?}");
        }
        assert_eq!(run.verdict, Verdict::Green);
    }
}

#[test]
fn each_fault_is_reached_by_its_own_counterexample() {
    for check in checks::all() {
        for fault in check.faults {
            let mut snapshot = healthy::snapshot(Class::Production);
            (fault.broken)(&mut snapshot);
            let run = judge(&snapshot);
            let reached: Vec<_> = failing(&run).into_iter().filter(|f| f.check == check.id).collect();
            assert!(
                reached.iter().any(|f| f.fault.as_deref() == Some(fault.code)),
                "{}.{} is not reached; this check says {:#?}",
                check.id,
                fault.code,
                run.findings.iter().filter(|f| f.check == check.id).collect::<Vec<_>>()
            );
            for finding in reached {
                let said = check.fault(finding.fault.as_deref().unwrap_or_default()).map(|f| f.says);
                let said = said.unwrap_or_else(|| panic!("{}: unknown fault {:?}", check.id, finding.fault));
                for language in [Language::En, Language::Fr] {
                    let text = said.render(language, &finding.evidence);
                    assert!(!text.contains('{'), "{}.{}: {text}", check.id, fault.code);
                }
            }
        }
    }
}

#[test]
fn a_check_declares_exactly_the_questions_it_reads() {
    let questions: BTreeSet<Question> = checks::all().flat_map(|c| c.reads.iter().copied()).collect();
    for question in questions {
        let mut snapshot = healthy::snapshot(Class::Production);
        healthy::refuse(&mut snapshot, question);
        let run = judge(&snapshot);
        let moved: BTreeSet<&str> = run
            .findings
            .iter()
            .filter(|f| f.outcome != Outcome::Pass && !f.check.starts_with("SELF-"))
            .map(|f| f.check.as_str())
            .collect();
        let declared: BTreeSet<&str> =
            checks::all().filter(|c| c.kind != Kind::Vigie && c.reads.contains(&question)).map(|c| c.id).collect();
        assert_eq!(moved, declared, "{question:?} refused: left what moved, right what declares it");
        for finding in run.findings.iter().filter(|f| f.outcome == Outcome::Fail && !f.check.starts_with("SELF-")) {
            let reach = checks::find(&finding.check).and_then(|c| c.kind.reach());
            assert_eq!(reach, Some(finding.check.as_str()), "{question:?} refused: only a reachability check fails");
        }
    }
}

#[test]
fn with_every_question_refused_nothing_passes() {
    let mut snapshot = healthy::snapshot(Class::Production);
    let questions: BTreeSet<Question> = checks::all().flat_map(|c| c.reads.iter().copied()).collect();
    for question in questions {
        healthy::refuse(&mut snapshot, question);
    }
    let run = judge(&snapshot);
    let passed: Vec<_> = run.findings.iter().filter(|f| f.outcome == Outcome::Pass).map(|f| &f.check).collect();
    assert!(passed.is_empty(), "{passed:?}");
    assert_ne!(run.verdict, Verdict::Green);
}

/// A source that cannot be read hides what its variables name: that is not "not applicable".
#[test]
fn a_target_that_an_unread_source_may_name_is_unknown() {
    let mut snapshot = healthy::snapshot(Class::Production);
    let variables = snapshot.facts.variables.clone();
    snapshot.facts = vigie_core::facts::Facts { variables, ..Default::default() };
    let outcomes = |snapshot: &vigie_core::snapshot::Snapshot, kind: Kind| -> BTreeSet<Outcome> {
        let of_kind = |f: &&Finding| checks::find(&f.check).is_some_and(|check| check.kind == kind);
        judge(snapshot).findings.iter().filter(of_kind).map(|f| f.outcome).collect()
    };
    let found = [Kind::Postgres, Kind::Redis, Kind::Https, Kind::S3, Kind::Sqs, Kind::EventBridge, Kind::Rds];
    for kind in found {
        assert_eq!(outcomes(&snapshot, kind), [Outcome::NotApplicable].into(), "{kind:?}: all sources were read");
    }
    healthy::refuse(&mut snapshot, Question::Variables);
    for kind in found {
        assert_eq!(outcomes(&snapshot, kind), [Outcome::Unknown].into(), "{kind:?}: a source was not");
    }
    snapshot.environment.contract.buckets.clear();
    assert_eq!(outcomes(&snapshot, Kind::S3), [Outcome::NotApplicable].into(), "none is expected");
}

#[test]
fn ids_are_names_and_unique() {
    let mut seen = BTreeSet::new();
    for check in checks::all() {
        assert!(
            check.id.len() <= 24 && check.id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-'),
            "{}",
            check.id
        );
        assert!(seen.insert(check.id), "{} twice", check.id);
        assert!(!check.faults.is_empty(), "{} cannot fail", check.id);
        let codes: BTreeSet<_> = check.faults.iter().map(|f| f.code).collect();
        assert_eq!(codes.len(), check.faults.len(), "{}: a fault code twice", check.id);
    }
}

/// `docs/checks/KIND.md`: one `## ID` heading a check, in the order of the slice.
#[test]
fn the_docs_have_a_heading_a_check_in_order() {
    for slice in checks::CHECKS {
        let Some(first) = slice.first() else { continue };
        let path = format!("{}/docs/checks/{}.md", env!("CARGO_MANIFEST_DIR"), first.kind.name());
        let page = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let headings: Vec<&str> = page.lines().filter_map(|l| l.strip_prefix("## ")).map(str::trim).collect();
        let ids: Vec<&str> = slice.iter().map(|c| c.id).collect();
        assert_eq!(headings, ids, "{path}");
        for part in page.split("\n## ").skip(1) {
            for needed in ["**Why it matters.**", "**How it is measured.**", "**How to fix it.**", "**Source.**"] {
                assert!(part.contains(needed), "{path}: {} lacks {needed}", part.lines().next().unwrap_or_default());
            }
        }
    }
}
