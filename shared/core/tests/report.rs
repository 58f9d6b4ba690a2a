//! The report: what is new, resolved, stays and is unknown; that every outside string is text; that no mail is too large.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use jiff::Timestamp;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Kind, Severity, Suite};
use vigie_core::contract::Contract;
use vigie_core::evidence::{Evidence, Value};
use vigie_core::facts::{Fact, Gap, Identity, Rung};
use vigie_core::head::{Bucket, Head, History};
use vigie_core::healthy;
use vigie_core::report::view::{Colour, LineState, Standing};
use vigie_core::report::{Input, Observed, Open, html, markdown, page, readiness, report, subject, text};
use vigie_core::run::{
    Coverage, Expiry, ExpiryKind, Finding, MuteNote, Outcome, Run, RungReport, SCHEMA, TargetReport, Verdict,
};
use vigie_core::text::Language;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-22T06:05:00Z";
const YESTERDAY: &str = "2026-11-21T06:04:00Z";

fn finding(check: &str, target: &str, subject: &str, outcome: Outcome, severity: Severity) -> Finding {
    Finding {
        check: check.to_owned(),
        fault: None,
        target: target.to_owned(),
        subject: subject.to_owned(),
        outcome,
        severity,
        cause: None,
        action: None,
        asked_as: None,
        failing_since: None,
        parent: None,
        mute: None,
        evidence: Evidence::new(),
    }
}

fn pass(check: &str, target: &str, subject: &str) -> Finding {
    finding(check, target, subject, Outcome::Pass, Severity::High)
}

fn fail<const N: usize>(
    (check, fault): (&str, &str),
    target: &str,
    subject: &str,
    severity: Severity,
    evidence: [(&str, Value); N],
) -> Finding {
    let mut evidence: Evidence = evidence.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    evidence.insert("subject".to_owned(), Value::name(subject));
    Finding {
        fault: Some(fault.to_owned()),
        failing_since: Some(at(FULL)),
        evidence,
        ..finding(check, target, subject, Outcome::Fail, severity)
    }
}

fn unknown(check: &str, target: &str, subject: &str, cause: Cause, action: Option<&str>) -> Finding {
    Finding {
        cause: Some(cause),
        action: action.map(str::to_owned),
        asked_as: Some(Identity::Auditor),
        ..finding(check, target, subject, Outcome::Unknown, Severity::High)
    }
}

fn target(name: &str, kind: Kind, fell: Option<(Rung, Cause)>) -> TargetReport {
    let rungs = [Rung::Resolve, Rung::Connect, Rung::Tls, Rung::Authenticate, Rung::Query]
        .into_iter()
        .take_while(|rung| fell.is_none_or(|(fallen, _)| *rung <= fallen))
        .map(|rung| {
            let cause = fell.filter(|(fallen, _)| rung == *fallen).map(|(_, cause)| cause);
            RungReport { rung, ms: 7, cause, code: None }
        })
        .collect();
    TargetReport {
        target: name.to_owned(),
        kind,
        verdict: Verdict::Green,
        optional: name == "redis",
        attempts: 1,
        rungs,
    }
}

/// The findings, and not applicable for every other check of the suite, as the judge says it.
fn run(environment: &str, class: Class, suite: Suite, started: &str, mut findings: Vec<Finding>) -> Run {
    // Those that are listed and not implemented yet, too, but one: so that the goldens do not change with each new check.
    let listed = readiness::LINES.iter().flat_map(|line| line.narrow.iter().chain(line.checks)).copied();
    let asked = vigie_core::checks::all().filter(|check| check.suite <= suite).map(|check| check.id);
    for id in asked.chain(listed.filter(|id| vigie_core::checks::find(id).is_none() && *id != "PG-SCHEMA-WRONG")) {
        if !findings.iter().any(|f| f.check == id) {
            findings.push(finding(id, "variables", "", Outcome::NotApplicable, Severity::High));
        }
    }
    Run {
        schema: SCHEMA.to_owned(),
        id: format!("{environment}/{}/{started}", suite.name()),
        environment: environment.to_owned(),
        class,
        suite,
        scheduled_at: Some(at(started)),
        started_at: at(started),
        duration_ms: 900,
        verdict: Verdict::Green,
        coverage: Coverage::default(),
        targets: vec![
            target("credentials", Kind::Credentials, None),
            target("postgres", Kind::Postgres, None),
            target("redis", Kind::Redis, None),
            target("s3", Kind::S3, None),
            target("sqs", Kind::Sqs, None),
            target("https:app", Kind::Https, None),
        ],
        findings,
        expires: vec![Expiry {
            kind: ExpiryKind::Certificate,
            target: "https:app".to_owned(),
            subject: "shop.example".to_owned(),
            at: at("2026-12-11T23:59:59Z"),
        }],
        maintenance: Vec::new(),
        sinks: Vec::new(),
        stored_at: None,
    }
}

