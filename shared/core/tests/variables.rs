//! From values to findings: what a mistake in a variable is called, and what is no mistake.
#![allow(clippy::expect_used, clippy::panic)] // a helper of a test may fail it

use secrecy::{ExposeSecret, SecretString};
use vigie_core::cause::Cause;
use vigie_core::check::Class;
use vigie_core::contract::{AwsIdentity, Contract, RedisClient};
use vigie_core::facts::aws::KeyKind;
use vigie_core::facts::{Fact, Gap, Identity};
use vigie_core::fingerprint::FingerprintKey;
use vigie_core::healthy;
use vigie_core::healthy::variables::{contract, key, values};
use vigie_core::judge::judge;
use vigie_core::run::{Finding, Outcome};
use vigie_core::snapshot::Snapshot;
use vigie_core::targets::{Targets, derive};
use vigie_core::variables::{Unread, Variable, Variables, facts, fingerprints};

fn set(variables: &mut Variables, name: &str, value: &str) {
    let source = "dotenv:.env".to_owned();
    variables.values.insert(name.to_owned(), Variable { value: SecretString::from(value), source });
}

fn snapshot(class: Class, variables: &Variables) -> Snapshot {
    let mut snapshot = healthy::snapshot(class);
    snapshot.facts.variables = facts(variables, &snapshot.environment.contract, key().as_ref());
    snapshot
}

fn env(snapshot: &Snapshot) -> Vec<Finding> {
    let findings = judge(snapshot).findings;
    findings.into_iter().filter(|f| f.check.starts_with("ENV-") && f.check != "ENV-DB-MALFORMED").collect()
}

/// `CHECK.fault SUBJECT` of what fails, `CHECK? cause SUBJECT` of what is unknown.
fn said(snapshot: &Snapshot) -> Vec<String> {
    let line = |f: Finding| match f.outcome {
        Outcome::Fail => Some(format!("{}.{} {}", f.check, f.fault.unwrap_or_default(), f.subject)),
        Outcome::Unknown => Some(format!("{}? {} {}", f.check, f.cause.map_or("-", Cause::code), f.subject)),
        Outcome::Pass | Outcome::NotApplicable => None,
    };
    env(snapshot).into_iter().filter_map(line).collect()
}

fn after(class: Class, change: impl Fn(&mut Variables)) -> Vec<String> {
    let mut variables = values(class);
    change(&mut variables);
    said(&snapshot(class, &variables))
}

