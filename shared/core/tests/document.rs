//! The document that replaces the audit by hand: its sections, its boxes, and what it advises.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod common;

use common::{broken, input, mute, observed, of_snapshots, stories};
use jiff::SignedDuration;
use vigie_core::check::{Class, Severity};
use vigie_core::facts::Fact;
use vigie_core::healthy::{self, NOW};
use vigie_core::question::Question;
use vigie_core::report::view::{Advice, Horizon, LineState, Recommendation, Report, VariableState};
use vigie_core::report::{markdown, readiness, report, text};
use vigie_core::run::{ExpiryKind, Outcome};
use vigie_core::snapshot::Snapshot;
use vigie_core::text::Language;

fn of(snapshot: &Snapshot) -> Report {
    report(&of_snapshots(&[snapshot], Language::En))
}

fn advised(made: &Report, horizon: Horizon, wanted: &Advice) -> Option<Recommendation> {
    made.recommendations.iter().find(|r| r.horizon == horizon && r.advice == *wanted).cloned()
}

fn fix(check: &str) -> Advice {
    Advice::Fix { check: check.to_owned() }
}

#[test]
fn a_healthy_environment_is_advised_nothing() {
    assert_eq!(of(&healthy::snapshot(Class::Production)).recommendations, []);
}

#[test]
fn a_fail_is_mended_by_its_severity() {
    let high = of(&broken(Class::Production, &[("SQS-DLQ-NONE", "none")]));
    assert!(advised(&high, Horizon::Short, &fix("SQS-DLQ-NONE")).is_some());
    let medium = of(&broken(Class::Staging, &[("SQS-DLQ-NONE", "none")]));
    assert!(advised(&medium, Horizon::Medium, &fix("SQS-DLQ-NONE")).is_some());
    let low = of(&broken(Class::Staging, &[("ENV-RECOMMENDED-MISSING", "missing")]));
    assert!(advised(&low, Horizon::Long, &fix("ENV-RECOMMENDED-MISSING")).is_some());
    for made in [high, medium, low] {
        assert!(made.recommendations.windows(2).all(|pair| pair[0].horizon <= pair[1].horizon));
        assert_eq!(made.recommendations.iter().filter(|r| matches!(r.advice, Advice::Fix { .. })).count(), 1);
    }
}

#[test]
fn one_advice_names_every_place() {
    let (production, mut staging) =
        (broken(Class::Production, &[("HTTP-DOWN", "slow")]), healthy::snapshot(Class::Staging));
    healthy::refuse(&mut staging, Question::BucketAcl);
    let mut both = production.clone();
    healthy::refuse(&mut both, Question::BucketAcl);
    let made = report(&of_snapshots(&[&both, &staging], Language::En));
    let grant = Advice::Grant { action: "s3:GetBucketAcl".to_owned() };
    let grant = advised(&made, Horizon::Medium, &grant).unwrap();
    let environments: Vec<&str> = grant.places.iter().map(|place| place.environment.as_str()).collect();
    assert_eq!(environments, ["production", "staging"]);
    assert!(advised(&of(&production), Horizon::Medium, &grant.advice).is_none(), "its twin may read the ACL");
}

/// `days` from now until the first certificate ends.
fn ending(days: i64) -> Snapshot {
    let mut snapshot = healthy::snapshot(Class::Production);
    let postgres = snapshot.facts.postgres.values_mut().next().unwrap();
    let Fact::Known(Some(certificate)) = &mut postgres.certificate else { panic!("the healthy one has a certificate") };
    certificate.not_after = NOW + SignedDuration::from_hours(24 * days);
    snapshot
}

#[test]
fn what_ends_is_renewed_in_time() {
    let renew = Advice::Renew { kind: ExpiryKind::Certificate };
    let horizons = |days| {
        let made = of(&ending(days));
        Horizon::ALL.map(|horizon| advised(&made, horizon, &renew).is_some())
    };
    assert_eq!(horizons(31), [false, false, false], "shown, and renewed by itself a month ahead");
    assert_eq!(of(&ending(31)).expires[0].expiry.subject, "db.shop.example");
    assert_eq!(horizons(30), [false, true, false]);
    assert_eq!(horizons(15), [false, true, false]);
    assert_eq!(horizons(14), [true, false, false]);
    assert_eq!(horizons(-1), [true, false, false], "it has ended: no sooner advice");
    let first = of(&ending(-1)).expires.into_iter().next().unwrap();
    assert_eq!(first.expiry.subject, "db.shop.example");
    // A failing check that says so already is enough.
    let told = of(&broken(Class::Production, &[("HTTP-CERT-EXPIRY", "fortnight")]));
    assert!(told.recommendations.iter().all(|r| r.advice != renew), "{:?}", told.recommendations);
}

