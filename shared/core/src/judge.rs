//! Snapshot -> findings -> run. Pure: the same snapshot gives the same run.

use crate::cause::Cause;
use crate::check::{Because, Check, Cx, Judged, Judgements, Kind, Severity, is_reach};
use crate::checks;
use crate::evidence::Evidence;
use crate::expires;
use crate::facts::{Gap, Identity};
use crate::run::{Coverage, Finding, MuteNote, Outcome, Run, RungReport, SCHEMA, TargetReport, Verdict};
use crate::snapshot::{Environment, Snapshot};

/// Judges all checks of the snapshot's suite.
#[must_use]
pub fn judge(snapshot: &Snapshot) -> Run {
    let mut findings: Vec<Finding> = Vec::new();
    for check in checks::all().filter(|check| check.suite <= snapshot.suite) {
        let cx = Cx {
            now: snapshot.now,
            suite: snapshot.suite,
            environment: &snapshot.environment,
            facts: &snapshot.facts,
            memory: &snapshot.memory,
            neighbours: &snapshot.neighbours,
            findings: &findings,
            check,
        };
        let mut say = Judgements::new(check);
        (check.judge)(&cx, &mut say);
        if say.said.is_empty()
            && let Some(gap) = hidden(check.kind, snapshot)
        {
            say.one(Err(gap));
        }
        let said = say.said;
        if said.is_empty() {
            findings.push(not_applicable(check, snapshot));
        }
        findings.extend(said.into_iter().map(|judged| finding(check, judged, snapshot)));
    }
    place_under_parents(&mut findings);
    let targets = target_reports(snapshot, &findings);
    let verdict = findings.iter().map(|f| weight(f, &snapshot.environment)).max().unwrap_or(Verdict::Green);
    let count = |wanted: &[Outcome]| {
        u32::try_from(findings.iter().filter(|f| wanted.contains(&f.outcome)).count()).unwrap_or(u32::MAX)
    };
    Run {
        schema: SCHEMA.to_owned(),
        id: snapshot.id.clone(),
        environment: snapshot.environment.name.clone(),
        class: snapshot.environment.class,
        suite: snapshot.suite,
        scheduled_at: snapshot.timing.scheduled_at,
        started_at: snapshot.now,
        duration_ms: snapshot.timing.duration_ms,
        verdict,
        coverage: Coverage { answered: count(&[Outcome::Pass, Outcome::Fail]), unknown: count(&[Outcome::Unknown]) },
        targets,
        findings,
        expires: expires::of(&snapshot.facts, &snapshot.memory),
        maintenance: snapshot.environment.maintenance.iter().filter_map(|window| window.note(snapshot.now)).collect(),
        sinks: Vec::new(),
        stored_at: None,
    }
}

fn finding(check: &'static Check, judged: Judged, snapshot: &Snapshot) -> Finding {
    let class = snapshot.environment.class;
    let mut out = Finding {
        check: check.id.to_owned(),
        fault: None,
        target: judged.target,
        subject: judged.subject,
        outcome: Outcome::Pass,
        severity: check.severity.of(class),
        cause: None,
        action: None,
        asked_as: None,
        failing_since: None,
        parent: None,
        mute: None,
        evidence: Evidence::new(),
    };
    match judged.judgement {
        Ok(None) => {}
        Ok(Some(Because { cause: Some(cause), asked_as, .. })) if a_choice(cause) => {
            out.outcome = Outcome::NotApplicable;
            out.cause = Some(cause);
            out.asked_as = asked_as;
        }
        Ok(Some(Because { fault, mut evidence, cause, asked_as })) => {
            out.outcome = Outcome::Fail;
            if let Some(fault) = check.fault(fault) {
                out.severity = check.severity_of(fault, class);
            }
            evidence.entry("subject".to_owned()).or_insert_with(|| crate::evidence::Value::Name(out.subject.clone()));
            out.fault = Some(fault.to_owned());
            out.evidence = evidence;
            out.cause = cause;
            out.asked_as = asked_as;
            out.mute = mute(&out, snapshot);
        }
        Err(gap) => {
            let Gap { cause, action, asked_as } = unread(gap, snapshot);
            out.outcome = if a_choice(cause) { Outcome::NotApplicable } else { Outcome::Unknown };
            out.cause = Some(cause);
            out.action = action;
            out.asked_as = Some(asked_as);
        }
    }
    out
}

/// Not asked by decision, not for want of an answer: not applicable, and the cause says how to change it.
fn a_choice(cause: Cause) -> bool {
    matches!(cause, Cause::WritesOff | Cause::Protected | Cause::NoPublicRoute)
}

/// The gap of a source that could not be read and may name the target: nothing else does, and the contract expects one. Then
/// its checks are unknown; not to have looked does not make them inapplicable.
fn hidden(kind: Kind, snapshot: &Snapshot) -> Option<Gap> {
    let (facts, contract) = (&snapshot.facts, &snapshot.environment.contract);
    let site = contract.auth.as_ref().is_some_and(|auth| !auth.url.is_empty());
    let expected = match kind {
        Kind::Postgres => facts.postgres.is_empty() && !contract.databases.is_empty(),
        Kind::Redis => facts.redis.is_empty() && contract.redis.is_some(),
        Kind::Https => facts.https.is_empty() && (site || !contract.addresses.is_empty()),
        Kind::S3 => facts.s3.is_none() && !contract.buckets.is_empty(),
        Kind::Sqs => facts.sqs.is_none() && !(contract.queues.is_empty() && contract.dead_letter_queues.is_empty()),
        Kind::EventBridge => facts.eventbridge.is_none() && !contract.bus.is_empty(),
        Kind::Rds => facts.rds.is_none() && !contract.databases.is_empty(),
        Kind::Variables | Kind::Credentials | Kind::Ses | Kind::CloudWatch | Kind::Vigie => false,
    };
    if expected { facts.variables.gap() } else { None }
}

