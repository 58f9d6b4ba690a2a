//! Is the session encrypted, and with whom.

use super::change;
use super::reach::session;
use crate::Named;
use crate::cause::Cause;
use crate::check::{Check, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::dsn::{AppTls, SslMode};
use crate::evidence::Value;
use crate::facts::postgres::Postgres;
use crate::facts::{Fact, Identity};
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::text;

pub const OFF: Check = Check {
    id: "PG-TLS-OFF",
    kind: Kind::Postgres,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::Critical),
    title: text(
        "The session is not encrypted, or is encrypted with an old protocol",
        "La session n'est pas chiffrée, ou l'est avec un protocole ancien",
    ),
    remedy: text(
        "Force TLS on the server (hostssl, rds.force_ssl=1) and set sslmode=verify-full.",
        "Imposez TLS sur le serveur (hostssl, rds.force_ssl=1) et mettez sslmode=verify-full.",
    ),
    reads: &[Question::PostgresSession],
    faults: &[
        Fault {
            code: "old",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} is encrypted with {version}, which is deprecated: TLSv1.2 is the least.",
                "{subject} est chiffré avec {version}, obsolète : il faut au moins TLSv1.2.",
            ),
            broken: |s| session(s, |session| session.tls = Some("TLSv1.1".to_owned())),
        },
        Fault {
            code: "others",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject}: {count} live sessions of the app's user cross the network in clear.",
                "{subject} : {count} sessions ouvertes de l'utilisateur de l'application traversent le réseau en clair.",
            ),
            broken: |s| session(s, |session| session.others_in_clear = Fact::Known(3)),
        },
        Fault {
            code: "clear",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject}: the app's session crosses the network in clear, password and data included.",
                "{subject} : la session de l'application traverse le réseau en clair, données comprises.",
            ),
            broken: |s| session(s, |session| session.tls = None),
        },
    ],
    judge: |cx, say| say.targets(&cx.facts.postgres, off),
};

fn off(postgres: &Postgres) -> Judgement {
    let session = postgres.session.get()?;
    let because = match &session.tls {
        None if session.remote => Some(fault("clear")),
        tls => match (&session.others_in_clear, tls) {
            (Fact::Known(count @ 1..), _) => Some(fault("others").with("count", Value::Count(*count))),
            (_, Some(version)) if old(version) => Some(fault("old").with("version", Value::name(version.clone()))),
            (others, _) => {
                others.get()?;
                None
            }
        },
    };
    Ok(because.map(|because| because.asked_as(Identity::App)))
}

/// RFC 8996 deprecates TLS 1.0 and 1.1.
fn old(version: &str) -> bool {
    matches!(version, "SSLv2" | "SSLv3" | "TLSv1" | "TLSv1.0" | "TLSv1.1")
}

pub const UNVERIFIED: Check = Check {
    id: "PG-TLS-UNVERIFIED",
    kind: Kind::Postgres,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::High),
    title: text(
        "The server's certificate is not, or cannot be, verified",
        "Le certificat du serveur n'est pas vérifié, ou ne peut pas l'être",
    ),
    remedy: text(
        "Ship the provider's CA bundle with the app, then set rejectUnauthorized: true and sslmode=verify-full.",
        "Livrez les CA du fournisseur avec l'application, puis mettez rejectUnauthorized: true et sslmode=verify-full.",
    ),
    reads: &[Question::PostgresCertificate],
    faults: &[
        Fault {
            code: "unverified",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} is encrypted, not verified: the app accepts any certificate ({setting}), so anyone on the path can be the database.",
                "{subject} est chiffré mais pas vérifié : l'application accepte tout certificat ({setting}), donc n'importe qui sur le chemin peut se faire passer pour la base.",
            ),
            broken: |s| {
                s.environment.contract.tls_verify = Some(false);
                change(s, |postgres| postgres.dsn.sslmode = None);
            },
        },
        Fault {
            code: "not-yet",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject}: the server's certificate is only valid from {from}.",
                "{subject} : le certificat du serveur n'est valide qu'à partir du {from}.",
            ),
            broken: |s| certificate(s, Cause::TlsNotYet),
        },
        Fault {
            code: "hostname",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject}: the server's certificate is for another name ({names}).",
                "{subject} : le certificat du serveur est pour un autre nom ({names}).",
            ),
            broken: |s| certificate(s, Cause::TlsHostname),
        },
        Fault {
            code: "untrusted",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject}: the certificate's issuer ({issuer}) is neither a public CA, nor Amazon RDS's, nor in extra_ca.",
                "{subject} : l'émetteur du certificat ({issuer}) n'est ni une CA publique, ni celle d'Amazon RDS, ni dans extra_ca.",
            ),
            broken: |s| certificate(s, Cause::TlsUntrusted),
        },
        Fault {
            code: "expired",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject}: the server's certificate has expired on {until}.",
                "{subject} : le certificat du serveur a expiré le {until}.",
            ),
            broken: |s| certificate(s, Cause::TlsExpired),
        },
    ],
    judge: |cx, say| {
        let contract = cx.contract().tls_verify;
        for (name, postgres) in applicable(&cx.facts.postgres, contract) {
            say.at(name, name, unverified(postgres, contract));
        }
    },
};

/// Targets where there is something to verify. A session in clear is PG-TLS-OFF's; on this machine itself nothing is.
fn applicable(targets: &Named<Postgres>, contract: Option<bool>) -> impl Iterator<Item = (&String, &Postgres)> {
    targets.iter().filter(move |(_, postgres)| {
        postgres.dsn.tls(contract) != AppTls::Off
            && !postgres.dsn.local()
            && !matches!(postgres.certificate, Fact::Known(None))
    })
}

fn unverified(postgres: &Postgres, contract: Option<bool>) -> Judgement {
    let Some(certificate) = postgres.certificate.get()? else { return Ok(None) };
    let code = match certificate.cause {
        Some(Cause::TlsExpired) => "expired",
        Some(Cause::TlsNotYet) => "not-yet",
        Some(Cause::TlsHostname) => "hostname",
        Some(_) => "untrusted",
        None if postgres.dsn.tls(contract).verifies() => return Ok(None),
        None => "unverified",
    };
    let mut because = fault(code)
        .with("setting", Value::name(setting(postgres, contract)))
        .with("from", Value::At(certificate.not_before))
        .with("until", Value::At(certificate.not_after))
        .with("names", Value::names(certificate.names.iter().cloned()))
        .with("issuer", Value::name(certificate.issuer.clone()))
        .asked_as(Identity::Nobody);
    because.cause = certificate.cause;
    Ok(Some(because))
}

/// Which setting of the app decides, as its owner would write it.
fn setting(postgres: &Postgres, contract: Option<bool>) -> String {
    match (postgres.dsn.sslmode, contract) {
        (Some(mode @ (SslMode::NoVerify | SslMode::VerifyCa | SslMode::VerifyFull)), _) | (Some(mode), None) => {
            format!("sslmode={}", mode.name())
        }
        (_, Some(verify)) => format!("rejectUnauthorized: {verify}"),
        (None, None) => "sslmode=prefer".to_owned(),
    }
}

fn certificate(snapshot: &mut Snapshot, cause: Cause) {
    change(snapshot, |postgres| {
        if let Fact::Known(Some(certificate)) = &mut postgres.certificate {
            certificate.cause = Some(cause);
            certificate.causes = vec![cause];
        }
    });
}
