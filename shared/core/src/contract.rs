//! What the audited app expects: data, never code. The defaults (`contract.toml`) suit a Next.js app with NextAuth,
//! Prisma or pg, Upstash and Stripe. A check whose part of the contract is absent is not applicable.

use crate::Named;
use crate::check::Kind;
use crate::facts::variables::Class;
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

/// AWS's own names; the SDKs read them whatever the app is.
pub const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
pub const KEY_SECRET: &str = "AWS_SECRET_ACCESS_KEY";
pub const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
pub const REGION: &str = "AWS_REGION";

/// What environments must not share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    AuthSecret,
    Site,
    Database,
    Redis,
    Bucket,
    Queue,
    Bus,
    AwsKey,
}

impl Purpose {
    /// The first part of a published fingerprint's name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Purpose::AuthSecret => "auth-secret",
            Purpose::Site => "site",
            Purpose::Database => "database",
            Purpose::Redis => "redis",
            Purpose::Bucket => "bucket",
            Purpose::Queue => "queue",
            Purpose::Bus => "bus",
            Purpose::AwsKey => "aws-key",
        }
    }
}

/// Whether a name is among `patterns`: names, or `*_SUFFIX`.
#[must_use]
pub fn among(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_prefix('*') {
        Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
        None => pattern == name,
    })
}

impl Contract {
    /// What a variable is for, as far as environments must not share it.
    #[must_use]
    pub fn purpose(&self, name: &str) -> Option<Purpose> {
        let is = |other: &String| other == name;
        let auth = self.auth.as_ref();
        let redis = self.redis.as_ref();
        let rules = [
            (Purpose::AuthSecret, auth.is_some_and(|a| a.secret.iter().any(is))),
            (Purpose::Site, auth.is_some_and(|a| a.url.iter().any(is))),
            (Purpose::Database, self.databases.values().any(is)),
            (Purpose::Redis, redis.is_some_and(|r| [&r.rest_url, &r.url].into_iter().flatten().any(is))),
            (Purpose::Bucket, self.buckets.iter().any(is)),
            (Purpose::Queue, among(&self.queues, name) || among(&self.dead_letter_queues, name)),
            (Purpose::Bus, self.bus.iter().any(is)),
            (Purpose::AwsKey, name == KEY_ID),
        ];
        rules.into_iter().find(|(_, holds)| *holds).map(|(purpose, _)| purpose)
    }

    /// What may be shown of a variable, by its name alone.
    #[must_use]
    pub fn class_of(&self, name: &str) -> Class {
        let plain = self.plain.iter().any(|n| n == name) || self.mail_from.as_deref() == Some(name);
        let address = among(&self.locators, name) || self.addresses.values().any(|n| n == name);
        match self.purpose(name) {
            Some(Purpose::AuthSecret | Purpose::AwsKey) => Class::Secret,
            Some(Purpose::Site | Purpose::Database | Purpose::Redis | Purpose::Queue) => Class::Locator,
            _ if address => Class::Locator,
            Some(Purpose::Bucket | Purpose::Bus) => Class::Plain,
            _ if plain => Class::Plain,
            _ => Class::Secret,
        }
    }

