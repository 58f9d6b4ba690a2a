//! What the questions that checks read need, and the variable sources.

use std::collections::{BTreeMap, BTreeSet};

use vigie_core::checks;
use vigie_core::facts::Identity;
use vigie_core::question::{Question, Resource};

use super::{List, On, Purpose, Statement};
use crate::Condition;
use crate::source::Source;

/// Sids of the auditor's questions, and of the app's own.
const ASK: &str = "Ask";
const USE: &str = "Use";

/// The questions that some check reads, with those that must be answered before them.
fn questions() -> BTreeSet<Question> {
    let read = checks::all().flat_map(|check| check.reads.iter().copied());
    read.flat_map(|question| question.after().iter().copied().chain([question])).collect()
}

/// A statement for each kind of resource and identity; without a resource, for each service.
#[must_use]
pub fn probes() -> Vec<Statement> {
    let mut all: BTreeMap<(String, On), BTreeSet<&'static str>> = BTreeMap::new();
    for question in questions() {
        let asked = question.asked();
        for action in asked.actions {
            let (sid, on) = match List::of(asked.resource) {
                None => (by_service(action), On::Any),
                // What the app does with its bucket is not what the auditor looks at; of queues both ask the same.
                Some(list) if asked.asked_as == Identity::App && asked.resource != Resource::Queue => {
                    (USE.to_owned() + list.name(), On::List(list))
                }
                Some(list) => (ASK.to_owned() + list.name(), On::List(list)),
            };
            all.entry((sid, on)).or_default().insert(action);
        }
        for action in asked.otherwise {
            all.entry((by_service(action), On::Any)).or_default().insert(action);
        }
    }
    let statement = |((sid, on), actions): ((String, On), _)| {
        let of_app = sid.starts_with(USE);
        Statement { purpose: Purpose::Probe, sid, actions, on, condition: None, of_app }
    };
    all.into_iter().map(statement).collect()
}

/// `AskSes`.
fn by_service(action: &str) -> String {
    let service = action.split(':').next().unwrap_or_default();
    let (first, rest) = service.split_at(service.len().min(1));
    format!("{ASK}{}{rest}", first.to_uppercase())
}

/// Reading the app's variables: a statement for each kind of source, and one for the keys of customers' own that
/// they are encrypted under. Sids start with `Values`.
#[must_use]
pub fn values() -> Vec<Statement> {
    let text = String::new;
    let kinds = [
        (List::Parameters, Source::Ssm("/".to_owned())),
        (List::Secrets, Source::SecretsManager(text())),
        (List::Functions, Source::Lambda(text())),
        (List::Apps, Source::Amplify { app: text(), branch: text() }),
    ];
    let statement = |(list, source): (List, Source)| Statement {
        purpose: Purpose::Values,
        sid: format!("Values{}", list.name()),
        actions: source.actions().into_iter().map(|need| need.action).collect(),
        on: On::List(list),
        condition: None,
        of_app: false,
    };
    let mut all: Vec<Statement> = kinds.into_iter().map(statement).collect();
    all.push(Statement {
        purpose: Purpose::Values,
        sid: "ValuesKeys".to_owned(),
        actions: ["kms:Decrypt"].into(),
        on: On::List(List::KeysToDecrypt),
        // Never by itself: only where one of the sources asks for it.
        condition: Some(Condition {
            operator: "StringLike",
            key: "kms:ViaService",
            values: ["lambda", "secretsmanager", "ssm"].map(|s| format!("{s}.*.amazonaws.com*")).to_vec(),
        }),
        of_app: false,
    });
    all
}
