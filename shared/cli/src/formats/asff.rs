//! The AWS Security Finding Format: an array of findings for `BatchImportFindings`, which takes a hundred at a time.
//!
//! Source of the limits: Security Hub API reference, `AwsSecurityFinding` and the types in it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use vigie_aws::policy::Place;
use vigie_core::check::Severity;
use vigie_core::evidence::clean;
use vigie_core::report::Report;
use vigie_core::report::told::Teller;
use vigie_core::run::{Finding, Outcome};

use super::Extras;
use super::rows::{self, Row, bounded};

const TITLE: usize = 256;
const DESCRIPTION: usize = 1024;
const RECOMMENDATION: usize = 512;
const FIELD: usize = 1024;
const TYPE: &str = "Software and Configuration Checks";

/// What does not apply is left out. What the earlier report told of, and nobody tells of any more, is archived.
pub fn findings(report: &Report, extras: &Extras, place: &Place) -> Value {
    let teller = Teller::new(report);
    let mut out: Vec<Value> = Vec::new();
    for view in &report.environments {
        let rows = rows::of(report, view, &teller);
        out.extend(rows.iter().filter(|row| judged(row.finding)).map(|row| finding(row, place, "ACTIVE")));
        let Some(before) = &extras.before else { continue };
        for row in before.left(report, view, &rows, &teller, judged) {
            let row = Row { judged: view.audited_at.unwrap_or(report.at), ..row };
            out.push(finding(&row, place, "ARCHIVED"));
        }
    }
    out.into()
}

fn judged(finding: &Finding) -> bool {
    finding.outcome != Outcome::NotApplicable
}

fn finding(row: &Row<'_>, place: &Place, state: &str) -> Value {
    let f = row.finding;
    let Place { partition, region, account } = place;
    let severity = json!({ "Label": label(row.weighs()), "Original": f.severity.name() });
    let mut out = json!({
        "SchemaVersion": "2018-10-08",
        "Id": format!("vigie/{}", row.fingerprint()),
        "ProductArn": format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default"),
        "GeneratorId": format!("vigie/{}", clean(&f.check)),
        "AwsAccountId": account,
        "Region": region,
        "CompanyName": "Vigie",
        "ProductName": "Vigie",
        "Types": [TYPE],
        "FirstObservedAt": time(row.since.unwrap_or(row.judged)),
        "LastObservedAt": time(row.judged),
        "CreatedAt": time(row.since.unwrap_or(row.judged)),
        "UpdatedAt": time(row.judged),
        "Severity": severity,
        "FindingProviderFields": { "Severity": severity, "Types": [TYPE] },
        "Title": bounded(&format!("{}: {}", row.told.heading, row.subject()), TITLE),
        "Description": bounded(&row.says(), DESCRIPTION),
        "ProductFields": fields(row),
        "Resources": [resource(row, place)],
        "Compliance": compliance(f, row),
        "RecordState": state,
    });
    if let Some(remedy) = &row.told.remedy {
        out["Remediation"] = json!({ "Recommendation": { "Text": bounded(remedy, RECOMMENDATION) } });
    }
    if f.mute.is_some() {
        // Kept when the finding is made; afterwards the workflow is the people's, and an import leaves it alone.
        out["Workflow"] = json!({ "Status": "SUPPRESSED" });
    }
    out
}

fn compliance(f: &Finding, row: &Row<'_>) -> Value {
    let status = match f.outcome {
        Outcome::Pass => "PASSED",
        Outcome::Fail => "FAILED",
        // "Check could not be performed due to a service outage, API error": never a pass.
        Outcome::Unknown | Outcome::NotApplicable => "NOT_AVAILABLE",
    };
    let mut out = json!({ "Status": status, "SecurityControlId": clean(&f.check) });
    if let Some(cause) = f.cause {
        let code = cause.code().to_uppercase().replace('-', "_");
        out["StatusReasons"] = json!([{ "ReasonCode": code, "Description": bounded(&row.told.says, FIELD) }]);
    }
    out
}

fn resource(row: &Row<'_>, place: &Place) -> Value {
    let (environment, target) = (clean(&row.view.name), clean(&row.finding.target));
    let details = json!({
        "Environment": environment,
        "Class": rows::class(row.view.class),
        "Target": target,
        "Subject": row.subject(),
    });
    json!({
        "Type": "Other",
        "Id": bounded(&format!("vigie/{environment}/{target}/{}", row.subject()), RECOMMENDATION),
        "Partition": place.partition,
        "Region": place.region,
        "Details": { "Other": details },
    })
}

/// At most 50 pairs, keys of 128 and values of 2,048 characters.
fn fields(row: &Row<'_>) -> Value {
    let f = row.finding;
    let all = [
        ("Environment", Some(clean(&row.view.name))),
        ("Target", Some(clean(&f.target))),
        ("Subject", Some(row.subject())),
        ("Outcome", Some(rows::outcome(f.outcome).to_owned())),
        ("Fault", f.fault.as_deref().map(clean)),
        ("Cause", f.cause.map(|cause| cause.code().to_owned())),
        ("Action", f.action.as_deref().map(clean)),
        ("ExplainedBy", f.parent.as_deref().map(clean)),
        ("Mute", row.told.mute.clone()),
        ("LastKnown", row.last_known.then(|| "true".to_owned())),
    ];
    let some = all.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.trim().is_empty())?;
        Some((format!("vigie/{name}"), Value::from(bounded(&value, FIELD))))
    });
    some.collect::<Map<_, _>>().into()
}

fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "INFORMATIONAL",
        Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
        Severity::Critical => "CRITICAL",
    }
}

/// RFC 3339 with milliseconds, as Security Hub writes it.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
