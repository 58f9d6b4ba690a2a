//! The statements as the templates hold them: lists are parameters, and an empty one drops its statements; the stack's own
//! resources are references.

use serde_json::{Value, json};

use super::{Function, List, On, Own, Purpose, Statement, statements, yaml};
use crate::need;

/// A condition of the template: something is audited with the function's own role, not with one that it assumes.
const HERE: &str = "AuditsHere";
/// A condition of the template: mails are sent.
const SENDER: &str = "HasSender";
/// The parameter that holds it.
const SENDER_PARAMETER: &str = "ReportFrom";

/// The stack's own resources, by their names in infra/template.yaml.
#[must_use]
pub fn own() -> Own {
    let arn = |name: &str| format!("${{{name}.Arn}}");
    Own {
        bucket: Some("${RunsBucket}".to_owned()),
        key: vec![need("secretsmanager:GetSecretValue", "${FingerprintKey.Id}".to_owned())],
        bus: Some("default".to_owned()),
        metrics: true,
        from: Some(format!("${{{SENDER_PARAMETER}}}")),
        queues: ["ConnectionsQueue", "FullQueue"].map(arn).to_vec(),
        dead_letters: Some(arn("DeadLetters")),
        topic: Some("${AlertTopic}".to_owned()),
        config: Vec::new(),
    }
}

/// What stands between the markers of a function: its statements, each line indented; `None`: it is no function's name.
#[must_use]
pub fn section(name: &str, indent: usize) -> Option<String> {
    let function = Function::ALL.into_iter().find(|function| function.name() == name)?;
    Some(statements_of(function, indent))
}

fn statements_of(function: Function, indent: usize) -> String {
    let mut out = String::new();
    for statement in statements(function, &own()) {
        yaml::pad(&mut out, indent);
        match condition(&statement, function) {
            None => yaml::item(&mut out, &said(&statement), indent),
            Some(condition) => {
                out.push_str("- !If\n");
                yaml::pad(&mut out, indent + 2);
                out.push_str(&format!("- {condition}\n"));
                yaml::pad(&mut out, indent + 2);
                yaml::item(&mut out, &said(&statement), indent + 2);
                yaml::pad(&mut out, indent + 2);
                out.push_str("- !Ref AWS::NoValue\n");
            }
        }
    }
    out
}

fn condition(statement: &Statement, function: Function) -> Option<String> {
    match &statement.on {
        On::List(list) => Some(has(*list)),
        On::Any if statement.purpose == Purpose::Probe && function == Function::Audit => Some(HERE.to_owned()),
        _ if statement.condition.as_ref().is_some_and(|of| of.values.iter().any(|v| v.contains(SENDER_PARAMETER))) => {
            Some(SENDER.to_owned())
        }
        _ => None,
    }
}

/// The condition of a list that is not empty.
#[must_use]
pub fn has(list: List) -> String {
    format!("Has{}", list.name())
}

fn said(statement: &Statement) -> Value {
    let resource = match &statement.on {
        On::Any => Value::from("*"),
        On::List(list) => Value::from(format!("!Ref {}", list.name())),
        On::These(arns) => arns.iter().map(|arn| reference(arn)).collect(),
    };
    let mut said = json!({"Sid": statement.sid, "Effect": "Allow", "Action": statement.actions, "Resource": resource});
    if let Some(of) = &statement.condition {
        let values: Value = of.values.iter().map(|value| reference(value)).collect();
        said["Condition"] = json!({ of.operator: { of.key: values } });
    }
    said
}

/// `${RunsBucket.Arn}` -> `!GetAtt RunsBucket.Arn`; `arn:*:sqs:*:*:x` -> `!Sub arn:${AWS::Partition}:sqs:${AWS::Region}:...`.
fn reference(text: &str) -> String {
    if let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).filter(|n| !n.contains('$')) {
        return if name.contains('.') { format!("!GetAtt {name}") } else { format!("!Ref {name}") };
    }
    let filled = super::configured::fill(text, "${AWS::Partition}", "${AWS::Region}", "${AWS::AccountId}");
    if filled.contains("${") { format!("!Sub {filled}") } else { filled }
}
