//! Variables and contract -> what to probe. Pure. Targets hold secrets: they have neither `Debug` text nor `Serialize`,
//! so that no log, panic or object can carry one:
//!
//! ```compile_fail
//! fn printed<T: std::fmt::Debug>() {}
//! printed::<vigie_core::targets::Targets>();
//! ```
//!
//! ```compile_fail
//! fn stored<T: serde::Serialize>() {}
//! stored::<vigie_core::targets::PostgresTarget>();
//! ```
//!
//! ```compile_fail
//! fn printed<T: std::fmt::Debug>() {}
//! printed::<vigie_core::variables::Variable>();
//! ```
//!
//! ```compile_fail
//! fn printed<T: std::fmt::Debug>() {}
//! printed::<vigie_core::dsn::Dsn>();
//! ```
//!
//! ```compile_fail
//! fn printed<T: std::fmt::Debug>() {}
//! printed::<vigie_core::fingerprint::FingerprintKey>();
//! ```
//!
//! The same functions take what holds no secret:
//!
//! ```
//! fn printed<T: std::fmt::Debug>() {}
//! fn stored<T: serde::Serialize>() {}
//! printed::<vigie_core::facts::Facts>();
//! stored::<vigie_core::facts::Facts>();
//! ```

use crate::contract::{Contract, KEY_ID, KEY_SECRET, REGION, RedisClient, SESSION_TOKEN, among};
use crate::facts::aws::KeyKind;
use crate::variables::{Variables, is_secret, queue_name, trimmed};
use crate::{Named, dsn};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

pub struct Targets {
    pub app: AppCredentials,
    /// AWS_REGION of the app, trimmed; `None` when unset.
    pub region: Option<String>,
    pub postgres: Named<PostgresTarget>,
    pub redis: Named<RedisTarget>,
    pub ses: Option<SesTarget>,
    /// By bucket name.
    pub buckets: Named<BucketTarget>,
    /// By queue name, or by variable when the URL is malformed.
    pub queues: Named<QueueTarget>,
    /// Bus names or ARNs.
    pub buses: Vec<String>,
    pub https: Named<HttpsTarget>,
    /// Whether the account's alarms are read.
    pub alarms: Option<AlarmsTarget>,
    pub rds: Option<RdsTarget>,
}

/// The app's own AWS identity.
pub struct AppCredentials {
    pub kind: KeyKind,
    /// Absent: none is set.
    pub keys: Option<AppKeys>,
    pub expires: Option<Timestamp>,
}

pub struct AppKeys {
    pub id: SecretString,
    pub secret: SecretString,
    pub token: Option<SecretString>,
}

pub struct PostgresTarget {
    pub variable: String,
    /// The raw connection string: parsed by [`crate::dsn`], never passed on.
    pub url: SecretString,
    /// The contract's `tls_verify`.
    pub tls_verify: Option<bool>,
    /// PGSSLMODE of the app, when set.
    pub sslmode: Option<String>,
}

pub struct RedisTarget {
    pub variable: String,
    pub url: SecretString,
    /// REST only.
    pub token: Option<SecretString>,
    pub rest: bool,
}

pub struct SesTarget {
    pub from: Option<String>,
}

pub struct BucketTarget {
    pub variable: String,
    pub public_by_design: bool,
}

pub struct QueueTarget {
    pub variable: String,
    pub url: SecretString,
    pub dead_letter: bool,
}

pub struct HttpsTarget {
    pub variable: String,
    pub url: SecretString,
    /// The auth routes' path, when this is the site itself.
    pub providers: Option<String>,
}

pub struct AlarmsTarget {
    pub prefix: Option<String>,
}

/// RDS databases are found by the host of a connection string, or named by the contract.
pub struct RdsTarget {
    pub hosts: Vec<String>,
    pub names: Vec<String>,
}

/// Every target, from the contract and the variables. Values are trimmed: a stray character is a finding of its own.
#[must_use]
pub fn derive(variables: &Variables, contract: &Contract) -> Targets {
    let from = From { variables, contract };
    Targets {
        app: from.app(),
        region: from.name(REGION).or_else(|| from.name("AWS_DEFAULT_REGION")).map(str::to_owned),
        postgres: from.postgres(),
        redis: from.redis(),
        ses: contract.mail_from.as_ref().map(|name| SesTarget { from: from.name(name).map(str::to_owned) }),
        buckets: from.buckets(),
        queues: from.queues(),
        buses: contract.bus.iter().find_map(|name| from.name(name)).map(str::to_owned).into_iter().collect(),
        https: from.https(),
        alarms: (!contract.alarms.is_empty()).then(|| AlarmsTarget { prefix: contract.alarm_prefix.clone() }),
        rds: from.rds(),
    }
}

struct From<'a> {
    variables: &'a Variables,
    contract: &'a Contract,
}

