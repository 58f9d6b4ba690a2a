//! What a value looks like, and whether it looks like a secret.

use crate::facts::variables::Shape;

/// Characters that are looked at.
const LONGEST: usize = 8 * 1024;

/// Prefixes of keys and tokens, as their issuers document them, and the least that follows.
const PREFIXES: &[(&str, usize, Shape)] = &[
    ("sk_live_", 8, Shape::StripeLiveSecret),
    ("sk_test_", 8, Shape::StripeTestSecret),
    ("rk_live_", 8, Shape::StripeLiveRestricted),
    ("rk_test_", 8, Shape::StripeTestRestricted),
    ("pk_live_", 8, Shape::StripeLivePublishable),
    ("pk_test_", 8, Shape::StripeTestPublishable),
    ("whsec_", 8, Shape::StripeWebhook),
    ("github_pat_", 20, Shape::ApiToken),
    ("ghp_", 20, Shape::ApiToken),
    ("gho_", 20, Shape::ApiToken),
    ("ghs_", 20, Shape::ApiToken),
    ("ghu_", 20, Shape::ApiToken),
    ("glpat-", 16, Shape::ApiToken),
    ("xoxb-", 16, Shape::ApiToken),
    ("xoxp-", 16, Shape::ApiToken),
    ("xapp-", 16, Shape::ApiToken),
    ("SG.", 30, Shape::ApiToken),
    ("sk-ant-", 16, Shape::ApiToken),
    ("sk-proj-", 16, Shape::ApiToken),
    ("sk-", 40, Shape::ApiToken),
    ("npm_", 30, Shape::ApiToken),
    ("shpat_", 20, Shape::ApiToken),
    ("hf_", 30, Shape::ApiToken),
    ("dop_v1_", 30, Shape::ApiToken),
];

const SERVICES: &[&str] =
    &["mysql", "mariadb", "mongodb", "mongodb+srv", "amqp", "amqps", "smtp", "smtps", "sqlserver", "nats"];

/// What a value, without what surrounds it, looks like.
pub(super) fn of(value: &str) -> Shape {
    if value.is_empty() {
        return Shape::Empty;
    }
    if value.contains("-----BEGIN ") && value.contains("PRIVATE KEY") {
        return Shape::Pem;
    }
    if let Some((scheme, _)) = value.split_once("://")
        && let Some(shape) = scheme_shape(&scheme.to_ascii_lowercase())
    {
        return shape;
    }
    token(value).or_else(|| simple(value)).or_else(|| opaque(value).then_some(Shape::Opaque)).unwrap_or(Shape::Other)
}

fn scheme_shape(scheme: &str) -> Option<Shape> {
    Some(match scheme {
        "postgres" | "postgresql" | "postgis" => Shape::PostgresUrl,
        "redis" | "rediss" => Shape::RedisUrl,
        "https" => Shape::HttpsUrl,
        "http" => Shape::HttpUrl,
        scheme if SERVICES.contains(&scheme) => Shape::ServiceUrl,
        _ => return None,
    })
}

