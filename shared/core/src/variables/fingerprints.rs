//! What an environment publishes for its neighbours to compare.

use super::{Variables, locator, strays};
use crate::Named;
use crate::contract::{Contract, KEY_ID, Purpose, REGION};
use crate::dsn::{self, Endpoint};
use crate::fingerprint::{Fingerprint, FingerprintKey};
use secrecy::{ExposeSecret, SecretString};

/// Of the resources that environments must not share, by `PURPOSE/NAME`: `database/DATABASE_URL`, `auth-secret/AUTH_SECRET`.
/// A value under two names compares equal. Empty while a source is unread: half of it would pass for all of it.
#[must_use]
pub fn fingerprints(variables: &Variables, contract: &Contract, key: &FingerprintKey) -> Named<Fingerprint> {
    if variables.unread.is_empty() { compared(variables, contract, key) } else { Named::new() }
}

/// The same, of what was read.
pub(super) fn compared(variables: &Variables, contract: &Contract, key: &FingerprintKey) -> Named<Fingerprint> {
    let text =
        |name: &str| Some(strays::bare(variables.values.get(name)?.value.expose_secret())).filter(|v| !v.is_empty());
    let one = |name: &String| {
        let purpose = contract.purpose(name)?;
        let value = text(name)?;
        let same = match purpose {
            Purpose::AuthSecret | Purpose::AwsKey | Purpose::Bucket => Some(value.to_owned()),
            Purpose::Database => database(value),
            Purpose::Redis => redis(value),
            Purpose::Site => locator::parse(value)?.host_str().map(str::to_ascii_lowercase),
            Purpose::Queue => locator::parse(value).and_then(|url| Some(format!("{}{}", url.host_str()?, url.path()))),
            Purpose::Bus => bus(value, text(REGION), text(KEY_ID)),
        }?;
        Some((format!("{}/{name}", purpose.code()), key.of(purpose.code(), same.as_bytes())))
    };
    variables.values.keys().filter_map(one).collect()
}

/// Host, port and database. `None` when the connection string cannot be used.
fn database(value: &str) -> Option<String> {
    let dsn = dsn::parse(&SecretString::from(value), None);
    let mut places: Vec<String> = dsn
        .endpoints
        .iter()
        .map(|endpoint| match endpoint {
            Endpoint::Tcp { host, port } => format!("{}:{port}", host.trim_end_matches('.').to_ascii_lowercase()),
            Endpoint::Unix { directory, port } => format!("{directory}:{port}"),
        })
        .collect();
    places.sort();
    let database = dsn.database.or(dsn.user).unwrap_or_default();
    (!places.is_empty()).then(|| format!("{}/{database}", places.join(",")))
}

/// Host and port; Upstash serves one database on both its ports.
fn redis(value: &str) -> Option<String> {
    let url = locator::parse(value)?;
    let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    if host.ends_with(".upstash.io") {
        return Some(host);
    }
    let port = url.port().unwrap_or(match url.scheme() {
        "https" => 443,
        "http" => 80,
        _ => 6379,
    });
    Some(format!("{host}:{port}"))
}

/// An ARN names one bus. A bare name is one in each account and region, and only a key id tells the account.
fn bus(value: &str, region: Option<&str>, key_id: Option<&str>) -> Option<String> {
    if value.starts_with("arn:") {
        let mut parts = value.splitn(6, ':').skip(3);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        return Some(format!("{account}/{region}/{}", resource.trim_start_matches("event-bus/")));
    }
    Some(format!("{}/{}/{value}", account(key_id?)?, region?))
}

/// The account of an access key id: its characters after the prefix are base32, and the first six bytes, without their
/// first bit and shifted by seven, are the account's number. Keys from before 2019 have no account in them.
fn account(key_id: &str) -> Option<String> {
    let text = key_id.get(4..14).filter(|_| key_id.len() == 20)?;
    if key_id.as_bytes().get(4).is_none_or(|first| *first < b'Q') {
        return None;
    }
    let mut bits: u64 = 0;
    for c in text.bytes() {
        let five = match c {
            b'A'..=b'Z' => c - b'A',
            b'2'..=b'7' => c - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5) | u64::from(five);
    }
    // Ten characters are 50 bits; the first 48 are the six bytes.
    let account = ((bits >> 2) & 0x7fff_ffff_ff80) >> 7;
    Some(format!("{account:012}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_resource_however_written() {
        let same = |a: &str, b: &str, of: fn(&str) -> Option<String>| assert_eq!(of(a), of(b), "{a} {b}");
        same("postgres://a:b@DB.shop.io/app", "postgresql://c:d@db.shop.io:5432/app?sslmode=require", database);
        same("https://x.upstash.io", "rediss://default:t@x.upstash.io:6379", redis);
        assert_ne!(database("postgres://a@h.io/app"), database("postgres://a@h.io/app_staging"));
        assert_eq!(database("nonsense"), None);
    }

    #[test]
    fn a_bare_bus_is_one_of_its_account_and_region() {
        // ASIAQNZGKIQY56JQ7WML belongs to 029608264753 (published with the decoding).
        assert_eq!(account("ASIAQNZGKIQY56JQ7WML").as_deref(), Some("029608264753"));
        let arn = bus("arn:aws:events:eu-west-3:029608264753:event-bus/shop", None, None);
        assert_eq!(bus("shop", Some("eu-west-3"), Some("ASIAQNZGKIQY56JQ7WML")), arn);
        assert_eq!(bus("shop", Some("eu-west-3"), None), None);
        assert_eq!(account("AKIAIOSFODNN7EXAMPLE"), None);
    }
}
