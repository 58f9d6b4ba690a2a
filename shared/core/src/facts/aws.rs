//! Facts of the AWS services. Listings are subjects by name.

use super::{Fact, Identity, Ladder};
use crate::Named;
use crate::fingerprint::Fingerprint;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The app's AWS credentials, as STS sees them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Credentials {
    /// To STS's regional endpoint. The `authenticate` rung is the credential's own.
    pub ladder: Ladder,
    /// Who asked: [`Identity::Auditor`] when the app has neither a key nor a role that can be assumed. The caller and its
    /// policies are Vigie's own then, and say nothing of the app.
    pub asked_as: Identity,
    /// What the app's variables hold.
    pub key: KeyKind,
    /// When the variables say that the session ends (AWS_CREDENTIAL_EXPIRATION).
    #[schemars(with = "Option<String>")]
    pub expires: Option<Timestamp>,
    /// Of the access key id, to remember when it was first seen.
    pub fingerprint: Fact<Fingerprint>,
    /// `arn:aws:iam::111122223333:user/app`, `arn:aws:sts::111122223333:assumed-role/ROLE/SESSION`.
    pub caller: Fact<Caller>,
    /// Seconds that a session of the caller's role may last (IAM GetRole MaxSessionDuration); `None`: the caller is no role.
    /// Asked only for a session that does not say when it ends.
    pub session_bound: Fact<Option<u32>>,
    /// Policies of the caller: a listing by policy name. Not asked in `connections`.
    pub policies: Fact<Named<Policy>>,
}

/// What kind of key pair the app's variables hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// None: the app runs on a role (or nothing is set).
    None,
    /// AKIA: lives until it is deleted.
    LongLived,
    /// ASIA: a session, from a settings source.
    Session,
    /// ASIA, injected by the runtime that the app runs on.
    Runtime,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Caller {
    pub account: String,
    pub arn: String,
}