/// What is said of the healthy production with one variable changed.
fn with(name: &str, value: &str) -> Vec<String> {
    after(Class::Production, |v| set(v, name, value))
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_mistake_is_said_once_and_by_its_name() {
    let stripe = |kind: &str, mode: &str| format!("{kind}_{mode}_51N2xWqLm8RtYv3Kp");
    let session = "Vd8wq1Zk5mPp0rTtYs3uXx7cBb9nLl2jHh4gFf6aEeQ=";
    for (name, value, expected) in [
        ("AWS_SECRET_ACCESS_KEY", "q7Zt0cPpYb3kK1mVf5xX8uLw2nHs9dGjR4eTzA6i\n", "ENV-WHITESPACE.edges"),
        ("AWS_SECRET_ACCESS_KEY", "\u{feff}q7Zt0cPpYb3kK1mVf5xX8uLw2nHs9dGjR4eTzA6i", "ENV-WHITESPACE.invisible"),
        ("AWS_SECRET_ACCESS_KEY", "\"q7Zt0cPpYb3kK1mVf5xX8uLw2nHs9dGjR4eTzA6i\"", "ENV-WHITESPACE.quotes"),
        ("DB_PASSWORD", "mot de passé très long", "ENV-WHITESPACE.non-ascii"),
        ("AWS_SECRET_ACCESS_KEY", "q7Zt0cPpYb3kK1mVf5xX8uLw2nHs9dGjR4eTzA6", "ENV-KEY-SHAPE.secret"),
        ("AWS_ACCESS_KEY_ID", "AKIAQYZ2M4K3W7X5C6V", "ENV-KEY-SHAPE.id"),
        ("MAIL_API_KEY", "your-api-key-here", "ENV-PLACEHOLDER.template"),
        ("NEXT_PUBLIC_ADMIN_SECRET", "f81bb7c3a1", "ENV-PUBLIC-SECRET.name"),
        ("NEXT_PUBLIC_DB", "postgres://shop@db.shop.example/shop", "ENV-PUBLIC-SECRET.value"),
        ("NEXT_PUBLIC_AUTH", session, "ENV-PUBLIC-SECRET.same"),
        ("CRON_SECRET", session, "ENV-AUTH-SECRET-WEAK.reused"),
        ("NEXTAUTH_SECRET", "k3Yt7Wq0ZpLm", "ENV-AUTH-SECRET-WEAK.short"),
        ("NEXTAUTH_SECRET", "qwertyuiopqwertyuiopqwertyuiopqwertyuiop", "ENV-AUTH-SECRET-WEAK.entropy"),
        ("NEXTAUTH_URL", "https://shop.example/", "ENV-AUTH-URL-INVALID.slash"),
        ("NEXTAUTH_URL", "http://shop.example", "ENV-AUTH-URL-INVALID.scheme"),
        ("NEXTAUTH_URL", "https://localhost:3000", "ENV-AUTH-URL-INVALID.local"),
        ("NEXTAUTH_URL", "https://203.0.113.7", "ENV-AUTH-URL-INVALID.address"),
        ("NEXTAUTH_URL", "https://shop.example/login", "ENV-AUTH-URL-INVALID.path"),
        ("NEXTAUTH_URL", "https://shop.example?x=1", "ENV-AUTH-URL-INVALID.extra"),
        ("STRIPE_SECRET_KEY", &stripe("sk", "test"), "ENV-STRIPE-MODE.test"),
        ("STRIPE_SECRET_KEY", &stripe("pk", "live"), "ENV-STRIPE-MODE.publishable"),
        ("NEXT_PUBLIC_STRIPE_PUBLISHABLE_KEY", &stripe("pk", "test"), "ENV-STRIPE-MODE.mixed"),
        ("UPSTASH_REDIS_REST_TOKEN", "", "ENV-REDIS-SILENT-OFF.half"),
        ("UPSTASH_REDIS_REST_URL", "rediss://shop-31337.upstash.io", "ENV-REDIS-SILENT-OFF.scheme"),
        ("AWS_S3_BUCKET", "shop-media-staging", "ENV-CROSS-SHARED.word"),
        ("DATABASE_URL", "postgresql://shop:k3Yt7Wq0ZpLm@db:5432/shop", "ENV-CROSS-SHARED.local"),
        ("DATABASE_URL", "postgresql://a:b@db.other.example/shop", "ENV-CROSS-SHARED.shared"),
        ("REPLICA_URL", "", ""),
    ] {
        let told = with(name, value);
        let first = told.iter().any(|line| line.starts_with(&format!("{expected} ")));
        assert!(first || expected.is_empty(), "{name}={value}: {told:?}");
        // What follows from it may be said too, by the checks that own it.
        let also = ["ENV-RECOMMENDED-MISSING", "ENV-AUTH-SECRET-WEAK.reused"];
        let other = told.iter().filter(|l| !l.starts_with(expected) && !also.iter().any(|a| l.starts_with(a)));
        assert_eq!(other.collect::<Vec<_>>(), Vec::<&String>::new(), "{name}={value}");
    }
}

#[test]
fn ordinary_values_are_no_mistakes() {
    for (name, value) in [
        ("NEXT_PUBLIC_MAPS_KEY", "AIzaSyD3xampl3k3yTh4tIsPublicByDesign"),
        ("NEXT_PUBLIC_RECAPTCHA", "6LdZt0cPpYb3kK1mVf5xX8uLw2nHs9dGjR4eTzA6"),
        ("NEXT_PUBLIC_PASSWORD_LOGIN", "true"),
        ("NEXT_PUBLIC_PASSWORD_MIN", "12345678"),
        ("AUTH_SECRET", "Vd8wq1Zk5mPp0rTtYs3uXx7cBb9nLl2jHh4gFf6aEeQ="),
        ("PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"),
        ("APP_TITLE", "Boutique Élégante"),
        ("DATABASE_URL", "postgresql://shop:p$x!y@10.0.3.7:5432/shop"),
        ("CDN_URL", "https://cdn.shop.dev"),
        ("REDIS_URL", "rediss://default:t0ken@cache.shop.example:6379"),
        ("FEATURE_TEST_MODE", "staging"),
        ("UPSTASH_REDIS_REST_URL", "https://cache.shop.internal:8443"),
    ] {
        assert_eq!(with(name, value), NOTHING, "{name}={value}");
    }
}

#[test]
fn missing_is_unknown_while_a_source_is_unread() {
    let told = after(Class::Production, |v| drop(v.values.remove("NEXTAUTH_SECRET")));
    assert_eq!(told, ["ENV-REQUIRED-MISSING.missing NEXTAUTH_SECRET"]);
    let told = after(Class::Production, |v| {
        v.values.remove("NEXTAUTH_SECRET");
        let gap = Gap::denied("ssm:GetParametersByPath", Identity::Auditor);
        v.unread.push(Unread { source: "ssm:/shop/".to_owned(), gap });
    });
    assert!(told.contains(&"ENV-REQUIRED-MISSING? denied NEXTAUTH_SECRET".to_owned()), "{told:?}");
    assert!(told.contains(&"ENV-AUTH-SECRET-WEAK? denied NEXTAUTH_SECRET".to_owned()), "{told:?}");
    assert!(told.contains(&"ENV-PLACEHOLDER? denied ssm:/shop/".to_owned()), "{told:?}");
    assert!(told.iter().all(|line| line.contains("? denied ")), "{told:?}");
}

#[test]
fn a_half_read_environment_publishes_nothing() {
    let (key, contract) = (key().expect("a key"), contract());
    let mut variables = values(Class::Production);
    assert!(fingerprints(&variables, &contract, &key).contains_key("database/DATABASE_URL"));
    let gap = Gap::new(Cause::Timeout, Identity::Auditor);
    variables.unread.push(Unread { source: "ssm:/x/".to_owned(), gap });
    assert!(fingerprints(&variables, &contract, &key).is_empty());
    assert!(facts(&variables, &contract, Some(&key)).published().is_empty());
}

#[test]
fn environments_are_compared_under_one_key_or_not_at_all() {
    let own = values(Class::Production);
    let compared = ["ENV-CROSS-SHARED", "ENV-AUTH-SECRET-SHARED", "ENV-AUTH-URL-INVALID"];
    let causes = |snapshot: &Snapshot| {
        let mut causes: Vec<_> =
            env(snapshot).into_iter().filter(|f| f.outcome == Outcome::Unknown).map(|f| (f.check, f.cause)).collect();
        causes.dedup();
        causes
    };
    let all = |cause| compared.map(|check| (check.to_owned(), Some(cause)));
    // No key of one's own.
    let mut s = snapshot(Class::Production, &own);
    s.facts.variables = facts(&own, &s.environment.contract, None);
    assert_eq!(causes(&s), all(Cause::NoKey));
    // Alone: nothing to compare with, key or not.
    s.neighbours.clear();
    assert_eq!(causes(&s), []);
    // Another key.
    let other = FingerprintKey::new(&[9; 32]).expect("long enough");
    let mut s = snapshot(Class::Production, &own);
    s.facts.variables = facts(&own, &s.environment.contract, Some(&other));
    assert_eq!(causes(&s), all(Cause::OtherKey));
    // A neighbour that was not audited, and one that has no key.
    let mut s = snapshot(Class::Production, &own);
    s.neighbours.insert("new".to_owned(), Fact::gap(Cause::NoNeighbour, Identity::Auditor));
    assert_eq!(causes(&s), all(Cause::NoNeighbour));
    let mut s = snapshot(Class::Production, &own);
    for neighbour in s.neighbours.values_mut() {
        if let Fact::Known(neighbour) = neighbour {
            neighbour.fingerprints.clear();
        }
    }
    assert_eq!(causes(&s), all(Cause::NoKey));
    // What is equal fails though another neighbour is not known; shared on purpose, it does not.
    let mut s = snapshot(Class::Production, &own);
    if let Some(Fact::Known(neighbour)) = s.neighbours.get_mut("other") {
        // A second production counts too.
        neighbour.class = Class::Production;
        neighbour.fingerprints = fingerprints(&own, &contract(), &key().expect("a key"));
    }
    s.neighbours.insert("a-new".to_owned(), Fact::gap(Cause::NoNeighbour, Identity::Auditor));
    let told = said(&s);
    for expected in [
        "ENV-CROSS-SHARED.shared AWS_ACCESS_KEY_ID",
        "ENV-CROSS-SHARED.shared DATABASE_URL",
        "ENV-CROSS-SHARED.shared JOBS_DLQ_URL",
        "ENV-AUTH-SECRET-SHARED.shared NEXTAUTH_SECRET",
        "ENV-AUTH-URL-INVALID.other NEXTAUTH_URL",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected}: {told:?}");
    }
    s.environment.contract.shared.push("DATABASE_URL".to_owned());
    assert!(!said(&s).iter().any(|line| line.ends_with("DATABASE_URL")));
}

