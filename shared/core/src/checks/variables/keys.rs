//! Keys that do not fit: AWS's three parts, Stripe's modes, the cache's pair.

use super::{change, forget, of_names};
use crate::cause::Cause;
use crate::check::{Because, Check, Class, Cx, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::contract::{KEY_ID, KEY_SECRET, RedisClient, RedisContract, SESSION_TOKEN, StripeContract};
use crate::evidence::Value;
use crate::facts::variables::{Shape, Variable};
use crate::facts::{Gap, Identity};
use crate::question::Question;
use crate::text::{Text, text};

/// Characters of a secret access key.
const SECRET: u64 = 40;

pub const KEY_SHAPE: Check = Check {
    id: "ENV-KEY-SHAPE",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::Critical, Severity::Critical),
    title: text(
        "AWS key, secret and token do not fit together",
        "La clé, le secret et le jeton AWS ne vont pas ensemble",
    ),
    remedy: text(
        "Export the three values together from one source of credentials.",
        "Exportez les trois valeurs ensemble depuis une même source d'identifiants.",
    ),
    reads: &[Question::Variables],
    faults: &[
        form(
            "token-extra",
            text(
                "{subject} is set beside a long-lived key (AKIA), which has no token: AWS refuses every call.",
                "{subject} accompagne une clé permanente (AKIA), qui n'a pas de jeton : AWS refuse chaque appel.",
            ),
            |s| {
                let token = Variable { length: 400, shape: Shape::Other, ..Variable::default() };
                s.facts.variables.known.insert(SESSION_TOKEN.to_owned(), token);
            },
        ),
        form(
            "token-missing",
            text(
                "{subject} is not set beside a temporary key (ASIA): AWS refuses every call.",
                "{subject} n'est pas définie alors que la clé est temporaire (ASIA) : AWS refuse chaque appel.",
            ),
            |s| change(s, KEY_ID, |v| v.shape = Shape::AwsKeySession),
        ),
        form(
            "secret",
            text(
                "{subject} has {value} characters; a secret access key has {limit}.",
                "{subject} a {value} caractères ; une clé secrète en a {limit}.",
            ),
            |s| change(s, KEY_SECRET, |v| v.length = 39),
        ),
        form(
            "id",
            text(
                "{subject} is no access key id: AKIA or ASIA and 16 capital letters or digits.",
                "{subject} n'est pas un identifiant de clé : AKIA ou ASIA et 16 majuscules ou chiffres.",
            ),
            |s| change(s, KEY_ID, |v| (v.shape, v.length) = (Shape::Other, 19)),
        ),
    ],
    judge: |cx, say| {
        let variables = &cx.facts.variables;
        let names = [KEY_ID, KEY_SECRET].map(str::to_owned);
        let session = variables.set(KEY_ID).map(|v| v.shape);
        of_names(cx, say, &names, |name, variable| {
            let id = matches!(variable.shape, Shape::AwsKeyLongLived | Shape::AwsKeySession);
            Ok(match name {
                KEY_ID if !id => Some(fault("id")),
                KEY_SECRET if variable.length != SECRET => {
                    let value = Value::Count(variable.length);
                    Some(fault("secret").with("value", value).with("limit", Value::Count(SECRET)))
                }
                _ => None,
            })
        });
        let token = variables.set(SESSION_TOKEN).is_some();
        match (session, token) {
            (Some(Shape::AwsKeySession), true) => say.subject(SESSION_TOKEN, Ok(None)),
            (Some(Shape::AwsKeySession), false) => {
                let missing = variables.gap().map_or_else(|| Ok(Some(fault("token-missing"))), Err);
                say.subject(SESSION_TOKEN, missing);
            }
            (Some(Shape::AwsKeyLongLived), true) => say.subject(SESSION_TOKEN, Ok(Some(fault("token-extra")))),
            _ => {}
        }
    },
};

const fn form(code: &'static str, says: Text, broken: fn(&mut crate::snapshot::Snapshot)) -> Fault {
    Fault { code, level: Level::Column, limit: Limit::None, says, broken }
}

pub const STRIPE_MODE: Check = Check {
    id: "ENV-STRIPE-MODE",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::Critical, Severity::Critical),
    title: text(
        "The Stripe key's mode does not fit the environment",
        "Le mode de la clé Stripe ne convient pas à l'environnement",
    ),
    remedy: text(
        "Install the key of the right mode; roll a live key that reached staging.",
        "Installez la clé du bon mode ; renouvelez une clé réelle arrivée en préproduction.",
    ),
    reads: &[Question::Variables],
    faults: &[
        form(
            "mixed",
            text("{subject} and {other} are of different modes.", "{subject} et {other} sont de modes différents."),
            |s| change(s, "NEXT_PUBLIC_STRIPE_PUBLISHABLE_KEY", |v| v.shape = Shape::StripeTestPublishable),
        ),
        form(
            "test",
            text(
                "{subject} is a test key in production: no payment is real.",
                "{subject} est une clé de test en production : aucun paiement n'est réel.",
            ),
            |s| change(s, "STRIPE_SECRET_KEY", |v| v.shape = Shape::StripeTestSecret),
        ),
        form(
            "live",
            text(
                "{subject} is a live key in staging: its payments are real.",
                "{subject} est une clé réelle en préproduction : ses paiements sont réels.",
            ),
            |s| s.environment.class = Class::Staging,
        ),
        form(
            "publishable",
            text(
                "{subject} holds a publishable key (pk_): every call that needs the secret one fails.",
                "{subject} contient une clé publiable (pk_) : chaque appel qui exige la clé secrète échoue.",
            ),
            |s| change(s, "STRIPE_SECRET_KEY", |v| v.shape = Shape::StripeLivePublishable),
        ),
    ],
    judge: |cx, say| {
        let Some(stripe) = &cx.contract().stripe else { return };
        of_names(cx, say, std::slice::from_ref(&stripe.secret), |_, key| secret_key(cx, key));
        if let Some(publishable) = &stripe.publishable {
            of_names(cx, say, std::slice::from_ref(publishable), |_, key| publishable_key(cx, stripe, key));
        }
    },
};

