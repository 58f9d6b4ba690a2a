//! Checks of Redis: does it answer, does it take writes, is the way to it encrypted and verified.

use crate::cause::Cause;
use crate::check::{Because, Check, Fault, Kind, Level, Limit, Severity, Suite, coded, fault, fell, per};
use crate::evidence::Value;
use crate::facts::postgres::Certificate;
use crate::facts::redis::{Redis, RedisRoundtrip};
use crate::facts::{Fact, Gap, Identity, Rung};
use crate::healthy::{self, fallen};
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::text;
use jiff::{SignedDuration, Timestamp};

pub const CHECKS: &[Check] = &[DOWN, WRITE_REFUSED, TLS_PLAINTEXT, TLS_INVALID];

const DAY: i64 = 24 * 3600;

const DOWN: Check = Check {
    id: "REDIS-DOWN",
    kind: Kind::Redis,
    suite: Suite::Connections,
    severity: per(Severity::Low, Severity::Medium),
    title: text("The cache does not answer", "Le cache ne répond pas"),
    remedy: text(
        "Follow the rung that failed: correct the endpoint or the token; confirm that the app still serves without it.",
        "Partez de l'étape en échec : corrigez l'adresse ou le jeton ; vérifiez que l'application fonctionne sans le cache.",
    ),
    reads: &[Question::RedisLadder],
    faults: &[Fault {
        code: "down",
        level: Level::Column,
        limit: Limit::None,
        says: text(
            "{subject} does not answer: the rung {rung} fails ({cause}).",
            "{subject} ne répond pas : l'étape {rung} échoue ({cause}).",
        ),
        broken: |s| change(s, |redis| redis.ladder = fallen(Rung::Authenticate, Cause::Auth)),
    }],
    judge: |cx, say| say.targets(&cx.facts.redis, |redis| Ok(fell("down", &redis.ladder, Identity::App))),
};

const WRITE_REFUSED: Check = Check {
    id: "REDIS-WRITE-REFUSED",
    kind: Kind::Redis,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::High),
    title: text(
        "Reads work but writes are refused or lose their TTL",
        "Les lectures passent mais les écritures sont refusées ou perdent leur durée de vie",
    ),
    remedy: text(
        "By cause: use the full token or the writer's endpoint, turn eviction on, take a larger plan, or repair persistence.",
        "Selon la cause : prenez le jeton complet ou le point d'accès en écriture, activez l'éviction, augmentez l'offre ou réparez la persistance.",
    ),
    reads: &[Question::RedisRoundtrip],
    faults: &[
        Fault {
            code: "ttl",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} does not keep an expiry: after SET with EX 60, TTL says {value}.",
                "{subject} ne garde pas l'expiration : après SET avec EX 60, TTL donne {value}.",
            ),
            broken: |s| change_roundtrip(s, |roundtrip| roundtrip.ttl = Some(-1)),
        },
        Fault {
            code: "mismatch",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} does not give back what was written (step {step}).",
                "{subject} ne rend pas ce qui a été écrit (étape {step}).",
            ),
            broken: |s| refuse_step(s, "get", Cause::Mismatch, None),
        },
        Fault {
            code: "refused",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} answers PING but refuses {step}: {cause}.",
                "{subject} répond à PING mais refuse {step} : {cause}.",
            ),
            broken: |s| refuse_step(s, "set", Cause::ReadOnly, Some("READONLY")),
        },
    ],
    judge: |cx, say| {
        say.targets(&cx.facts.redis, |redis| redis.roundtrip.get().map(written));
    },
};

fn written(roundtrip: &RedisRoundtrip) -> Option<Because> {
    let step = Value::name(roundtrip.step.clone().unwrap_or_else(|| "-".to_owned()));
    let because = match roundtrip.cause {
        Some(Cause::Mismatch) => fault("mismatch").with("step", step).cause(Cause::Mismatch),
        Some(cause) => fault("refused")
            .with("step", step)
            .with("cause", Value::name(coded(cause, roundtrip.code.as_deref())))
            .cause(cause),
        None => match roundtrip.ttl {
            Some(1..=60) => return None,
            ttl => fault("ttl").with("value", Value::name(ttl.map_or("-".to_owned(), |ttl| ttl.to_string()))),
        },
    };
    Some(because.asked_as(Identity::App))
}

const TLS_PLAINTEXT: Check = Check {
    id: "REDIS-TLS-PLAINTEXT",
    kind: Kind::Redis,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::High),
    title: text(
        "Cache traffic and password cross the network in clear",
        "Le trafic du cache et son mot de passe circulent en clair",
    ),
    remedy: text("Use rediss:// or the https endpoint.", "Utilisez rediss:// ou l'adresse en https."),
    reads: &[Question::Variables],
    faults: &[Fault {
        code: "plaintext",
        level: Level::Column,
        limit: Limit::None,
        says: text(
            "{variable} uses {scheme}:// to the public host {host}: nothing is encrypted.",
            "{variable} utilise {scheme}:// vers l'hôte public {host} : rien n'est chiffré.",
        ),
        broken: |s| {
            change(s, |redis| {
                (redis.scheme, redis.private, redis.certificate) =
                    ("redis".to_owned(), Fact::Known(false), Fact::Known(None));
            });
        },
    }],
    judge: |cx, say| {
        say.targets(&cx.facts.redis, |redis| {
            // The scheme is the variable's, whether or not anything answers there.
            cx.facts.variables.find(&redis.variable)?;
            let in_clear = match redis.scheme.as_str() {
                "https" | "rediss" => false,
                "http" | "redis" => !redis.private.get()?,
                // The URL could not be read: REDIS-DOWN says so.
                _ => return Err(Gap::new(Cause::Malformed, Identity::Nobody)),
            };
            Ok(in_clear.then(|| {
                fault("plaintext")
                    .with("variable", Value::name(&redis.variable))
                    .with("scheme", Value::name(&redis.scheme))
                    .with("host", Value::name(&redis.host))
            }))
        });
    },
};

