use super::*;
use crate::facts::variables::HostKind;
use proptest::prelude::*;
use secrecy::SecretString;

fn variables(pairs: &[(&str, &str)]) -> Variables {
    let variable = |value: &str| Variable { value: SecretString::from(value), source: "dotenv:.env".to_owned() };
    Variables { values: pairs.iter().map(|(n, v)| ((*n).to_owned(), variable(v))).collect(), unread: Vec::new() }
}

fn key() -> FingerprintKey {
    FingerprintKey::new(&[7; 32]).expect("long enough")
}

fn known(pairs: &[(&str, &str)]) -> Named<facts::Variable> {
    facts(&variables(pairs), &crate::config::default_contract(), Some(&key())).known
}

#[test]
fn a_canary_never_comes_out_and_what_may_be_shown_does() {
    let found = facts(
        &variables(&[
            ("DATABASE_URL", "postgresql://CANARY:CANARY@db.shop.io:5432/CANARY?sslmode=CANARY&CANARY=1#CANARY"),
            ("REDIS_URL", "rediss://CANARY:CANARY@cache.shop.io/CANARY?CANARY"),
            ("NEXTAUTH_URL", "https://CANARY:CANARY@app.shop.io/CANARY?CANARY#CANARY"),
            ("NEXTAUTH_SECRET", "CANARY"),
            ("UNKNOWN", "CANARY"),
            ("JOBS_QUEUE_URL", "https://CANARY@sqs.shop.io/111122223333/CANARY"),
            ("MAILS_QUEUE_URL", "https://sqs.shop.io/111122223333/mails/CANARY"),
            ("AWS_S3_BUCKET", "shop-media"),
            ("CDN_URL", "https://CANARY/CANARY@x"),
            ("AWS_SECRET_ACCESS_KEY", "CANARY"),
            ("NEXT_PUBLIC_X", "CANARY"),
        ]),
        &crate::config::default_contract(),
        Some(&key()),
    );
    let json = serde_json::to_string(&found).expect("facts serialize");
    assert!(!json.to_ascii_lowercase().contains("canary"), "{json}");
    for shown in ["db.shop.io", "cache.shop.io", "app.shop.io", "shop-media"] {
        assert!(json.contains(shown), "{shown}");
    }
}

#[test]
fn a_plain_or_locator_value_that_looks_like_a_secret_is_one() {
    let stripe = format!("sk_{}_51Habcdefghijkl", "live");
    let inside = format!("https://{stripe}.shop.io");
    let found = known(&[
        ("AWS_REGION", &stripe),
        ("CDN_URL", &inside),
        ("FROM_EMAIL", "https://u:p@shop.io"),
        ("AWS_S3_BUCKET", "shop-media"),
        ("NEXTAUTH_URL", "https://shop.io"),
        ("WHATEVER", "eu-west-3"),
    ]);
    for name in ["AWS_REGION", "CDN_URL", "FROM_EMAIL", "WHATEVER"] {
        assert_eq!((found[name].class, &found[name].shown), (Class::Secret, &None), "{name}");
    }
    assert_eq!(found["AWS_S3_BUCKET"].shown.as_deref(), Some("shop-media"));
    assert_eq!(found["NEXTAUTH_URL"].shown.as_deref(), Some("https://shop.io"));
}

#[test]
fn equal_values_matter_between_secrets_only() {
    let secret = "q7Zt0cPpYb3kK1mVf5xX8uLw2nHs9dGj";
    let found = known(&[
        ("NEXTAUTH_SECRET", secret),
        ("AUTH_SECRET", secret),
        ("CRON_SECRET", secret),
        ("NEXT_PUBLIC_CRON", secret),
        ("NEXTAUTH_URL", "https://shop.io"),
        ("NEXT_PUBLIC_APP_URL", "https://shop.io"),
        ("GA_ID", "G-1234567890"),
        ("NEXT_PUBLIC_GA_ID", "G-1234567890"),
    ]);
    assert_eq!(found["NEXTAUTH_SECRET"].equals, ["CRON_SECRET", "NEXT_PUBLIC_CRON"]);
    assert_eq!(found["NEXT_PUBLIC_CRON"].equals, ["AUTH_SECRET", "CRON_SECRET", "NEXTAUTH_SECRET"]);
    assert!(found["NEXT_PUBLIC_APP_URL"].equals.is_empty() && found["NEXT_PUBLIC_GA_ID"].equals.is_empty());
}

#[test]
fn of_this_process_only_what_the_contract_speaks_of() {
    let mut all = variables(&[("PS1", "$ "), ("DATABASE_URL", "postgres://u@localhost/d")]);
    all.values.values_mut().for_each(|v| v.source = "process".to_owned());
    let found = facts(&all, &crate::config::default_contract(), None);
    assert_eq!(found.known.keys().collect::<Vec<_>>(), ["DATABASE_URL"]);
    assert_eq!(found.known["DATABASE_URL"].locator.as_ref().expect("an address").host, HostKind::Loopback);
    assert!(found.fingerprints.get().is_err());
}

proptest! {
    #[test]
    fn facts_never_contain_a_secret(
        secret in "[!-~]{12,60}",
        name in prop::sample::select(vec!["NEXTAUTH_SECRET", "AWS_SECRET_ACCESS_KEY", "UPSTASH_REDIS_REST_TOKEN", "OTHER", "NEXT_PUBLIC_X"]),
    ) {
        let found = facts(&variables(&[(name, &secret)]), &crate::config::default_contract(), Some(&key()));
        let debug = format!("{found:?}");
        prop_assert!(!debug.contains(&secret));
        prop_assert!(!serde_json::to_string(&found).expect("facts serialize").contains(&secret));
    }

    #[test]
    fn facts_never_contain_a_part_of_a_password(
        password in "[!-~]{12,40}",
        scheme in prop::sample::select(vec!["postgres", "redis", "rediss", "https", "http", "mysql"]),
        name in prop::sample::select(vec!["DATABASE_URL", "REDIS_URL", "NEXTAUTH_URL", "CDN_URL", "JOBS_QUEUE_URL", "AWS_S3_BUCKET", "X"]),
    ) {
        let url = format!("{scheme}://u:{password}@h.shop.io/d");
        let found = facts(&variables(&[(name, &url)]), &crate::config::default_contract(), Some(&key()));
        let shown = found.known[name].shown.clone().unwrap_or_default();
        prop_assert!(shown.is_empty() || shown == format!("{scheme}://h.shop.io") || shown.starts_with("postgresql://h.shop.io:"), "{} {}", url, shown);
    }

    #[test]
    fn nothing_panics(name in "[A-Z_]{1,12}", value in "\\PC{0,200}") {
        let _ = facts(&variables(&[(&name, &value), ("DATABASE_URL", &value), ("NEXTAUTH_URL", &value), ("NEXTAUTH_SECRET", &value)]), &crate::config::default_contract(), Some(&key()));
    }
}
