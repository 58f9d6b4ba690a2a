//! Findings, runs and heads by hand, and the five reports that the tests are about.

use jiff::Timestamp;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Kind, Severity, Suite};
use vigie_core::contract::Contract;
use vigie_core::evidence::{Evidence, Value};
use vigie_core::facts::{Fact, Identity, Rung};
use vigie_core::head::{Bucket, Head, History};
use vigie_core::healthy;
use vigie_core::report::{Input, Observed, Open, readiness};
use vigie_core::run::{
    Coverage, Expiry, ExpiryKind, Finding, MuteNote, Outcome, Run, RungReport, SCHEMA, TargetReport, Verdict,
};
use vigie_core::text::Language;

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub const NOW: &str = "2026-11-22T06:05:00Z";
pub const YESTERDAY: &str = "2026-11-21T06:04:00Z";

pub fn finding(check: &str, target: &str, subject: &str, outcome: Outcome, severity: Severity) -> Finding {
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

pub fn pass(check: &str, target: &str, subject: &str) -> Finding {
    finding(check, target, subject, Outcome::Pass, Severity::High)
}

pub fn fail<const N: usize>(
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

pub fn unknown(check: &str, target: &str, subject: &str, cause: Cause, action: Option<&str>) -> Finding {
    Finding {
        cause: Some(cause),
        action: action.map(str::to_owned),
        asked_as: Some(Identity::Auditor),
        ..finding(check, target, subject, Outcome::Unknown, Severity::High)
    }
}

pub fn target(name: &str, kind: Kind, fell: Option<(Rung, Cause)>) -> TargetReport {
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
pub fn run(environment: &str, class: Class, suite: Suite, started: &str, mut findings: Vec<Finding>) -> Run {
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

pub fn head(environment: &str, class: Class) -> Head {
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

pub fn contract() -> Contract {
    Contract {
        required: vec![vec!["DATABASE_URL".to_owned()], vec!["NEXTAUTH_SECRET".to_owned()]],
        databases: [("postgres".to_owned(), "DATABASE_URL".to_owned())].into(),
        buckets: vec!["AWS_S3_BUCKET".to_owned()],
        mail_from: Some("FROM_EMAIL".to_owned()),
        ..Contract::default()
    }
}

pub fn observed(environment: &str, class: Class, connections: Option<Run>, full: Option<Run>) -> Observed {
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

pub fn input(environments: Vec<Observed>, language: Language) -> Input {
    let since = environments.iter().any(|e| e.previous.is_some()).then(|| at(YESTERDAY));
    let time_zone = "Europe/Paris".to_owned();
    Input { environments, now: at(NOW), since, language, time_zone, repeat: false, least: Severity::Info }
}

pub const FULL: &str = "2026-11-22T04:05:00Z";
pub const FRESH: &str = "2026-11-22T06:00:00Z";

pub fn well() -> Vec<Finding> {
    vec![
        pass("ENV-REQUIRED-MISSING", "variables", "DATABASE_URL"),
        pass("PG-DOWN", "postgres", "postgres"),
        pass("PG-TLS-UNVERIFIED", "postgres", "postgres"),
        pass("S3-ROUNDTRIP", "s3", "shop-media"),
        pass("SQS-DLQ-NONE", "sqs", "orders"),
        pass("HTTP-DOWN", "https:app", "https:app"),
    ]
}

pub fn open(check: &str, target: &str, subject: &str) -> Open {
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

pub fn all_green(language: Language) -> Input {
    let class = Class::Production;
    let full = run("production", class, Suite::Full, FULL, well());
    let connections = run("production", class, Suite::Connections, FRESH, well());
    let mut one = observed("production", class, Some(connections), Some(full));
    one.previous = Some(Vec::new());
    input(vec![one], language)
}

pub fn mixed(language: Language) -> Input {
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

pub fn under(mut finding: Finding, parent: &str) -> Finding {
    finding.parent = Some(parent.to_owned());
    finding
}

pub fn everything_down(language: Language) -> Input {
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

pub fn stale(language: Language) -> Input {
    let mut old = run("production", Class::Production, Suite::Full, "2026-11-20T04:05:00Z", well());
    old.findings.push(fail(("SQS-DLQ-NONE", "none"), "sqs", "invoices", Severity::High, []));
    let fresh = run("staging", Class::Staging, Suite::Full, FULL, well());
    let staging = observed("staging", Class::Staging, None, Some(fresh));
    input(vec![staging, observed("production", Class::Production, None, Some(old))], language)
}

pub fn never(language: Language) -> Input {
    input(vec![observed("production", Class::Production, None, None)], language)
}

pub type Story = (&'static str, fn(Language) -> Input);
pub const STORIES: [Story; 5] = [
    ("all_green", all_green),
    ("mixed", mixed),
    ("everything_down", everything_down),
    ("stale", stale),
    ("never", never),
];
