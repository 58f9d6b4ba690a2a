//! The contract: overrides of the defaults, key by key.

use toml_span::Value;

use super::reader::{Errors, Reader, any_of, array, string};
use crate::contract::{AuthContract, AwsIdentity, Contract, RedisClient, RedisContract, StripeContract};

/// Overrides `base` key by key. `false` takes an optional part away.
pub(super) fn contract(value: &mut Value<'_>, base: Contract, errors: &mut Errors) -> Contract {
    let mut out = base;
    let Some(mut r) = Reader::open(value, errors) else { return out };
    if let Some(mut v) = r.take("required") {
        out.required = array(&mut v, r.errors, any_of);
    }
    if let Some(mut v) = r.take("recommended") {
        out.recommended = array(&mut v, r.errors, any_of);
    }
    for (key, field) in [
        ("recommended_grave", &mut out.recommended_grave),
        ("plain", &mut out.plain),
        ("locators", &mut out.locators),
        ("shared", &mut out.shared),
        ("buckets", &mut out.buckets),
        ("public_buckets", &mut out.public_buckets),
        ("bus", &mut out.bus),
        ("idle_rules", &mut out.idle_rules),
        ("queues", &mut out.queues),
        ("dead_letter_queues", &mut out.dead_letter_queues),
        ("alarms", &mut out.alarms),
        ("rds", &mut out.rds),
    ] {
        if let Some(names) = r.texts(key) {
            *field = names;
        }
    }
    for (key, field) in
        [("fallbacks", &mut out.fallbacks), ("databases", &mut out.databases), ("addresses", &mut out.addresses)]
    {
        if let Some(map) = r.map(key) {
            *field = map;
        }
    }
    optional(&mut r, "public_prefix", &mut out.public_prefix, string);
    optional(&mut r, "mail_from", &mut out.mail_from, string);
    optional(&mut r, "alarm_prefix", &mut out.alarm_prefix, string);
    optional(&mut r, "redis", &mut out.redis, redis);
    optional(&mut r, "auth", &mut out.auth, auth);
    optional(&mut r, "stripe", &mut out.stripe, stripe);
    out.aws = r.one_of("aws", &["keys", "role"], &[AwsIdentity::Keys, AwsIdentity::Role]).unwrap_or(out.aws);
    out.pool_max = r.count("pool_max", 100_000).or(out.pool_max);
    out.processes = r.count("processes", 1_000_000).or(out.processes);
    out.connect_timeout_ms = r.count("connect_timeout_ms", 600_000).or(out.connect_timeout_ms);
    out.tls_verify = r.flag("tls_verify").or(out.tls_verify);
    out.one_request_per_instance = r.flag("one_request_per_instance").unwrap_or(out.one_request_per_instance);
    r.close();
    out
}

/// A part that may be absent: `false` takes it away.
fn optional<'de, T>(
    r: &mut Reader<'_, 'de>,
    key: &'static str,
    field: &mut Option<T>,
    read: impl Fn(&mut Value<'de>, &mut Errors) -> Option<T>,
) {
    let Some(mut value) = r.take(key) else { return };
    if value.as_bool() == Some(false) {
        *field = None;
    } else if let Some(part) = read(&mut value, r.errors) {
        *field = Some(part);
    }
}

fn redis(value: &mut Value<'_>, errors: &mut Errors) -> Option<RedisContract> {
    let mut r = Reader::open(value, errors)?;
    if !r.table.contains("client") {
        r.missing("client");
    }
    let client = r.one_of("client", &["upstash", "tcp"], &[RedisClient::Upstash, RedisClient::Tcp]);
    let (rest_url, rest_token, url) = (r.text("rest_url"), r.text("rest_token"), r.text("url"));
    r.close();
    Some(RedisContract { client: client?, rest_url, rest_token, url })
}

fn auth(value: &mut Value<'_>, errors: &mut Errors) -> Option<AuthContract> {
    let mut r = Reader::open(value, errors)?;
    let secret = r.take("secret").and_then(|mut v| any_of(&mut v, r.errors));
    let url = r.take("url").and_then(|mut v| any_of(&mut v, r.errors));
    for (key, given) in [("secret", secret.is_some()), ("url", url.is_some())] {
        if !given {
            r.missing(key);
        }
    }
    let (base_path, providers) = (r.text("base_path"), r.text("providers"));
    r.close();
    Some(AuthContract { secret: secret?, url: url?, base_path, providers })
}

fn stripe(value: &mut Value<'_>, errors: &mut Errors) -> Option<StripeContract> {
    let mut r = Reader::open(value, errors)?;
    let (secret, publishable) = (r.required("secret"), r.text("publishable"));
    r.close();
    Some(StripeContract { secret: secret?, publishable })
}