#[test]
fn a_role_and_a_lambda_need_no_keys() {
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let mut variables = values(Class::Production);
    variables.values.retain(|name, _| !keys.contains(&name.as_str()));
    let mut s = snapshot(Class::Production, &variables);
    assert_eq!(said(&s), keys.map(|name| format!("ENV-REQUIRED-MISSING.missing {name}")));
    s.environment.contract.aws = AwsIdentity::Role;
    assert_eq!(said(&s), NOTHING);
    variables.values.remove("AWS_REGION");
    variables.values.values_mut().for_each(|v| v.source = "lambda:shop-web".to_owned());
    assert_eq!(said(&snapshot(Class::Production, &variables)), NOTHING);
}

#[test]
fn a_temporary_key_needs_its_token_and_a_permanent_one_has_none() {
    let session = |v: &mut Variables| set(v, "AWS_ACCESS_KEY_ID", "ASIAQYZ2M4K3W7X5C6V5");
    let token = |v: &mut Variables| set(v, "AWS_SESSION_TOKEN", &"Zt0cPpYb3kK1".repeat(20));
    assert_eq!(after(Class::Production, session), ["ENV-KEY-SHAPE.token-missing AWS_SESSION_TOKEN"]);
    assert_eq!(after(Class::Production, token), ["ENV-KEY-SHAPE.token-extra AWS_SESSION_TOKEN"]);
    let both = |v: &mut Variables| {
        session(v);
        token(v);
    };
    assert_eq!(after(Class::Production, both), NOTHING);
}

