//! What can be wrong with an environment.

use vigie_core::cause::Cause;
use vigie_core::check::Kind;
use vigie_core::checks;
use vigie_core::facts::aws::{Queue, Rule};
use vigie_core::facts::{Fact, Gap, Identity, Ladder, Rung, Step};
use vigie_core::healthy;
use vigie_core::question::Question;
use vigie_core::snapshot::{Mute, Snapshot};

use super::life::Change;

/// The check's own counterexample.
///
/// # Panics
/// There is no such fault any more: a mistake of the story's.
#[allow(clippy::panic)]
pub fn fault(check: &str, code: &str) -> Change {
    let broken = checks::find(check).and_then(|check| check.fault(code)).map(|fault| fault.broken);
    let broken = broken.unwrap_or_else(|| panic!("no check says {check}.{code}"));
    Box::new(broken)
}

/// A permission that the auditor lacks.
pub fn refused(question: Question) -> Change {
    Box::new(move |s| healthy::refuse(s, question))
}

/// Of every subject of a check.
pub fn muted(check: &'static str, owner: &'static str, reason: &'static str, until: jiff::civil::Date) -> Change {
    Box::new(move |s| {
        let mute =
            Mute { check: check.to_owned(), subject: None, owner: owner.to_owned(), reason: reason.to_owned(), until };
        s.environment.mutes.push(mute);
    })
}

pub fn on_rule(name: &'static str, change: impl Fn(&mut Rule) + 'static) -> Change {
    Box::new(move |s| {
        let buses = s.facts.eventbridge.iter_mut().flat_map(|events| events.buses.values_mut());
        let rules = buses.filter_map(|bus| if let Fact::Known(rules) = &mut bus.rules { Some(rules) } else { None });
        rules.filter_map(|rules| rules.get_mut(name)).for_each(&change);
    })
}

/// A queue like `jobs`, changed.
pub fn queue(name: &'static str, change: impl Fn(&mut Queue) + 'static) -> Change {
    Box::new(move |s| {
        let Some(sqs) = &mut s.facts.sqs else { return };
        let Some(mut like) = sqs.queues.get("jobs").cloned() else { return };
        change(&mut like);
        sqs.queues.insert(name.to_owned(), like);
    })
}

/// The network ends on this rung for all that is of a kind: nothing of it can be known.
pub fn cut(kind: Kind, rung: Rung, cause: Cause) -> Change {
    Box::new(move |s| {
        let questions = checks::all().filter(|check| check.kind == kind).flat_map(|check| check.reads).copied();
        let of_others = [Question::Variables, Question::Memory, Question::Neighbours];
        for question in questions.filter(|question| !of_others.contains(question)) {
            let gap = Gap::new(cause, question.asked().asked_as);
            let facts = &mut s.facts;
            healthy::aws::refuse(facts, question, &gap);
            healthy::events::refuse(facts, question, &gap);
            healthy::postgres::refuse(facts, question, &gap);
            healthy::redis::refuse(facts, question, &gap);
            healthy::https::refuse(facts, question, &gap);
        }
        fell(s, kind, cause, &ladder(rung, cause));
    })
}

/// Climbed twice, and fell on the same rung.
fn ladder(rung: Rung, cause: Cause) -> Ladder {
    let below = [Rung::Resolve, Rung::Connect, Rung::Tls, Rung::Authenticate].into_iter().filter(|below| *below < rung);
    let mut steps: Vec<Step> = below.map(|rung| Step { rung, ms: 3, cause: None, code: None }).collect();
    steps.push(Step { rung, ms: 5_000, cause: Some(cause), code: None });
    Ladder { attempts: vec![steps.clone(), steps] }
}

fn fell(s: &mut Snapshot, kind: Kind, cause: Cause, ladder: &Ladder) {
    let facts = &mut s.facts;
    match kind {
        Kind::Credentials => facts.credentials.iter_mut().for_each(|f| {
            f.ladder = ladder.clone();
            f.caller = Fact::gap(cause, Identity::App);
        }),
        Kind::Postgres => facts.postgres.values_mut().for_each(|f| f.ladder = ladder.clone()),
        Kind::Redis => facts.redis.values_mut().for_each(|f| f.ladder = ladder.clone()),
        Kind::Ses => facts.ses.iter_mut().for_each(|f| f.ladder = ladder.clone()),
        Kind::S3 => facts.s3.iter_mut().for_each(|f| f.ladder = ladder.clone()),
        Kind::Sqs => facts.sqs.iter_mut().for_each(|f| f.ladder = ladder.clone()),
        Kind::EventBridge => facts.eventbridge.iter_mut().for_each(|f| f.ladder = ladder.clone()),
        Kind::CloudWatch => facts.cloudwatch.iter_mut().for_each(|f| f.ladder = ladder.clone()),
        Kind::Https => facts.https.values_mut().for_each(|f| f.ladder = ladder.clone()),
        Kind::Rds => facts.rds.iter_mut().for_each(|f| f.ladder = ladder.clone()),
        Kind::Variables | Kind::Vigie => {}
    }
}
