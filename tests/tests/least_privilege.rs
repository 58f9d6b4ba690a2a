//! The functions under their own roles: the front decides by the policies that the stack was deployed with. Each statement
//! is taken out in turn, beside a control that has them all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod least;
#[path = "least/sinks.rs"]
mod sinks;

use least::{Deployed, Findings, Said, Session, findings};
use std::collections::{BTreeMap, BTreeSet};
use vigie_aws::policy::{Function, List, On, Purpose, Statement, statements, template};
use vigie_core::cause::Cause;
use vigie_core::checks;
use vigie_core::question::Question;
use vigie_core::run::Outcome;
use vigie_tests::shop::{Shop, State, on_demand};

const ENVIRONMENTS: [&str; 3] = ["web", "keyed", "remote"];

// One deployment for all: it takes longer than what is done with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_statement_is_needed_and_together_they_are_enough() {
    let shop = Shop::open(State::Repaired, &|_| {}).await.unwrap();
    let deployed = Deployed::new(&shop).await;
    let mut audit = deployed.session("audit", "AuditRole").await;
    let control = enough(&deployed, &mut audit).await;
    let mut wrong = Vec::new();
    for without in statements(Function::Audit, &template::own()) {
        match (without.purpose, without.sid.as_str()) {
            (Purpose::Own, _) => {}
            // The services decrypt on the caller's behalf: no call of ours can be refused for it.
            (_, "ValuesKeys") => {}
            (Purpose::Probe, sid) => {
                // The app's policies are read only where the app has a key of its own.
                let environment = if sid == "AskPrincipals" { "keyed" } else { "web" };
                let said = audited(&deployed, &mut audit, environment, Some(sid)).await;
                wrong.extend(probe(&without, &control[environment], &said));
            }
            (Purpose::Values, sid) => {
                let said = audited(&deployed, &mut audit, "web", Some(sid)).await;
                wrong.extend(values(&deployed, &without, &control["web"], &said));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assumed(&deployed, &mut audit, &control["remote"]).await;
    sinks::of_audit(&deployed, &mut audit).await;
    sinks::of_doctor(&deployed, &mut audit).await;
    sinks::of_report(&deployed).await;
    sinks::of_dispatch(&deployed).await;
    assert_eq!(shop.sandbox.aws.front.doubts(), BTreeSet::new(), "nothing was left undecided");
}

/// An environment that is asked with a role: without the right to assume it nothing of AWS is known, and that is what is said.
async fn assumed(deployed: &Deployed<'_>, audit: &mut Session, control: &Findings) {
    assert!(control.values().filter(|said| answered(said)).count() > 30, "{control:?}");
    let said = audited(deployed, audit, "remote", Some("AssumeTargets")).await;
    let without = Some("sts:AssumeRole");
    let turned: BTreeSet<&str> = said
        .iter()
        .filter(|(_, said)| said.outcome == Outcome::Unknown && said.action.as_deref() == without)
        .map(|((check, _), _)| check.as_str())
        .collect();
    for ((check, _), _) in control.iter().filter(|(_, said)| answered(said)) {
        assert!(turned.contains(check.as_str()), "{check} does not say that the role was not assumed: {said:?}");
    }
    assert!(!said.values().any(answered), "{said:?}");
}

/// Without anybody deciding, then with the role's own policies: the same findings, and nothing is refused.
async fn enough(deployed: &Deployed<'_>, audit: &mut Session) -> BTreeMap<&'static str, Findings> {
    let mut control = BTreeMap::new();
    let mut free = BTreeMap::new();
    for environment in ENVIRONMENTS {
        free.insert(environment, findings(&on_demand(&mut audit.function, environment).await.unwrap()));
    }
    for environment in ENVIRONMENTS {
        let held = audited(deployed, audit, environment, None).await;
        assert_eq!(held, free[environment], "{environment}: with its role's policies it does all that it does without");
        assert_eq!(deployed.shop.sandbox.aws.front.refused(), BTreeSet::new());
        let denied: Vec<_> = held.iter().filter(|(_, said)| said.cause == Some(Cause::Denied)).collect();
        assert!(denied.is_empty(), "{environment}: {denied:?}");
        control.insert(environment, held);
    }
    control
}

async fn audited(deployed: &Deployed<'_>, audit: &mut Session, environment: &str, sid: Option<&str>) -> Findings {
    audit.without(deployed.shop, sid);
    findings(&on_demand(&mut audit.function, environment).await.unwrap())
}

fn answered(said: &Said) -> bool {
    matches!(said.outcome, Outcome::Pass | Outcome::Fail)
}

/// Unknown, for it was refused, and it says which action.
fn denied(said: &Said, without: &Statement) -> bool {
    said.outcome == Outcome::Unknown
        && said.cause == Some(Cause::Denied)
        && said.action.as_ref().is_some_and(|action| without.actions.contains(action.as_str()))
}

fn changed<'a>(control: &'a Findings, said: &'a Findings) -> BTreeSet<&'a (String, String)> {
    control.keys().chain(said.keys()).filter(|key| control.get(key) != said.get(key)).collect()
}

/// The checks whose questions cannot be answered without these actions.
fn unanswered(without: &Statement) -> BTreeSet<&'static str> {
    let gone = |action: &&str| without.actions.contains(*action);
    let refused = |question: &Question| {
        let asked = question.asked();
        let otherwise = !asked.otherwise.is_empty() && !asked.otherwise.iter().any(gone);
        asked.actions.iter().any(gone) && !otherwise
    };
    let needs = |question: &Question| refused(question) || question.after().iter().any(refused);
    checks::all().filter(|check| check.reads.iter().any(needs)).map(|check| check.id).collect()
}

/// One statement of the questions less: exactly the checks that need it are unknown; the rest is as in the control.
fn probe(without: &Statement, control: &Findings, said: &Findings) -> Vec<String> {
    let sid = &without.sid;
    let unanswered = unanswered(without);
    let turned: BTreeSet<&str> =
        said.iter().filter(|(_, said)| denied(said, without)).map(|((check, _), _)| check.as_str()).collect();
    let expected: BTreeSet<&str> = control
        .iter()
        .filter(|((check, _), said)| answered(said) && unanswered.contains(check.as_str()))
        .map(|((check, _), _)| check.as_str())
        .collect();
    let mut wrong = Vec::new();
    if expected.is_empty() {
        wrong.push(format!("{sid}: no check needs it"));
    }
    if turned != expected {
        wrong.push(format!("{sid}: turned unknown {turned:?}, needed by {expected:?}"));
    }
    for key in changed(control, said).into_iter().filter(|(check, _)| !expected.contains(check.as_str())) {
        wrong.push(format!("{sid}: {key:?} was {:?}, is {:?}", control.get(key), said.get(key)));
    }
    wrong
}

/// One source less: what its variables are, and what only they name, is unknown; nothing else changes.
fn values(deployed: &Deployed<'_>, without: &Statement, control: &Findings, said: &Findings) -> Vec<String> {
    let sid = &without.sid;
    let On::List(list) = without.on else { panic!("{sid} is on no list") };
    let (names, lost) = (deployed.names(list), deployed.only_of(list));
    assert!(lost.is_empty() || list == List::Parameters, "{lost:?}");
    let of = |check: &str| checks::find(check).unwrap();
    let reads = |check: &str| of(check).reads.contains(&Question::Variables);
    let is_denied = |check: &str| said.iter().any(|((of, _), said)| of == check && denied(said, without));
    let mut wrong = Vec::new();
    for ((check, subject), _) in control.iter().filter(|(_, said)| answered(said)) {
        let own = reads(check) && names.contains(subject.as_str());
        // What the account is asked for itself (SES, alarms) needs no variable but the sender's.
        let found =
            lost.contains(&of(check).kind) && (of(check).kind.name() != "ses" || check == "SES-FROM-UNVERIFIED");
        if (own || found) && !is_denied(check) {
            wrong.push(format!(
                "{sid}: {check} of {subject} is not refused: {:?}",
                said.get(&(check.clone(), subject.clone()))
            ));
        }
    }
    if !said.iter().any(|(_, said)| denied(said, without)) {
        wrong.push(format!("{sid}: nothing is refused"));
    }
    for key in changed(control, said) {
        let gone = said.get(key).is_none_or(|said| said.outcome == Outcome::NotApplicable);
        let right = match said.get(key) {
            Some(now) if denied(now, without) => reads(&key.0) || lost.contains(&of(&key.0).kind),
            // A subject that nobody names any more: its check says that it is unknown; which alarms are needed follows.
            _ => gone && (is_denied(&key.0) || key.0 == "CW-COVERAGE-GAP"),
        };
        if !right {
            wrong.push(format!("{sid}: {key:?} was {:?}, is {:?}", control.get(key), said.get(key)));
        }
    }
    wrong
}
