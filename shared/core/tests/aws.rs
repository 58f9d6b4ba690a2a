//! Edges of the checks of credentials, SES and S3, and of what is remembered of a key.

#![allow(clippy::unwrap_used, clippy::panic)] // a helper of a test may fail it

use jiff::SignedDuration;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Severity};
use vigie_core::checks::credentials::remember;
use vigie_core::facts::aws::{Credentials, KeyKind, Policy, S3, SendStatistics, Ses, SesQuota};
use vigie_core::facts::{Fact, Gap, Identity, Rung};
use vigie_core::healthy::{self, NOW, fallen};
use vigie_core::judge::judge;
use vigie_core::run::{Finding, Outcome};
use vigie_core::snapshot::{Memory, Snapshot};

fn findings(class: Class, id: &str, change: impl FnOnce(&mut Snapshot)) -> Vec<Finding> {
    let mut snapshot = healthy::snapshot(class);
    change(&mut snapshot);
    judge(&snapshot).findings.into_iter().filter(|finding| finding.check == id).collect()
}

/// Outcome, fault and severity of the check's only finding.
fn said(class: Class, id: &str, change: impl FnOnce(&mut Snapshot)) -> (Outcome, Option<String>, Severity) {
    let mut found = findings(class, id, change);
    assert_eq!(found.len(), 1, "{found:?}");
    let finding = found.remove(0);
    (finding.outcome, finding.fault, finding.severity)
}

fn production(id: &str, change: impl FnOnce(&mut Snapshot)) -> (Outcome, Option<String>) {
    let (outcome, fault, _) = said(Class::Production, id, change);
    (outcome, fault)
}

fn fails(fault: &str) -> (Outcome, Option<String>) {
    (Outcome::Fail, Some(fault.to_owned()))
}

const PASS: (Outcome, Option<String>) = (Outcome::Pass, None);
const UNKNOWN: (Outcome, Option<String>) = (Outcome::Unknown, None);
const NOT_APPLICABLE: (Outcome, Option<String>) = (Outcome::NotApplicable, None);

fn on_key(change: impl FnOnce(&mut Credentials)) -> impl FnOnce(&mut Snapshot) {
    |snapshot| change(snapshot.facts.credentials.as_mut().unwrap())
}

fn on_ses(change: impl FnOnce(&mut Ses)) -> impl FnOnce(&mut Snapshot) {
    |snapshot| change(snapshot.facts.ses.as_mut().unwrap())
}

fn on_s3(change: impl FnOnce(&mut S3)) -> impl FnOnce(&mut Snapshot) {
    |snapshot| change(snapshot.facts.s3.as_mut().unwrap())
}

/// A pasted session without an expiry, whose key was first seen so many minutes ago.
fn session(minutes: i64, arn: &'static str, bound: Fact<Option<u32>>) -> impl FnOnce(&mut Snapshot) {
    move |snapshot| {
        let c = snapshot.facts.credentials.as_mut().unwrap();
        (c.key, c.session_bound) = (KeyKind::Session, bound);
        if let Fact::Known(caller) = &mut c.caller {
            caller.arn = arn.to_owned();
        }
        let mac = c.fingerprint.get().unwrap().mac.clone();
        let first_seen = [(mac, NOW - SignedDuration::from_mins(minutes))].into();
        snapshot.memory = Fact::Known(Memory { first_seen, ..Memory::default() });
    }
}

const ROLE: &str = "arn:aws:sts::111122223333:assumed-role/web/s";
const USER: &str = "arn:aws:iam::111122223333:user/shop";
const ROOT: &str = "arn:aws:iam::111122223333:root";

#[test]
fn the_end_of_a_session_is_counted_to_the_minute() {
    let left = |seconds: i64| {
        production("CRED-EXPIRY-NEAR", on_key(|c| c.expires = Some(NOW + SignedDuration::from_secs(seconds))))
    };
    assert_eq!(left(3_600), PASS);
    assert_eq!(left(3_599), fails("near"));
    assert_eq!(left(900), fails("near"));
    assert_eq!(left(899), fails("imminent"));
    assert_eq!(left(1), fails("imminent"));
    assert_eq!(left(0), fails("ended"));
    let severity = |seconds| {
        said(
            Class::Production,
            "CRED-EXPIRY-NEAR",
            on_key(|c| c.expires = Some(NOW + SignedDuration::from_secs(seconds))),
        )
        .2
    };
    assert_eq!((severity(1_800), severity(60)), (Severity::High, Severity::Critical));
}