fn head(environment: &str, class: Class) -> Head {
    let bucket = |asked, up| Bucket { from: at(YESTERDAY), asked, up, p50: 30, p95: 60, samples: Vec::new() };
    let history = |up| History { hours: vec![bucket(288, up)], days: vec![bucket(8640, 8600 + up / 10)] };
    Head {
        schema: vigie_core::head::SCHEMA.to_owned(),
        environment: environment.to_owned(),
        class,
        run: String::new(),
        scheduled_at: at(NOW),
        newest: Named::new(),
        chains: Named::new(),
        changes: Named::new(),
        first_unsaid: false,
        memory: vigie_core::snapshot::Memory::default(),
        history: [("postgres".to_owned(), history(287)), ("https:app".to_owned(), history(288))].into(),
        fingerprints: Named::new(),
    }
}

fn contract() -> Contract {
    Contract {
        required: vec![vec!["DATABASE_URL".to_owned()], vec!["NEXTAUTH_SECRET".to_owned()]],
        databases: [("postgres".to_owned(), "DATABASE_URL".to_owned())].into(),
        buckets: vec!["AWS_S3_BUCKET".to_owned()],
        mail_from: Some("FROM_EMAIL".to_owned()),
        ..Contract::default()
    }
}

fn observed(environment: &str, class: Class, connections: Option<Run>, full: Option<Run>) -> Observed {
    let mut of = healthy::snapshot(class).environment;
    of.name = environment.to_owned();
    of.contract = contract();
    Observed {
        environment: of,
        connections: Fact::Known(connections),
        full: Fact::Known(full),
        head: Fact::Known(Some(head(environment, class))),
        previous: None,
    }
}

fn input(environments: Vec<Observed>, language: Language) -> Input {
    let since = environments.iter().any(|e| e.previous.is_some()).then(|| at(YESTERDAY));
    let time_zone = "Europe/Paris".to_owned();
    Input { environments, now: at(NOW), since, language, time_zone, repeat: false, least: Severity::Info }
}

const FULL: &str = "2026-11-22T04:05:00Z";
const FRESH: &str = "2026-11-22T06:00:00Z";

fn well() -> Vec<Finding> {
    vec![
        pass("ENV-REQUIRED-MISSING", "variables", "DATABASE_URL"),
        pass("PG-DOWN", "postgres", "postgres"),
        pass("PG-TLS-UNVERIFIED", "postgres", "postgres"),
        pass("S3-ROUNDTRIP", "s3", "shop-media"),
        pass("SQS-DLQ-NONE", "sqs", "orders"),
        pass("HTTP-DOWN", "https:app", "https:app"),
    ]
}

fn open(check: &str, target: &str, subject: &str) -> Open {
    Open {
        check: check.to_owned(),
        fault: None,
        target: target.to_owned(),
        subject: subject.to_owned(),
        severity: Severity::High,
        failing_since: Some(at("2026-11-20T04:05:00Z")),
        muted: false,
    }
}

fn all_green(language: Language) -> Input {
    let class = Class::Production;
    let full = run("production", class, Suite::Full, FULL, well());
    let connections = run("production", class, Suite::Connections, FRESH, well());
    let mut one = observed("production", class, Some(connections), Some(full));
    one.previous = Some(Vec::new());
    input(vec![one], language)
}

