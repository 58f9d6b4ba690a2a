//! What was observed: plain data that serializes, so that a run can be judged again later, offline.
//!
//! Gathering never fails: what could not be had is a [`Gap`] with its cause. What is not configured is absent, not a gap.

pub mod aws;
pub mod https;
pub mod postgres;
pub mod redis;
pub mod variables;

use crate::Named;
use crate::cause::Cause;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An IAM action, `service:Operation`.
pub type IamAction = String;

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// The audited app's own credential or connection string.
    App,
    /// Vigie's own role.
    Auditor,
    /// The network, without any credential.
    Nobody,
}

/// Why a fact is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    pub cause: Cause,
    /// The IAM action that was refused, when the cause is a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<IamAction>,
    pub asked_as: Identity,
}

impl Gap {
    #[must_use]
    pub const fn new(cause: Cause, asked_as: Identity) -> Self {
        Gap { cause, action: None, asked_as }
    }

    #[must_use]
    pub fn denied(action: &str, asked_as: Identity) -> Self {
        Gap { cause: Cause::Denied, action: Some(action.to_owned()), asked_as }
    }
}

/// A fact, or why it is missing. JSON: `{"known": value}` or `{"gap": {...}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    Known(T),
    Gap(Gap),
}

impl<T> Fact<T> {
    /// The fact, for `?` in a judgement: a gap becomes unknown, never a pass.
    ///
    /// # Errors
    /// The gap, when the fact could not be had.
    pub fn get(&self) -> Result<&T, Gap> {
        match self {
            Fact::Known(value) => Ok(value),
            Fact::Gap(gap) => Err(gap.clone()),
        }
    }

    #[must_use]
    pub const fn gap(cause: Cause, asked_as: Identity) -> Self {
        Fact::Gap(Gap::new(cause, asked_as))
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Fact::Known(value) => Fact::Known(f(value)),
            Fact::Gap(gap) => Fact::Gap(gap),
        }
    }
}

impl<T> From<Result<T, Gap>> for Fact<T> {
    fn from(result: Result<T, Gap>) -> Self {
        match result {
            Ok(value) => Fact::Known(value),
            Err(gap) => Fact::Gap(gap),
        }
    }
}

/// The rungs of a connection, in climbing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    Resolve,
    Connect,
    Tls,
    Authenticate,
    Query,
    Assert,
}

impl Rung {
    pub const ALL: [Rung; 6] = [Rung::Resolve, Rung::Connect, Rung::Tls, Rung::Authenticate, Rung::Query, Rung::Assert];
}

/// One rung climbed, or the one that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    pub rung: Rung,
    /// Milliseconds on this rung.
    pub ms: u32,
    /// Why it failed; absent: it held.
    pub cause: Option<Cause>,
    /// A stable code of the server's, such as an SQLSTATE or an AWS error code; never its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// The attempts to climb: the second is made after a pause when the first failed. The last one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ladder {
    pub attempts: Vec<Vec<Step>>,
}

impl Ladder {
    /// The steps of the attempt that counts.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        self.attempts.last().map_or(&[], Vec::as_slice)
    }

    /// The rung that failed in the attempt that counts.
    #[must_use]
    pub fn failed(&self) -> Option<&Step> {
        self.steps().iter().find(|step| step.cause.is_some())
    }

    /// Total milliseconds of the attempt that counts.
    #[must_use]
    pub fn ms(&self) -> u64 {
        self.steps().iter().map(|step| u64::from(step.ms)).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attempts.is_empty()
    }
}

/// Times one attempt, rung after rung. The clock is the caller's: it says how long each rung took.
#[derive(Clone, Debug, Default)]
pub struct Climb(pub Vec<Step>);

impl Climb {
    pub fn held(&mut self, rung: Rung, ms: u32) {
        self.0.push(Step { rung, ms, cause: None, code: None });
    }

    pub fn fell(&mut self, rung: Rung, ms: u32, cause: Cause, code: Option<String>) {
        self.0.push(Step { rung, ms, cause: Some(cause), code });
    }
}

/// All that was observed of one environment. Absent = not configured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    pub variables: variables::Variables,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<aws::Credentials>,
    /// By target: `postgres`, `postgres:replica`.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub postgres: Named<postgres::Postgres>,
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub redis: Named<redis::Redis>,
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub https: Named<https::Https>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ses: Option<aws::Ses>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<aws::S3>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqs: Option<aws::Sqs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eventbridge: Option<aws::EventBridge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudwatch: Option<aws::CloudWatch>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rds: Option<aws::Rds>,
    /// Targets whose prober broke, a defect of Vigie: nothing is known of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
}

impl Facts {
    /// Each observed target with its ladder, in the order of the report.
    #[must_use]
    pub fn ladders(&self) -> Vec<(crate::check::Kind, String, &Ladder)> {
        use crate::check::Kind;
        let mut out: Vec<(Kind, String, &Ladder)> = Vec::new();
        let singles = [
            (Kind::Credentials, self.credentials.as_ref().map(|f| &f.ladder)),
            (Kind::Ses, self.ses.as_ref().map(|f| &f.ladder)),
            (Kind::S3, self.s3.as_ref().map(|f| &f.ladder)),
            (Kind::Sqs, self.sqs.as_ref().map(|f| &f.ladder)),
            (Kind::EventBridge, self.eventbridge.as_ref().map(|f| &f.ladder)),
            (Kind::CloudWatch, self.cloudwatch.as_ref().map(|f| &f.ladder)),
            (Kind::Rds, self.rds.as_ref().map(|f| &f.ladder)),
        ];
        for (kind, ladder) in singles {
            out.extend(ladder.map(|ladder| (kind, kind.name().to_owned(), ladder)));
        }
        out.extend(self.postgres.iter().map(|(name, f)| (Kind::Postgres, name.clone(), &f.ladder)));
        out.extend(self.redis.iter().map(|(name, f)| (Kind::Redis, name.clone(), &f.ladder)));
        out.extend(self.https.iter().map(|(name, f)| (Kind::Https, name.clone(), &f.ladder)));
        out.sort_by_key(|(kind, name, _)| (*kind, name.clone()));
        out
    }
}
