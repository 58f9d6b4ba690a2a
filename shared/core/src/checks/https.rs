//! Checks of public addresses: do they answer, how long does the certificate live, where do sign-ins come back to.

use crate::Named;
use crate::cause::Cause;
use crate::check::{Because, Check, Cx, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, fell, per};
use crate::evidence::Value;
use crate::facts::https::Https;
use crate::facts::postgres::Certificate;
use crate::facts::{Fact, Identity, Rung};
use crate::healthy::{self, fallen};
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::text;
use jiff::SignedDuration;
use url::{Host, Url};

pub const CHECKS: &[Check] = &[DOWN, CERT_EXPIRY, AUTH_CALLBACK_DRIFT];

const DAY: i64 = 24 * 3600;
/// Certificates that live longer are judged by the days left, shorter ones by the share of their life.
const LONG: i64 = 60 * DAY;

const DOWN: Check = Check {
    id: "HTTP-DOWN",
    kind: Kind::Https,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::Critical),
    title: text("The site or CDN does not answer properly", "Le site ou le CDN ne répond pas correctement"),
    remedy: text(
        "Follow the rung that failed: DNS, firewall, certificate, redirects, or the application's log.",
        "Partez de l'étape en échec : DNS, pare-feu, certificat, redirections ou journal de l'application.",
    ),
    reads: &[Question::HttpsLadder],
    faults: &[
        Fault {
            code: "slow",
            level: Level::Warn,
            limit: Limit::From(1_000.0, "Vigie's own judgement: 800 ms is 'good' in Google's web vitals"),
            says: text(
                "{subject} takes {value} to the first byte; from {limit} on visitors notice.",
                "{subject} met {value} jusqu'au premier octet ; à partir de {limit}, cela se remarque.",
            ),
            broken: |s| change(s, |https| https.first_byte_ms = Fact::Known(1_000)),
        },
        Fault {
            code: "very-slow",
            level: Level::Column,
            limit: Limit::From(5_000.0, "Vigie's own judgement"),
            says: text(
                "{subject} takes {value} to the first byte, more than {limit}: visitors leave.",
                "{subject} met {value} jusqu'au premier octet, plus de {limit} : les visiteurs partent.",
            ),
            broken: |s| change(s, |https| https.first_byte_ms = Fact::Known(5_000)),
        },
        Fault {
            code: "down",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} ({origin}) does not answer properly: the rung {rung} fails ({cause}).",
                "{subject} ({origin}) ne répond pas correctement : l'étape {rung} échoue ({cause}).",
            ),
            broken: |s| change(s, |https| https.ladder = fallen(Rung::Query, Cause::BadStatus)),
        },
    ],
    judge: |cx, say| {
        say.targets(&cx.facts.https, |https| match fell("down", &https.ladder, Identity::Nobody) {
            Some(down) => Ok(Some(down.with("origin", Value::name(&https.origin)))),
            None => Ok(cx.measure(&Value::Millis(*https.first_byte_ms.get()?))),
        });
    },
};

const CERT_EXPIRY: Check = Check {
    id: "HTTP-CERT-EXPIRY",
    kind: Kind::Https,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::High),
    title: text("A public certificate is close to expiry", "Un certificat public expire bientôt"),
    remedy: text(
        "Repair the automatic renewal: ACM's validation record, certbot's timer, the CDN's certificate.",
        "Réparez le renouvellement automatique : enregistrement de validation ACM, certbot, certificat du CDN.",
    ),
    reads: &[Question::HttpsCertificate],
    faults: &[
        Fault {
            code: "third",
            level: Level::Warn,
            limit: Limit::Under(33.0, "ACME clients renew at a third of the life"),
            says: text(
                "The certificate of {subject} ends in {left}: {value} of its life is left, less than {limit}.",
                "Le certificat de {subject} expire dans {left} : il lui reste {value} de sa durée de vie, soit moins de {limit}.",
            ),
            broken: |s| live(s, 45, 14),
        },
        Fault {
            code: "month",
            level: Level::Warn,
            limit: Limit::Under((30 * DAY) as f64, "AWS Security Hub ACM.1"),
            says: text(
                "The certificate of {subject} ends in {value}, less than {limit}.",
                "Le certificat de {subject} expire dans {value}, soit moins de {limit}.",
            ),
            broken: |s| live(s, 90, 29),
        },
        Fault {
            code: "sixth",
            level: Level::Column,
            limit: Limit::Under(15.0, "half of what ACME clients leave themselves"),
            says: text(
                "The certificate of {subject} ends in {left}: only {value} of its life is left, less than {limit}.",
                "Le certificat de {subject} expire dans {left} : il ne lui reste que {value} de sa durée de vie, soit moins de {limit}.",
            ),
            broken: |s| live(s, 45, 6),
        },
        Fault {
            code: "fortnight",
            level: Level::Column,
            limit: Limit::Under((14 * DAY) as f64, "renewal has failed for two weeks and more"),
            says: text(
                "The certificate of {subject} ends in {value}, less than {limit}: its renewal does not work.",
                "Le certificat de {subject} expire dans {value}, soit moins de {limit} : son renouvellement ne fonctionne pas.",
            ),
            broken: |s| live(s, 90, 13),
        },
        Fault {
            code: "days",
            level: Level::At(Severity::Critical),
            limit: Limit::Under((3 * DAY) as f64, "Vigie's own judgement: a weekend"),
            says: text(
                "The certificate of {subject} ends in {value}, less than {limit}: renew it by hand now.",
                "Le certificat de {subject} expire dans {value}, soit moins de {limit} : renouvelez-le à la main.",
            ),
            broken: |s| live(s, 90, 2),
        },
        Fault {
            code: "expired",
            level: Level::At(Severity::Critical),
            limit: Limit::None,
            says: text(
                "The certificate of {subject} expired on {until}: browsers refuse the site.",
                "Le certificat de {subject} a expiré le {until} : les navigateurs refusent le site.",
            ),
            broken: |s| live(s, 90, -1),
        },
    ],
    judge: |cx, say| {
        for (name, https) in &cx.facts.https {
            match https.certificate.get() {
                // Plain http: there is none.
                Ok(None) => {}
                Ok(Some(certificate)) => say.at(name, name, Ok(ends_soon(cx, certificate))),
                Err(gap) => say.at(name, name, Err(gap)),
            }
        }
    },
};

