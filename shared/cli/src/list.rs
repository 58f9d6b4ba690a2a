//! `vigie checks` and `vigie explain`: what is implemented, from the checks themselves.

use serde_json::{Value, json};
use vigie_core::check::{Check, Class, Kind, Level, Limit};
use vigie_core::checks;
use vigie_core::text::Language;

/// The docs page of a kind, without its path: part of the program, so that `explain` works offline.
fn page(kind: Kind) -> &'static str {
    match kind {
        Kind::Variables => include_str!("../../core/docs/checks/variables.md"),
        Kind::Credentials => include_str!("../../core/docs/checks/credentials.md"),
        Kind::Postgres => include_str!("../../core/docs/checks/postgres.md"),
        Kind::Redis => include_str!("../../core/docs/checks/redis.md"),
        Kind::Ses => include_str!("../../core/docs/checks/ses.md"),
        Kind::S3 => include_str!("../../core/docs/checks/s3.md"),
        Kind::Sqs => include_str!("../../core/docs/checks/sqs.md"),
        Kind::EventBridge => include_str!("../../core/docs/checks/eventbridge.md"),
        Kind::CloudWatch => include_str!("../../core/docs/checks/cloudwatch.md"),
        Kind::Https => include_str!("../../core/docs/checks/https.md"),
        Kind::Rds => include_str!("../../core/docs/checks/rds.md"),
        Kind::Vigie => include_str!("../../core/docs/checks/vigie.md"),
    }
}

/// The part of the page under `## ID`.
fn section(check: &Check) -> Option<&'static str> {
    let page = page(check.kind);
    let heading = format!("## {}\n", check.id);
    let start = page.find(&heading)? + heading.len();
    let rest = &page[start..];
    Some(rest.find("\n## ").map_or(rest, |end| &rest[..end]).trim())
}

/// Every implemented check as JSON: id, target, suite, severities, questions with their actions, faults, titles.
#[must_use]
pub fn json() -> Value {
    let checks: Vec<Value> = checks::all().map(check_json).collect();
    json!({ "schema": "vigie.checks/v1", "checks": checks })
}

fn check_json(check: &Check) -> Value {
    let questions: Vec<Value> = check
        .reads
        .iter()
        .map(|question| {
            let asked = question.asked();
            json!({
                "question": question, "asked_as": asked.asked_as, "suite": asked.suite,
                "actions": asked.actions, "otherwise": asked.otherwise, "resource": asked.resource,
            })
        })
        .collect();
    let faults: Vec<Value> = check
        .faults
        .iter()
        .map(|fault| {
            json!({
                "code": fault.code, "level": level(fault.level), "limit": limit(fault.limit),
                "severity": {
                    "staging": check.severity_of(fault, Class::Staging),
                    "production": check.severity_of(fault, Class::Production),
                },
                "says": fault.says,
            })
        })
        .collect();
    json!({
        "id": check.id, "target": check.kind, "suite": check.suite, "severity": check.severity,
        "title": check.title, "remedy": check.remedy, "questions": questions, "faults": faults,
    })
}

fn level(level: Level) -> Value {
    match level {
        Level::Column => json!("column"),
        Level::Warn => json!("warn"),
        Level::Above => json!("above"),
        Level::At(severity) => json!({ "at": severity }),
        Level::Per(per) => json!({ "per": per }),
    }
}

fn limit(limit: Limit) -> Value {
    match limit {
        Limit::None => Value::Null,
        Limit::From(value, source) => json!({ "from": value, "source": source }),
        Limit::Under(value, source) => json!({ "under": value, "source": source }),
    }
}

/// The table of all checks.
#[must_use]
pub fn table(language: Language) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["check", "suite", "staging", "production", "title"]);
    for check in checks::all() {
        table.add_row([
            check.id,
            check.suite.name(),
            check.severity.staging.name(),
            check.severity.production.name(),
            check.title.raw(language),
        ]);
    }
    format!("{table}\n{} checks", checks::all().count())
}

/// All about one check; `None`: there is no such check.
#[must_use]
pub fn explain(id: &str, language: Language) -> Option<String> {
    let check = checks::find(&id.to_ascii_uppercase())?;
    let mut out = format!(
        "{}: {}\n{} · suite {} · {} in staging, {} in production\n\n",
        check.id,
        check.title.raw(language),
        check.kind.name(),
        check.suite.name(),
        check.severity.staging.name(),
        check.severity.production.name(),
    );
    for fault in check.faults {
        let severity = check.severity_of(fault, Class::Production);
        out.push_str(&format!(
            "  {}.{} ({})\n    {}\n",
            check.id,
            fault.code,
            severity.name(),
            fault.says.raw(language)
        ));
        match fault.limit {
            Limit::None => {}
            Limit::From(value, source) => out.push_str(&format!("    from {value} ({source})\n")),
            Limit::Under(value, source) => out.push_str(&format!("    under {value} ({source})\n")),
        }
    }
    out.push_str(&format!("\n{}\n", check.remedy.raw(language)));
    let asked = check.reads.iter().map(|question| question.asked());
    let actions: Vec<&str> = asked.flat_map(|asked| asked.actions.iter().chain(asked.otherwise)).copied().collect();
    if !actions.is_empty() {
        out.push_str(&format!("IAM: {}\n", actions.join(", ")));
    }
    if let Some(section) = section(check) {
        out.push_str(&format!("\n{}\n", section.replace("**", "")));
    }
    Some(out)
}

/// The ids nearest to a misspelt one.
#[must_use]
pub fn like(id: &str) -> Vec<&'static str> {
    let wanted = id.to_ascii_uppercase();
    let head = wanted.split('-').next().unwrap_or_default();
    checks::all().map(|c| c.id).filter(|c| c.split('-').next() == Some(head)).collect()
}
