//! OCSF 1.7.0: an array of Compliance Findings (class 2003), a judged finding each.

use serde_json::{Map, Value, json};
use vigie_core::check::Severity;
use vigie_core::evidence::clean;
use vigie_core::report::Report;
use vigie_core::run::Outcome;
use vigie_core::text::Language;

use super::Extras;
use super::rows::{self, Row};

const VERSION: &str = "1.7.0";
const CLASS: u32 = 2003;

/// What does not apply is left out: nothing was evaluated.
pub fn events(report: &Report, extras: &Extras) -> Value {
    let all = rows::rows(report);
    let judged = all.iter().filter(|row| row.finding.outcome != Outcome::NotApplicable);
    judged.map(|row| event(row, report, extras)).collect()
}

fn event(row: &Row<'_>, report: &Report, extras: &Extras) -> Value {
    let f = row.finding;
    let (activity, activity_name) = activity(row, extras);
    let (status, status_name) = status(row);
    let (severity, severity_name) = severity(row.weighs());
    let at = row.judged.as_millisecond();
    with_some(json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("Compliance Finding: {activity_name}"),
        "time": at,
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "status_code": rows::outcome(f.outcome),
        "status_detail": row.says(),
        "message": format!("{}: {}", row.told.heading, row.subject()),
        "metadata": metadata(row, report),
        "finding_info": info(row),
        "compliance": compliance(row),
        "remediation": row.told.remedy.as_ref().map(|remedy| json!({ "desc": remedy })),
        "resources": [resource(row)],
        "unmapped": unmapped(row),
    }))
}

fn metadata(row: &Row<'_>, report: &Report) -> Value {
    let language = match report.language {
        Language::En => "en",
        Language::Fr => "fr",
    };
    json!({
        "version": VERSION,
        "event_code": clean(&row.finding.check),
        "uid": format!("{}/{}", row.fingerprint(), row.judged),
        "product": {
            "name": "Vigie",
            "vendor_name": "Vigie",
            "version": env!("CARGO_PKG_VERSION"),
            "lang": language,
        },
    })
}

fn info(row: &Row<'_>) -> Value {
    let since = row.since.map(|at| at.as_millisecond());
    with_some(json!({
        "uid": row.fingerprint(),
        "title": row.told.heading,
        "desc": row.told.says,
        "created_time": since,
        "first_seen_time": since,
        "last_seen_time": row.judged.as_millisecond(),
        "analytic": { "uid": clean(&row.finding.check), "name": row.told.title, "type_id": 1, "type": "Rule" },
    }))
}

fn compliance(row: &Row<'_>) -> Value {
    let f = row.finding;
    let (status, name) = match f.outcome {
        Outcome::Pass => (1, "Pass"),
        // "The compliance check did not yield a result due to missing information."
        Outcome::Unknown | Outcome::NotApplicable => (2, "Warning"),
        Outcome::Fail => (3, "Fail"),
    };
    let (severity, severity_name) = severity(f.severity);
    with_some(json!({
        "control": clean(&f.check),
        "standards": ["Vigie"],
        "desc": row.told.title,
        "status_id": status,
        "status": name,
        "status_code": f.cause.map(|cause| cause.code()),
        "status_details": [row.told.says],
        "checks": [{
            "uid": clean(&f.check),
            "name": row.told.title,
            "standards": ["Vigie"],
            "severity_id": severity,
            "severity": severity_name,
            "status_id": status,
            "status": name,
            "version": env!("CARGO_PKG_VERSION"),
        }],
    }))
}

fn resource(row: &Row<'_>) -> Value {
    let (environment, target) = (clean(&row.view.name), clean(&row.finding.target));
    json!({
        "uid": format!("{environment}/{target}/{}", row.subject()),
        "name": row.subject(),
        "type": target.split(':').next(),
        "namespace": environment,
        "labels": [format!("class:{}", rows::class(row.view.class)), format!("target:{target}")],
        "role_id": 3,
        "role": "Affected",
    })
}

fn unmapped(row: &Row<'_>) -> Value {
    let f = row.finding;
    with_some(json!({
        "environment": clean(&row.view.name),
        "class": rows::class(row.view.class),
        "target": clean(&f.target),
        "fault": f.fault.as_deref().map(clean),
        "cause": f.cause.map(|cause| cause.code()),
        "action": f.action.as_deref().map(clean),
        "explained_by": f.parent.as_deref().map(clean),
        "last_known": row.last_known,
        "muted": row.told.mute,
        "evidence": f.evidence,
    }))
}

/// Create, update or close, against the earlier report.
fn activity(row: &Row<'_>, extras: &Extras) -> (u32, &'static str) {
    let was = extras.before.as_ref().and_then(|before| before.finding(&row.fingerprint()));
    match (was.map(|was| was.outcome), row.finding.outcome) {
        (None | Some(Outcome::NotApplicable), _) | (Some(Outcome::Pass), Outcome::Fail) => (1, "Create"),
        (Some(Outcome::Fail), Outcome::Pass) => (3, "Close"),
        _ => (2, "Update"),
    }
}

fn status(row: &Row<'_>) -> (u32, &'static str) {
    match row.finding.outcome {
        _ if row.finding.mute.is_some() => (3, "Suppressed"),
        Outcome::Pass => (4, "Resolved"),
        _ => (1, "New"),
    }
}

fn severity(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

/// Without the members that are null: OCSF has attributes that are absent, and none that is null.
fn with_some(value: Value) -> Value {
    match value {
        Value::Object(members) => members.into_iter().filter(|(_, v)| !v.is_null()).collect::<Map<_, _>>().into(),
        other => other,
    }
}