fn ends_soon(cx: &Cx<'_>, certificate: &Certificate) -> Option<Because> {
    let left = cx.now.duration_until(certificate.not_after).as_secs();
    let life = certificate.not_before.duration_until(certificate.not_after).as_secs();
    let because = if left < 0 {
        fault("expired").with("until", Value::At(certificate.not_after)).cause(Cause::TlsExpired)
    } else if life > LONG {
        under(cx, &["days", "fortnight", "month"], &Value::Seconds(left))?
    } else {
        #[allow(clippy::cast_precision_loss)] // a life of 60 days at most
        let share = 100.0 * left as f64 / life.max(1) as f64;
        under(cx, &["sixth", "third"], &Value::Percent(share))?.with("left", Value::Seconds(left))
    };
    Some(because.asked_as(Identity::Nobody))
}

/// The first of `codes` whose limit the value is under. Days and shares are not held against each other's limits.
fn under(cx: &Cx<'_>, codes: &[&'static str], value: &Value) -> Option<Because> {
    let number = value.number()?;
    codes.iter().find_map(|code| {
        let limit = cx.limit(code)?;
        (number < limit).then(|| fault(code).with("value", value.clone()).with("limit", value.with_number(limit)))
    })
}

const AUTH_CALLBACK_DRIFT: Check = Check {
    id: "HTTP-AUTH-CALLBACK-DRIFT",
    kind: Kind::Https,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::Critical),
    title: text("OAuth callbacks point at the wrong origin", "Les retours OAuth visent la mauvaise origine"),
    remedy: text(
        "Set NEXTAUTH_URL or AUTH_URL to the public address and forward the host headers.",
        "Mettez l'adresse publique dans NEXTAUTH_URL ou AUTH_URL et transmettez les en-têtes d'hôte.",
    ),
    reads: &[Question::HttpsAuthProviders],
    faults: &[
        Fault {
            code: "http",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "Sign-ins at {origin} come back over plain http: {origins}.",
                "Les connexions à {origin} reviennent en http non chiffré : {origins}.",
            ),
            broken: |s| come_back_to(s, "http://app.shop.example"),
        },
        Fault {
            code: "differs",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "Sign-ins at {origin} come back to another origin: {origins}.",
                "Les connexions à {origin} reviennent à une autre origine : {origins}.",
            ),
            broken: |s| come_back_to(s, "https://old.shop.example"),
        },
        Fault {
            code: "localhost",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "Sign-ins at {origin} come back to the visitor's own machine: {origins}.",
                "Les connexions à {origin} reviennent à la machine du visiteur : {origins}.",
            ),
            broken: |s| come_back_to(s, "http://localhost:3000"),
        },
    ],
    judge: |cx, say| {
        for (name, https) in &cx.facts.https {
            match https.callbacks.get() {
                // No sign-in routes here by contract.
                Ok(None) => {}
                Ok(Some(origins)) => say.at(name, name, drifted(https, origins)),
                Err(gap) => say.at(name, name, Err(gap)),
            }
        }
    },
};

fn drifted(https: &Https, origins: &[String]) -> Judgement {
    let here = |origin: &String| Url::parse(origin).is_ok_and(|url| loopback(&url));
    let wrong = |code: &'static str, of: &dyn Fn(&&String) -> bool| {
        let found: Vec<&String> = origins.iter().filter(of).collect();
        (!found.is_empty()).then(|| {
            fault(code)
                .with("origin", Value::name(&https.origin))
                .with("origins", Value::names(found.into_iter().cloned()))
                .asked_as(Identity::Nobody)
        })
    };
    // The worst first; the same host over http is "http", not "another origin".
    Ok(wrong("localhost", &|origin| here(origin))
        .or_else(|| wrong("differs", &|origin| **origin != https.origin && !in_clear(origin, &https.origin)))
        .or_else(|| wrong("http", &|origin| origin.starts_with("http://"))))
}