fn mixed(language: Language) -> Input {
    let class = Class::Production;
    let mut muted = fail(("S3-REPLICATION-NONE", "none"), "s3", "shop-media", Severity::Medium, []);
    muted.mute = Some(MuteNote {
        owner: "ana".to_owned(),
        reason: "single region by choice".to_owned(),
        until: jiff::civil::date(2027, 3, 1),
    });
    muted.failing_since = Some(at("2026-11-03T04:05:00Z"));
    let mut old = fail(("SQS-DLQ-NONE", "none"), "sqs", "orders", Severity::High, []);
    old.failing_since = Some(at("2026-11-20T04:05:00Z"));
    let near = [
        ("value", Value::Percent(86.0)),
        ("limit", Value::Percent(85.0)),
        ("used", Value::Count(86)),
        ("usable", Value::Count(100)),
    ];
    let findings = vec![
        pass("PG-DOWN", "postgres", "postgres"),
        fail(("PG-CONN-SATURATION", "high"), "postgres", "postgres", Severity::High, near),
        old,
        fail(("EB-RULE-INERT", "no-target"), "eventbridge", "invoice-paid", Severity::High, []),
        pass("SQS-UNREACHABLE", "sqs", "orders"),
        muted,
        pass("S3-ROUNDTRIP", "s3", "shop-media"),
        unknown("S3-PUBLIC-CONFIG", "s3", "shop-media", Cause::Denied, Some("s3:GetBucketAcl")),
        unknown("CRED-OVERPRIVILEGED", "credentials", "credentials", Cause::Denied, Some("iam:ListRolePolicies")),
        unknown("ENV-CROSS-SHARED", "variables", "DATABASE_URL", Cause::NoNeighbour, None),
    ];
    let full = run("production", class, Suite::Full, FULL, findings);
    let mut production = observed("production", class, None, Some(full));
    production.previous = Some(vec![open("SQS-DLQ-NONE", "sqs", "orders"), open("S3-ROUNDTRIP", "s3", "shop-media")]);
    let mut staging =
        observed("staging", Class::Staging, None, Some(run("staging", Class::Staging, Suite::Full, FULL, well())));
    staging.previous = Some(Vec::new());
    input(vec![staging, production], language)
}

fn under(mut finding: Finding, parent: &str) -> Finding {
    finding.parent = Some(parent.to_owned());
    finding
}

fn everything_down(language: Language) -> Input {
    let class = Class::Production;
    let down = |check: &str, target: &str, subject: &str, severity: Severity, rung: &str, cause: Cause| {
        let code = ("code", Value::name("-"));
        let evidence = [("rung", Value::name(rung)), ("cause", Value::name(cause.code())), code];
        let origin = ("origin".to_owned(), Value::name("https://shop.example"));
        let mut finding = fail((check, "down"), target, subject, severity, evidence);
        finding.evidence.extend([origin, ("variable".to_owned(), Value::name("ORDERS_QUEUE_URL"))]);
        finding.cause = Some(cause);
        finding
    };
    let dead = unknown("PG-TLS-UNVERIFIED", "postgres", "postgres", Cause::Refused, None);
    let findings = vec![
        down("PG-DOWN", "postgres", "postgres", Severity::Critical, "connect", Cause::Refused),
        under(dead.clone(), "PG-DOWN"),
        under(Finding { check: "PG-READ-ONLY".to_owned(), ..dead }, "PG-DOWN"),
        down("REDIS-DOWN", "redis", "redis", Severity::High, "resolve", Cause::Dns),
        down("SQS-UNREACHABLE", "sqs", "orders", Severity::High, "query", Cause::Timeout),
        down("HTTP-DOWN", "https:app", "https:app", Severity::Critical, "tls", Cause::TlsExpired),
        unknown("S3-BUCKET-MISSING", "s3", "shop-media", Cause::Timeout, None),
    ];
    let mut full = run("production", class, Suite::Full, FULL, findings);
    full.targets = vec![
        target("postgres", Kind::Postgres, Some((Rung::Connect, Cause::Refused))),
        target("redis", Kind::Redis, Some((Rung::Resolve, Cause::Dns))),
        target("https:app", Kind::Https, Some((Rung::Tls, Cause::TlsExpired))),
    ];
    full.expires[0].at = at("2026-11-21T00:00:00Z");
    input(vec![observed("production", class, None, Some(full))], language)
}

fn stale(language: Language) -> Input {
    let mut old = run("production", Class::Production, Suite::Full, "2026-11-20T04:05:00Z", well());
    old.findings.push(fail(("SQS-DLQ-NONE", "none"), "sqs", "invoices", Severity::High, []));
    let fresh = run("staging", Class::Staging, Suite::Full, FULL, well());
    let staging = observed("staging", Class::Staging, None, Some(fresh));
    input(vec![staging, observed("production", Class::Production, None, Some(old))], language)
}

fn never(language: Language) -> Input {
    input(vec![observed("production", Class::Production, None, None)], language)
}

type Story = (&'static str, fn(Language) -> Input);
const STORIES: [Story; 5] = [
    ("all_green", all_green),
    ("mixed", mixed),
    ("everything_down", everything_down),
    ("stale", stale),
    ("never", never),
];

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
