//! The parser. By hand, since the URL parsers refuse what libpq allows (several hosts, sockets) and hide what it refuses.

use super::keys;
use super::{Dsn, DsnFacts, Endpoint, HostFacts, Malformation, Origin, SessionAttrs, SslMode};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

/// Bytes of the longest string that is read.
pub const LONGEST: usize = 8 * 1024;
/// Hosts that are read, at most.
const HOSTS: usize = 8;
const PORT: u16 = 5432;

/// Schemes that may be shown when they are wrong.
const SCHEMES: &[&str] = &[
    "postgres",
    "postgresql",
    "prisma",
    "prisma+postgres",
    "jdbc:postgresql",
    "postgresql+psycopg2",
    "postgis",
    "mysql",
    "mariadb",
    "mongodb",
    "mongodb+srv",
    "sqlserver",
    "file",
    "http",
    "https",
    "redis",
    "rediss",
];

/// Parses a connection string. Never fails: what is wrong is in `facts.malformed`. `sslmode` is the app's PGSSLMODE, which
/// counts when the string says nothing.
#[must_use]
pub fn parse(raw: &SecretString, sslmode: Option<&str>) -> Dsn {
    let mut reader = Reader::default();
    reader.read(raw.expose_secret());
    reader.environment(sslmode);
    reader.finish()
}

#[derive(Default)]
struct Reader {
    facts: DsnFacts,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    options: Option<String>,
    /// `host` and `port` of the query, which win over the authority's.
    hosts: Option<String>,
    ports: Option<String>,
    endpoints: Vec<Endpoint>,
}

impl Reader {
    fn wrong(&mut self, what: Malformation) {
        if !self.facts.malformed.contains(&what) {
            self.facts.malformed.push(what);
        }
    }

    fn read(&mut self, raw: &str) {
        if raw.len() > LONGEST {
            return self.wrong(Malformation::TooLong);
        }
        let trimmed = raw.trim();
        if trimmed.len() != raw.len() {
            self.wrong(Malformation::Whitespace);
        }
        let Some((scheme, rest)) = trimmed.split_once("://") else { return self.wrong(Malformation::Scheme) };
        self.facts.scheme = SCHEMES.contains(&scheme).then(|| scheme.to_owned());
        if !matches!(scheme, "postgres" | "postgresql") {
            return self.wrong(Malformation::Scheme);
        }
        let parts = Parts::of(rest);
        if parts.hides_an_at() {
            // The authority ended inside the password: what looks like the host is a piece of it, and is not looked at.
            return self.wrong(Malformation::RawReserved);
        }
        let authority = match parts.authority.rsplit_once('@') {
            Some((info, authority)) => {
                self.user_info(info);
                authority
            }
            None => parts.authority,
        };
        let database = self.decode(parts.path.strip_prefix('/').unwrap_or(parts.path));
        self.database = database.filter(|name| !name.is_empty());
        for pair in parts.query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.pair(key, value);
        }
        self.facts.keys.sort();
        self.facts.keys.dedup();
        match self.hosts.take() {
            Some(hosts) => {
                let ports = self.ports.take();
                self.query_hosts(&hosts, ports.as_deref());
            }
            None => self.authority_hosts(authority),
        }
        if self.database.is_none() {
            self.wrong(Malformation::NoDatabase);
        }
    }

    fn user_info(&mut self, info: &str) {
        if info.contains('@') {
            self.wrong(Malformation::RawAt);
        }
        if info.contains(char::is_whitespace) {
            self.wrong(Malformation::RawSpace);
        }
        if stray_percent(info) {
            self.wrong(Malformation::RawPercent);
        }
        let (user, password) = match info.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (info, None),
        };
        self.user = self.decode(user).filter(|user| !user.is_empty());
        self.password = password.and_then(|password| self.decode(password)).filter(|password| !password.is_empty());
    }

    fn pair(&mut self, key: &str, value: &str) {
        let Some(value) = self.decode(value) else { return };
        if !keys::known(key) {
            self.facts.unknown_keys = self.facts.unknown_keys.saturating_add(1);
            return;
        }
        self.facts.keys.push(key.to_owned());
        match key {
            "sslmode" | "ssl" => {
                let mode = if key == "ssl" { SslMode::read_ssl(&value) } else { SslMode::read(&value) };
                match mode {
                    Some(mode) if key == "sslmode" || self.facts.sslmode.is_none() => {
                        self.facts.sslmode = Some(mode);
                        self.facts.sslmode_from = Some(Origin::Url);
                    }
                    Some(_) => {}
                    None => self.wrong(Malformation::Sslmode),
                }
            }
            "sslaccept" => self.facts.sslaccept_strict = Some(value == "strict"),
            "uselibpqcompat" => self.facts.libpq_compat = value == "true",
            "target_session_attrs" => self.facts.target_session_attrs = session_attrs(&value),
            "user" => self.user = Some(value).filter(|user| !user.is_empty()),
            "password" => self.password = Some(value).filter(|password| !password.is_empty()),
            "dbname" | "database" => self.database = Some(value).filter(|name| !name.is_empty()),
            "options" => self.options = Some(value).filter(|options| !options.is_empty()),
            "host" if !value.is_empty() => self.hosts = Some(value),
            "port" if !value.is_empty() => self.ports = Some(value),
            _ => {}
        }
    }

    /// Percent-decoded. `None`, and malformed, when that is not text.
    fn decode(&mut self, raw: &str) -> Option<String> {
        match percent_decode_str(raw).decode_utf8() {
            Ok(text) if !text.contains('\0') => Some(text.into_owned()),
            _ => {
                self.wrong(Malformation::Encoding);
                None
            }
        }
    }

    fn authority_hosts(&mut self, authority: &str) {
        if authority.is_empty() || authority.starts_with(':') {
            return self.wrong(Malformation::NoHost);
        }
        for part in authority.split(',') {
            let (host, port) = match split_port(part) {
                Some(split) => split,
                None => return self.wrong(Malformation::Host),
            };
            let Some(host) = self.decode(host) else { return };
            self.endpoint(&host, port);
        }
    }

    /// `host=a,b&port=1,2`: one port for all, or one each.
    fn query_hosts(&mut self, hosts: &str, ports: Option<&str>) {
        let ports: Vec<&str> = ports.map(|ports| ports.split(',').collect()).unwrap_or_default();
        for (i, host) in hosts.split(',').enumerate() {
            let port = if ports.len() == 1 { ports.first() } else { ports.get(i) };
            self.endpoint(host, port.copied().unwrap_or_default());
        }
    }

    fn endpoint(&mut self, host: &str, port: &str) {
        let port = match port {
            "" => PORT,
            digits => match digits.parse::<u16>() {
                Ok(port) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => port,
                _ => return self.wrong(Malformation::Port),
            },
        };
        if self.endpoints.len() >= HOSTS {
            return self.wrong(Malformation::Host);
        }
        if host.starts_with('/') {
            self.endpoints.push(Endpoint::Unix { directory: host.to_owned(), port });
            self.facts.hosts.push(HostFacts { host: None, port });
        } else if is_host(host) {
            let host = host.to_ascii_lowercase();
            self.facts.hosts.push(HostFacts { host: Some(host.clone()), port });
            self.endpoints.push(Endpoint::Tcp { host, port });
        } else {
            self.wrong(if host.is_empty() { Malformation::NoHost } else { Malformation::Host });
        }
    }

    fn environment(&mut self, sslmode: Option<&str>) {
        let Some(value) = sslmode.map(str::trim).filter(|value| !value.is_empty()) else { return };
        if self.facts.sslmode.is_some() || self.facts.malformed.contains(&Malformation::Sslmode) {
            return;
        }
        self.facts.sslmode = SslMode::read(value);
        match self.facts.sslmode {
            Some(_) => self.facts.sslmode_from = Some(Origin::Environment),
            None => self.wrong(Malformation::Sslmode),
        }
    }

    fn finish(mut self) -> Dsn {
        if !self.facts.usable() {
            self.endpoints.clear();
        }
        self.facts.malformed.sort();
        self.facts.user = self.user.is_some();
        self.facts.password = self.password.is_some();
        self.facts.database = self.database.is_some();
        Dsn {
            endpoints: self.endpoints,
            user: self.user,
            password: self.password.map(SecretString::from),
            database: self.database,
            options: self.options,
            facts: self.facts,
        }
    }
}