#[test]
fn a_mute_that_ends_is_decided_again() {
    let decide = Advice::Decide { check: "SQS-DLQ-NONE".to_owned() };
    let until = |day: &str| {
        let mut snapshot = broken(Class::Production, &[("SQS-DLQ-NONE", "none")]);
        snapshot.environment.mutes = vec![mute("SQS-DLQ-NONE", day)];
        of(&snapshot)
    };
    let soon = until("2027-02-01");
    let found = advised(&soon, Horizon::Long, &decide).unwrap();
    assert_eq!((found.places.len(), found.severity), (1, Severity::High));
    assert!(advised(&soon, Horizon::Short, &fix("SQS-DLQ-NONE")).is_none(), "a muted fail is not to be mended now");
    assert!(text::mail(&soon).contains("(1 Feb 2027)"), "{}", text::mail(&soon));
    assert!(advised(&until("2027-06-01"), Horizon::Long, &decide).is_none());
}

#[test]
fn what_is_not_audited_comes_first() {
    let mut never = observed(&healthy::snapshot(Class::Production));
    never.full = Fact::Known(None);
    let made = report(&input(vec![never], Language::En));
    let audit = advised(&made, Horizon::Short, &Advice::Audit).unwrap();
    assert_eq!(audit.places[0].environment, "production");
    assert_eq!(made.recommendations[0].advice, Advice::Audit);
}

#[test]
fn the_document_has_the_sections_of_the_audit_by_hand() {
    let sections = |language| {
        let page = markdown::page(&report(&common::mixed(language)));
        page.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        sections(Language::Fr),
        [
            "Résumé",
            "Services identifiés",
            "Variables d’environnement",
            "Points de connexion",
            "Vérifications de sécurité",
            "Tests de connexion",
            "Points d’attention",
            "Checklist de déploiement",
            "Recommandations",
            "Conclusion",
        ]
    );
    assert_eq!(sections(Language::En).len(), 10);
}

/// A box is ticked for what was measured to hold, and for nothing else.
#[test]
fn only_what_was_measured_is_ticked() {
    for (name, story) in stories() {
        for language in [Language::En, Language::Fr] {
            let made = report(&story(language));
            let page = markdown::page(&made);
            let boxes: Vec<&str> = page.lines().filter(|line| line.starts_with("- [")).collect();
            let lines: Vec<_> = made.readiness.iter().flat_map(|of| &of.lines).collect();
            assert_eq!(boxes.len(), lines.len(), "{name}");
            for (shown, line) in boxes.iter().zip(lines) {
                let green = line.state == LineState::Green;
                assert!(shown.starts_with(if green { "- [x] " } else { "- [ ] " }), "{name}: {shown}");
                assert!(green || shown.contains("**"), "{name}: an empty box says why: {shown}");
            }
        }
    }
    let healthy = markdown::page(&of(&healthy::snapshot(Class::Production)));
    let lines = readiness::LINES.iter().filter(|line| line.class == Class::Production).count();
    assert_eq!(healthy.matches("- [x] ").count(), lines);
    let never = stories().into_iter().find(|(name, _)| *name == "never").unwrap().1;
    assert_eq!(markdown::page(&report(&never(Language::En))).matches("- [x] ").count(), 0);
}

/// The cells of a row, by GitHub's rule: a bar ends a cell unless a backslash stands before it.
fn cells(row: &str) -> usize {
    let bytes = row.as_bytes();
    bytes.iter().enumerate().filter(|(at, byte)| **byte == b'|' && (*at == 0 || bytes[at - 1] != b'\\')).count() - 1
}

fn whole_tables(page: &str) {
    let mut width = None;
    for line in page.lines() {
        if !line.starts_with('|') {
            width = None;
            continue;
        }
        let here = cells(line);
        assert_eq!(here, *width.get_or_insert(here), "{line}");
    }
}