#[test]
fn a_session_that_does_not_say_when_it_ends_grows_suspect() {
    let seen = |minutes, arn, bound| production("CRED-EXPIRY-NEAR", session(minutes, arn, bound));
    let hours = |n: u32| Fact::Known(Some(n * 3_600));
    let denied = || Fact::Gap(Gap::denied("iam:GetRole", Identity::Auditor));
    assert_eq!(seen(59, ROLE, hours(12)), UNKNOWN);
    assert_eq!(seen(60, ROLE, hours(12)), fails("unstated"));
    assert_eq!(seen(119, ROLE, hours(2)), fails("unstated"));
    assert_eq!(seen(120, ROLE, hours(2)), fails("outlived"));
    // A refused GetRole hides neither.
    assert_eq!(seen(61, ROLE, denied()), fails("unstated"));
    assert_eq!(seen(12 * 60, ROLE, denied()), fails("outlived"));
    assert_eq!(seen(35 * 60, USER, Fact::Known(None)), fails("unstated"));
    assert_eq!(seen(36 * 60, USER, Fact::Known(None)), fails("outlived"));
    assert_eq!(seen(60, ROOT, Fact::Known(None)), fails("outlived"));
}

#[test]
fn a_key_that_nobody_can_recognise_is_unknown() {
    let no_key = on_key(|c| {
        c.key = KeyKind::Session;
        c.fingerprint = Fact::gap(Cause::NoKey, Identity::Auditor);
    });
    assert_eq!(production("CRED-EXPIRY-NEAR", no_key), UNKNOWN);
    let first_run = |s: &mut Snapshot| {
        s.facts.credentials.as_mut().unwrap().key = KeyKind::Session;
        s.memory = Fact::gap(Cause::NoHistory, Identity::Auditor);
    };
    assert_eq!(production("CRED-EXPIRY-NEAR", first_run), UNKNOWN);
    assert_eq!(production("CRED-EXPIRY-NEAR", on_key(|c| c.key = KeyKind::LongLived)), NOT_APPLICABLE);
}

#[test]
fn staging_may_use_a_key_but_not_a_persons() {
    let staging = |id, change: fn(&mut Credentials)| {
        let (outcome, fault, severity) = said(Class::Staging, id, on_key(change));
        (outcome, fault, (outcome == Outcome::Fail).then_some(severity))
    };
    let pass = (Outcome::Pass, None, None);
    assert_eq!(staging("CRED-LONG-LIVED", |c| c.key = KeyKind::LongLived), pass);
    assert_eq!(staging("CRED-STATIC-SESSION", |c| c.key = KeyKind::Session), pass);
    let person = staging("CRED-STATIC-SESSION", |c| {
        c.key = KeyKind::Session;
        if let Fact::Known(caller) = &mut c.caller {
            caller.arn = "arn:aws:sts::111122223333:assumed-role/Dev/ana@shop.example".to_owned();
        }
    });
    assert_eq!(person, (Outcome::Fail, Some("person".to_owned()), Some(Severity::Low)));
}

#[test]
fn without_a_key_the_credential_checks_do_not_apply() {
    let none = |c: &mut Credentials| {
        c.key = KeyKind::None;
        c.asked_as = Identity::Auditor;
        // Vigie's own role is an administrator: that says nothing of the app.
        c.policies = Fact::Known([policy("everything", Fact::Known(vec!["*".to_owned()]))].into());
    };
    for id in ["CRED-INVALID", "CRED-EXPIRY-NEAR", "CRED-STATIC-SESSION", "CRED-LONG-LIVED", "CRED-OVERPRIVILEGED"] {
        assert_eq!(production(id, on_key(none)), NOT_APPLICABLE, "{id}");
    }
    // With a role to ask with, what it may do is the app's.
    let role = |c: &mut Credentials| {
        none(c);
        c.asked_as = Identity::App;
    };
    assert_eq!(production("CRED-OVERPRIVILEGED", on_key(role)), fails("admin"));
}

#[test]
fn a_dead_network_is_not_a_refused_key() {
    let ladder = |rung, cause| said(Class::Production, "CRED-INVALID", on_key(move |c| c.ladder = fallen(rung, cause)));
    let (_, fault, severity) = ladder(Rung::Resolve, Cause::Dns);
    assert_eq!((fault.as_deref(), severity), (Some("unreachable"), Severity::High));
    let (_, fault, severity) = ladder(Rung::Authenticate, Cause::Signature);
    assert_eq!((fault.as_deref(), severity), (Some("refused"), Severity::Critical));
}

fn policy(name: &str, on_everything: Fact<Vec<String>>) -> (String, Policy) {
    (name.to_owned(), Policy { managed_by_aws: false, on_everything })
}

