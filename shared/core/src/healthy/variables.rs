//! The healthy part of the variables, and the contract that they fulfil: a small shop, in production or staging.

use crate::Named;
use crate::cause::Cause;
use crate::check::Class;
use crate::contract::Contract;
use crate::facts::variables::{Unread, Variables};
use crate::facts::{Fact, Facts, Gap, Identity};
use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::question::Question;
use crate::variables::{self, Variable};
use secrecy::SecretString;

/// Of the shop in production and of its staging: only what must not be shared differs.
struct Shop {
    host: &'static str,
    site: &'static str,
    suffix: &'static str,
    account: &'static str,
    key_id: &'static str,
    key_secret: &'static str,
    session_secret: &'static str,
    token: &'static str,
    stripe: &'static str,
}

/// Keys are put together from parts, so that no scanner takes an invented key for a lost one.
const PRODUCTION: Shop = Shop {
    host: "db.shop.example",
    site: "shop.example",
    suffix: "",
    account: "111122223333",
    key_id: "QYZ2M4K3W7X5C6V5",
    key_secret: "q7Zt0cPpYb3kK1mVf5xX8uLw2nHs9dGjR4eTzA6i",
    session_secret: "Vd8wq1Zk5mPp0rTtYs3uXx7cBb9nLl2jHh4gFf6aEeQ=",
    token: "AYlqASQgNmY0ZDc1MzUtYjA2OC00",
    stripe: "live",
};

const STAGING: Shop = Shop {
    host: "db-staging.shop.example",
    site: "staging.shop.example",
    suffix: "-staging",
    account: "444455556666",
    key_id: "TYZ7M2K5W3X6C4V2",
    key_secret: "h3Kf8sLw1Qn6Vt2cXz9pRm4yBj7dGe0aTu5iOo8k",
    session_secret: "Nb3xk9Wf2tRr6pYyMs8uZz1cVv5qLl7jHh0gDd4aIiU=",
    token: "AZcwASQgMTk2YjQ0ZjMtNzE4OC00",
    stripe: "test",
};

pub fn fill(facts: &mut Facts, class: Class) {
    facts.variables = variables::facts(&values(class), &contract(), key().as_ref());
}

/// The variables themselves, to break one and see what is said.
#[must_use]
pub fn values(class: Class) -> variables::Variables {
    of(match class {
        Class::Production => &PRODUCTION,
        Class::Staging => &STAGING,
    })
}

pub fn refuse(facts: &mut Facts, question: Question, gap: &Gap) {
    if question == Question::Variables {
        facts.variables = Variables {
            known: Named::new(),
            unread: vec![Unread { source: "dotenv:.env".to_owned(), gap: gap.clone() }],
            fingerprints: Fact::gap(Cause::SourceUnread, Identity::Auditor),
        };
    }
}

/// The default contract, with a pool and with literals that the app's code falls back to.
#[must_use]
pub fn contract() -> Contract {
    let fallbacks = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_S3_BUCKET", "shop-media-default"),
        ("FROM_EMAIL", "noreply@shop.example"),
        ("NEXTAUTH_URL", "http://localhost:3000"),
    ];
    Contract {
        pool_max: Some(20),
        processes: Some(4),
        connect_timeout_ms: Some(2_000),
        fallbacks: fallbacks.map(|(name, literal)| (name.to_owned(), literal.to_owned())).into(),
        ..crate::config::default_contract()
    }
}

/// What another environment of the same shop publishes: nothing of the production's, nor of the staging's.
#[must_use]
pub fn neighbour_fingerprints() -> Named<Fingerprint> {
    let shop = Shop {
        host: "db.other.example",
        site: "other.example",
        suffix: "-other",
        key_id: "RYZ3M7K2W4X2C3V6",
        session_secret: "Ws4vk2Qf7tMm9pJjNs1uRr5cZz8xLl3yHh6gBb0aOoE=",
        ..STAGING
    };
    key().map(|key| variables::fingerprints(&of(&shop), &contract(), &key)).unwrap_or_default()
}

/// The key of every healthy fingerprint: known to all, so of no use elsewhere.
#[must_use]
pub fn key() -> Option<FingerprintKey> {
    FingerprintKey::new(b"vigie's healthy snapshots are made with this key")
}

fn of(shop: &Shop) -> variables::Variables {
    let Shop { host, site, suffix, account, stripe, .. } = shop;
    let queue = |name: &str| format!("https://sqs.eu-west-3.amazonaws.com/{account}/{name}{suffix}");
    let all = [
        ("DATABASE_URL", format!("postgresql://shop:k3Yt7Wq0ZpLm@{host}:5432/shop?sslmode=verify-full")),
        ("NEXTAUTH_SECRET", shop.session_secret.to_owned()),
        ("NEXTAUTH_URL", format!("https://{site}")),
        ("AWS_REGION", "eu-west-3".to_owned()),
        ("AWS_ACCESS_KEY_ID", format!("AKIA{}", shop.key_id)),
        ("AWS_SECRET_ACCESS_KEY", shop.key_secret.to_owned()),
        ("UPSTASH_REDIS_REST_URL", format!("https://shop{suffix}-31337.upstash.io")),
        ("UPSTASH_REDIS_REST_TOKEN", shop.token.to_owned()),
        ("AWS_S3_BUCKET", format!("shop-media{suffix}")),
        ("FROM_EMAIL", "Shop <hello@shop.example>".to_owned()),
        ("STRIPE_SECRET_KEY", format!("sk_{stripe}_51N2xWqLm8RtYv3Kp")),
        ("NEXT_PUBLIC_STRIPE_PUBLISHABLE_KEY", format!("pk_{stripe}_51N2xWqLm8RtYv3Kp")),
        ("NEXT_PUBLIC_APP_URL", format!("https://{site}")),
        ("JOBS_QUEUE_URL", queue("jobs")),
        ("JOBS_DLQ_URL", queue("jobs-dlq")),
        ("MAILS_QUEUE_URL", queue("mails")),
        ("EVENTBRIDGE_EVENT_BUS", "shop".to_owned()),
        ("NODE_ENV", "production".to_owned()),
    ];
    let source = "dotenv:.env";
    let variable = |value: String| Variable { value: SecretString::from(value), source: source.to_owned() };
    variables::Variables {
        values: all.into_iter().map(|(name, value)| (name.to_owned(), variable(value))).collect(),
        unread: Vec::new(),
    }
}
