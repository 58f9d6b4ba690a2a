//! One mail a day and list, whatever SES, the store or a crash does.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod common;

use std::time::Duration;

use common::*;
use vigie_aws::store::Store;
use vigie_core::cause::Cause;
use vigie_core::evidence::Value;
use vigie_core::head::AlertKind;
use vigie_core::run::Outcome;
use vigie_core::text::Language;
use vigie_report::claim::{Claim, Left, State};
use vigie_report::event::ReportEvent;
use vigie_report::outbox::{REFUSED, UNCERTAIN, Unsent, compose};
use vigie_report::{Done, ReportError, report};

#[tokio::test]
async fn one_mail_a_day_from_the_local_hour_on() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    audited(root.path(), "2026-11-22T04:00:00Z", vec![finding("orders", Outcome::Fail)]);
    assert_eq!(only(hourly(&deps, "2026-11-22T05:05:00Z").await), Done::NotDue);
    assert!(matches!(only(hourly(&deps, SEVEN).await), Done::Sent { .. }));
    assert_eq!(only(hourly(&deps, EIGHT).await), Done::Left { why: Left::AlreadySent });
    assert_eq!(deps.outbox.sent(), 1);
    assert_eq!(deps.outbox.subject(), "Vigie: production red, 1 found");
    let claim = claim(root.path(), "2026-11-22");
    assert_eq!((claim.state, claim.message_id.as_deref()), (State::Sent, Some("id-1")));
    assert_eq!(claim.open["production"][0].subject, "orders");
    // Missed hours are caught up: the schedule's own hour does not matter, the list's does.
    assert!(matches!(only(hourly(&deps, "2026-11-23T15:00:00Z").await), Done::Sent { .. }));
}

#[tokio::test]
async fn new_and_resolved_are_against_the_last_mail_that_was_sent() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    audited(
        root.path(),
        "2026-11-19T04:00:00Z",
        vec![finding("orders", Outcome::Fail), finding("mails", Outcome::Fail)],
    );
    hourly(&deps, "2026-11-19T06:05:00Z").await.unwrap();
    // Two days without a mail, the second refused: neither is what is compared with.
    deps.outbox.answers.lock().unwrap().push(sandbox());
    hourly(&deps, "2026-11-21T06:05:00Z").await.unwrap_err();
    let now = vec![finding("orders", Outcome::Pass), finding("mails", Outcome::Fail), finding("bills", Outcome::Fail)];
    audited(root.path(), "2026-11-22T04:00:00Z", now);
    hourly(&deps, SEVEN).await.unwrap();
    assert_eq!(deps.outbox.subject(), "Vigie: production red, 1 new, 1 resolved");
}

#[tokio::test]
async fn a_refused_mail_is_tried_again_and_said() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    deps.outbox.answers.lock().unwrap().extend([sandbox(), sandbox(), sandbox()]);
    for hour in [SEVEN, EIGHT, NINE] {
        let error = hourly(&deps, hour).await.unwrap_err().to_string();
        assert!(error.contains("MessageRejected"), "{error}");
        assert_eq!(claim(root.path(), "2026-11-22").state, State::Refused);
    }
    let told = |kind| (REFUSED.to_owned(), kind);
    // At the first and second refusal; not at the third.
    assert_eq!(deps.outbox.told(), [told(AlertKind::Fired), told(AlertKind::Reminder)]);
    let reason = deps.outbox.alerts.lock().unwrap()[0].evidence["reason"].clone();
    assert_eq!(reason, Value::name("MessageRejected: the address is not verified"));
    assert!(matches!(only(hourly(&deps, "2026-11-22T09:05:00Z").await), Done::Sent { .. }));
    assert_eq!(deps.outbox.told().last(), Some(&told(AlertKind::Resolved)));
    assert_eq!(deps.outbox.sent(), 1);
}