/// A key or token with a prefix or a form of its own.
fn token(value: &str) -> Option<Shape> {
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let prefixed = PREFIXES.iter().find(|(prefix, least, _)| {
        value.strip_prefix(prefix).is_some_and(|r| r.len() >= *least && r.chars().all(rest))
    });
    if let Some((_, _, shape)) = prefixed {
        return Some(*shape);
    }
    let upper = |r: &str| r.len() == 16 && r.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if value.strip_prefix("AKIA").is_some_and(upper) {
        return Some(Shape::AwsKeyLongLived);
    }
    if value.strip_prefix("ASIA").is_some_and(upper) {
        return Some(Shape::AwsKeySession);
    }
    let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+');
    if value.len() == 40 && value.bytes().all(base64) && mixed(value) {
        return Some(Shape::AwsSecret);
    }
    let mut parts = value.split('.');
    let part = |p: Option<&str>| {
        p.is_some_and(|p| p.len() >= 8 && p.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')))
    };
    let jwt = value.starts_with("eyJ") && part(parts.next()) && part(parts.next()) && part(parts.next());
    jwt.then_some(Shape::Jwt)
}

fn simple(value: &str) -> Option<Shape> {
    if ["true", "false", "yes", "no", "on", "off"].iter().any(|word| value.eq_ignore_ascii_case(word)) {
        return Some(Shape::Boolean);
    }
    if value.len() <= 20 && value.parse::<f64>().is_ok_and(f64::is_finite) {
        return Some(Shape::Number);
    }
    mail_domain(value).map(|_| Shape::MailAddress)
}

/// The domain of `hello@shop.io` or `Shop <hello@shop.io>`.
pub(super) fn mail_domain(value: &str) -> Option<&str> {
    let address = match value.rsplit_once('<') {
        Some((_, rest)) => rest.strip_suffix('>')?,
        None => value,
    };
    let (user, domain) = address.split_once('@')?;
    let good = !user.is_empty()
        && !user.contains(|c: char| c.is_whitespace() || matches!(c, ':' | '/'))
        && domain.contains('.')
        && domain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    good.then_some(domain)
}

fn mixed(value: &str) -> bool {
    let has = |f: fn(&u8) -> bool| value.bytes().any(|b| f(&b));
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
}

/// Letters of both cases and digits that change often, 24 or more; or hexadecimal, 32 or more.
fn opaque(value: &str) -> bool {
    let core = value.trim_end_matches('=');
    if core.len() >= 32 && core.bytes().all(|b| b.is_ascii_hexdigit()) {
        return core.bytes().any(|b| b.is_ascii_digit()) && core.bytes().any(|b| b.is_ascii_alphabetic());
    }
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+' | b'_' | b'-');
    if core.len() < 24 || !core.bytes().all(alphabet) || !mixed(core) {
        return false;
    }
    let kind = |b: u8| (b.is_ascii_uppercase(), b.is_ascii_digit(), b.is_ascii_lowercase());
    let changes = core.as_bytes().windows(2).filter(|pair| kind(pair[0]) != kind(pair[1])).count();
    changes * 3 >= core.len()
}

/// Whether a value must not be shown though its name may be: it is a secret, or holds one.
pub(super) fn looks_secret(value: &str, shape: Shape) -> bool {
    if shape.secret() {
        return true;
    }
    let end = value.char_indices().nth(LONGEST).map_or(value.len(), |(at, _)| at);
    value[..end]
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '+' | '=')))
        .flat_map(|word| std::iter::once(word).chain(word.split(['/', '='])))
        .any(|word| token(word).is_some_and(Shape::secret) || opaque(word))
}

/// Whether a value that names a resource is a secret in the wrong place: it then names nothing.
pub(crate) fn is_secret(value: &str) -> bool {
    looks_secret(value, of(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let stripe = |kind: &str, mode: &str| format!("{kind}_{mode}_51Habcdefghij");
        for (value, shape) in [
            (String::new(), Shape::Empty),
            (stripe("sk", "live"), Shape::StripeLiveSecret),
            (stripe("rk", "test"), Shape::StripeTestRestricted),
            (stripe("pk", "live"), Shape::StripeLivePublishable),
            (format!("AKIA{}", "Q7Z2M4K8W1X3C5V9"), Shape::AwsKeyLongLived),
            (format!("ASIA{}", "Q7Z2M4K8W1X3C5V9"), Shape::AwsKeySession),
            ("AKIASHORT".into(), Shape::Other),
            (format!("{}bPxRfiCY7Wq2Zk", "wJalrXUtnFEMIK7MDENGk3v8Qz"), Shape::AwsSecret),
            ("postgresql://a:b@h/d".into(), Shape::PostgresUrl),
            ("rediss://h:6379".into(), Shape::RedisUrl),
            ("https://h".into(), Shape::HttpsUrl),
            ("mongodb+srv://h/d".into(), Shape::ServiceUrl),
            ("-----BEGIN RSA PRIVATE KEY-----\nMII".into(), Shape::Pem),
            ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl".into(), Shape::Jwt),
            ("Shop <hello@shop.io>".into(), Shape::MailAddress),
            ("true".into(), Shape::Boolean),
            ("3000".into(), Shape::Number),
            ("eu-west-3".into(), Shape::Other),
            ("shop-media-production-eu-west-3".into(), Shape::Other),
            ("HuntazeProductionEventBus2025".into(), Shape::Other),
            ("k7Zt0cPpYb3kK1mVf5xX8uLw2nHs".into(), Shape::Opaque),
        ] {
            assert_eq!(of(&value), shape, "{value}");
        }
    }

    #[test]
    fn a_secret_inside_a_value_is_seen() {
        let key = format!("sk_{}_51Habcdefghij", "live");
        for value in
            [key.clone(), format!("https://{key}.shop.io/"), format!("Shop <{key}@shop.io>"), format!("x {key}")]
        {
            assert!(looks_secret(&value, of(&value)), "{value}");
        }
        for value in ["https://db.shop.example", "Shop <hello@shop.example>", "shop-media", "eu-west-3", "production"] {
            assert!(!looks_secret(value, of(value)), "{value}");
        }
    }
}
