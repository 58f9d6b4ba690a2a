//! Each thing that is asked of the world, once: who asks, in which suite, with which IAM action on what kind of resource.

use crate::check::Suite;
use crate::facts::Identity;
use serde::Serialize;

/// What an IAM action is granted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Not an AWS call.
    Nothing,
    /// The action has no resource: `*`.
    Any,
    Bucket,
    /// `vigie-probe/*` in the bucket.
    ProbeObject,
    Queue,
    Bus,
    Rule,
    Principal,
    Database,
    Parameter,
    Secret,
    Function,
    App,
}

/// A question, by name; its properties are in [`Question::asked`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// The app's variables, from every configured source.
    Variables,
    /// The neighbours' published fingerprints (their heads).
    Neighbours,
    /// What earlier runs remember (the head).
    Memory,
    CallerIdentity,
    PrincipalPolicies,
    PrincipalRole,
    PostgresLadder,
    PostgresCertificate,
    PostgresSession,
    PostgresActivity,
    PostgresAges,
    RedisLadder,
    RedisCertificate,
    RedisRoundtrip,
    SesSending,
    SesAccount,
    SesIdentities,
    SesReputation,
    BucketHead,
    BucketRoundtrip,
    /// Whether a write would set something off, or could not be deleted again.
    BucketProtection,
    BucketPolicyStatus,
    BucketAcl,
    BucketPublicAccess,
    AccountPublicAccess,
    BucketOwnership,
    QueueAttributes,
    QueueDeadLetter,
    QueueOldest,
    Bus,
    BusRules,
    RuleTargets,
    Alarms,
    HttpsLadder,
    HttpsCertificate,
    HttpsAuthProviders,
    DatabaseInstances,
}

/// The properties of a question.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Asked {
    pub asked_as: Identity,
    pub suite: Suite,
    /// Empty: no IAM action is needed.
    pub actions: &'static [&'static str],
    pub resource: Resource,
    /// Asked where one of `actions` is refused; then the question is answered all the same. Without a resource.
    pub otherwise: &'static [&'static str],
}

const fn asked(asked_as: Identity, suite: Suite, actions: &'static [&'static str], resource: Resource) -> Asked {
    Asked { asked_as, suite, actions, resource, otherwise: &[] }
}