#[tokio::test]
async fn a_mail_without_an_answer_is_not_sent_twice() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    deps.outbox.answers.lock().unwrap().push(Unsent::Uncertain(Cause::Timeout));
    assert_eq!(only(hourly(&deps, SEVEN).await), Done::Uncertain);
    assert_eq!(only(hourly(&deps, EIGHT).await), Done::Left { why: Left::Uncertain });
    assert_eq!(deps.outbox.sent(), 0);
    assert_eq!(deps.outbox.told(), [(UNCERTAIN.to_owned(), AlertKind::Fired)]);
    // A person may decide to send it: then it is no longer in doubt.
    assert!(matches!(only(forced(&deps, NINE).await), Done::Sent { repeat: true, .. }));
    assert_eq!(claim(root.path(), "2026-11-22").state, State::Sent);
    assert_eq!(deps.outbox.told().last(), Some(&(UNCERTAIN.to_owned(), AlertKind::Resolved)));
}

#[tokio::test]
async fn a_claim_left_behind_by_a_crash_is_uncertain_and_said_once() {
    let root = tempfile::tempdir().unwrap();
    let mut deps = deps(root.path());
    let left = Claim::new(LIST, jiff::civil::date(2026, 11, 22), at(SEVEN));
    write(root.path(), &format!("reports/2026-11-22/{LIST}.json"), &serde_json::to_vec(&left).unwrap());
    // Its twin: a fresh one is somebody's who is at it.
    assert_eq!(only(hourly(&deps, "2026-11-22T06:14:00Z").await), Done::Left { why: Left::BeingSent });
    deps.outbox.deaf = true;
    assert_eq!(only(hourly(&deps, EIGHT).await), Done::Uncertain);
    assert!(!claim(root.path(), "2026-11-22").told, "the alert did not go out");
    deps.outbox.deaf = false;
    assert_eq!(only(hourly(&deps, NINE).await), Done::Uncertain);
    assert_eq!(only(hourly(&deps, "2026-11-22T09:05:00Z").await), Done::Left { why: Left::Uncertain });
    assert_eq!(deps.outbox.told(), [(UNCERTAIN.to_owned(), AlertKind::Fired)]);
    assert_eq!(deps.outbox.sent(), 0);
}

#[tokio::test]
async fn force_sends_again_and_says_so() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    audited(root.path(), "2026-11-22T03:00:00Z", vec![finding("orders", Outcome::Fail)]);
    // Before the hour it is the day's mail, and no repeat.
    assert!(matches!(only(forced(&deps, "2026-11-22T04:00:00Z").await), Done::Sent { repeat: false, .. }));
    assert!(matches!(only(forced(&deps, EIGHT).await), Done::Sent { repeat: true, .. }));
    assert_eq!(deps.outbox.subject(), "Vigie: production red, 1 found (repeat)");
    let claim = claim(root.path(), "2026-11-22");
    assert_eq!((claim.repeats, claim.message_id.as_deref()), (1, Some("id-1")));
    assert_eq!(only(hourly(&deps, NINE).await), Done::Left { why: Left::AlreadySent });
    // A refused repeat leaves the day's mail sent.
    deps.outbox.answers.lock().unwrap().push(sandbox());
    forced(&deps, NINE).await.unwrap_err();
    assert_eq!(self::claim(root.path(), "2026-11-22").state, State::Sent);
}

#[tokio::test]
async fn a_dry_run_only_renders() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    let event = ReportEvent { dry_run: true, ..Default::default() };
    let Done::Rendered { subject, html, text, markdown } = only(report(&deps, &event, at(SEVEN)).await) else {
        panic!("not rendered")
    };
    assert_eq!(subject, "Vigie: production never audited, nothing new");
    assert!(html.starts_with("<!doctype html>") && text.contains("Never audited."));
    assert!(markdown.unwrap().starts_with("# "));
    assert_eq!(deps.outbox.sent(), 0);
    assert!(!root.path().join("reports").exists());
}

#[tokio::test]
async fn a_claim_that_cannot_be_read_sends_nothing() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    write(root.path(), &format!("reports/2026-11-22/{LIST}.json"), b"{\"schema\": \"other\"");
    let error = hourly(&deps, SEVEN).await.unwrap_err().to_string();
    assert!(error.contains("nothing is sent"), "{error}");
    assert_eq!(deps.outbox.sent(), 0);
    // Yesterday's does not stop tomorrow's.
    assert!(matches!(only(hourly(&deps, "2026-11-23T06:05:00Z").await), Done::Sent { .. }));
}