/// One policy of the caller, read for what it allows on everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// AWS's own policy of that name, when it is one.
    pub managed_by_aws: bool,
    /// Actions that it allows on Resource `*` without a condition: `*`, or `iam:*`, `s3:*`, `sqs:*`. A gap: its document
    /// could not be had or read. Empty without reading for AWS's own policies that are judged by name.
    pub on_everything: Fact<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ses {
    pub ladder: Ladder,
    pub region: String,
    /// The app's sender; a gap when its variable is not set.
    pub from: Fact<String>,
    pub sending_enabled: Fact<bool>,
    /// SESv2 GetAccount ProductionAccessEnabled.
    pub production_access: Fact<bool>,
    pub quota: Fact<SesQuota>,
    /// Verification status of the address, its domain and its parent domains: `Success`, `Pending`, ...; absent = no such identity.
    pub identities: Fact<Named<String>>,
    /// The same names in other declared regions, only to explain: region -> verified names.
    pub elsewhere: Named<Vec<String>>,
    /// Percent, the highest of the last 24 hours (CloudWatch Reputation.BounceRate), `None` without data.
    pub bounce_rate: Fact<Option<f64>>,
    /// From GetSendStatistics, over 14 days.
    pub statistics: Fact<SendStatistics>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SesQuota {
    pub max_24_hours: f64,
    pub max_rate: f64,
    pub sent_24_hours: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SendStatistics {
    pub attempts: u64,
    pub bounces: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct S3 {
    /// HeadBucket of the first bucket. It holds when S3 answers, be it with a refusal.
    pub ladder: Ladder,
    /// Who asked as the app: [`Identity::Auditor`] when the app has no identity of its own.
    pub asked_as: Identity,
    pub buckets: Named<Bucket>,
    /// The account's four block flags.
    pub account_block: Fact<BlockFlags>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// HeadBucket as the app, in the bucket's own region; `Known` = it may use it.
    pub head: Fact<()>,
    /// HeadBucket again with the app's account as the expected owner; `Known(true)` = ours.
    pub owned: Fact<bool>,
    /// x-amz-bucket-region, returned whatever the permission.
    pub region: Fact<String>,
    /// The region that the app's client is given.
    pub client_region: Fact<String>,
    /// Declared public in the contract.
    pub public_by_design: bool,
    /// In the bucket's own region. A gap: not written, and why.
    pub roundtrip: Fact<Roundtrip>,
    pub policy_public: Fact<bool>,
    /// What the ACL grants to everybody: `AllUsers: READ`, `AuthenticatedUsers: WRITE`.
    pub public_grants: Fact<Vec<String>>,
    pub block: Fact<BlockFlags>,
    /// Object ownership is not BucketOwnerEnforced.
    pub acls_enabled: Fact<bool>,
}

/// Each step of the self-cleaning write; the first that failed ends it, but the delete is always tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Roundtrip {
    /// put, get, compare, delete, gone.
    pub steps: Vec<RoundtripStep>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoundtripStep {
    pub step: String,
    pub ms: u32,
    pub cause: Option<crate::cause::Cause>,
    /// The service's own error code.
    pub code: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(clippy::struct_excessive_bools)] // AWS's own four flags
pub struct BlockFlags {
    pub block_public_acls: bool,
    pub ignore_public_acls: bool,
    pub block_public_policy: bool,
    pub restrict_public_buckets: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sqs {
    pub ladder: Ladder,
    /// By queue name.
    pub queues: Named<Queue>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// The variable that holds its URL. Empty: no variable names it; it was found as a redrive policy's target, and is
    /// asked as the auditor.
    pub variable: String,
    /// Declared as a dead-letter queue by its variable, or found as another's target.
    pub dead_letter: bool,
    /// The account that its URL names.
    pub account: Option<String>,
    /// The region that its URL names; absent at a custom endpoint.
    pub region: Option<String>,
    /// GetQueueAttributes; a gap says how it failed.
    pub attributes: Fact<QueueAttributes>,
    /// The URL's account or region is not the app's.
    pub foreign: Fact<bool>,
    /// Seconds, the highest of the last 15 minutes; `None` = no data = empty or idle queue.
    pub oldest: Fact<Option<u64>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueueAttributes {
    pub arn: String,
    pub visible: u64,
    pub in_flight: u64,
    /// Seconds.
    pub retention: u64,
    /// Seconds.
    pub visibility_timeout: u64,
    pub redrive: Option<Redrive>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redrive {
    pub target_arn: String,
    pub max_receive_count: u32,
    /// Whether the target answers GetQueueAttributes.
    pub target_exists: Fact<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventBridge {
    pub ladder: Ladder,
    pub buses: Named<Bus>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bus {
    /// DescribeEventBus: `Known(true)` = exists.
    pub exists: Fact<bool>,
    pub rules: Fact<Named<Rule>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    pub enabled: bool,
    /// Managed by an AWS service: skipped.
    pub managed: bool,
    pub targets: Fact<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CloudWatch {
    pub ladder: Ladder,
    pub alarms: Fact<Named<Alarm>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alarm {
    pub state: AlarmState,
    /// When it entered the state.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    pub actions_enabled: bool,
    /// How many actions ALARM has.
    pub actions: u64,
    /// A member of a composite alarm's rule: it may be silent.
    pub child: bool,
    /// The metrics that it watches: several for metric math, none for a composite alarm.
    pub watches: Vec<Watched>,
}

/// One metric that an alarm watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Watched {
    /// `AWS/SQS`.
    pub namespace: String,
    pub metric: String,
    /// Dimension values: queue names and the like.
    pub dimensions: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmState {
    Ok,
    Alarm,
    InsufficientData,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rds {
    pub ladder: Ladder,
    /// By instance or cluster identifier: those whose endpoint is the app's database host, or that the contract names. One
    /// that the contract names and that is not there is a gap.
    pub databases: Fact<Named<Fact<Database>>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Database {
    pub cluster: bool,
    /// A read replica: its source holds the backups.
    pub replica: bool,
    /// The instances of a cluster.
    pub members: Vec<String>,
    /// Days.
    pub backup_retention: u32,
    #[schemars(with = "Option<String>")]
    pub latest_restorable: Option<Timestamp>,
}
