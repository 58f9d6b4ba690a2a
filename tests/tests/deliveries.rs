//! At least once, out of order, half done: what a schedule, a queue and a mail service do to whoever trusts them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vigie_tests::client;
use vigie_tests::front::Fault;
use vigie_tests::mail;
use vigie_tests::runtime::{Function, FunctionError};
use vigie_tests::shop::{self, RUNS, Shop, State, TIMEOUT};

const LIST: &str = "all-en-europe-paris-00";

fn minute() -> Timestamp {
    Timestamp::now().round(Unit::Minute).unwrap()
}

fn ago(time: SignedDuration) -> Timestamp {
    minute() - time
}

async fn shop(state: State) -> (Shop, Function, Function) {
    let shop = Shop::open(state, &|_| {}).await.unwrap();
    let (audit, report) = (shop.audit().await.unwrap(), shop.report().await.unwrap());
    (shop, audit, report)
}

/// The day's claim, by the list's own time zone.
fn claim_key() -> String {
    let today = Timestamp::now().in_tz("Europe/Paris").unwrap().date();
    format!("reports/{today}/{LIST}.json")
}

async fn put(shop: &Shop, key: &str, body: &str) {
    let s3 = aws_sdk_s3::Client::from_conf(client::s3(&shop.config()));
    s3.put_object().bucket(RUNS).key(key).body(body.as_bytes().to_vec().into()).send().await.unwrap();
}

fn alerts(shop: &Shop) -> Vec<Value> {
    let details = shop.sandbox.aws.front.events();
    details.iter().map(|entry| serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap()).collect()
}

fn batch(bodies: &[(&str, Value)]) -> Value {
    let records: Vec<Value> = bodies
        .iter()
        .map(|(id, body)| json!({"messageId": id, "body": body.to_string(), "eventSource": "aws:sqs"}))
        .collect();
    json!({ "Records": records })
}

#[tokio::test]
async fn two_deliveries_of_a_message_are_one_run() {
    let (shop, mut audit, _) = shop(State::Mistaken).await;
    let at = ago(SignedDuration::from_mins(5));
    let message = json!({"environment": "staging", "suite": "full", "scheduled_at": at.to_string()});
    let event = batch(&[("m-1", message), ("m-2", json!({"environment": "nowhere", "suite": "full"}))]);
    let failed = json!({"batchItemFailures": [{"itemIdentifier": "m-2"}]});
    assert_eq!(audit.invoke(&event, TIMEOUT).await.unwrap(), failed, "one poisoned message spoils no other");
    let (asked, sent) = (calls(&shop, "sts:GetCallerIdentity"), alerts(&shop));
    let (head, runs) =
        (shop.object("heads/staging.json").await.unwrap(), shop.keys("runs/staging/full/").await.unwrap());
    assert!(asked > 0 && !sent.is_empty());
    assert_eq!(runs.len(), 2, "a run and its snapshot: {runs:?}");

    assert_eq!(audit.invoke(&event, TIMEOUT).await.unwrap(), failed);
    assert_eq!(calls(&shop, "sts:GetCallerIdentity"), asked, "the world is not asked again");
    assert_eq!(shop.keys("runs/staging/full/").await.unwrap(), runs);
    assert_eq!(shop.object("heads/staging.json").await.unwrap(), head);
    assert_eq!(alerts(&shop), sent, "nothing is said twice");
}

fn calls(shop: &Shop, operation: &str) -> u64 {
    shop.sandbox.aws.front.calls().get(operation).copied().unwrap_or_default()
}