#[tokio::test]
async fn a_list_that_fails_stops_no_other() {
    let root = tempfile::tempdir().unwrap();
    let mut deps = deps(root.path());
    deps.config = config(vec![recipient("a@shop.example", Language::Fr), recipient("b@shop.example", Language::En)]);
    deps.outbox.refuses = Some("a@shop.example");
    let error = hourly(&deps, SEVEN).await.unwrap_err().to_string();
    assert!(error.contains("all-fr-europe-paris-07") && !error.contains(LIST), "{error}");
    assert_eq!(deps.outbox.sent(), 1);
    deps.outbox.refuses = None;
    hourly(&deps, EIGHT).await.unwrap();
    assert_eq!(deps.outbox.sent(), 2);
    assert!(deps.outbox.subject().starts_with("Vigie\u{a0}:"));
}

#[tokio::test]
async fn two_invocations_at_once_send_one_mail() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    let (one, two) = futures::join!(hourly(&deps, SEVEN), hourly(&deps, SEVEN));
    let done = [only(one), only(two)];
    assert_eq!(deps.outbox.sent(), 1, "{done:?}");
}

#[tokio::test]
async fn a_head_that_cannot_be_read_does_not_hide_the_runs() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    audited(root.path(), "2026-11-22T04:00:00Z", vec![finding("orders", Outcome::Fail)]);
    write(root.path(), "heads/production.json", b"not JSON");
    write(root.path(), "runs/production/full/2026/11/22/040000Z.snapshot.json", b"{}");
    hourly(&deps, SEVEN).await.unwrap();
    assert_eq!(deps.outbox.subject(), "Vigie: production red, 1 found");
    let text = deps.outbox.letters.lock().unwrap()[0].mail.text.clone();
    assert!(text.contains("the head could not be read"), "{text}");
    // A run that the head names and that is gone is not "never audited".
    audited(root.path(), "2026-11-23T04:00:00Z", Vec::new());
    std::fs::remove_file(root.path().join("runs/production/full/2026/11/23/040000Z.json")).unwrap();
    hourly(&deps, "2026-11-23T06:05:00Z").await.unwrap();
    assert!(deps.outbox.subject().starts_with("Vigie: production unreadable"), "{}", deps.outbox.subject());
}

#[tokio::test]
async fn nobody_to_report_to_or_nowhere_to_read_from() {
    let root = tempfile::tempdir().unwrap();
    let mut deps = deps(root.path());
    deps.left = Duration::from_secs(3);
    assert!(hourly(&deps, SEVEN).await.unwrap_err().to_string().contains("no time left"));
    assert!(!root.path().join("reports").exists(), "nothing was claimed");
    deps.store = Store::Nowhere;
    assert_eq!(hourly(&deps, SEVEN).await, Err(ReportError::NoStore));
    deps.config.report = None;
    assert_eq!(hourly(&deps, SEVEN).await, Err(ReportError::NoRecipients));
}

#[tokio::test]
async fn a_letter_is_a_message() {
    let root = tempfile::tempdir().unwrap();
    let mut deps = deps(root.path());
    deps.config = config(vec![recipient("équipe <team@shop.example>", Language::Fr)]);
    hourly(&deps, SEVEN).await.unwrap();
    let letter = deps.outbox.letters.lock().unwrap()[0].clone();
    let raw = String::from_utf8(compose(&letter).unwrap()).unwrap();
    for header in ["List-Id: <all-fr-europe-paris-07.vigie.shop.example>", "Auto-Submitted: auto-generated"] {
        assert!(raw.contains(header), "{header} in {raw}");
    }
    assert!(raw.contains("References: <all-fr-europe-paris-07@vigie.shop.example>"));
    let leave = "List-Unsubscribe: <mailto:vigie@shop.example?subject=unsubscribe%20all-fr-europe-paris-07>";
    assert!(raw.contains(leave), "{raw}");
    assert!(raw.contains("multipart/alternative"));
}
