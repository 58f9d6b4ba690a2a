//! The report: what is new, resolved, stays and is unknown.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod made;
mod outside;

use vigie_core::cause::Cause;
use vigie_core::check::{Class, Severity, Suite};
use vigie_core::evidence::Value;
use vigie_core::facts::{Fact, Gap, Identity};
use vigie_core::report::view::{Colour, LineState, Standing};
use vigie_core::report::{html, report, subject, text};
use vigie_core::run::{Finding, Outcome};
use vigie_core::text::Language;

use made::*;

#[test]
fn both_languages_are_complete() {
    for (name, story) in STORIES {
        for language in [Language::En, Language::Fr] {
            let made = report(&story(language));
            let markup = html::mail(&made).html;
            let body = &markup[markup.find("<body").unwrap()..];
            for shown in [subject(&made), text::mail(&made), body.to_owned()] {
                assert!(!shown.contains('{') && !shown.contains('}'), "{name}: a placeholder is left in {shown}");
            }
            assert!(text::mail(&made).lines().all(|line| line.chars().count() <= 76), "{name}");
        }
        assert_ne!(text::mail(&report(&story(Language::En))), text::mail(&report(&story(Language::Fr))));
    }
}

#[test]
fn sorts_into_new_resolved_stays_and_unknown() {
    let made = report(&mixed(Language::En));
    let names = |items: &[vigie_core::report::view::Item]| -> Vec<String> {
        items.iter().map(|item| item.finding.check.clone()).collect()
    };
    assert_eq!(names(&made.new), ["EB-RULE-INERT", "PG-CONN-SATURATION"]);
    assert_eq!(names(&made.stays), ["SQS-DLQ-NONE", "S3-REPLICATION-NONE"]);
    assert_eq!(made.resolved.len(), 1);
    assert_eq!(made.resolved[0].was.check, "S3-ROUNDTRIP");
    assert_eq!(made.resolved[0].lasted, Some(2 * 86_400));
    assert_eq!(made.unknown.len(), 3);
    let mail = text::mail(&made).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(mail.contains("Missing permission: s3:GetBucketAcl."));
    assert!(mail.contains("muted by ana until 1 Mar 2027: single region by choice"));
    assert_eq!(subject(&made), "Vigie: production red, staging green, 2 new, 1 resolved");
    // What the next mail compares with: all four that fail, one of them muted.
    let production = made.environments.iter().find(|e| e.name == "production").unwrap();
    assert_eq!(production.open.len(), 4);
    assert_eq!(production.open.iter().filter(|open| open.muted).count(), 1);
}

#[test]
fn nothing_changed_when_nothing_changed() {
    let made = report(&mixed(Language::En));
    let mut again = mixed(Language::En);
    for environment in &mut again.environments {
        let view = made.environments.iter().find(|e| e.name == environment.environment.name).unwrap();
        environment.previous = Some(view.open.clone());
    }
    let made = report(&again);
    assert!(made.new.is_empty() && made.resolved.is_empty());
    assert!(subject(&made).ends_with("nothing new"), "{}", subject(&made));
}

#[test]
fn what_failed_and_cannot_be_known_is_not_resolved() {
    let mut gone_dark = mixed(Language::En);
    for environment in &mut gone_dark.environments {
        if environment.environment.name == "production" {
            environment.previous = Some(vec![
                open("S3-PUBLIC-CONFIG", "s3", "shop-media"),
                open("EB-RULE-INERT", "eventbridge", "old-rule"),
            ]);
        }
    }
    let made = report(&gone_dark);
    let kept = made.stays.iter().find(|item| item.finding.check == "S3-PUBLIC-CONFIG").unwrap();
    assert_eq!(kept.finding.outcome, Outcome::Unknown);
    assert!(made.unknown.iter().all(|unknown| !unknown.checks.contains_key("S3-PUBLIC-CONFIG")));
    assert!(made.environments[0].open.iter().any(|open| open.check == "S3-PUBLIC-CONFIG"));
    // Its twin: a subject that an answered listing no longer has is gone.
    assert_eq!(made.resolved.len(), 1);
    assert!(made.resolved[0].gone);
}

