//! A queue delivers twice, late and in another order; a process ends anywhere. No run is lost, no head moves back, nothing
//! is said twice under another name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vigie_tests::client;
use vigie_tests::estate::{self, Estate};
use vigie_tests::runtime::Function;
use vigie_tests::shop::{RUNS, Shop, State, TIMEOUT};

fn ago(minutes: i64) -> Timestamp {
    Timestamp::now().round(Unit::Minute).unwrap() - SignedDuration::from_mins(minutes)
}

fn message(suite: &str, at: Timestamp, expires: Timestamp) -> Value {
    let body = json!({"environment": "production", "suite": suite, "scheduled_at": at.to_string(),
        "expires_at": expires.to_string()});
    json!({"Records": [{"messageId": "m-1", "body": body.to_string(), "eventSource": "aws:sqs"}]})
}

async fn deliver(audit: &mut Function, suite: &str, at: Timestamp) {
    let event = message(suite, at, Timestamp::now() + SignedDuration::from_mins(5));
    assert_eq!(audit.invoke(&event, TIMEOUT).await.unwrap(), json!({"batchItemFailures": []}));
}

async fn open(state: State) -> (Shop, Function) {
    let shop = Shop::open(state, &|_| {}).await.unwrap();
    let audit = shop.audit().await.unwrap();
    (shop, audit)
}

fn calls(shop: &Shop, operation: &str) -> u64 {
    shop.sandbox.aws.front.calls().get(operation).copied().unwrap_or_default()
}