/// Whether a key moves real money. `None`: it is no Stripe key.
const fn live(shape: Shape) -> Option<bool> {
    match shape {
        Shape::StripeLiveSecret | Shape::StripeLiveRestricted | Shape::StripeLivePublishable => Some(true),
        Shape::StripeTestSecret | Shape::StripeTestRestricted | Shape::StripeTestPublishable => Some(false),
        _ => None,
    }
}

fn mode(cx: &Cx<'_>, key: &Variable) -> Judgement {
    match (live(key.shape), cx.class()) {
        (None, _) => Err(Gap::new(Cause::Malformed, Identity::App)),
        (Some(false), Class::Production) => Ok(Some(fault("test"))),
        (Some(true), Class::Staging) => Ok(Some(fault("live"))),
        _ => Ok(None),
    }
}

fn secret_key(cx: &Cx<'_>, key: &Variable) -> Judgement {
    if matches!(key.shape, Shape::StripeLivePublishable | Shape::StripeTestPublishable) {
        return Ok(Some(fault("publishable")));
    }
    mode(cx, key)
}

/// Against the environment, or against the secret key when that is of the environment's mode. A secret key of the wrong
/// mode is said already.
fn publishable_key(cx: &Cx<'_>, stripe: &StripeContract, key: &Variable) -> Judgement {
    let secret = cx.facts.variables.set(&stripe.secret).and_then(|secret| live(secret.shape));
    let wanted = cx.class() == Class::Production;
    match (live(key.shape), secret) {
        (Some(own), Some(secret)) if own != secret && secret == wanted => {
            Ok(Some(fault("mixed").with("other", Value::name(&stripe.secret))))
        }
        (Some(_), Some(_)) => Ok(None),
        _ => mode(cx, key),
    }
}

pub const REDIS_SILENT_OFF: Check = Check {
    id: "ENV-REDIS-SILENT-OFF",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::High),
    title: text(
        "A cache is configured but the client turns itself off",
        "Un cache est configuré mais le client se désactive",
    ),
    remedy: text(
        "Set both Upstash variables, with the https endpoint.",
        "Définissez les deux variables Upstash, avec l'adresse en https.",
    ),
    reads: &[Question::Variables],
    faults: &[
        form(
            "half",
            text(
                "{subject} is set and {other} is not: the app runs without a cache, with a warning in its log at most.",
                "{subject} est définie et {other} ne l'est pas : l'application tourne sans cache, au mieux avec un avertissement.",
            ),
            |s| forget(s, "UPSTASH_REDIS_REST_TOKEN"),
        ),
        form(
            "scheme",
            text(
                "{subject} is not an https address, which Upstash's client needs: the app runs without a cache.",
                "{subject} n'est pas une adresse https, que le client Upstash exige : l'application tourne sans cache.",
            ),
            |s| {
                change(s, "UPSTASH_REDIS_REST_URL", |v| {
                    if let Some(locator) = &mut v.locator {
                        locator.scheme = Some("redis".to_owned());
                    }
                });
            },
        ),
        form(
            "tcp-only",
            text(
                "Only {subject} is set, and Upstash's client does not speak {scheme}://: the app runs without a cache.",
                "Seule {subject} est définie, et le client Upstash ne parle pas {scheme}:// : l'application tourne sans cache.",
            ),
            |s| {
                for name in ["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"] {
                    let taken = s.facts.variables.known.remove(name);
                    let url = taken.filter(|v| v.locator.is_some()).map(|mut v| {
                        v.locator.iter_mut().for_each(|l| l.scheme = Some("rediss".to_owned()));
                        v
                    });
                    s.facts.variables.known.extend(url.map(|v| ("REDIS_URL".to_owned(), v)));
                }
            },
        ),
    ],
    judge: |cx, say| {
        let Some(redis) = cx.contract().redis.as_ref().filter(|r| r.client == RedisClient::Upstash) else { return };
        let names: Vec<String> =
            [&redis.rest_url, &redis.rest_token, &redis.url].into_iter().flatten().cloned().collect();
        of_names(cx, say, &names, |name, variable| cache(cx, redis, name, variable));
    },
};

fn cache(cx: &Cx<'_>, redis: &RedisContract, name: &str, variable: &Variable) -> Judgement {
    let is = |other: &Option<String>| other.as_deref() == Some(name);
    let set = |other: &Option<String>| other.as_deref().is_some_and(|n| cx.facts.variables.set(n).is_some());
    let unread = |because: Because| cx.facts.variables.gap().map_or(Ok(Some(because)), Err);
    let scheme = variable.locator.as_ref().and_then(|l| l.scheme.as_deref());
    if is(&redis.url) {
        let alone = !set(&redis.rest_url) && !set(&redis.rest_token);
        return match scheme.filter(|s| alone && matches!(*s, "redis" | "rediss")) {
            Some(scheme) => unread(fault("tcp-only").with("scheme", Value::name(scheme))),
            None => Ok(None),
        };
    }
    if is(&redis.rest_url) && scheme != Some("https") {
        return Ok(Some(fault("scheme")));
    }
    let other = if is(&redis.rest_url) { &redis.rest_token } else { &redis.rest_url };
    match other {
        Some(missing) if !set(other) => unread(fault("half").with("other", Value::name(missing))),
        _ => Ok(None),
    }
}