impl<'a> From<'a> {
    /// A value without what surrounds it; `None` when unset or empty.
    fn text(&self, name: &str) -> Option<&'a str> {
        let value = self.variables.values.get(name)?.value.expose_secret();
        Some(trimmed(value)).filter(|text| !text.is_empty())
    }

    /// A value that becomes the name of a target or subject, and is shown: a secret in its place names nothing.
    fn name(&self, name: &str) -> Option<&'a str> {
        self.text(name).filter(|text| !is_secret(text))
    }

    fn secret(&self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    fn app(&self) -> AppCredentials {
        let id = self.text(KEY_ID);
        let injected = self.variables.values.get(KEY_ID).is_some_and(|v| v.source.starts_with("lambda:"));
        let kind = match id {
            None => KeyKind::None,
            Some(id) if id.starts_with("AKIA") => KeyKind::LongLived,
            Some(id) if id.starts_with("ASIA") && injected => KeyKind::Runtime,
            Some(id) if id.starts_with("ASIA") => KeyKind::Session,
            Some(_) => KeyKind::Other,
        };
        let keys = id.zip(self.secret(KEY_SECRET)).map(|(id, secret)| AppKeys {
            id: SecretString::from(id),
            secret,
            token: self.secret(SESSION_TOKEN),
        });
        AppCredentials { kind, keys, expires: self.text("AWS_CREDENTIAL_EXPIRATION").and_then(|at| at.parse().ok()) }
    }

    /// Raw, since white space inside a connection string is for its own parser to see.
    fn postgres(&self) -> Named<PostgresTarget> {
        let sslmode = self.text("PGSSLMODE").map(str::to_owned);
        let target = |name: &String| {
            self.text(name)?;
            Some(PostgresTarget {
                variable: name.clone(),
                url: self.variables.values.get(name)?.value.clone(),
                tls_verify: self.contract.tls_verify,
                sslmode: sslmode.clone(),
            })
        };
        self.contract.databases.iter().filter_map(|(key, name)| Some((key.clone(), target(name)?))).collect()
    }

    /// The REST pair when both halves are set, the URL beside it or alone.
    fn redis(&self) -> Named<RedisTarget> {
        let Some(contract) = &self.contract.redis else { return Named::new() };
        let named = |name: &Option<String>| Some((name.clone()?, self.secret(name.as_ref()?)?));
        let rest = named(&contract.rest_url)
            .filter(|_| contract.client == RedisClient::Upstash)
            .zip(named(&contract.rest_token))
            .map(|((variable, url), (_, token))| RedisTarget { variable, url, token: Some(token), rest: true });
        let url = named(&contract.url).map(|(variable, url)| RedisTarget { variable, url, token: None, rest: false });
        let targets = match (rest, url) {
            (Some(rest), Some(url)) => vec![("redis", rest), ("redis:url", url)],
            (one, other) => one.or(other).map(|target| ("redis", target)).into_iter().collect(),
        };
        targets.into_iter().map(|(name, target)| (name.to_owned(), target)).collect()
    }

    fn buckets(&self) -> Named<BucketTarget> {
        let target = |variable: &String| {
            let bucket = self.name(variable)?;
            let public_by_design = self.contract.public_buckets.iter().any(|public| public == bucket);
            Some((bucket.to_owned(), BucketTarget { variable: variable.clone(), public_by_design }))
        };
        self.contract.buckets.iter().rev().filter_map(target).collect()
    }

    fn queues(&self) -> Named<QueueTarget> {
        let of = |patterns: &'a [String], dead_letter| {
            let names = self.variables.values.keys().filter(|name| among(patterns, name));
            names.filter_map(move |variable| {
                let url = self.text(variable)?;
                let name = queue_name(url).filter(|name| !is_secret(name)).unwrap_or(variable).to_owned();
                Some((name, QueueTarget { variable: variable.clone(), url: SecretString::from(url), dead_letter }))
            })
        };
        of(&self.contract.queues, false).chain(of(&self.contract.dead_letter_queues, true)).collect()
    }

    fn https(&self) -> Named<HttpsTarget> {
        let target = |variable: &String, providers: Option<String>| {
            Some(HttpsTarget { variable: variable.clone(), url: self.secret(variable)?, providers })
        };
        let site = self
            .contract
            .auth
            .as_ref()
            .and_then(|auth| auth.url.iter().find_map(|variable| target(variable, auth.providers.clone())));
        let others = self.contract.addresses.iter();
        let others = others.filter_map(|(name, variable)| Some((name.clone(), target(variable, None)?)));
        site.map(|site| ("https".to_owned(), site)).into_iter().chain(others).collect()
    }

    fn rds(&self) -> Option<RdsTarget> {
        let mut hosts: Vec<String> = (self.contract.databases.values())
            .filter_map(|name| self.variables.values.get(name))
            .flat_map(|variable| dsn::parse(&variable.value, None).facts.hosts)
            .filter_map(|host| host.host)
            .map(|host| host.trim_end_matches('.').to_ascii_lowercase())
            .filter(|host| RDS.iter().any(|suffix| host.ends_with(suffix)))
            .collect();
        hosts.sort();
        hosts.dedup();
        let names = self.contract.rds.clone();
        (!hosts.is_empty() || !names.is_empty()).then_some(RdsTarget { hosts, names })
    }
}

/// Where RDS gives host names: every region, and those of China.
const RDS: [&str; 2] = [".rds.amazonaws.com", ".rds.amazonaws.com.cn"];
