//! A healthy environment, and how each question can be refused. The family test starts from it: a healthy snapshot passes
//! every check, each fault is reached by its own counterexample, and a refused question never passes.

pub mod aws;
pub mod events;
pub mod https;
pub mod postgres;
pub mod redis;
pub mod variables;

use crate::Named;
use crate::check::{Class, Suite};
use crate::facts::{Fact, Facts, Gap, Identity, Ladder, Rung, Step};
use crate::question::Question;
use crate::snapshot::{Environment, Memory, Neighbour, SCHEMA, Snapshot, Timing};
use jiff::Timestamp;

/// The instant of every healthy snapshot: 2026-11-22 10:05 UTC.
pub const NOW: Timestamp = Timestamp::constant(1_795_341_900, 0);

/// Everything is configured, answers and is safe.
#[must_use]
pub fn snapshot(class: Class) -> Snapshot {
    let name = match class {
        Class::Staging => "staging",
        Class::Production => "production",
    };
    let mut facts = Facts::default();
    variables::fill(&mut facts, class);
    aws::fill(&mut facts);
    events::fill(&mut facts);
    postgres::fill(&mut facts);
    redis::fill(&mut facts);
    https::fill(&mut facts);
    let contract = variables::contract();
    Snapshot {
        schema: SCHEMA.to_owned(),
        id: format!("{name}/full/2026-11-22T10:05:00Z"),
        now: NOW,
        suite: Suite::Full,
        environment: Environment {
            name: name.to_owned(),
            class,
            contract,
            optional: vec!["redis".to_owned()],
            limits: Named::new(),
            mutes: Vec::new(),
            maintenance: Vec::new(),
            confirm_runs: 2,
            confirm_critical: None,
        },
        facts,
        memory: Fact::Known(memory()),
        neighbours: [("other".to_owned(), Fact::Known(neighbour()))].into(),
        timing: Timing { scheduled_at: Some(NOW), duration_ms: 850 },
    }
}

fn memory() -> Memory {
    let mut memory = Memory::default();
    aws::remember(&mut memory);
    events::remember(&mut memory);
    crate::checks::selfwatch::remember(&mut memory, Suite::Full, NOW - jiff::SignedDuration::from_mins(5));
    memory
}

fn neighbour() -> Neighbour {
    Neighbour { class: Class::Staging, at: NOW, fingerprints: variables::neighbour_fingerprints() }
}

/// Refuses one question: the facts that answer it become gaps.
pub fn refuse(snapshot: &mut Snapshot, question: Question) {
    let gap = refusal(question);
    match question {
        Question::Memory => snapshot.memory = Fact::Gap(gap),
        Question::Neighbours => {
            for neighbour in snapshot.neighbours.values_mut() {
                *neighbour = Fact::Gap(gap.clone());
            }
        }
        _ => {
            let facts = &mut snapshot.facts;
            variables::refuse(facts, question, &gap);
            aws::refuse(facts, question, &gap);
            events::refuse(facts, question, &gap);
            postgres::refuse(facts, question, &gap);
            redis::refuse(facts, question, &gap);
            https::refuse(facts, question, &gap);
        }
    }
}

/// The gap that a refused question leaves.
#[must_use]
pub fn refusal(question: Question) -> Gap {
    let asked = question.asked();
    match asked.actions.first() {
        Some(action) => Gap::denied(action, asked.asked_as),
        None => Gap::new(crate::cause::Cause::Denied, asked.asked_as),
    }
}

/// A ladder that held on every rung.
#[must_use]
pub fn climbed(rungs: &[Rung]) -> Ladder {
    Ladder { attempts: vec![rungs.iter().map(|&rung| Step { rung, ms: 3, cause: None, code: None }).collect()] }
}

/// A ladder that failed twice on `rung`.
#[must_use]
pub fn fallen(rung: Rung, cause: crate::cause::Cause) -> Ladder {
    let attempt = vec![Step { rung, ms: 5, cause: Some(cause), code: None }];
    Ladder { attempts: vec![attempt.clone(), attempt] }
}

/// A gap of the app's.
#[must_use]
pub fn app_gap(cause: crate::cause::Cause) -> Gap {
    Gap::new(cause, Identity::App)
}