#[test]
fn what_a_dead_parent_explains_lies_under_it() {
    let made = report(&everything_down(Language::En));
    let parent = made.new.iter().find(|item| item.finding.check == "PG-DOWN").unwrap();
    assert_eq!(parent.under.len(), 2);
    assert!(made.unknown.iter().all(|unknown| unknown.target != "postgres"));
    let redis = made.environments[0].targets.iter().find(|t| t.target == "redis").unwrap();
    assert_eq!(redis.colour, Colour::Amber, "an optional target is never red for its availability");
}

#[test]
fn a_stale_environment_is_grey_and_first() {
    let made = report(&stale(Language::En));
    assert_eq!(made.environments[0].name, "production");
    assert!(matches!(made.environments[0].standing, Standing::Stale { suite: Suite::Full, .. }));
    assert!(made.new.iter().any(|item| item.last_known));
    let readiness = made.readiness.iter().find(|r| r.environment == "production").unwrap();
    assert!(!readiness.ready);
    assert!(readiness.lines.iter().all(|line| line.state != LineState::Green));
    assert!(subject(&made).starts_with("Vigie: production not audited since 20 Nov, staging green"));
    let never = report(&never(Language::Fr));
    assert_eq!(never.environments[0].standing, Standing::Never);
    assert!(!never.readiness[0].ready);
    assert!(subject(&never).starts_with("Vigie\u{a0}: production jamais audité"));
}

#[test]
fn connections_alone_go_stale_after_a_quarter_of_an_hour() {
    let class = Class::Production;
    let full = |started| Some(run("production", class, Suite::Full, started, well()));
    let connections = |started| Some(run("production", class, Suite::Connections, started, well()));
    let colour = |connections, full| {
        report(&input(vec![observed("production", class, connections, full)], Language::En)).environments[0]
            .standing
            .colour()
    };
    assert_eq!(colour(connections("2026-11-22T05:55:00Z"), full(FULL)), Colour::Green);
    assert_eq!(colour(connections("2026-11-22T05:45:00Z"), full(FULL)), Colour::Grey);
    // A full run repeats the connections checks.
    assert_eq!(colour(connections("2026-11-22T05:45:00Z"), full("2026-11-22T06:01:00Z")), Colour::Green);
    assert_eq!(colour(connections(FRESH), full("2026-11-21T04:00:00Z")), Colour::Grey);
}

#[test]
fn the_newest_run_that_judged_counts() {
    let class = Class::Production;
    let mut older = well();
    older[1] = fail(("PG-DOWN", "down"), "postgres", "postgres", Severity::Critical, []);
    older.push(fail(("SQS-DLQ-NONE", "none"), "sqs", "invoices", Severity::High, []));
    let newer = vec![
        pass("PG-DOWN", "postgres", "postgres"),
        unknown("SQS-DLQ-NONE", "sqs", "invoices", Cause::NotAsked, None),
    ];
    let full = run("production", class, Suite::Full, FULL, older);
    let connections = run("production", class, Suite::Connections, FRESH, newer);
    let made = report(&input(vec![observed("production", class, Some(connections), Some(full))], Language::En));
    let names: Vec<&str> = made.new.iter().map(|item| item.finding.check.as_str()).collect();
    assert_eq!(names, ["SQS-DLQ-NONE"], "the newer pass counts, and what it did not ask stands");
}

#[test]
fn an_unreadable_run_or_head_is_said() {
    let gap = || Gap::denied("s3:GetObject", Identity::Auditor);
    let mut blind = observed("production", Class::Production, None, None);
    blind.full = Fact::Gap(gap());
    let made = report(&input(vec![blind], Language::En));
    assert!(matches!(made.environments[0].standing, Standing::Unreadable { .. }));
    assert!(text::mail(&made).contains("Missing permission: s3:GetObject."));
    let full = run("production", Class::Production, Suite::Full, FULL, well());
    let mut headless = observed("production", Class::Production, None, Some(full));
    headless.head = Fact::Gap(gap());
    let made = report(&input(vec![headless], Language::En));
    assert_eq!(made.environments[0].standing.colour(), Colour::Green);
    assert!(text::mail(&made).contains("the head could not be read"));
}