    /// Whether the contract speaks of a name. Of this process' own environment nothing else is the app's for sure.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        let public = self.public_prefix.as_deref().is_some_and(|prefix| name.starts_with(prefix));
        let redis = self.redis.as_ref().and_then(|r| r.rest_token.as_deref());
        let stripe = self.stripe.as_ref();
        public
            || [KEY_ID, KEY_SECRET, SESSION_TOKEN, REGION].contains(&name)
            || self.purpose(name).is_some()
            || self.class_of(name) != Class::Secret
            || self.required.iter().chain(&self.recommended).flatten().any(|n| n == name)
            || self.fallbacks.contains_key(name)
            || redis == Some(name)
            || stripe.is_some_and(|s| s.secret == name || s.publishable.as_deref() == Some(name))
    }

    /// The alternatives that somebody misses: without those of a part that the configuration took away.
    #[must_use]
    pub fn expected(&self, groups: &[AnyOf]) -> Vec<AnyOf> {
        let away = self.taken_away();
        let left = groups.iter().map(|names| names.iter().filter(|name| !away.contains(name)).cloned().collect());
        left.filter(|names: &AnyOf| !names.is_empty()).collect()
    }

    /// Whether a required group is the key pair of an app that runs on a role: nobody sets it.
    #[must_use]
    pub fn spared(&self, names: &[String]) -> bool {
        self.aws == AwsIdentity::Role && names.iter().any(|name| [KEY_ID, KEY_SECRET].contains(&name.as_str()))
    }

    /// The variables that a target is found by, as the contract names them: names, or `*_SUFFIX`.
    #[must_use]
    pub fn variables_of(&self, kind: Kind, target: &str) -> Vec<String> {
        let named = |map: &Named<String>| map.get(target).cloned().into_iter().collect::<Vec<_>>();
        let keys = || [KEY_ID, KEY_SECRET, SESSION_TOKEN].map(str::to_owned).to_vec();
        match kind {
            Kind::Credentials if self.aws == AwsIdentity::Role => Vec::new(),
            Kind::Credentials => keys(),
            Kind::Postgres => named(&self.databases),
            Kind::Redis => {
                let redis = self.redis.iter();
                redis.flat_map(|r| [&r.rest_url, &r.rest_token, &r.url]).flatten().cloned().collect()
            }
            Kind::Ses => self.mail_from.iter().cloned().collect(),
            Kind::S3 => self.buckets.clone(),
            Kind::Sqs => self.queues.iter().chain(&self.dead_letter_queues).cloned().collect(),
            Kind::EventBridge => self.bus.clone(),
            Kind::Https if target == Kind::Https.name() => self.auth.iter().flat_map(|auth| auth.url.clone()).collect(),
            Kind::Https => named(&self.addresses),
            Kind::Rds => self.databases.values().cloned().collect(),
            Kind::Variables | Kind::CloudWatch | Kind::Vigie => Vec::new(),
        }
    }

    /// Names of parts that the configuration took away (`auth = false`): nobody misses them.
    #[must_use]
    pub fn taken_away(&self) -> Vec<String> {
        let of = |contract: &Contract| {
            let auth = contract.auth.iter().flat_map(|a| a.secret.iter().chain(&a.url));
            let redis = contract.redis.iter().flat_map(|r| [&r.rest_url, &r.rest_token, &r.url].into_iter().flatten());
            let stripe =
                contract.stripe.iter().flat_map(|s| [Some(&s.secret), s.publishable.as_ref()].into_iter().flatten());
            let others = contract.mail_from.iter().chain(&contract.buckets).chain(&contract.bus);
            auth.chain(redis)
                .chain(stripe)
                .chain(others)
                .chain(contract.databases.values())
                .cloned()
                .collect::<Vec<_>>()
        };
        let own = of(self);
        of(&crate::config::default_contract()).into_iter().filter(|name| !own.contains(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_needs_something_before_it() {
        let patterns = ["*_QUEUE_URL".to_owned(), "JOBS".to_owned()];
        assert!(among(&patterns, "MAIL_QUEUE_URL") && among(&patterns, "JOBS"));
        assert!(!among(&patterns, "_QUEUE_URL") && !among(&patterns, "QUEUE_URL") && !among(&patterns, "JOBS2"));
    }

    #[test]
    fn what_nobody_declared_is_a_secret() {
        let contract = crate::config::default_contract();
        assert_eq!(contract.class_of("WHATEVER"), Class::Secret);
        assert_eq!(contract.class_of("DATABASE_URL"), Class::Locator);
        assert_eq!(contract.class_of("MAIL_DLQ_URL"), Class::Locator);
        assert_eq!(contract.class_of("FROM_EMAIL"), Class::Plain);
        assert_eq!(contract.class_of("NEXTAUTH_SECRET"), Class::Secret);
        assert!(!contract.knows("PS1") && contract.knows("NEXT_PUBLIC_X") && contract.knows("JOBS_QUEUE_URL"));
    }

    #[test]
    fn a_part_that_was_taken_away_is_missed_by_nobody() {
        let mut contract = crate::config::default_contract();
        assert!(contract.taken_away().is_empty());
        contract.auth = None;
        assert_eq!(contract.taken_away(), ["NEXTAUTH_SECRET", "AUTH_SECRET", "NEXTAUTH_URL", "AUTH_URL"]);
    }
}
