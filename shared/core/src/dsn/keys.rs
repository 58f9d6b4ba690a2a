//! Which driver knows which query key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    Libpq,
    Prisma,
    NodePostgres,
}

/// PostgreSQL documentation, 34.1.2 "Parameter Key Words". libpq refuses a string with any other key.
const LIBPQ: &[&str] = &[
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "options",
    "passfile",
    "password",
    "port",
    "replication",
    "require_auth",
    "requirepeer",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Prisma documentation, "PostgreSQL: connection URL arguments". Prisma ignores what it does not know.
const PRISMA: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "connection_limit",
    "host",
    "max_connection_lifetime",
    "max_idle_connection_lifetime",
    "options",
    "pgbouncer",
    "pool_timeout",
    "schema",
    "single_use_connections",
    "socket_timeout",
    "sslaccept",
    "sslcert",
    "sslidentity",
    "sslmode",
    "sslpassword",
    "statement_cache_size",
];

/// node-postgres (`pg`, `pg-connection-string`, `pg-pool`): each key of the query becomes a key of the client's configuration.
const NODE: &[&str] = &[
    "allowExitOnIdle",
    "application_name",
    "binary",
    "client_encoding",
    "connectionTimeoutMillis",
    "database",
    "db",
    "enableChannelBinding",
    "encoding",
    "fallback_application_name",
    "host",
    "idleTimeoutMillis",
    "idle_in_transaction_session_timeout",
    "keepAlive",
    "keepAliveInitialDelayMillis",
    "lock_timeout",
    "max",
    "maxLifetimeSeconds",
    "maxUses",
    "min",
    "options",
    "password",
    "port",
    "query_timeout",
    "replication",
    "ssl",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement_timeout",
    "uselibpqcompat",
    "user",
];

pub fn known(key: &str) -> bool {
    [LIBPQ, PRISMA, NODE].iter().any(|keys| keys.contains(&key))
}

/// The one driver that knows a key; `None`: several do, or none.
pub fn only(key: &str) -> Option<Driver> {
    match (LIBPQ.contains(&key), PRISMA.contains(&key), NODE.contains(&key)) {
        (true, false, false) => Some(Driver::Libpq),
        (false, true, false) => Some(Driver::Prisma),
        (false, false, true) => Some(Driver::NodePostgres),
        _ => None,
    }
}
