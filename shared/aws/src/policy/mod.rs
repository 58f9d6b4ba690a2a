//! IAM policies, derived: what is allowed is what the questions, the variable sources and the sinks declare, nothing
//! else. One list of statements per function, in two forms: with the real ARNs of what is configured ([`document`]) and
//! with the template's parameters in their place ([`template`]).
//!
//! Source of actions and resource types: AWS Service Authorization Reference.

mod configured;
mod own;
mod probes;
pub mod template;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use vigie_core::question::Resource;

pub use configured::{Configured, Missing, Place, Seen, as_app, configured, queue_arn, roles};
pub use own::Own;
pub use probes::{probes, values};

use crate::{Condition, Need};

/// Whose policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    Dispatch,
    Audit,
    Report,
    /// The role of another account that the audit assumes: the questions and the values, no sink.
    Target,
}

impl Function {
    pub const ALL: [Function; 4] = [Function::Dispatch, Function::Audit, Function::Report, Function::Target];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Function::Dispatch => "dispatch",
            Function::Audit => "audit",
            Function::Report => "report",
            Function::Target => "target",
        }
    }
}

/// Resources that an installation names: each is a parameter of the templates, and an empty one drops its statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    Buckets,
    ProbeObjects,
    Queues,
    Buses,
    Rules,
    Principals,
    Parameters,
    Secrets,
    Functions,
    Apps,
    KeysToDecrypt,
    TargetRoles,
}

impl List {
    pub const ALL: [List; 12] = [
        List::Buckets,
        List::ProbeObjects,
        List::Queues,
        List::Buses,
        List::Rules,
        List::Principals,
        List::Parameters,
        List::Secrets,
        List::Functions,
        List::Apps,
        List::KeysToDecrypt,
        List::TargetRoles,
    ];

    /// The parameter's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            List::Buckets => "Buckets",
            List::ProbeObjects => "ProbeObjects",
            List::Queues => "Queues",
            List::Buses => "Buses",
            List::Rules => "Rules",
            List::Principals => "Principals",
            List::Parameters => "Parameters",
            List::Secrets => "Secrets",
            List::Functions => "Functions",
            List::Apps => "Apps",
            List::KeysToDecrypt => "KeysToDecrypt",
            List::TargetRoles => "TargetRoles",
        }
    }

    /// Whether reading from it gives the values of variables.
    #[must_use]
    pub const fn holds_values(self) -> bool {
        matches!(self, List::Parameters | List::Secrets | List::Functions | List::Apps | List::KeysToDecrypt)
    }

    /// Where a question's resource is listed. `None`: it has none.
    const fn of(resource: Resource) -> Option<List> {
        match resource {
            Resource::Nothing | Resource::Any | Resource::Database => None,
            Resource::Bucket => Some(List::Buckets),
            Resource::ProbeObject => Some(List::ProbeObjects),
            Resource::Queue => Some(List::Queues),
            Resource::Bus => Some(List::Buses),
            Resource::Rule => Some(List::Rules),
            Resource::Principal => Some(List::Principals),
            Resource::Parameter => Some(List::Parameters),
            Resource::Secret => Some(List::Secrets),
            Resource::Function => Some(List::Functions),
            Resource::App => Some(List::Apps),
        }
    }
}

/// ARNs by list.
pub type Lists = BTreeMap<List, BTreeSet<String>>;

/// What actions are granted on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// The actions know no resource.
    Any,
    List(List),
    /// ARNs with `*` for partition, region and account, and in the template `${Name}` for its own resources.
    These(BTreeSet<String>),
}

/// What kind of thing a statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A question that a check reads.
    Probe,
    /// Reading the app's variables: may be dropped, and what needs them is unknown then.
    Values,
    /// The function's own: configuration, store, sinks, queue.
    Own,
}

/// One statement, always an Allow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    pub purpose: Purpose,
    pub sid: String,
    pub actions: BTreeSet<&'static str>,
    pub on: On,
    pub condition: Option<Condition>,
    /// Of a probe: needed only where the app's own questions are asked with this role.
    pub of_app: bool,
}

/// All that a function may do, in a fixed order: questions, values, its own.
#[must_use]
pub fn statements(function: Function, own: &Own) -> Vec<Statement> {
    let mut all = own.statements(function);
    if matches!(function, Function::Audit | Function::Target) {
        all.extend(probes());
        all.extend(values());
    }
    all.sort();
    all
}

/// The policy document with real ARNs. A statement whose list is empty is left out.
#[must_use]
pub fn document(statements: &[Statement], lists: &Lists, place: &Place) -> Value {
    let all: Vec<Value> = statements.iter().filter_map(|one| one.json(lists, place)).collect();
    json!({ "Version": "2012-10-17", "Statement": all })
}

/// `Name="arn,arn"`: the templates' parameters, for parameter_overrides of samconfig.toml. Every list is there, so that
/// one that has become empty is emptied in the stack too.
#[must_use]
pub fn parameters(lists: &Lists) -> String {
    let line = |list: &List| {
        let arns: Vec<&str> = lists.get(list).into_iter().flatten().map(String::as_str).collect();
        format!("{}=\"{}\"\n", list.name(), arns.join(","))
    };
    List::ALL.iter().map(line).collect()
}

/// The `Policies:` list of a SAM function, with the document in it.
#[must_use]
pub fn sam(document: &Value) -> String {
    yaml::text(&json!({ "Policies": [document] }))
}

impl Statement {
    fn json(&self, lists: &Lists, place: &Place) -> Option<Value> {
        let resource: Vec<String> = match &self.on {
            On::Any => vec!["*".to_owned()],
            On::List(list) => lists.get(list)?.iter().cloned().collect(),
            On::These(arns) => arns.iter().map(|arn| place.fill(arn)).collect(),
        };
        if resource.is_empty() {
            return None;
        }
        let mut said = json!({"Sid": self.sid, "Effect": "Allow", "Action": self.actions, "Resource": resource});
        if let Some(of) = &self.condition {
            said["Condition"] = json!({ of.operator: { of.key: of.values } });
        }
        Some(said)
    }
}

/// One statement for each set of resources and condition among `needs`, named `name`, numbered beyond the first.
fn grouped(purpose: Purpose, name: &str, needs: Vec<Need>) -> Vec<Statement> {
    let mut actions: BTreeMap<(String, Option<Condition>), BTreeSet<&'static str>> = BTreeMap::new();
    for need in needs {
        actions.entry((need.resource, need.condition)).or_default().insert(need.action);
    }
    let mut resources: BTreeMap<(BTreeSet<&'static str>, Option<Condition>), BTreeSet<String>> = BTreeMap::new();
    for ((resource, condition), actions) in actions {
        resources.entry((actions, condition)).or_default().insert(resource);
    }
    let statement = |(i, ((actions, condition), resources)): (usize, ((_, _), BTreeSet<String>))| Statement {
        purpose,
        sid: if i == 0 { name.to_owned() } else { format!("{name}{}", i + 1) },
        actions,
        on: if resources.contains("*") { On::Any } else { On::These(resources) },
        condition,
        of_app: false,
    };
    resources.into_iter().enumerate().map(statement).collect()
}

#[cfg(test)]
mod tests;
