//! What the audited app expects: data, never code. The defaults (`contract.toml`) suit a Next.js app with NextAuth,
//! Prisma or pg, Upstash and Stripe. A check whose part of the contract is absent is not applicable.

use crate::Named;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Alternatives: any one of the names will do (`NEXTAUTH_SECRET`, `AUTH_SECRET`).
pub type AnyOf = Vec<String>;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Contract {
    /// Variables without which the app does not work.
    pub required: Vec<AnyOf>,
    /// Variables without which a part of it does not.
    pub recommended: Vec<AnyOf>,
    /// Recommended variables whose absence is grave in production.
    pub recommended_grave: Vec<String>,
    /// Literals that the app's code falls back to when a variable is unset: NAME -> literal.
    pub fallbacks: Named<String>,
    /// Variables inlined into the browser's bundle start with this.
    pub public_prefix: Option<String>,
    /// `keys`: a key pair in the variables; `role`: none is expected.
    pub aws: AwsIdentity,
    /// Values that may be shown: NAME.
    pub plain: Vec<String>,
    /// Values whose scheme, host, port and resource name may be shown: NAME, or `*_SUFFIX`.
    pub locators: Vec<String>,
    /// Variables that may be equal between environments though they are compared: NAME.
    pub shared: Vec<String>,
    /// Target -> variable of the connection string: `postgres` -> `DATABASE_URL`.
    pub databases: Named<String>,
    /// Connections of one process.
    pub pool_max: Option<u32>,
    /// Processes that hold a pool each.
    pub processes: Option<u32>,
    /// Milliseconds that the app waits for a connection.
    pub connect_timeout_ms: Option<u32>,
    /// What the app's own TLS setting is (`rejectUnauthorized`). Absent: as the connection string says.
    pub tls_verify: Option<bool>,
    /// Each instance serves one request at a time (Lambda, Vercel): a pool above 2 is waste.
    pub one_request_per_instance: bool,
    pub redis: Option<RedisContract>,
    pub auth: Option<AuthContract>,
    pub stripe: Option<StripeContract>,
    /// The variable of the sender's address.
    pub mail_from: Option<String>,
    /// Variables that hold bucket names.
    pub buckets: Vec<String>,
    /// Names of buckets that are public by design.
    pub public_buckets: Vec<String>,
    /// Variables that hold a bus name or ARN: the first that is set counts. Empty: no bus is expected.
    pub bus: AnyOf,
    /// Rules that may be disabled: names.
    pub idle_rules: Vec<String>,
    /// Variables of queue URLs: names, or `*_SUFFIX`.
    pub queues: Vec<String>,
    /// Variables of dead-letter queue URLs: names, or `*_SUFFIX`.
    pub dead_letter_queues: Vec<String>,
    /// Target -> variable of a public HTTPS address, beside the site's own (auth.url): `https:cdn` -> `CDN_URL`.
    pub addresses: Named<String>,
    /// Kinds whose resources must have alarms: `sqs`, `ses`, `rds`, `events`, `lambda`.
    pub alarms: Vec<String>,
    /// Only alarms whose name starts with this are the app's.
    pub alarm_prefix: Option<String>,
    /// RDS instances or clusters of the app, beside the one that the connection string names.
    pub rds: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AwsIdentity {
    #[default]
    Keys,
    Role,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisContract {
    /// The app's client: `upstash` speaks HTTPS only, `tcp` redis:// and rediss://.
    pub client: RedisClient,
    #[serde(default)]
    pub rest_url: Option<String>,
    #[serde(default)]
    pub rest_token: Option<String>,
    #[serde(default)]
    pub url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RedisClient {
    Upstash,
    Tcp,
}

/// NextAuth / Auth.js.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthContract {
    pub secret: AnyOf,
    pub url: AnyOf,
    /// The path that the URL may carry.
    #[serde(default)]
    pub base_path: Option<String>,
    /// `/api/auth/providers`. Absent: the route is not asked.
    #[serde(default)]
    pub providers: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StripeContract {
    pub secret: String,
    #[serde(default)]
    pub publishable: Option<String>,
}
