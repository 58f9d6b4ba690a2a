//! What may be known of an address: scheme, host and port; never user info, path, query or fragment.

use std::net::IpAddr;

use super::shape;
use crate::facts::variables::{HostKind, Locator, Shape, UrlPath, Word};
use crate::{address, dsn};
use secrecy::SecretString;
use url::Url;

const SCHEMES: &[&str] = &["http", "https", "redis", "rediss", "postgres", "postgresql", "ws", "wss"];

/// What was read of an address.
#[derive(Default)]
pub(super) struct Read {
    pub locator: Locator,
    /// `scheme://host:port`, when it is sure that those are what they seem.
    pub shown: Option<String>,
    pub words: Vec<Word>,
}

/// Reads an address. `base` is the path that the contract allows.
pub(super) fn read(value: &str, shape: Shape, base: Option<&str>) -> Read {
    if shape == Shape::PostgresUrl { postgres(value) } else { other(value, base) }
}

fn postgres(value: &str) -> Read {
    let dsn = dsn::parse(&SecretString::from(value), None);
    let facts = dsn.facts;
    if !facts.usable() {
        return Read { locator: malformed(facts.scheme), ..Read::default() };
    }
    let hosts: Vec<String> = facts.hosts.iter().filter_map(|h| h.host.clone()).collect();
    let kinds = hosts.iter().map(|host| host_kind(host));
    let shown = facts.hosts.iter().filter_map(|h| Some(format!("{}:{}", bracketed(h.host.as_deref()?), h.port)));
    let shown: Vec<String> = shown.collect();
    let mut words: Vec<Word> = hosts.iter().flat_map(|host| host_words(host)).collect();
    words.extend(dsn.database.iter().flat_map(|database| words_of(database)));
    Read {
        shown: (!shown.is_empty()).then(|| format!("postgresql://{}", shown.join(","))),
        locator: Locator {
            scheme: facts.scheme,
            // Of several hosts, one on a desk is enough.
            host: kinds.max_by_key(|kind| kind.of_a_desk()).unwrap_or_default(),
            user_info: facts.user || facts.password,
            path: if facts.database { UrlPath::Other } else { UrlPath::None },
            query: !facts.keys.is_empty() || facts.unknown_keys > 0,
            ..Locator::default()
        },
        words: sorted(words),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn malformed(scheme: Option<String>) -> Locator {
    Locator { scheme, malformed: true, ..Locator::default() }
}

fn other(value: &str, base: Option<&str>) -> Read {
    let scheme = value.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let scheme = scheme.filter(|scheme| SCHEMES.contains(&scheme.as_str()));
    let Some(url) = parse(value) else { return Read { locator: malformed(scheme), ..Read::default() } };
    let host = url.host_str().unwrap_or_default().to_owned();
    let name = queue_name(value);
    let mut words = host_words(&host);
    words.extend(name.iter().flat_map(|name| words_of(name)));
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let resource = name.map(|name| format!("/…/{name}")).unwrap_or_default();
    let shown = scheme.as_ref().map(|scheme| format!("{scheme}://{host}{port}{resource}"));
    Read {
        locator: Locator {
            scheme,
            host: host_kind(&host),
            user_info: !url.username().is_empty() || url.password().is_some(),
            path: path(value, &url, base),
            query: url.query().is_some(),
            fragment: url.fragment().is_some(),
            malformed: false,
        },
        shown,
        words: sorted(words),
    }
}

/// An address with a host that is one. An `@` behind the host says that what looks like the host may be the beginning of
/// a password with a raw `/`, `?` or `#`.
pub(super) fn parse(value: &str) -> Option<Url> {
    let url = Url::parse(value).ok().filter(|url| url.host_str().is_some_and(|host| !host.is_empty()))?;
    let (_, rest) = value.split_once("://")?;
    let behind = rest.find(['/', '?', '#', '\\']).map_or("", |at| &rest[at..]);
    let plain = |host: &str| {
        host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']'))
    };
    (!behind.contains('@') && url.host_str().is_some_and(plain)).then_some(url)
}

fn path(value: &str, url: &Url, base: Option<&str>) -> UrlPath {
    let base = base.map_or("", |base| base.trim_end_matches('/'));
    let path = url.path();
    // The parser writes a `/` where there is none.
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let bare = path == "/" && !rest.contains('/');
    if bare || path.is_empty() {
        UrlPath::None
    } else if !base.is_empty() && path == base {
        UrlPath::Base
    } else if path.trim_end_matches('/') == base || path.chars().all(|c| c == '/') {
        UrlPath::TrailingSlash
    } else {
        UrlPath::Other
    }
}

/// The queue that a URL names, `https://sqs.eu-west-3.amazonaws.com/111122223333/jobs`: its last segment, when there are
/// two and they are an account (ElasticMQ: `queue`) and a name that SQS allows (80 of `[A-Za-z0-9_-]`, then `.fifo`).
///
/// Source: SQS developer guide, "Queue and message identifiers".
#[must_use]
pub fn queue_name(value: &str) -> Option<&str> {
    let url = parse(value).filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let path = &value[value.find("://")? + 3..];
    let path = &path[path.find('/')? + 1..];
    let (account, name) = path.split_once('/')?;
    let account_good = account == "queue" || (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()));
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let name_good = !stem.is_empty() && name.len() <= 80 && stem.bytes().all(allowed);
    (account_good && name_good && url.username().is_empty()).then_some(name)
}

