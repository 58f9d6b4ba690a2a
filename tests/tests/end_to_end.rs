//! From the event to the mail, through the real binaries.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::Value;
use std::collections::BTreeSet;
use vigie_core::run::{Outcome, Run, Verdict};
use vigie_tests::shop::{self, Shop, State};
use vigie_tests::{mail, story};

#[tokio::test]
async fn each_planted_mistake_is_found_and_nothing_else() {
    let shop = Shop::open(State::Mistaken, &|_| {}).await.unwrap();
    let (mut audit, mut report) = (shop.audit().await.unwrap(), shop.report().await.unwrap());
    let told = story::tell(&shop, &mut audit, &mut report, &|_| {}).await.unwrap();
    for run in [&told.production, &told.staging] {
        assert_eq!(shop::found(run), shop::wanted(&run.environment), "{}", run.environment);
        assert!(run.sinks.is_empty(), "{:?}", run.sinks);
        assert!(run.coverage.answered > 30);
    }
    assert_eq!(told.production.verdict, Verdict::Red);
    stored(&shop).await;
    measured(&shop).await;
    alerted(&shop);
    mailed(&String::from_utf8(told.mail.raw).unwrap());
}

/// Run, snapshot and head are in S3, and the snapshot judged again gives the same findings.
async fn stored(shop: &Shop) {
    for environment in ["production", "staging"] {
        let head = shop.object(&format!("heads/{environment}.json")).await.unwrap();
        let key = head["newest"]["full"]["key"].as_str().unwrap().to_owned();
        let run: Run = serde_json::from_value(shop.object(&key).await.unwrap()).unwrap();
        assert_eq!(head["run"], run.id.as_str());
        let snapshot = shop.object(&vigie_core::plan::snapshot_key(&key)).await.unwrap();
        let snapshot: vigie_core::snapshot::Snapshot = serde_json::from_value(snapshot).unwrap();
        let again = vigie_core::judge::judge(&snapshot);
        assert_eq!(shop::found(&again), shop::found(&run), "a stored snapshot is judged as it was");
    }
}

async fn measured(shop: &Shop) {
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&shop.config());
    let metrics = cloudwatch.list_metrics().namespace("Vigie").send().await.unwrap();
    let names: BTreeSet<&str> = metrics.metrics().iter().filter_map(|metric| metric.metric_name()).collect();
    assert!(names.contains("Up") && names.contains("EnvironmentsDone"), "{names:?}");
    assert!(metrics.metrics().len() <= 40, "under 20 custom metrics for one environment: {}", metrics.metrics().len());
}

fn alerted(shop: &Shop) {
    let alerts = shop.sandbox.aws.front.events();
    assert!(!alerts.is_empty());
    for alert in &alerts {
        assert_eq!(alert["Source"], "vigie");
        assert_eq!(alert["DetailType"], "Vigie Alert");
        let detail: Value = serde_json::from_str(alert["Detail"].as_str().unwrap()).unwrap();
        assert!(detail.is_object());
    }
}

fn mailed(raw: &str) {
    let subject = mail::header(raw, "Subject").unwrap();
    assert!(!subject.is_empty());
    let (html, text) = (mail::part(raw, "text/html").unwrap(), mail::part(raw, "text/plain").unwrap());
    for environment in ["production", "staging"] {
        assert!(html.contains(environment) && text.contains(environment));
    }
    assert!(text.contains("shop-production-jobs-dlq"), "the mail names what is broken:\n{text}");
}

#[tokio::test]
async fn the_repaired_shop_is_green() {
    let shop = Shop::open(State::Repaired, &|_| {}).await.unwrap();
    let (mut audit, mut report) = (shop.audit().await.unwrap(), shop.report().await.unwrap());
    let told = story::tell(&shop, &mut audit, &mut report, &|_| {}).await.unwrap();
    for run in [&told.production, &told.staging] {
        assert_eq!(shop::found(run), BTreeSet::new(), "{}", run.environment);
        let unknown: Vec<_> = run.findings.iter().filter(|f| f.outcome == Outcome::Unknown).collect();
        assert_eq!(run.verdict, Verdict::Green, "{}: {unknown:#?}", run.environment);
    }
}