/// Waits for the moment at which nothing is answered any more.
async fn frozen(shop: &Shop) {
    while !shop.sandbox.aws.front.frozen() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How often each alert was sent, by its id.
fn alerts(shop: &Shop) -> BTreeMap<String, usize> {
    let mut said = BTreeMap::new();
    for entry in shop.sandbox.aws.front.events() {
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        *said.entry(detail["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    said
}

/// Sum of a metric of a suite.
async fn sum(shop: &Shop, name: &str, suite: &str) -> f64 {
    use aws_sdk_cloudwatch::types::{Dimension, Statistic};
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&shop.config());
    let now = Timestamp::now().as_second();
    let time = aws_smithy_types::DateTime::from_secs;
    let asked = cloudwatch.get_metric_statistics().namespace("Vigie").metric_name(name).statistics(Statistic::Sum);
    let asked = asked.dimensions(Dimension::builder().name("Suite").value(suite).build()).period(7_200);
    let answer = asked.start_time(time(now - 7_200)).end_time(time(now + 600)).send().await.unwrap();
    answer.datapoints().iter().filter_map(|point| point.sum()).sum()
}

/// The runs of a suite, without their snapshots.
async fn runs(shop: &Shop, environment: &str, suite: &str) -> Vec<String> {
    let mut keys = shop.keys(&format!("runs/{environment}/{suite}/")).await.unwrap();
    keys.retain(|key| !key.ends_with(".snapshot.json"));
    keys
}

async fn tag(shop: &Shop, key: &str) -> String {
    let s3 = aws_sdk_s3::Client::from_conf(client::s3(&shop.config()));
    s3.head_object().bucket(RUNS).key(key).send().await.unwrap().e_tag.unwrap()
}

/// Snapshot, run, alert, metrics, head, heartbeat: the process ends before each of them in turn, and the message comes
/// again.
#[tokio::test]
async fn a_crash_between_any_two_sinks_is_made_good_by_the_next_delivery() {
    let (shop, mut audit) = open(State::Mistaken).await;
    let front = &shop.sandbox.aws.front;
    let s3 = aws_sdk_s3::Client::from_conf(client::s3(&shop.config()));
    for (written, sink) in ["snapshot", "run", "alerts", "metrics", "head", "heartbeat"].into_iter().enumerate() {
        s3.delete_object().bucket(RUNS).key("heads/production.json").send().await.unwrap();
        let at = ago(30 - i64::try_from(written).unwrap());
        let event = message("connections", at, Timestamp::now() + SignedDuration::from_mins(5));
        let (said, done) = (alerts(&shop), sum(&shop, "EnvironmentsDone", "connections").await);
        front.freeze_after(u32::try_from(written).unwrap());
        tokio::select! {
            answer = audit.invoke(&event, TIMEOUT) => panic!("before {sink}: {answer:?}"),
            () = frozen(&shop) => {}
        }
        audit.cool();
        front.thaw();
        let stored = runs(&shop, "production", "connections").await;
        assert_eq!(stored.len(), written + usize::from(written > 1), "before {sink}: {stored:?}");
        let before = (calls(&shop, "sts:GetCallerIdentity"), stored.last().cloned());

        assert_eq!(audit.invoke(&event, TIMEOUT).await.unwrap(), json!({"batchItemFailures": []}), "after {sink}");
        let stored = runs(&shop, "production", "connections").await;
        assert_eq!(stored.len(), written + 1, "one run a message: {stored:?}");
        let asked_again = calls(&shop, "sts:GetCallerIdentity") > before.0;
        assert_eq!(asked_again, written < 2, "the world is asked again only when no run was stored: {sink}");
        let head = shop.object("heads/production.json").await.unwrap();
        let key = head["newest"]["connections"]["key"].as_str().unwrap();
        assert_eq!(key, stored.last().unwrap());
        let new: Vec<(String, usize)> = alerts(&shop).into_iter().filter(|(id, _)| !said.contains_key(id)).collect();
        assert_eq!(new.len(), 1, "one grouped alert, under one id: {new:?}");
        // At least once: what was sent before the head could say so is sent again.
        assert_eq!(new[0].1, if matches!(sink, "metrics" | "head") { 2 } else { 1 }, "{sink}: {new:?}");
        let again = sum(&shop, "EnvironmentsDone", "connections").await - done;
        assert!((again - 1.0).abs() < 0.1, "counted once: {sink}: {again}");
    }
}

#[tokio::test]
async fn a_message_that_came_too_late_is_missed_unless_its_run_is_there() {
    let (shop, mut audit) = open(State::Repaired).await;
    let at = ago(20);
    let expired = message("connections", at, at + SignedDuration::from_mins(5));
    for _ in 0..2 {
        assert_eq!(audit.invoke(&expired, TIMEOUT).await.unwrap(), json!({"batchItemFailures": []}));
    }
    assert_eq!(calls(&shop, "sts:GetCallerIdentity"), 0, "nothing is audited");
    assert!(runs(&shop, "production", "connections").await.is_empty());
    let missed = shop.keys("missed/production/connections/").await.unwrap();
    assert_eq!(missed.len(), 1, "{missed:?}");
    assert!((sum(&shop, "EnvironmentsMissed", "connections").await - 1.0).abs() < 0.1, "counted once");

    // The twin that is in time, and its process ends before the head.
    let at = ago(10);
    shop.sandbox.aws.front.freeze_after(4);
    let event = message("connections", at, Timestamp::now() + SignedDuration::from_mins(5));
    tokio::select! {
        answer = audit.invoke(&event, TIMEOUT) => panic!("{answer:?}"),
        () = frozen(&shop) => {}
    }
    audit.cool();
    shop.sandbox.aws.front.thaw();
    let run = runs(&shop, "production", "connections").await.pop().expect("it was audited");
    let stored = tag(&shop, &run).await;
    // It comes again when it has expired: it is completed, not missed.
    let expired = message("connections", at, at + SignedDuration::from_mins(5));
    assert_eq!(audit.invoke(&expired, TIMEOUT).await.unwrap(), json!({"batchItemFailures": []}));
    assert_eq!(tag(&shop, &run).await, stored);
    assert_eq!(shop.object("heads/production.json").await.unwrap()["newest"]["connections"]["key"], run.as_str());
    assert_eq!(shop.keys("missed/production/connections/").await.unwrap(), missed);
}

/// A full run waits in a queue of its own, and the next connections run overtakes it.
#[tokio::test]
async fn an_overtaken_full_run_is_not_lost() {
    let (shop, mut audit) = open(State::Mistaken).await;
    deliver(&mut audit, "connections", ago(20)).await;
    deliver(&mut audit, "connections", ago(5)).await;
    let head = shop.object("heads/production.json").await.unwrap();
    let said = alerts(&shop);
    let full = ago(10);
    deliver(&mut audit, "full", full).await;
    let after = shop.object("heads/production.json").await.unwrap();
    assert_eq!((&after["run"], &after["scheduled_at"]), (&head["run"], &head["scheduled_at"]), "it does not move back");
    assert_eq!(after["newest"]["connections"], head["newest"]["connections"]);
    assert_eq!(after["newest"]["full"]["key"], runs(&shop, "production", "full").await[0].as_str());
    let new: BTreeSet<String> = alerts(&shop).into_keys().filter(|id| !said.contains_key(id)).collect();
    assert!(new.iter().any(|id| id.contains("S3-PUBLIC-CONFIG")), "what it alone judges is said: {new:?}");
    assert!(!new.iter().any(|id| id.contains("SQS-DLQ-NOT-EMPTY")), "what both judge is newer there: {new:?}");
    assert!((sum(&shop, "EnvironmentsDone", "full").await - 1.0).abs() < 0.1, "and it is done");
    // Again: nothing is said again.
    let said = alerts(&shop);
    deliver(&mut audit, "full", full).await;
    assert_eq!(alerts(&shop), said);
    assert_eq!(shop.object("heads/production.json").await.unwrap(), after);
}

#[tokio::test]
async fn one_scheduled_time_dispatched_twice_at_once_is_one_run_an_environment() {
    let shop = Shop::open(State::Repaired, &|_| {}).await.unwrap();
    let estate = Estate::open(&shop, 12).await.unwrap();
    let (mut one, mut other) = (
        estate.function(&shop, "vigie-dispatch").await.unwrap(),
        estate.function(&shop, "vigie-dispatch").await.unwrap(),
    );
    let schedule = json!({"suite": "connections", "scheduled_at": ago(0).to_string()});
    let (first, second) = tokio::join!(one.invoke(&schedule, TIMEOUT), other.invoke(&schedule, TIMEOUT));
    assert_eq!(first.unwrap()["due"], 12);
    assert_eq!(second.unwrap()["due"], 12);
    assert!((sum(&shop, "EnvironmentsDue", "connections").await - 12.0).abs() < 0.1, "counted once");

    let mut audit = estate.function(&shop, "vigie-audit").await.unwrap();
    let sqs = aws_sdk_sqs::Client::new(&shop.config());
    let mut environments = BTreeSet::new();
    loop {
        let messages = estate::receive(&sqs, &estate.connections, 5).await.unwrap();
        if messages.is_empty() {
            break;
        }
        let bodies = messages.iter().map(|m| serde_json::from_str::<Value>(&m.body).unwrap());
        environments.extend(bodies.map(|body| body["environment"].as_str().unwrap().to_owned()));
        let answer = audit.invoke(&estate::event(&messages), TIMEOUT).await.unwrap();
        assert_eq!(estate::settle(&sqs, &estate.connections, &messages, &answer).await.unwrap(), messages.len());
    }
    assert_eq!(environments, (0..12).map(estate::name).collect());
    for environment in environments {
        assert_eq!(runs(&shop, &environment, "connections").await.len(), 1, "{environment}");
    }
}

#[tokio::test]
async fn entries_that_a_batch_refuses_are_sent_again() {
    let shop = Shop::open(State::Repaired, &|_| {}).await.unwrap();
    let estate = Estate::open(&shop, 25).await.unwrap();
    let mut dispatch = estate.function(&shop, "vigie-dispatch").await.unwrap();
    let sqs = aws_sdk_sqs::Client::new(&shop.config());
    let waiting = async || {
        let mut found = BTreeSet::new();
        loop {
            let messages = estate::receive(&sqs, &estate.connections, 10).await.unwrap();
            if messages.is_empty() {
                return found;
            }
            let bodies = messages.iter().map(|m| serde_json::from_str::<Value>(&m.body).unwrap());
            found.extend(bodies.map(|body| body["environment"].as_str().unwrap().to_owned()));
        }
    };
    let all: BTreeSet<String> = (0..25).map(estate::name).collect();

    shop.sandbox.aws.front.refuse_entries(13);
    let answer = dispatch.invoke(&json!({"suite": "connections", "scheduled_at": ago(1).to_string()}), TIMEOUT).await;
    assert_eq!(answer.unwrap()["sent"], 25);
    assert!(calls(&shop, "sqs:SendMessageBatch") > 3, "the refused ones went again");
    assert_eq!(waiting().await, all);

    // Refused for as long as it tries: the event fails, nothing is marked, and the next delivery sends what is missing.
    let schedule = json!({"suite": "connections", "scheduled_at": ago(0).to_string()});
    shop.sandbox.aws.front.refuse_entries(u32::MAX);
    let error = dispatch.invoke(&schedule, TIMEOUT).await.unwrap_err().to_string();
    assert!(error.contains("25 of 25 messages are not in the queue"), "{error}");
    shop.sandbox.aws.front.refuse_entries(0);
    assert_eq!(dispatch.invoke(&schedule, TIMEOUT).await.unwrap()["sent"], 25);
    assert_eq!(waiting().await, all);
    assert!((sum(&shop, "EnvironmentsDue", "connections").await - 50.0).abs() < 0.1, "each time counted once");
}

#[tokio::test]
async fn two_reports_at_once_are_one_mail() {
    let (shop, mut audit) = open(State::Repaired).await;
    deliver(&mut audit, "full", ago(5)).await;
    let (mut one, mut other) = (shop.report().await.unwrap(), shop.report().await.unwrap());
    let event = json!({"scheduled_at": ago(0).to_string()});
    let (first, second) = tokio::join!(one.invoke(&event, TIMEOUT), other.invoke(&event, TIMEOUT));
    let states: BTreeSet<String> =
        [first.unwrap(), second.unwrap()].map(|answer| answer["lists"][0]["state"].as_str().unwrap().to_owned()).into();
    assert!(states.contains("sent"), "{states:?}");
    assert_eq!(shop.sandbox.aws.front.mails().len(), 1);
    assert_eq!(calls(&shop, "ses:SendRawEmail"), 1);
}