/// Where a host lies, by its name alone.
pub(super) fn host_kind(host: &str) -> HostKind {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    if host.is_empty() || host.starts_with('/') {
        return HostKind::None;
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        return match ip.to_canonical() {
            ip if ip.is_loopback() || ip.is_unspecified() => HostKind::Loopback,
            ip if address::private(ip) => HostKind::PrivateAddress,
            _ => HostKind::PublicAddress,
        };
    }
    match host.rsplit_once('.') {
        _ if host == "localhost" || host.ends_with(".localhost") => HostKind::Loopback,
        None => HostKind::SingleLabel,
        Some((_, "local" | "test" | "localdomain")) => HostKind::Local,
        _ if host == "host.docker.internal" => HostKind::Local,
        _ => HostKind::Name,
    }
}

/// Words in a host's labels but the last: `.dev` is an ordinary top level domain.
fn host_words(host: &str) -> Vec<Word> {
    host.trim_end_matches('.').rsplit_once('.').map_or_else(Vec::new, |(labels, _)| words_of(labels))
}

/// Names of environments that a text holds as whole words; `staging2` is one.
pub(super) fn words_of(text: &str) -> Vec<Word> {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric());
    let parts = parts.map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase());
    sorted(parts.filter_map(|part| Word::ALL.into_iter().find(|word| word.name() == part)).collect())
}

fn sorted(mut words: Vec<Word>) -> Vec<Word> {
    words.sort_unstable();
    words.dedup();
    words
}

/// Words of a value that is shown: a bucket's or bus's name, a sender's domain.
pub(super) fn plain_words(value: &str) -> Vec<Word> {
    shape::mail_domain(value).map_or_else(|| words_of(value), host_words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Read {
        read(value, shape::of(value), Some("/auth"))
    }

    #[test]
    fn only_scheme_host_port_and_queue_are_shown() {
        for (value, shown) in [
            ("postgresql://u:CANARY@db.shop.io:5433/CANARY?k=CANARY", Some("postgresql://db.shop.io:5433")),
            ("https://u:CANARY@api.shop.io/CANARY?CANARY#CANARY", Some("https://api.shop.io")),
            ("rediss://default:CANARY@cache.shop.io:6380/1", Some("rediss://cache.shop.io:6380")),
            (
                "https://sqs.eu-west-3.amazonaws.com/111122223333/jobs",
                Some("https://sqs.eu-west-3.amazonaws.com/…/jobs"),
            ),
            (
                "https://sqs.eu-west-3.amazonaws.com/111122223333/jobs/CANARY",
                Some("https://sqs.eu-west-3.amazonaws.com"),
            ),
            ("https://CANARY/x@db.shop.io", None),
            ("https://CANARY:12/x@db.shop.io/d", None),
            ("redis://CANARY#x@h.io", None),
            ("https://CANARY\\x@h.io", None),
            ("CANARY", None),
        ] {
            assert_eq!(of(value).shown.as_deref(), shown, "{value}");
        }
    }

    #[test]
    fn hosts() {
        for (host, kind) in [
            ("localhost", HostKind::Loopback),
            ("127.0.0.2", HostKind::Loopback),
            ("[::1]", HostKind::Loopback),
            ("0.0.0.0", HostKind::Loopback),
            ("app.localhost", HostKind::Loopback),
            ("db", HostKind::SingleLabel),
            ("mac.local", HostKind::Local),
            ("host.docker.internal", HostKind::Local),
            ("10.0.0.8", HostKind::PrivateAddress),
            ("8.8.8.8", HostKind::PublicAddress),
            ("db.shop.internal", HostKind::Name),
        ] {
            assert_eq!(host_kind(host), kind, "{host}");
        }
    }

    #[test]
    fn words_are_whole_and_no_top_level_domain() {
        assert_eq!(of("https://shop-staging.io").words, [Word::Staging]);
        assert_eq!(of("postgres://u@db.shop.io/app_dev").words, [Word::Dev]);
        assert_eq!(of("https://stg2.shop.io").words, [Word::Stg]);
        for value in
            ["https://shop.dev", "https://latest.shop.io", "https://developer.shop.io", "https://u:test@shop.io/test"]
        {
            assert!(of(value).words.is_empty(), "{value}");
        }
        assert_eq!(plain_words("Test <hello@shop.io>"), []);
    }

    #[test]
    fn paths() {
        for (value, path) in [
            ("https://shop.io", UrlPath::None),
            ("https://shop.io/", UrlPath::TrailingSlash),
            ("https://shop.io/auth", UrlPath::Base),
            ("https://shop.io/auth/", UrlPath::TrailingSlash),
            ("https://shop.io/other", UrlPath::Other),
        ] {
            assert_eq!(of(value).locator.path, path, "{value}");
        }
    }
}