#[test]
fn a_readiness_line_reads_only_its_own_variables() {
    let line = |findings: Vec<Finding>, id: &str| {
        let full = run("staging", Class::Staging, Suite::Full, FULL, findings);
        let made = report(&input(vec![observed("staging", Class::Staging, None, Some(full))], Language::En));
        made.readiness[0].lines.iter().find(|line| line.id == id).unwrap().clone()
    };
    let missing = |name: &str| fail(("ENV-REQUIRED-MISSING", "missing"), "variables", name, Severity::Critical, []);
    let with = |finding: Finding| vec![finding, pass("PG-DOWN", "postgres", "postgres")];
    assert_eq!(line(with(missing("DATABASE_URL")), "S1").state, LineState::Red);
    assert_eq!(line(with(missing("NEXTAUTH_SECRET")), "S1").state, LineState::Green);
    let unread = unknown("ENV-REQUIRED-MISSING", "variables", "variables", Cause::SourceUnread, None);
    assert_eq!(line(with(unread), "S1").state, LineState::Grey);
    let s1 = line(with(pass("ENV-REQUIRED-MISSING", "variables", "DATABASE_URL")), "S1");
    assert!(s1.looked_at < s1.listed, "a listed check that nobody ran is not looked at, and the line says so");
    assert_eq!(line(with(missing("DATABASE_URL")), "S7").state, LineState::NotLookedAt);
    let mut mild = missing("DATABASE_URL");
    mild.check = "SQS-DLQ-NONE".to_owned();
    mild.severity = Severity::Low;
    let full = run("production", Class::Production, Suite::Full, FULL, vec![mild]);
    let made = report(&input(vec![observed("production", Class::Production, None, Some(full))], Language::En));
    assert_eq!(made.readiness[0].lines.iter().find(|l| l.id == "P11").unwrap().state, LineState::Amber);
}

#[test]
fn maintenance_and_flapping_are_said() {
    let plain = report(&mixed(Language::En));
    assert!(!text::mail(&plain).contains("Maintenance") && plain.new.iter().all(|item| !item.flaps));
    let mut input = mixed(Language::En);
    for of in input.environments.iter_mut().filter(|of| of.environment.name == "production") {
        if let Fact::Known(Some(run)) = &mut of.full {
            run.maintenance.push(vigie_core::run::MaintenanceNote {
                targets: vec!["postgres".to_owned()],
                owner: "ana".to_owned(),
                reason: "upgrade".to_owned(),
                until: at("2026-11-22T08:00:00Z"),
            });
        }
        if let Fact::Known(Some(head)) = &mut of.head {
            let chain = serde_json::json!({
                "failing_since": FULL, "fails": 1, "fired_at": FULL, "notified_at": FULL, "notices": 1, "severity": "high",
                "target": "eventbridge", "fault": "no-target", "flapping": true,
            });
            head.chains = [("EB-RULE-INERT/invoice-paid".to_owned(), serde_json::from_value(chain).unwrap())].into();
        }
    }
    let made = report(&input);
    let says = text::mail(&made).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(says.contains("Maintenance of postgres until 22 Nov 2026, 09:00, by ana: upgrade."), "{says}");
    assert!(says.contains("it flaps"), "{says}");
    assert_eq!(made.new.iter().filter(|item| item.flaps).count(), 1);
}

#[test]
fn what_could_not_be_reached_is_not_called_refused() {
    let told = |fault: &str, cause: Cause| {
        let evidence = [("rung", Value::name("resolve")), ("cause", Value::name(cause.code()))];
        let mut found = fail(("CRED-INVALID", fault), "credentials", "credentials", Severity::High, evidence);
        found.cause = Some(cause);
        let full = run("production", Class::Production, Suite::Full, FULL, vec![found]);
        let made = report(&input(vec![observed("production", Class::Production, None, Some(full))], Language::En));
        text::mail(&made).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (title, remedy) = ("The app’s AWS credentials are refused", "Replace the credential");
    let unreached = told("unreachable", Cause::Dns);
    assert!(unreached.contains("HIGH No connection to AWS STS: credentials"), "{unreached}");
    assert!(!unreached.contains(title) && !unreached.contains(remedy), "{unreached}");
    assert!(unreached.contains("Check the host name and the DNS zone"), "the cause says what to do");
    let refused = told("refused", Cause::InvalidKey);
    assert!(refused.contains(title) && refused.contains(remedy), "{refused}");
}