const TLS_INVALID: Check = Check {
    id: "REDIS-TLS-INVALID",
    kind: Kind::Redis,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::High),
    title: text(
        "The cache's certificate does not verify or expires soon",
        "Le certificat du cache n'est pas valide ou expire bientôt",
    ),
    remedy: text(
        "Repair the certificate or give the client its CA; do not turn verification off.",
        "Réparez le certificat ou donnez sa CA au client ; ne désactivez pas la vérification.",
    ),
    reads: &[Question::RedisCertificate],
    faults: &[
        Fault {
            code: "soon",
            level: Level::Column,
            limit: Limit::Under((14 * DAY) as f64, "same rule as HTTP-CERT-EXPIRY"),
            says: text(
                "The certificate of {subject} ends in {value}; less than {limit} is left to renew it.",
                "Le certificat de {subject} expire dans {value} ; il reste moins de {limit} pour le renouveler.",
            ),
            broken: |s| change_certificate(s, |c| c.not_after = healthy::NOW + SignedDuration::from_hours(24 * 13)),
        },
        Fault {
            code: "not-yet-valid",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "The certificate of {subject} is valid from {from} only.",
                "Le certificat de {subject} n'est valide qu'à partir de {from}.",
            ),
            broken: |s| reject(s, Cause::TlsNotYet),
        },
        Fault {
            code: "expired",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "The certificate of {subject} expired on {until}.",
                "Le certificat de {subject} a expiré le {until}.",
            ),
            broken: |s| reject(s, Cause::TlsExpired),
        },
        Fault {
            code: "hostname",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "The certificate of {subject} is for {names}, not for {host}.",
                "Le certificat de {subject} est pour {names}, pas pour {host}.",
            ),
            broken: |s| reject(s, Cause::TlsHostname),
        },
        Fault {
            code: "untrusted",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "The certificate of {subject} comes from {issuer}, whom no client trusts by default.",
                "Le certificat de {subject} vient de {issuer}, qu'aucun client n'accepte par défaut.",
            ),
            broken: |s| reject(s, Cause::TlsUntrusted),
        },
    ],
    judge: |cx, say| {
        for (name, redis) in &cx.facts.redis {
            let judgement = match redis.certificate.get() {
                // No TLS: nothing to verify.
                Ok(None) => continue,
                Ok(Some(certificate)) => Ok(rejected(certificate, &redis.host)
                    .or_else(|| cx.measure(&Value::Seconds(seconds(cx.now, certificate.not_after))))),
                Err(gap) => Err(gap),
            };
            say.at(name, name, judgement);
        }
    },
};

fn rejected(certificate: &Certificate, host: &str) -> Option<Because> {
    let cause = certificate.cause?;
    let because = match cause {
        Cause::TlsNotYet => fault("not-yet-valid").with("from", Value::At(certificate.not_before)),
        Cause::TlsExpired => fault("expired").with("until", Value::At(certificate.not_after)),
        Cause::TlsHostname => {
            fault("hostname").with("names", Value::names(certificate.names.clone())).with("host", Value::name(host))
        }
        _ => {
            let issuer = if certificate.issuer.is_empty() { "-" } else { &certificate.issuer };
            fault("untrusted").with("issuer", Value::name(issuer))
        }
    };
    Some(because.cause(cause).asked_as(Identity::Nobody))
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    from.duration_until(to).as_secs()
}

fn change(snapshot: &mut Snapshot, with: impl Fn(&mut Redis)) {
    snapshot.facts.redis.values_mut().for_each(with);
}

fn change_roundtrip(snapshot: &mut Snapshot, with: impl Fn(&mut RedisRoundtrip)) {
    change(snapshot, |redis| {
        if let Fact::Known(roundtrip) = &mut redis.roundtrip {
            with(roundtrip);
        }
    });
}

fn refuse_step(snapshot: &mut Snapshot, step: &str, cause: Cause, code: Option<&str>) {
    change_roundtrip(snapshot, |roundtrip| {
        *roundtrip = RedisRoundtrip {
            cause: Some(cause),
            step: Some(step.to_owned()),
            code: code.map(str::to_owned),
            ttl: None,
        };
    });
}

fn change_certificate(snapshot: &mut Snapshot, with: impl Fn(&mut Certificate)) {
    change(snapshot, |redis| {
        if let Fact::Known(Some(certificate)) = &mut redis.certificate {
            with(certificate);
        }
    });
}

fn reject(snapshot: &mut Snapshot, cause: Cause) {
    change_certificate(snapshot, |certificate| {
        (certificate.cause, certificate.causes) = (Some(cause), vec![cause]);
        match cause {
            Cause::TlsExpired => certificate.not_after = healthy::NOW - SignedDuration::from_hours(24),
            Cause::TlsNotYet => certificate.not_before = healthy::NOW + SignedDuration::from_hours(24),
            _ => {}
        }
    });
}