#[tokio::test]
async fn a_run_older_than_the_head_does_not_move_it() {
    let (shop, mut audit, _) = shop(State::Mistaken).await;
    shop::scheduled(&mut audit, "staging", ago(SignedDuration::from_mins(5))).await.unwrap();
    let (head, sent) = (shop.object("heads/staging.json").await.unwrap(), alerts(&shop));
    let late = ago(SignedDuration::from_mins(60));
    shop::scheduled(&mut audit, "staging", late).await.unwrap();
    assert_eq!(shop.object("heads/staging.json").await.unwrap(), head);
    assert_eq!(alerts(&shop), sent);
    assert_eq!(shop.keys("runs/staging/full/").await.unwrap().len(), 4, "the late run itself is stored");
    // The positive control: a newer one moves it.
    let newer = ago(SignedDuration::from_mins(1));
    shop::scheduled(&mut audit, "staging", newer).await.unwrap();
    assert_ne!(shop.object("heads/staging.json").await.unwrap()["run"], head["run"]);
}

/// One account, one identity: what is asked of the whole account is asked once for both.
#[tokio::test]
async fn environments_of_one_account_share_what_is_asked_of_it() {
    let (shop, mut audit, _) = shop(State::Repaired).await;
    let at = ago(SignedDuration::from_mins(5)).to_string();
    let message = |name: &str| json!({"environment": name, "suite": "connections", "scheduled_at": at});
    let event = batch(&[("m-1", message("production")), ("m-2", message("staging"))]);
    assert_eq!(audit.invoke(&event, TIMEOUT).await.unwrap(), json!({"batchItemFailures": []}));
    assert_eq!(calls(&shop, "ses:GetAccountSendingEnabled"), 1);
    // What belongs to one environment is asked for each: its alarms by their prefix, its sender.
    assert_eq!(calls(&shop, "cloudwatch:DescribeAlarms"), 2);
    assert_eq!(calls(&shop, "ses:GetIdentityVerificationAttributes"), 2);
    for name in ["production", "staging"] {
        let key = shop.object(&format!("heads/{name}.json")).await.unwrap()["newest"]["connections"]["key"].clone();
        let run = shop.object(key.as_str().unwrap()).await.unwrap();
        let unknown: Vec<&Value> =
            run["findings"].as_array().unwrap().iter().filter(|f| f["outcome"] == "unknown").collect();
        assert!(!unknown.iter().any(|f| f["target"] == "ses" || f["target"] == "cloudwatch"), "{unknown:#?}");
    }
}

/// Both suites of one minute, side by side: one of them loses the race for the head.
#[tokio::test]
async fn two_runs_at_once_lose_nothing_that_was_to_be_said() {
    let (shop, mut audit, _) = shop(State::Mistaken).await;
    let at = ago(SignedDuration::from_mins(5)).to_string();
    let message = |suite: &str| json!({"environment": "production", "suite": suite, "scheduled_at": at});
    let event = batch(&[("m-1", message("connections")), ("m-2", message("full"))]);
    assert_eq!(audit.invoke(&event, TIMEOUT).await.unwrap(), json!({"batchItemFailures": []}));
    let head = shop.object("heads/production.json").await.unwrap();
    assert_eq!(head["newest"].as_object().unwrap().len(), 2, "the head has both: {}", head["newest"]);
    let said: BTreeSet<String> = alerts(&shop)
        .iter()
        .flat_map(|alert| {
            let own = format!("{}/{}", alert["check"].as_str().unwrap(), alert["subject"].as_str().unwrap());
            let with = alert["with"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned());
            with.chain([own]).collect::<Vec<_>>()
        })
        .collect();
    let fired: BTreeSet<String> = head["chains"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, chain)| !chain["fired_at"].is_null())
        .map(|(key, _)| key.clone())
        .collect();
    assert!(fired.contains("SQS-DLQ-NOT-EMPTY/shop-production-jobs-dlq"), "{fired:?}");
    assert!(fired.contains("S3-PUBLIC-CONFIG/shop-production-media"), "the full suite's own: {fired:?}");
    assert!(fired.is_subset(&said), "marked as said, and never sent: {:?}", fired.difference(&said));
}

