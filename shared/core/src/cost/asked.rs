//! What each question costs when it is asked: which billed calls, how many. Derived per question, so that a new one does not
//! compile until somebody has said what it costs.

use std::collections::BTreeSet;

use super::{Estate, Item};
use crate::check::Suite;
use crate::checks;
use crate::config::Writes;
use crate::question::Question;
use crate::text::{Text, text};

/// A billed call, so many a run.
pub(super) struct Call {
    pub what: Text,
    pub item: Item,
    pub each: u32,
}

const fn call(what: Text, item: Item, each: u32) -> Call {
    Call { what, item, each }
}

/// The questions that at least one check reads.
#[must_use]
pub fn questions() -> BTreeSet<Question> {
    checks::all().flat_map(|check| check.reads).copied().collect()
}

/// Whether a question is asked in a run of this suite: a write, only where writes are allowed.
pub(super) fn asked(question: Question, suite: Suite, writes: Writes) -> bool {
    let written = matches!(question, Question::BucketRoundtrip | Question::BucketProtection | Question::RedisRoundtrip);
    question.asked().suite <= suite && (!written || writes.allowed(suite))
}

const HEAD: Text = text("Probe of the buckets (HEAD)", "Sonde des buckets (HEAD)");
const SETTINGS: Text = text("Probe of the buckets' settings", "Sonde des réglages des buckets");
const ROUNDTRIP: Text = text("Probe object: written and read", "Objet sonde : écrit et relu");
const QUEUES: Text = text("Probe of the queues (GetQueueAttributes)", "Sonde des files (GetQueueAttributes)");
const OLDEST: Text = text("Age of the queues' oldest message", "Âge du plus ancien message des files");
const BOUNCES: Text = text("Bounce rate of SES", "Taux de rebond de SES");
const ALARMS: Text = text("Alarms of the account (DescribeAlarms)", "Alarmes du compte (DescribeAlarms)");
const REDIS: Text = text("Probe of Upstash", "Sonde d'Upstash");

/// What one asking of a question is billed for; empty: free, or not this environment's.
pub(super) fn billed(question: Question, estate: &Estate) -> Vec<Call> {
    let queues = estate.queues - estate.dead_letter_queues;
    match question {
        Question::BucketHead => vec![call(HEAD, Item::S3Get, estate.buckets)],
        // PUT, GET, and DELETE, which is free.
        Question::BucketRoundtrip => {
            vec![call(ROUNDTRIP, Item::S3Put, estate.buckets), call(ROUNDTRIP, Item::S3Get, estate.buckets)]
        }
        // Notifications, Object Lock, versioning.
        Question::BucketProtection => vec![call(SETTINGS, Item::S3Get, 3 * estate.buckets)],
        Question::BucketPolicyStatus
        | Question::BucketAcl
        | Question::BucketPublicAccess
        | Question::BucketOwnership => vec![call(SETTINGS, Item::S3Get, estate.buckets)],
        Question::QueueAttributes => vec![call(QUEUES, Item::SqsRequest, estate.queues)],
        Question::QueueDeadLetter => vec![call(QUEUES, Item::SqsRequest, queues)],
        // GetMetricData is billed by the metric, never free.
        Question::QueueOldest => vec![call(OLDEST, Item::CloudwatchRead, queues)],
        Question::SesReputation => vec![call(BOUNCES, Item::CloudwatchRead, u32::from(estate.mail))],
        Question::Alarms => vec![call(ALARMS, Item::CloudwatchRequest, u32::from(estate.alarms))],
        // PING; then SET, GET, TTL, DEL.
        Question::RedisLadder => vec![call(REDIS, Item::UpstashCommand, estate.upstash)],
        Question::RedisRoundtrip => vec![call(REDIS, Item::UpstashCommand, 4 * estate.upstash)],
        // Counted with the sources and the runs bucket.
        Question::Variables | Question::Neighbours | Question::Memory => Vec::new(),
        // Not billed by the call: STS, IAM, SES, S3 Control, EventBridge and RDS reads; PostgreSQL, TLS, HTTPS.
        Question::CallerIdentity
        | Question::PrincipalPolicies
        | Question::PrincipalRole
        | Question::PostgresLadder
        | Question::PostgresCertificate
        | Question::PostgresSession
        | Question::PostgresActivity
        | Question::PostgresAges
        | Question::RedisCertificate
        | Question::SesSending
        | Question::SesAccount
        | Question::SesIdentities
        | Question::AccountPublicAccess
        | Question::Bus
        | Question::BusRules
        | Question::RuleTargets
        | Question::HttpsLadder
        | Question::HttpsCertificate
        | Question::HttpsAuthProviders
        | Question::DatabaseInstances => Vec::new(),
    }
}
