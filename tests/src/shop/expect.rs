//! What the planted mistakes must give: nothing less, nothing else.

use std::collections::BTreeSet;
use vigie_core::run::{Outcome, Run};

/// Environment, check, subject.
pub type Key = (String, String, String);

/// Each planted mistake, once for every finding that it must give.
const MISTAKES: &[(&str, &str, &str)] = &[
    // A required variable that nobody set.
    ("production", "ENV-REQUIRED-MISSING", "WEBHOOK_SIGNING_KEY"),
    // A server's secret inlined into the browser's bundle.
    ("production", "ENV-PUBLIC-SECRET", "NEXT_PUBLIC_MAPS_TOKEN"),
    // One secret signs the sessions of both environments.
    ("production", "ENV-AUTH-SECRET-SHARED", "NEXTAUTH_SECRET"),
    ("staging", "ENV-AUTH-SECRET-SHARED", "NEXTAUTH_SECRET"),
    // Stripe's test key in production.
    ("production", "ENV-STRIPE-MODE", "STRIPE_SECRET_KEY"),
    // Only redis:// is given: the app's client, Upstash's, switches itself off.
    ("production", "ENV-REDIS-SILENT-OFF", "REDIS_URL"),
    // A key pair that lives until somebody deletes it.
    ("production", "CRED-LONG-LIVED", "credentials"),
    // rejectUnauthorized: false.
    ("production", "PG-TLS-UNVERIFIED", "postgres"),
    // Four processes with twenty connections each, of fifty-seven.
    ("production", "PG-POOL-OVERCOMMIT", "postgres"),
    // The account is still in the SES sandbox.
    ("production", "SES-SANDBOX", "ses"),
    ("staging", "SES-SANDBOX", "ses"),
    // A bucket that anybody can read.
    ("production", "S3-PUBLIC-CONFIG", "shop-production-media"),
    // Messages have failed for good, and nobody heard: the alarm's actions are off.
    ("production", "SQS-DLQ-NOT-EMPTY", "shop-production-jobs-dlq"),
    ("production", "CW-ALARM-MUTE", "shop-production-jobs-failed"),
    // A queue without a dead-letter queue.
    ("staging", "SQS-DLQ-NONE", "shop-staging-mail"),
    // A rule without a target.
    ("production", "EB-RULE-INERT", "shop-production/refunds-to-mail"),
    // Sign-in sends people to localhost.
    ("production", "HTTP-AUTH-CALLBACK-DRIFT", "https"),
    // Ten days left.
    ("staging", "HTTP-CERT-EXPIRY", "https"),
    // One day of backups.
    ("production", "RDS-BACKUP-WEAK", "shop-production"),
];

/// What must fail in an environment of the mistaken shop, and nothing else.
#[must_use]
pub fn wanted(environment: &str) -> BTreeSet<Key> {
    MISTAKES
        .iter()
        .filter(|(of, ..)| *of == environment)
        .map(|(of, check, subject)| ((*of).to_owned(), (*check).to_owned(), (*subject).to_owned()))
        .collect()
}

/// What fails in a run.
#[must_use]
pub fn found(run: &Run) -> BTreeSet<Key> {
    run.findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Fail)
        .map(|finding| (run.environment.clone(), finding.check.clone(), finding.subject.clone()))
        .collect()
}