impl Question {
    /// Who asks, when, and with what permission. Actions: AWS Service Authorization Reference.
    #[must_use]
    pub const fn asked(self) -> Asked {
        use Identity::{App, Auditor, Nobody};
        use Suite::{Connections, Full};
        match self {
            // What reading a source needs depends on the source: sources declare it themselves.
            Question::Variables => asked(Auditor, Connections, &[], Resource::Nothing),
            Question::Neighbours | Question::Memory => asked(Auditor, Connections, &[], Resource::Nothing),
            Question::CallerIdentity => asked(App, Connections, &[], Resource::Nothing),
            Question::PrincipalPolicies => asked(
                Auditor,
                Full,
                &[
                    "iam:ListGroupsForUser",
                    "iam:ListAttachedUserPolicies",
                    "iam:ListUserPolicies",
                    "iam:GetUserPolicy",
                    "iam:ListAttachedGroupPolicies",
                    "iam:ListGroupPolicies",
                    "iam:GetGroupPolicy",
                    "iam:ListAttachedRolePolicies",
                    "iam:ListRolePolicies",
                    "iam:GetRolePolicy",
                    "iam:GetPolicy",
                    "iam:GetPolicyVersion",
                ],
                Resource::Principal,
            ),
            Question::PrincipalRole => asked(Auditor, Connections, &["iam:GetRole"], Resource::Principal),
            Question::PostgresLadder | Question::PostgresSession | Question::PostgresActivity => {
                asked(App, Connections, &[], Resource::Nothing)
            }
            Question::PostgresAges => asked(App, Full, &[], Resource::Nothing),
            Question::PostgresCertificate | Question::RedisCertificate => {
                asked(Nobody, Connections, &[], Resource::Nothing)
            }
            Question::RedisLadder | Question::RedisRoundtrip => asked(App, Connections, &[], Resource::Nothing),
            Question::SesSending => asked(Auditor, Connections, &["ses:GetAccountSendingEnabled"], Resource::Any),
            // The quota tells a sandbox where GetAccount is refused.
            Question::SesAccount => {
                let asked = asked(Auditor, Full, &["ses:GetAccount"], Resource::Any);
                Asked { otherwise: &["ses:GetSendQuota"], ..asked }
            }
            Question::SesIdentities => {
                asked(Auditor, Connections, &["ses:GetIdentityVerificationAttributes"], Resource::Any)
            }
            // The statistics are asked where the metric has no data or is refused.
            Question::SesReputation => {
                let asked = asked(Auditor, Full, &["cloudwatch:GetMetricData"], Resource::Any);
                Asked { otherwise: &["ses:GetSendStatistics"], ..asked }
            }
            Question::BucketHead => asked(App, Connections, &["s3:ListBucket"], Resource::Bucket),
            Question::BucketRoundtrip => asked(
                App,
                Connections,
                &["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion"],
                Resource::ProbeObject,
            ),
            Question::BucketProtection => asked(
                Auditor,
                Connections,
                &["s3:GetBucketNotification", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketVersioning"],
                Resource::Bucket,
            ),
            Question::BucketPolicyStatus => asked(Auditor, Full, &["s3:GetBucketPolicyStatus"], Resource::Bucket),
            Question::BucketAcl => asked(Auditor, Full, &["s3:GetBucketAcl"], Resource::Bucket),
            Question::BucketPublicAccess => asked(Auditor, Full, &["s3:GetBucketPublicAccessBlock"], Resource::Bucket),
            Question::AccountPublicAccess => asked(Auditor, Full, &["s3:GetAccountPublicAccessBlock"], Resource::Any),
            Question::BucketOwnership => asked(Auditor, Full, &["s3:GetBucketOwnershipControls"], Resource::Bucket),
            Question::QueueAttributes => asked(App, Connections, &["sqs:GetQueueAttributes"], Resource::Queue),
            Question::QueueDeadLetter => asked(Auditor, Connections, &["sqs:GetQueueAttributes"], Resource::Queue),
            Question::QueueOldest => asked(Auditor, Connections, &["cloudwatch:GetMetricData"], Resource::Any),
            Question::Bus => asked(Auditor, Connections, &["events:DescribeEventBus"], Resource::Bus),
            // ListRules knows no resource, not even the bus.
            Question::BusRules => asked(Auditor, Full, &["events:ListRules"], Resource::Any),
            Question::RuleTargets => asked(Auditor, Full, &["events:ListTargetsByRule"], Resource::Rule),
            Question::Alarms => asked(Auditor, Connections, &["cloudwatch:DescribeAlarms"], Resource::Any),
            Question::HttpsLadder | Question::HttpsCertificate | Question::HttpsAuthProviders => {
                asked(Nobody, Connections, &[], Resource::Nothing)
            }
            Question::DatabaseInstances => {
                asked(Auditor, Full, &["rds:DescribeDBInstances", "rds:DescribeDBClusters"], Resource::Any)
            }
        }
    }

    /// The questions whose answers this one is asked with: where they are refused it is not asked at all.
    #[must_use]
    pub const fn after(self) -> &'static [Question] {
        match self {
            Question::PrincipalPolicies | Question::PrincipalRole | Question::AccountPublicAccess => {
                &[Question::CallerIdentity]
            }
            Question::BucketRoundtrip => &[Question::BucketHead, Question::BucketProtection],
            Question::QueueDeadLetter => &[Question::QueueAttributes],
            Question::RuleTargets => &[Question::BusRules],
            _ => &[],
        }
    }
}
