//! With every server stopped the audit still answers, in time, and says what it could not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use vigie_core::check::Kind;
use vigie_core::run::{Outcome, Verdict};
use vigie_tests::shop::{self, Shop, State};

#[tokio::test]
async fn an_audit_of_nothing_ends_in_time_and_says_why() {
    let mut shop = Shop::open(State::Mistaken, &|_| {}).await.unwrap();
    let mut audit = shop.audit().await.unwrap();
    // The positive control: with the servers up each of these targets answers.
    let before = shop::on_demand(&mut audit, "staging").await.unwrap();
    assert!(before.targets.iter().all(|t| t.rungs.iter().all(|rung| rung.cause.is_none())), "{:#?}", before.targets);
    assert!(before.sinks.is_empty(), "{:?}", before.sinks);

    shop.sandbox.stop().await;
    let run = shop::on_demand(&mut audit, "staging").await.unwrap();
    // That there is an answer says that it came in time: past the deadline the runtime ends the invocation with an error.
    assert_eq!(run.verdict, Verdict::Red);
    let reached: Vec<_> = before.targets.iter().filter(|t| !t.rungs.is_empty()).map(|t| &t.target).collect();
    for target in reached {
        let now = run.targets.iter().find(|t| &t.target == target).unwrap();
        let fell = now.rungs.iter().find(|rung| rung.cause.is_some());
        assert!(fell.is_some(), "{target} must say which rung failed and why: {now:?}");
    }
    // Nothing that needs a server passes: only the variables, which are a file, are known.
    let known: BTreeSet<Kind> = run
        .findings
        .iter()
        .filter(|f| f.outcome == Outcome::Pass)
        .filter_map(|f| vigie_core::checks::find(&f.check).map(|check| check.kind))
        .collect();
    assert!(known.iter().all(|kind| matches!(kind, Kind::Variables | Kind::Vigie | Kind::Redis)), "{known:?}");
    let sinks: BTreeSet<&str> = run.sinks.iter().map(|failure| failure.sink.as_str()).collect();
    assert_eq!(sinks, BTreeSet::from(["run", "snapshot"]));
}

#[tokio::test]
async fn a_scheduled_audit_of_nothing_fails_its_event_and_names_every_sink() {
    let mut shop = Shop::open(State::Mistaken, &|_| {}).await.unwrap();
    let mut audit = shop.audit().await.unwrap();
    shop.sandbox.stop().await;
    let at = "2026-11-22T10:00:00Z".parse().unwrap();
    let error = shop::scheduled(&mut audit, "staging", at).await.unwrap_err().to_string();
    assert!(!error.contains("timed out"), "the function itself says it, in time: {error}");
    for sink in ["run", "snapshot", "head"] {
        assert!(error.contains(sink), "{sink} is not named: {error}");
    }
}
