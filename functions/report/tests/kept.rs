//! What SES refuses is not lost: the page lies in the store, an alert names it, and a later mail ends the alert.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod common;

use common::*;
use vigie_core::cause::Cause;
use vigie_core::check::Severity;
use vigie_core::config::Recipient;
use vigie_core::evidence::Value;
use vigie_core::head::{Alert, AlertKind};
use vigie_core::run::Outcome;
use vigie_core::text::Language;
use vigie_report::claim::State;
use vigie_report::outbox::{REFUSED, UNCERTAIN, UNKEPT, Unsent};
use vigie_report::{Deps, Done};

const PAGE: &str = "reports/2026-11-22/all-en-europe-paris-07.html";

fn alerts(deps: &Deps<Memory>) -> Vec<Alert> {
    deps.outbox.alerts.lock().unwrap().clone()
}

#[tokio::test]
async fn the_page_lies_beside_the_claim_whether_or_not_the_mail_goes_out() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    audited(root.path(), "2026-11-22T04:00:00Z", vec![finding("orders", Outcome::Fail)]);
    deps.outbox.answers.lock().unwrap().push(sandbox());
    hourly(&deps, SEVEN).await.unwrap_err();
    let page = std::fs::read_to_string(root.path().join(PAGE)).unwrap();
    assert!(page.starts_with("<!") && page.contains("orders"), "{page}");
    let alert = alerts(&deps).remove(0);
    assert_eq!((alert.check.as_str(), &alert.evidence["report"]), (REFUSED, &Value::name(PAGE)));
    assert!(!serde_json::to_string(&alert).unwrap().contains("X-Amz-"), "a key, never a link");
    assert_eq!(claim(root.path(), "2026-11-22").page.as_deref(), Some(PAGE));

    // The next hour sends, and the page is the one that was sent.
    audited(root.path(), "2026-11-22T07:00:00Z", vec![finding("bills", Outcome::Fail)]);
    let Done::Sent { page, .. } = only(hourly(&deps, EIGHT).await) else { panic!("not sent") };
    assert_eq!(page.as_deref(), Some(PAGE));
    let page = std::fs::read_to_string(root.path().join(PAGE)).unwrap();
    assert!(page.contains("bills") && !page.contains("orders"), "{page}");
    assert_eq!(deps.outbox.told().last(), Some(&(REFUSED.to_owned(), AlertKind::Resolved)));
}

#[tokio::test]
async fn each_reason_is_told_as_ses_gave_it() {
    for (cause, reason) in [
        (Cause::Rejected, "MessageRejected: the address is not verified"),
        (Cause::Rejected, "MailFromDomainNotVerifiedException: not verified"),
        (Cause::Paused, "AccountSendingPausedException: paused"),
        (Cause::Throttled, "Throttling: daily quota"),
    ] {
        let root = tempfile::tempdir().unwrap();
        let deps = deps(root.path());
        deps.outbox.answers.lock().unwrap().push(Unsent::Refused { cause, reason: reason.to_owned() });
        let error = hourly(&deps, SEVEN).await.unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        let claim = claim(root.path(), "2026-11-22");
        assert_eq!((claim.state, claim.refused.unwrap().reason.as_str()), (State::Refused, reason));
        let alert = alerts(&deps).remove(0);
        assert_eq!((alert.cause, &alert.evidence["reason"]), (Some(cause), &Value::name(reason)));
        assert!(root.path().join(PAGE).exists());
        assert!(matches!(only(hourly(&deps, EIGHT).await), Done::Sent { .. }), "{reason}");
    }
}

#[tokio::test]
async fn a_refusal_of_days_is_one_alert_until_a_mail_goes_out() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    let days = ["2026-11-20T06:05:00Z", "2026-11-21T06:05:00Z", SEVEN];
    for day in days {
        deps.outbox.answers.lock().unwrap().push(sandbox());
        hourly(&deps, day).await.unwrap_err();
    }
    hourly(&deps, EIGHT).await.unwrap();
    let kinds: Vec<AlertKind> = alerts(&deps).iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, [AlertKind::Fired, AlertKind::Reminder, AlertKind::Resolved]);
    assert!(alerts(&deps).iter().all(|alert| alert.failing_since == at(days[0])), "one incident");
    // Its twin: a refusal after a mail that went out is another one.
    deps.outbox.answers.lock().unwrap().push(sandbox());
    hourly(&deps, "2026-11-23T06:05:00Z").await.unwrap_err();
    let last = alerts(&deps).pop().unwrap();
    assert_eq!((last.kind, last.failing_since), (AlertKind::Fired, at("2026-11-23T06:05:00Z")));
}