#[test]
fn a_policy_that_was_not_read_is_not_harmless() {
    let with = |all: Vec<(String, Policy)>| {
        production("CRED-OVERPRIVILEGED", on_key(|c| c.policies = Fact::Known(all.into_iter().collect())))
    };
    let unread = || policy("b", Fact::gap(Cause::Unweighed, Identity::Auditor));
    let wide = || policy("a", Fact::Known(vec!["s3:*".to_owned()]));
    let named =
        |name: &str, managed_by_aws| (name.to_owned(), Policy { managed_by_aws, on_everything: Fact::Known(vec![]) });
    assert_eq!(with(vec![unread()]), UNKNOWN);
    assert_eq!(with(vec![wide(), unread()]), UNKNOWN);
    assert_eq!(with(vec![wide()]), fails("wide"));
    assert_eq!(with(vec![named("AdministratorAccess", true), unread()]), fails("admin"));
    assert_eq!(with(vec![named("AdministratorAccess", false)]), PASS);
    assert_eq!(with(vec![]), PASS);
}

#[test]
fn the_key_in_use_is_remembered_and_no_other() {
    let mut snapshot = healthy::snapshot(Class::Production);
    let mac = snapshot.facts.credentials.as_ref().unwrap().fingerprint.get().unwrap().mac.clone();
    let later = NOW + SignedDuration::from_hours(1);
    let mut memory = Memory { first_seen: [("old".to_owned(), NOW)].into(), ..Memory::default() };
    remember(&snapshot.facts, &mut memory, NOW);
    assert_eq!(memory.first_seen, Named::from([(mac.clone(), NOW)]));
    remember(&snapshot.facts, &mut memory, later);
    assert_eq!(memory.first_seen, Named::from([(mac.clone(), NOW)]), "seen first when it was first seen");

    let credentials = snapshot.facts.credentials.as_mut().unwrap();
    credentials.fingerprint = Fact::gap(Cause::NoKey, Identity::Auditor);
    remember(&snapshot.facts, &mut memory, later);
    assert_eq!(memory.first_seen.len(), 1, "not seen is not gone");

    snapshot.facts.credentials.as_mut().unwrap().key = KeyKind::None;
    remember(&snapshot.facts, &mut memory, later);
    assert!(memory.first_seen.is_empty());
    snapshot.facts.credentials = None;
    remember(&snapshot.facts, &mut memory, later);
}

#[test]
fn a_quota_proves_production_but_only_hints_at_a_sandbox() {
    let quota = |max_24_hours, max_rate| {
        production(
            "SES-SANDBOX",
            on_ses(move |ses| {
                ses.production_access = Fact::Gap(Gap::denied("ses:GetAccount", Identity::Auditor));
                ses.quota = Fact::Known(SesQuota { max_24_hours, max_rate, sent_24_hours: 0.0 });
            }),
        )
    };
    assert_eq!(quota(200.0, 1.0), fails("likely"));
    assert_eq!(quota(201.0, 1.0), PASS);
    assert_eq!(quota(200.0, 14.0), PASS);
    assert_eq!(quota(-1.0, 1.0), PASS, "no limit at all");
    let (_, fault, severity) =
        said(Class::Staging, "SES-SANDBOX", on_ses(|ses| ses.production_access = Fact::Known(false)));
    assert_eq!((fault.as_deref(), severity), (Some("sandbox"), Severity::Info));
}

#[test]
fn a_bounce_rate_of_nothing_does_not_apply() {
    let rate = |rate: Fact<Option<f64>>, statistics: Fact<SendStatistics>| {
        production("SES-BOUNCE-HIGH", on_ses(|ses| (ses.bounce_rate, ses.statistics) = (rate, statistics)))
    };
    let of = |attempts, bounces| Fact::Known(SendStatistics { attempts, bounces });
    let gap = || Gap::denied("cloudwatch:GetMetricData", Identity::Auditor);
    assert_eq!(rate(Fact::Known(Some(1.99)), of(0, 0)), PASS);
    assert_eq!(rate(Fact::Known(Some(2.0)), of(0, 0)), fails("rising"));
    assert_eq!(rate(Fact::Known(Some(5.0)), of(0, 0)), fails("review"));
    assert_eq!(rate(Fact::Known(Some(10.0)), of(0, 0)), fails("pause"));
    assert_eq!(rate(Fact::Known(None), of(99, 99)), NOT_APPLICABLE);
    assert_eq!(rate(Fact::Known(None), of(100, 5)), fails("review"));
    assert_eq!(rate(Fact::Gap(gap()), of(100, 1)), PASS);
    assert_eq!(rate(Fact::Gap(gap()), Fact::Gap(gap())), UNKNOWN);
}