#[test]
fn a_contract_without_parts_is_silent_about_them() {
    let mut variables = values(Class::Production);
    variables.values.retain(|name, _| name == "DATABASE_URL" || name.starts_with("AWS_"));
    let mut s = snapshot(Class::Production, &variables);
    assert!(!said(&s).is_empty());
    let bare = Contract {
        auth: None,
        stripe: None,
        redis: None,
        mail_from: None,
        bus: Vec::new(),
        queues: Vec::new(),
        dead_letter_queues: Vec::new(),
        fallbacks: vigie_core::Named::new(),
        ..contract()
    };
    s.facts.variables = facts(&variables, &bare, key().as_ref());
    s.environment.contract = bare;
    assert_eq!(said(&s), NOTHING);
    let silent = ["ENV-AUTH-SECRET-WEAK", "ENV-STRIPE-MODE", "ENV-REDIS-SILENT-OFF", "ENV-FALLBACK-IN-USE"];
    for check in silent {
        let outcomes: Vec<_> = env(&s).into_iter().filter(|f| f.check == check).map(|f| f.outcome).collect();
        assert_eq!(outcomes, [Outcome::NotApplicable], "{check}");
    }
}

#[test]
fn redis_alone_over_tcp_is_off_for_one_client_and_right_for_the_other() {
    let mut variables = values(Class::Production);
    variables.values.retain(|name, _| !name.starts_with("UPSTASH"));
    set(&mut variables, "REDIS_URL", "rediss://default:t0ken@cache.shop.example:6379");
    let mut s = snapshot(Class::Production, &variables);
    assert_eq!(said(&s), ["ENV-REDIS-SILENT-OFF.tcp-only REDIS_URL"]);
    if let Some(redis) = &mut s.environment.contract.redis {
        redis.client = RedisClient::Tcp;
    }
    assert_eq!(said(&s), NOTHING);
}

#[test]
fn a_live_key_in_staging_is_said_and_staging_may_be_called_so() {
    assert_eq!(after(Class::Staging, |_| ()), NOTHING);
    let live = |v: &mut Variables| set(v, "STRIPE_SECRET_KEY", &format!("rk_{}_51N2xWqLm8RtYv3Kp", "live"));
    let told = after(Class::Staging, live);
    assert_eq!(told, ["ENV-STRIPE-MODE.live STRIPE_SECRET_KEY"]);
    assert_eq!(with("STRIPE_SECRET_KEY", "whatever-this-is-0"), ["ENV-STRIPE-MODE? malformed STRIPE_SECRET_KEY"]);
}

fn targets(change: impl Fn(&mut Variables, &mut Contract)) -> Targets {
    let (mut variables, mut contract) = (values(Class::Production), contract());
    change(&mut variables, &mut contract);
    derive(&variables, &contract)
}