#[tokio::test]
async fn a_first_run_says_everything_once_and_resolves_nothing() {
    let (shop, mut audit, _) = shop(State::Mistaken).await;
    shop::scheduled(&mut audit, "production", ago(SignedDuration::from_mins(5))).await.unwrap();
    let sent = alerts(&shop);
    assert_eq!(sent.len(), 1, "one grouped alert: {sent:#?}");
    assert_eq!(sent[0]["kind"], "fired");
    assert!(sent[0]["with"].as_array().unwrap().len() > 5, "it names the others: {:#?}", sent[0]);
    shop::scheduled(&mut audit, "production", ago(SignedDuration::from_mins(4))).await.unwrap();
    let resolved = alerts(&shop).iter().filter(|alert| alert["kind"] == "resolved" || alert["kind"] == "gone").count();
    assert_eq!(resolved, 0);
}

#[tokio::test]
async fn a_head_that_cannot_be_read_gives_no_transitions_and_is_said() {
    let (shop, mut audit, _) = shop(State::Mistaken).await;
    shop::scheduled(&mut audit, "staging", ago(SignedDuration::from_mins(5))).await.unwrap();
    let sent = alerts(&shop);
    put(&shop, "heads/staging.json", "{ this is no head").await;
    let at = ago(SignedDuration::from_mins(4));
    let error = shop::scheduled(&mut audit, "staging", at).await.unwrap_err().to_string();
    assert!(error.contains("head"), "the event fails, so that it is delivered again: {error}");
    assert_eq!(alerts(&shop), sent, "nothing fired, nothing resolved");
    let key = vigie_core::plan::identify(
        &vigie_core::plan::Audit {
            environment: "staging".into(),
            suite: vigie_core::check::Suite::Full,
            scheduled_at: Some(at),
        },
        at,
        "",
    )
    .key;
    assert!(shop.object(&key).await.is_ok(), "the run is stored");
    let raw = raw(&shop, "heads/staging.json").await;
    assert_eq!(raw, "{ this is no head", "what cannot be read is not overwritten");
}