/// `origin` is `site`'s host over http.
fn in_clear(origin: &str, site: &str) -> bool {
    let host = |text: &str| Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
    origin.starts_with("http://") && host(origin) == host(site)
}

fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unspecified(),
        None => false,
    }
}

fn change(snapshot: &mut Snapshot, with: impl Fn(&mut Https)) {
    let https: &mut Named<Https> = &mut snapshot.facts.https;
    https.values_mut().for_each(with);
}

/// Certificates that live for `life` days and have `left` days left.
fn live(snapshot: &mut Snapshot, life: i64, left: i64) {
    change(snapshot, |https| {
        if let Fact::Known(Some(certificate)) = &mut https.certificate {
            certificate.not_after = healthy::NOW + SignedDuration::from_hours(24 * left);
            certificate.not_before = certificate.not_after - SignedDuration::from_hours(24 * life);
        }
    });
}

fn come_back_to(snapshot: &mut Snapshot, origin: &str) {
    change(snapshot, |https| {
        if let Fact::Known(Some(origins)) = &mut https.callbacks {
            origins.push(origin.to_owned());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Class;
    use crate::facts::Gap;
    use crate::judge::judge;
    use crate::run::{Finding, Outcome};

    fn findings(id: &str, broken: impl Fn(&mut Snapshot)) -> Vec<Finding> {
        let mut snapshot = healthy::snapshot(Class::Production);
        broken(&mut snapshot);
        judge(&snapshot).findings.into_iter().filter(|f| f.check == id).collect()
    }

    fn expiry(life: i64, left: i64) -> Option<(String, Severity)> {
        let found = findings("HTTP-CERT-EXPIRY", |s| live(s, life, left));
        found[0].fault.clone().map(|fault| (fault, found[0].severity))
    }

    #[test]
    fn long_lives_are_judged_by_days_and_short_ones_by_their_share() {
        let is = |code: &str, severity| Some((code.to_owned(), severity));
        assert_eq!(expiry(90, 30), None);
        assert_eq!(expiry(90, 29), is("month", Severity::Medium));
        assert_eq!(expiry(90, 14), is("month", Severity::Medium));
        assert_eq!(expiry(90, 13), is("fortnight", Severity::High));
        assert_eq!(expiry(90, 2), is("days", Severity::Critical));
        assert_eq!(expiry(47, 16), None);
        assert_eq!(expiry(47, 15), is("third", Severity::Medium));
        assert_eq!(expiry(47, 8), is("third", Severity::Medium));
        assert_eq!(expiry(47, 7), is("sixth", Severity::High));
        assert_eq!(expiry(6, 3), None);
        assert_eq!(expiry(6, -1), is("expired", Severity::Critical));
    }

    #[test]
    fn an_address_without_tls_or_sign_in_is_not_judged_for_them() {
        for id in ["HTTP-CERT-EXPIRY", "HTTP-AUTH-CALLBACK-DRIFT"] {
            let found = findings(id, |s| {
                change(s, |https| (https.certificate, https.callbacks) = (Fact::Known(None), Fact::Known(None)));
            });
            assert!(found.iter().all(|f| f.outcome == Outcome::NotApplicable), "{found:#?}");
        }
    }

    #[test]
    fn what_the_installation_has_no_way_to_is_not_judged_and_not_unknown() {
        let closed = |s: &mut Snapshot| {
            change(s, |https| {
                let gap = Gap::new(Cause::NoPublicRoute, Identity::Nobody);
                https.ladder = fallen(Rung::Resolve, Cause::NoPublicRoute);
                https.certificate = Fact::Gap(gap.clone());
                https.callbacks = Fact::Gap(gap);
            });
        };
        for id in ["HTTP-DOWN", "HTTP-CERT-EXPIRY", "HTTP-AUTH-CALLBACK-DRIFT"] {
            let found = findings(id, closed);
            assert!(found.iter().all(|f| f.outcome == Outcome::NotApplicable), "{found:#?}");
            assert!(found.iter().all(|f| f.cause == Some(Cause::NoPublicRoute)), "{found:#?}");
        }
    }

    #[test]
    fn an_expired_certificate_is_said_by_both_checks() {
        let expired = |s: &mut Snapshot| {
            live(s, 90, -1);
            change(s, |https| https.ladder = fallen(Rung::Tls, Cause::TlsExpired));
        };
        for (id, fault) in [("HTTP-DOWN", "down"), ("HTTP-CERT-EXPIRY", "expired")] {
            let found = findings(id, expired);
            assert!(found.iter().all(|f| f.fault.as_deref() == Some(fault)), "{found:#?}");
            assert_eq!(found[0].cause, Some(Cause::TlsExpired));
        }
    }

    #[test]
    fn what_is_no_url_is_another_origin() {
        let found = findings("HTTP-AUTH-CALLBACK-DRIFT", |s| come_back_to(s, "null"));
        assert_eq!(found[0].fault.as_deref(), Some("differs"));
    }
}