#[test]
fn a_public_setting_is_said_whatever_else_is_not_known() {
    let denied = |action: &str| Gap::denied(action, Identity::Auditor);
    let public = on_s3(|s3| {
        let media = s3.buckets.values_mut().next().unwrap();
        media.policy_public = Fact::Gap(denied("s3:GetBucketPolicyStatus"));
        media.public_grants = Fact::Known(vec!["AllUsers: READ".to_owned()]);
    });
    assert_eq!(production("S3-PUBLIC-CONFIG", public), fails("grants"));
    // One level that blocks everything needs no word of the other.
    let closed = on_s3(|s3| {
        let all = vigie_core::facts::aws::BlockFlags {
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: true,
            restrict_public_buckets: true,
        };
        s3.buckets.values_mut().for_each(|bucket| bucket.block = Fact::Known(all));
        s3.account_block = Fact::Gap(denied("s3:GetAccountPublicAccessBlock"));
    });
    assert_eq!(production("S3-PUBLIC-CONFIG", closed), PASS);
    let declared = on_s3(|s3| {
        for bucket in s3.buckets.values_mut() {
            bucket.public_by_design = true;
            bucket.policy_public = Fact::Known(true);
        }
    });
    assert_eq!(production("S3-PUBLIC-CONFIG", declared), PASS);
}

#[test]
fn a_dead_s3_fails_one_check_and_explains_the_others() {
    let mut snapshot = healthy::snapshot(Class::Production);
    let s3 = snapshot.facts.s3.as_mut().unwrap();
    s3.ladder = fallen(Rung::Connect, Cause::Refused);
    for bucket in s3.buckets.values_mut() {
        bucket.head = Fact::gap(Cause::Refused, Identity::App);
        bucket.region = Fact::gap(Cause::Refused, Identity::App);
        bucket.roundtrip = Fact::gap(Cause::Refused, Identity::App);
    }
    let run = judge(&snapshot);
    let of = |id: &str| run.findings.iter().find(|finding| finding.check == id).unwrap();
    assert_eq!(of("S3-BUCKET-MISSING").fault.as_deref(), Some("unreachable"));
    for id in ["S3-REGION-MISMATCH", "S3-ROUNDTRIP"] {
        assert_eq!(of(id).outcome, Outcome::Unknown);
        assert_eq!(of(id).parent.as_deref(), Some("S3-BUCKET-MISSING"));
    }
}

#[test]
fn only_the_apps_own_refusal_is_the_bucket_s_fault() {
    let denied = |asked_as| {
        production(
            "S3-BUCKET-MISSING",
            on_s3(move |s3| {
                s3.asked_as = asked_as;
                s3.buckets
                    .values_mut()
                    .for_each(|bucket| bucket.head = Fact::Gap(Gap::denied("s3:ListBucket", asked_as)));
            }),
        )
    };
    assert_eq!(denied(Identity::App), fails("denied"));
    assert_eq!(denied(Identity::Auditor), UNKNOWN);
    let off = on_s3(|s3| {
        s3.buckets.values_mut().for_each(|bucket| bucket.roundtrip = Fact::gap(Cause::WritesOff, Identity::App));
    });
    assert_eq!(production("S3-ROUNDTRIP", off), NOT_APPLICABLE);
}

/// A round trip that is refused: of the app a fault, of the auditor not known; unless something stays behind.
#[test]
fn the_auditor_s_own_refusal_says_nothing_of_the_app() {
    let refused = |asked_as, steps: &[(&str, Option<Cause>)]| {
        let mut snapshot = healthy::snapshot(Class::Production);
        let s3 = snapshot.facts.s3.as_mut().expect("healthy");
        s3.asked_as = asked_as;
        let step = |(step, cause): &(&str, Option<Cause>)| vigie_core::facts::aws::RoundtripStep {
            step: (*step).to_owned(),
            ms: 1,
            cause: *cause,
            code: None,
        };
        let steps: Vec<_> = steps.iter().map(step).collect();
        for bucket in s3.buckets.values_mut() {
            bucket.roundtrip = Fact::Known(vigie_core::facts::aws::Roundtrip { steps: steps.clone() });
        }
        let run = judge(&snapshot);
        let finding = run.findings.iter().find(|f| f.check == "S3-ROUNDTRIP").expect("judged");
        (finding.outcome, finding.action.clone(), finding.fault.clone())
    };
    let put = [("put", Some(Cause::Denied))];
    assert_eq!(refused(Identity::App, &put), (Outcome::Fail, None, Some("denied".to_owned())));
    assert_eq!(refused(Identity::Auditor, &put), (Outcome::Unknown, Some("s3:PutObject".to_owned()), None));
    let left = [("put", None), ("get", None), ("delete", Some(Cause::Denied))];
    assert_eq!(refused(Identity::Auditor, &left), (Outcome::Fail, None, Some("left".to_owned())));
}