async fn raw(shop: &Shop, key: &str) -> String {
    let s3 = aws_sdk_s3::Client::from_conf(client::s3(&shop.config()));
    let object = s3.get_object().bucket(RUNS).key(key).send().await.unwrap();
    String::from_utf8(object.body.collect().await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn what_is_stale_or_was_never_audited_makes_no_green_mail() {
    let (shop, mut audit, mut report) = shop(State::Repaired).await;
    let days = ago(SignedDuration::from_hours(72));
    shop::scheduled(&mut audit, "staging", days).await.unwrap();
    // As if it had been made then, and nobody had audited since.
    let key = shop.object("heads/staging.json").await.unwrap()["newest"]["full"]["key"].as_str().unwrap().to_owned();
    let mut run = shop.object(&key).await.unwrap();
    run["started_at"] = days.to_string().into();
    put(&shop, &key, &run.to_string()).await;
    report.invoke(&json!({}), TIMEOUT).await.unwrap();
    let raw = String::from_utf8(shop.sandbox.aws.front.mails().pop().unwrap().raw).unwrap();
    let text = mail::part(&raw, "text/plain").unwrap().to_lowercase();
    let (never, stale) = (text.find("never audited"), text.find("not audited since"));
    assert!(never.is_some() && stale.is_some(), "{text}");
    let rendered = report.invoke(&json!({"dry_run": true}), TIMEOUT).await.unwrap();
    let subject = rendered["lists"][0]["subject"].as_str().unwrap().to_lowercase();
    assert!(subject.contains("not audited") || subject.contains("never audited"), "{subject}");
    assert!(!text.contains("green") && !subject.contains("green") && !text.contains("[yes]"), "{subject}\n{text}");
}

#[tokio::test]
async fn a_refused_mail_is_tried_again_and_said() {
    let (shop, mut audit, mut report) = shop(State::Repaired).await;
    shop::scheduled(&mut audit, "staging", ago(SignedDuration::from_mins(5))).await.unwrap();
    let before = alerts(&shop).len();
    shop.sandbox.aws.front.inject("ses:SendRawEmail", Fault::Refused(400, "MessageRejected"));
    let error = report.invoke(&json!({}), TIMEOUT).await.unwrap_err();
    assert!(matches!(error, FunctionError::Handled { .. }), "{error}");
    assert_eq!(calls(&shop, "ses:SendRawEmail"), 1, "a mail is not retried by the SDK");
    let said = alerts(&shop);
    assert_eq!(said.len(), before + 1, "{said:#?}");
    let alert = said.last().unwrap();
    assert_eq!(alert["check"], "REPORT-REFUSED");
    assert!(alert["evidence"].to_string().contains("MessageRejected"), "it carries SES's reason: {alert:#?}");
    assert_eq!(shop.object(&claim_key()).await.unwrap()["state"], "refused");

    shop.sandbox.aws.front.heal("ses:SendRawEmail");
    let answer = report.invoke(&json!({}), TIMEOUT).await.unwrap();
    assert_eq!(answer["lists"][0]["state"], "sent", "{answer}");
    assert_eq!(shop.sandbox.aws.front.mails().len(), 1);
    assert_eq!(shop.object(&claim_key()).await.unwrap()["state"], "sent");
    // Once a day: the next hour sends nothing, and says why.
    let again = report.invoke(&json!({}), TIMEOUT).await.unwrap();
    assert_eq!(again["lists"][0]["why"], "already-sent", "{again}");
    assert_eq!(shop.sandbox.aws.front.mails().len(), 1);
    let forced = report.invoke(&json!({"force": true}), TIMEOUT).await.unwrap();
    assert_eq!(forced["lists"][0]["repeat"], true);
    assert_eq!(shop.sandbox.aws.front.mails().len(), 2);
}

#[tokio::test]
async fn a_claim_left_behind_by_a_crash_is_not_sent_twice() {
    let (shop, mut audit, mut report) = shop(State::Repaired).await;
    shop::scheduled(&mut audit, "staging", ago(SignedDuration::from_mins(5))).await.unwrap();
    let before = alerts(&shop).len();
    let crashed = json!({
        "schema": "vigie.mail/v1", "list": LIST, "date": claim_key()[8..18], "state": "claimed", "attempts": 1,
        "at": ago(SignedDuration::from_mins(30)).to_string(),
    });
    put(&shop, &claim_key(), &crashed.to_string()).await;
    let answer = report.invoke(&json!({}), TIMEOUT).await.unwrap();
    assert_eq!(answer["lists"][0]["state"], "uncertain", "{answer}");
    assert_eq!(shop.sandbox.aws.front.mails().len(), 0, "it may have been sent: not twice");
    let said = alerts(&shop);
    assert_eq!(said.len(), before + 1);
    assert_eq!(said.last().unwrap()["check"], "REPORT-UNCERTAIN");
    assert_eq!(shop.object(&claim_key()).await.unwrap()["state"], "uncertain");
    report.invoke(&json!({}), TIMEOUT).await.unwrap();
    assert_eq!(alerts(&shop).len(), before + 1, "said once");
    // A person may still send it, marked as a repeat.
    report.invoke(&json!({"force": true}), TIMEOUT).await.unwrap();
    assert_eq!(shop.sandbox.aws.front.mails().len(), 1);
}

/// A timeout proves nothing: the mail may have been taken.
#[tokio::test]
async fn a_mail_without_an_answer_is_uncertain() {
    let (shop, mut audit, mut report) = shop(State::Repaired).await;
    shop::scheduled(&mut audit, "staging", ago(SignedDuration::from_mins(5))).await.unwrap();
    shop.sandbox.aws.front.inject("ses:SendRawEmail", Fault::Truncated);
    let _ = report.invoke(&json!({}), TIMEOUT).await;
    assert_eq!(calls(&shop, "ses:SendRawEmail"), 1, "a mail is not retried");
    assert_eq!(shop.object(&claim_key()).await.unwrap()["state"], "uncertain");
}