#[test]
fn targets_come_from_contract_and_variables() {
    let all = targets(|v, _| {
        set(v, "AWS_REGION", " eu-west-3\n");
        set(v, "REDIS_URL", "rediss://default:t@cache.shop.example:6379");
        set(v, "ODD_QUEUE_URL", "https://sqs.eu-west-3.amazonaws.com/jobs");
        set(v, "CDN_URL", "https://cdn.shop.example");
    });
    assert_eq!(all.region.as_deref(), Some("eu-west-3"));
    assert_eq!(all.app.kind, KeyKind::LongLived);
    assert!(all.app.keys.is_some_and(|keys| keys.token.is_none()));
    assert_eq!(all.postgres.keys().collect::<Vec<_>>(), ["postgres"]);
    assert_eq!(all.redis.keys().collect::<Vec<_>>(), ["redis", "redis:url"]);
    assert!(all.redis["redis"].rest && !all.redis["redis:url"].rest);
    assert_eq!(all.buckets.keys().collect::<Vec<_>>(), ["shop-media"]);
    assert_eq!(all.queues.keys().collect::<Vec<_>>(), ["ODD_QUEUE_URL", "jobs", "jobs-dlq", "mails"]);
    assert!(all.queues["jobs-dlq"].dead_letter && !all.queues["jobs"].dead_letter);
    assert_eq!(all.buses, ["shop"]);
    assert_eq!(all.https.keys().collect::<Vec<_>>(), ["https", "https:cdn"]);
    assert_eq!(all.https["https"].providers.as_deref(), Some("/api/auth/providers"));
    assert!(all.alarms.is_some() && all.rds.is_none());
    assert_eq!(all.ses.and_then(|ses| ses.from).as_deref(), Some("Shop <hello@shop.example>"));
}

#[test]
fn keys_are_told_apart_and_half_a_pair_is_none() {
    let kind = |id: &'static str, source: &'static str| {
        targets(move |v, _| {
            set(v, "AWS_ACCESS_KEY_ID", id);
            v.values.values_mut().for_each(|v| v.source = source.to_owned());
        })
        .app
        .kind
    };
    assert_eq!(kind("ASIAQYZ2M4K3W7X5C6V5", "dotenv:.env"), KeyKind::Session);
    assert_eq!(kind("ASIAQYZ2M4K3W7X5C6V5", "lambda:shop"), KeyKind::Runtime);
    assert_eq!(kind("AKIAQYZ2M4K3W7X5C6V5", "lambda:shop"), KeyKind::LongLived);
    assert_eq!(kind("whatever", "dotenv:.env"), KeyKind::Other);
    assert_eq!(kind(" ", "dotenv:.env"), KeyKind::None);
    let half = targets(|v, _| drop(v.values.remove("AWS_SECRET_ACCESS_KEY")));
    assert!(half.app.keys.is_none() && half.app.kind == KeyKind::LongLived);
    let session = targets(|v, _| {
        set(v, "AWS_SESSION_TOKEN", "token ");
        set(v, "AWS_CREDENTIAL_EXPIRATION", "2026-11-22T12:00:00Z");
    });
    let token = session.app.keys.and_then(|keys| keys.token).expect("given");
    assert_eq!(token.expose_secret(), "token");
    assert!(session.app.expires.is_some());
}

#[test]
fn redis_and_rds_follow_what_is_set() {
    let half = targets(|v, _| drop(v.values.remove("UPSTASH_REDIS_REST_TOKEN")));
    assert!(half.redis.is_empty());
    let tcp = targets(|v, c| {
        set(v, "REDIS_URL", "redis://cache.shop.example");
        if let Some(redis) = &mut c.redis {
            redis.client = RedisClient::Tcp;
        }
    });
    assert_eq!(tcp.redis.keys().collect::<Vec<_>>(), ["redis"]);
    assert!(!tcp.redis["redis"].rest);
    let host = "shop.c1.eu-west-3.rds.amazonaws.com";
    let rds =
        targets(|v, _| set(v, "DATABASE_URL", &format!("postgres://u:p@{host}/shop"))).rds.expect("a host of RDS");
    assert_eq!((rds.hosts, rds.names), (vec![host.to_owned()], Vec::new()));
    let named = targets(|_, c| c.rds = vec!["shop-db".to_owned()]).rds.expect("named");
    assert_eq!(named.names, ["shop-db"]);
    assert!(targets(|v, _| v.values.clear()).postgres.is_empty());
}