#[tokio::test]
async fn doubt_about_one_mail_ends_with_the_next() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    deps.outbox.answers.lock().unwrap().push(Unsent::Uncertain(Cause::Timeout));
    hourly(&deps, "2026-11-21T06:05:00Z").await.unwrap();
    hourly(&deps, SEVEN).await.unwrap();
    hourly(&deps, "2026-11-23T06:05:00Z").await.unwrap();
    let told = |kind| (UNCERTAIN.to_owned(), kind);
    assert_eq!(deps.outbox.told(), [told(AlertKind::Fired), told(AlertKind::Resolved)]);
    let alerts = alerts(&deps);
    assert_eq!(alerts[0].failing_since, alerts[1].failing_since, "one incident");
}

#[tokio::test]
async fn a_page_that_cannot_be_kept_stops_no_mail_and_is_told_once() {
    let root = tempfile::tempdir().unwrap();
    let deps = deps(root.path());
    // A folder where the page belongs: the claim beside it can be written, the page cannot.
    for day in ["2026-11-21", "2026-11-22"] {
        std::fs::create_dir_all(root.path().join(format!("reports/{day}/{LIST}.html"))).unwrap();
    }
    let Done::Sent { page, .. } = only(hourly(&deps, "2026-11-21T06:05:00Z").await) else { panic!("not sent") };
    assert_eq!(page, None);
    let unkept = claim(root.path(), "2026-11-21").unkept.unwrap();
    // Refused as well, a day later: the alert about that says that there is no page.
    deps.outbox.answers.lock().unwrap().push(sandbox());
    hourly(&deps, SEVEN).await.unwrap_err();
    let told: Vec<(String, AlertKind)> = deps.outbox.told();
    assert_eq!(told, [(UNKEPT.to_owned(), AlertKind::Fired), (REFUSED.to_owned(), AlertKind::Fired)]);
    let refused = alerts(&deps).pop().unwrap();
    assert_eq!(refused.evidence["unkept"], Value::name(unkept.cause.code()));
    assert!(!refused.evidence.contains_key("report"));
    // Mended.
    std::fs::remove_dir(root.path().join(PAGE)).unwrap();
    hourly(&deps, EIGHT).await.unwrap();
    let told = deps.outbox.told();
    assert_eq!(told[2..], [(UNKEPT.to_owned(), AlertKind::Resolved), (REFUSED.to_owned(), AlertKind::Resolved)]);
    assert!(root.path().join(PAGE).is_file());
    assert_eq!(deps.outbox.sent(), 2);
}

#[tokio::test]
async fn lists_of_two_severities_get_two_mails_from_one_pass() {
    let root = tempfile::tempdir().unwrap();
    let mut deps = deps(root.path());
    let everything = recipient("team@shop.example", Language::En);
    let grave = Recipient { severity: Severity::Critical, ..recipient("head@shop.example", Language::En) };
    deps.config = config(vec![everything, grave]);
    let mut critical = finding("mails", Outcome::Fail);
    critical.severity = Severity::Critical;
    audited(root.path(), "2026-11-22T04:00:00Z", vec![finding("orders", Outcome::Fail), critical]);
    let done = hourly(&deps, SEVEN).await.unwrap().lists;
    let ids: Vec<&str> = done.iter().map(|list| list.list.as_str()).collect();
    assert_eq!(ids, [LIST, "all-en-europe-paris-07-critical"]);
    let letters = deps.outbox.letters.lock().unwrap().clone();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[1].to, ["head@shop.example"]);
    for (letter, orders) in letters.iter().zip([true, false]) {
        for form in [&letter.mail.html, &letter.mail.text] {
            // Below that: why a deployment is not ready, whatever the list's severity.
            let (listed, _) = form.split_once("Ready to deploy?").unwrap();
            assert!(listed.contains("mails"), "{form}");
            assert_eq!(listed.contains("orders"), orders, "{}: {form}", letter.list);
        }
    }
    // What a list does not show, it remembers: a threshold that falls later makes nothing new.
    let kept = std::fs::read(root.path().join("reports/2026-11-22/all-en-europe-paris-07-critical.json")).unwrap();
    let claim: vigie_report::claim::Claim = serde_json::from_slice(&kept).unwrap();
    assert_eq!(claim.open["production"].len(), 2);
}