/// What follows `scheme://`, cut where every URL reader cuts.
struct Parts<'a> {
    authority: &'a str,
    path: &'a str,
    query: &'a str,
    fragment: &'a str,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Self {
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Parts { authority, path, query, fragment }
    }

    /// Whether an `@` comes after the authority: then the password holds a raw `/`, `?` or `#`, and what seems to be the host
    /// does not. Free text of the query may carry one when everything before it is in its place.
    fn hides_an_at(&self) -> bool {
        const FREE: &[&str] =
            &["application_name", "fallback_application_name", "options", "user", "password", "sslpassword"];
        let in_place = self.authority.contains('@') && self.path.len() > 1;
        self.path.contains('@')
            || self.fragment.contains('@')
            || self.query.split('&').filter(|pair| pair.contains('@')).any(|pair| {
                let key = pair.split('=').next().unwrap_or_default();
                !in_place || !FREE.contains(&key)
            })
    }
}

/// A `%` that is not followed by two hexadecimal digits.
fn stray_percent(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().any(|(i, byte)| {
        let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
        *byte == b'%' && !(hex(i + 1) && hex(i + 2))
    })
}

/// `host:port`, `[::1]:port`, `host`. `None`: brackets that do not close.
fn split_port(part: &str) -> Option<(&str, &str)> {
    if let Some(rest) = part.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        let port = if rest.is_empty() { "" } else { rest.strip_prefix(':')? };
        return Some((host, port));
    }
    Some(part.split_once(':').unwrap_or((part, "")))
}

/// A DNS name or an address: nothing else is shown or resolved.
fn is_host(host: &str) -> bool {
    host.parse::<std::net::Ipv6Addr>().is_ok()
        || (!host.is_empty()
            && host.len() <= 253
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')))
}

fn session_attrs(value: &str) -> Option<SessionAttrs> {
    Some(match value {
        "any" => SessionAttrs::Any,
        "read-write" => SessionAttrs::ReadWrite,
        "read-only" => SessionAttrs::ReadOnly,
        "primary" => SessionAttrs::Primary,
        "standby" => SessionAttrs::Standby,
        "prefer-standby" => SessionAttrs::PreferStandby,
        _ => return None,
    })
}