#[test]
fn every_row_has_the_cells_of_its_table() {
    const EVIL: &str = "a|b\\|c`d\ne<br>**f** ![x](y)";
    for (_, story) in stories() {
        whole_tables(&markdown::page(&report(&story(Language::Fr))));
    }
    let mut evil = broken(Class::Production, &[("SQS-DLQ-NONE", "none")]);
    evil.environment.name = EVIL.to_owned();
    evil.environment.contract.databases = [(EVIL.to_owned(), EVIL.to_owned())].into();
    evil.environment.contract.required.push(vec![EVIL.to_owned(), EVIL.to_owned()]);
    let sqs = evil.facts.sqs.as_mut().unwrap();
    sqs.queues = sqs.queues.values().map(|queue| (EVIL.to_owned(), queue.clone())).collect();
    evil.facts.postgres = evil.facts.postgres.values().map(|of| (EVIL.to_owned(), of.clone())).collect();
    let page = markdown::page(&of(&evil));
    whole_tables(&page);
    let bare = |line: &&str| line.starts_with('|') && line.contains("<br>**f**");
    assert_eq!(page.lines().find(bare), None);
    assert!(page.contains("&lt;br&gt;"), "{page}");
}

/// Each check that was judged is in the document, whatever became of it.
#[test]
fn every_judged_check_is_listed() {
    let mut snapshot = broken(Class::Production, &[("SQS-DLQ-NONE", "none")]);
    healthy::refuse(&mut snapshot, Question::BucketAcl);
    let made = of(&snapshot);
    let page = markdown::page(&made);
    let section = page.split("\n## ").find(|section| section.starts_with("Security checks")).unwrap();
    for finding in made.environments[0].findings.iter().filter(|f| f.outcome != Outcome::NotApplicable) {
        let said = match finding.outcome {
            Outcome::Pass => "passes",
            Outcome::Fail => "fails",
            Outcome::Unknown | Outcome::NotApplicable => "unknown",
        };
        let row = |line: &str| line.contains(&format!("`{}`", finding.check)) && line.contains(&format!("| {said}"));
        assert!(section.lines().any(row), "{} {}: {said} is not listed", finding.check, finding.subject);
    }
}

#[test]
fn a_variable_has_the_state_that_was_measured() {
    let state = |snapshot: &Snapshot, name: &str| {
        let made = of(snapshot);
        let variables = &made.environments[0].variables;
        variables.iter().find(|v| v.names.iter().any(|n| n == name)).map(|v| v.state)
    };
    let well = healthy::snapshot(Class::Production);
    assert_eq!(state(&well, "DATABASE_URL"), Some(VariableState::Set));
    assert_eq!(state(&well, "STRIPE_SECRET_KEY"), Some(VariableState::Set));
    let missing = broken(Class::Production, &[("ENV-REQUIRED-MISSING", "missing")]);
    assert_eq!(state(&missing, "NEXTAUTH_SECRET"), Some(VariableState::Missing));
    assert_eq!(state(&missing, "DATABASE_URL"), Some(VariableState::Set));
    let mut stray = healthy::snapshot(Class::Production);
    let variable = stray.facts.variables.known.get_mut("DATABASE_URL").unwrap();
    variable.strays.push(vigie_core::facts::variables::Stray::Tab);
    assert_eq!(state(&stray, "DATABASE_URL"), Some(VariableState::Faulty));
    let mut unread = healthy::snapshot(Class::Production);
    healthy::refuse(&mut unread, Question::Variables);
    assert_eq!(state(&unread, "DATABASE_URL"), Some(VariableState::Unknown));
    let mut never = observed(&well);
    never.full = Fact::Known(None);
    let made = report(&input(vec![never], Language::En));
    assert!(made.environments[0].variables.iter().all(|v| v.state == VariableState::NotLookedAt));
    assert!(!made.environments[0].variables.is_empty());
}

#[test]
fn the_mail_counts_what_is_too_mild_for_its_list() {
    let snapshot = broken(Class::Staging, &[("ENV-RECOMMENDED-MISSING", "missing")]);
    let mut wanted = of_snapshots(&[&snapshot], Language::En);
    assert!(!text::mail(&report(&wanted)).contains("milder"));
    wanted.least = Severity::High;
    let mail = text::mail(&report(&wanted));
    assert!(mail.contains("1 finding milder than “high” is not listed."), "{mail}");
    assert!(mail.lines().all(|line| line.chars().count() <= 76), "{mail}");
}