/// What is not given may be given by a source that could not be read: then that is why it is unknown.
fn unread(gap: Gap, snapshot: &Snapshot) -> Gap {
    match snapshot.facts.variables.gap() {
        Some(of_source) if gap.cause == Cause::NotGiven => of_source,
        _ => gap,
    }
}

fn not_applicable(check: &'static Check, snapshot: &Snapshot) -> Finding {
    Finding {
        check: check.id.to_owned(),
        fault: None,
        target: check.kind.name().to_owned(),
        subject: String::new(),
        outcome: Outcome::NotApplicable,
        severity: check.severity.of(snapshot.environment.class),
        cause: None,
        action: None,
        asked_as: None,
        failing_since: None,
        parent: None,
        mute: None,
        evidence: Evidence::new(),
    }
}

/// The mute that covers a finding today, if any.
fn mute(finding: &Finding, snapshot: &Snapshot) -> Option<MuteNote> {
    let today = snapshot.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    snapshot
        .environment
        .mutes
        .iter()
        .find(|mute| {
            mute.check == finding.check
                && mute.subject.as_ref().is_none_or(|subject| *subject == finding.subject)
                && mute.until >= today
        })
        .map(|mute| MuteNote { owner: mute.owner.clone(), reason: mute.reason.clone(), until: mute.until })
}

/// Puts what a dead target or a refused credential explains under the check that says so.
fn place_under_parents(findings: &mut [Finding]) {
    let dead: Vec<(String, String, Option<Cause>)> = findings
        .iter()
        .filter(|f| f.outcome == Outcome::Fail && is_reach(&f.check))
        .map(|f| (f.check.clone(), f.target.clone(), f.cause))
        .collect();
    let refused = dead.iter().find(|(check, ..)| check == "CRED-INVALID").cloned();
    for finding in findings.iter_mut() {
        if !matches!(finding.outcome, Outcome::Unknown | Outcome::Fail) {
            continue;
        }
        let credential = refused.as_ref().filter(|(check, _, cause)| {
            *check != finding.check
                && finding.cause.is_some()
                && finding.cause == *cause
                && finding.asked_as == Some(Identity::App)
                && kind_of(&finding.check).is_some_and(takes_credentials)
        });
        let own = dead.iter().find(|(check, target, cause)| {
            finding.outcome == Outcome::Unknown
                && *check != finding.check
                && *target == finding.target
                && finding.cause == *cause
        });
        finding.parent = credential.or(own).map(|(check, ..)| check.clone());
    }
}

/// A database or a site that is gone for the same cause is gone for itself.
fn takes_credentials(kind: Kind) -> bool {
    match kind {
        Kind::Credentials | Kind::Ses | Kind::S3 | Kind::Sqs | Kind::EventBridge | Kind::CloudWatch | Kind::Rds => true,
        Kind::Variables | Kind::Postgres | Kind::Redis | Kind::Https | Kind::Vigie => false,
    }
}

fn kind_of(check: &str) -> Option<Kind> {
    checks::find(check).map(|check| check.kind)
}

/// What one finding makes of a verdict. A muted fail counts for nothing; the availability of an optional target never
/// makes it red.
#[must_use]
pub fn weight(finding: &Finding, environment: &Environment) -> Verdict {
    let grave = finding.severity >= Severity::High;
    match finding.outcome {
        Outcome::Fail if finding.mute.is_some() => Verdict::Green,
        Outcome::Fail if grave => {
            let availability = is_reach(&finding.check);
            let optional = environment.optional.contains(&finding.target);
            if availability && optional { Verdict::Amber } else { Verdict::Red }
        }
        Outcome::Fail if finding.severity == Severity::Medium => Verdict::Amber,
        Outcome::Unknown if grave => Verdict::Amber,
        _ => Verdict::Green,
    }
}

fn target_reports(snapshot: &Snapshot, findings: &[Finding]) -> Vec<TargetReport> {
    let mut targets: Vec<TargetReport> = Vec::new();
    let mut add = |kind: Kind, name: &str, attempts: u32, rungs: Vec<RungReport>| {
        if targets.iter().any(|t| t.target == name) {
            return;
        }
        let verdict = findings
            .iter()
            .filter(|f| f.target == name)
            .map(|f| weight(f, &snapshot.environment))
            .max()
            .unwrap_or(Verdict::Green);
        let optional = snapshot.environment.optional.iter().any(|o| o == name);
        targets.push(TargetReport { target: name.to_owned(), kind, verdict, optional, attempts, rungs });
    };
    for (kind, name, ladder) in snapshot.facts.ladders() {
        let rungs = ladder
            .steps()
            .iter()
            .map(|s| RungReport { rung: s.rung, ms: s.ms, cause: s.cause, code: s.code.clone() })
            .collect();
        add(kind, &name, u32::try_from(ladder.attempts.len()).unwrap_or(u32::MAX), rungs);
    }
    // A target without a ladder, such as the variables, is a target as soon as a check applied to it.
    for finding in findings.iter().filter(|f| f.outcome != Outcome::NotApplicable) {
        if let Some(kind) = kind_of(&finding.check) {
            add(kind, &finding.target, 0, Vec::new());
        }
    }
    targets.sort_by(|a, b| (a.kind, &a.target).cmp(&(b.kind, &b.target)));
    targets
}
