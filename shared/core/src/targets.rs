//! Variables and contract -> what to probe. Pure. Targets hold secrets: they have neither `Debug` text nor `Serialize`.

use crate::Named;
use crate::facts::aws::KeyKind;
use jiff::Timestamp;
use secrecy::SecretString;

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
