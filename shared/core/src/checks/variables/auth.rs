//! NextAuth / Auth.js: the secret that signs sessions, and the site's own address.

use super::shared::{also_in, share};
use super::{change, of_names};
use crate::check::{Because, Check, Cx, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::contract::Purpose;
use crate::evidence::Value;
use crate::facts::variables::{HostKind, Locator, Pattern, Strength, UrlPath, Variable};
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::{Text, text};

pub const SECRET_WEAK: Check = Check {
    id: "ENV-AUTH-SECRET-WEAK",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::Critical),
    title: text("The secret that signs sessions is guessable", "Le secret qui signe les sessions est devinable"),
    remedy: text(
        "Generate 32 random bytes (openssl rand -base64 32) and deploy again; every session ends.",
        "Générez 32 octets aléatoires (openssl rand -base64 32) et redéployez ; toutes les sessions prennent fin.",
    ),
    reads: &[Question::Variables],
    faults: &[
        Fault {
            code: "reused",
            level: Level::Column,
            limit: Limit::None,
            says: text("{subject} has the value of {names}.", "{subject} a la valeur de {names}."),
            broken: |s| change(s, "NEXTAUTH_SECRET", |v| v.equals = vec!["CRON_SECRET".to_owned()]),
        },
        Fault {
            code: "pattern",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} is largely made of a pattern that is tried first ({pattern}).",
                "{subject} suit en grande partie un motif essayé en premier ({pattern}).",
            ),
            broken: |s| strength(s, |strength| strength.pattern = Some(Pattern::Keyboard)),
        },
        Fault {
            code: "entropy",
            level: Level::Column,
            limit: Limit::Under(128.0, "OWASP Session Management Cheat Sheet"),
            says: text(
                "{subject} is worth at most {value} bits; {limit} are the least.",
                "{subject} vaut au plus {value} bits ; il en faut {limit}.",
            ),
            broken: |s| strength(s, |strength| strength.bits = 60),
        },
        Fault {
            code: "short",
            level: Level::Column,
            limit: Limit::Under(32.0, "NextAuth.js documentation, NEXTAUTH_SECRET"),
            says: text(
                "{subject} has {value} characters; {limit} are the least.",
                "{subject} a {value} caractères ; il en faut {limit}.",
            ),
            broken: |s| change(s, "NEXTAUTH_SECRET", |v| v.length = 16),
        },
    ],
    judge: |cx, say| {
        let Some(auth) = &cx.contract().auth else { return };
        of_names(cx, say, &auth.secret, |_, variable| Ok(weak(cx, variable)));
    },
};

fn weak(cx: &Cx<'_>, variable: &Variable) -> Option<Because> {
    let under = |code: &'static str, value: u64| {
        let counted = Value::Count(value);
        let limit = cx.limit(code)?;
        let low = counted.number()? < limit;
        low.then(|| fault(code).with("limit", counted.with_number(limit)).with("value", counted))
    };
    let strength = variable.strength.as_ref();
    let pattern = strength.and_then(|s| s.pattern);
    under("short", variable.length)
        .or_else(|| under("entropy", strength?.bits))
        .or_else(|| Some(fault("pattern").with("pattern", Value::name(pattern?.name()))))
        .or_else(|| {
            let names = Value::names(variable.equals.iter().cloned());
            (!variable.equals.is_empty()).then(|| fault("reused").with("names", names))
        })
}

fn strength(snapshot: &mut Snapshot, with: impl FnOnce(&mut Strength)) {
    change(snapshot, "NEXTAUTH_SECRET", |v| {
        if let Some(strength) = &mut v.strength {
            with(strength);
        }
    });
}

pub const URL_INVALID: Check = Check {
    id: "ENV-AUTH-URL-INVALID",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::High),
    title: text(
        "The login's address is not this environment's own HTTPS address",
        "L'adresse de connexion n'est pas l'adresse HTTPS propre à cet environnement",
    ),
    remedy: text(
        "Set https:// and the public host, without a slash at the end.",
        "Mettez https:// et l'hôte public, sans barre oblique à la fin.",
    ),
    reads: &[Question::Variables, Question::Neighbours],
    faults: &[
        form("slash", text("{subject} ends with a slash.", "{subject} finit par une barre oblique."), |s| {
            url(s, |l| l.path = UrlPath::TrailingSlash);
        }),
        form(
            "path",
            text(
                "{subject} has a path that the contract does not declare (auth.base_path).",
                "{subject} a un chemin que le contrat ne déclare pas (auth.base_path).",
            ),
            |s| url(s, |l| l.path = UrlPath::Other),
        ),
        form(
            "extra",
            text(
                "{subject} has a query, a fragment or a user name.",
                "{subject} contient une requête, un fragment ou un nom d'utilisateur.",
            ),
            |s| url(s, |l| l.query = true),
        ),
        form("other", text("{subject} is the address of {other}.", "{subject} est l'adresse de {other}."), |s| {
            share(s, "site/NEXTAUTH_URL")
        }),
        form(
            "template",
            text("{subject} is still a template ({pattern}).", "{subject} est encore une valeur factice ({pattern})."),
            |s| {
                let what = crate::facts::variables::Placeholder::ExampleDomain;
                change(s, "NEXTAUTH_URL", |v| v.placeholder = Some(what));
            },
        ),
        form(
            "address",
            text(
                "{subject} names an IP address instead of a host ({address}).",
                "{subject} donne une adresse IP au lieu d'un hôte ({address}).",
            ),
            |s| url(s, |l| l.host = HostKind::PublicAddress),
        ),
        form(
            "local",
            text(
                "{subject} points to a host of the machine or of its local network ({address}).",
                "{subject} pointe vers un hôte de la machine ou de son réseau local ({address}).",
            ),
            |s| url(s, |l| l.host = HostKind::Loopback),
        ),
        form(
            "scheme",
            text("{subject} does not begin with https://.", "{subject} ne commence pas par https://."),
            |s| url(s, |l| l.scheme = Some("http".to_owned())),
        ),
        form("malformed", text("{subject} is no address.", "{subject} n'est pas une adresse."), |s| {
            url(s, |l| *l = Locator { malformed: true, ..Locator::default() })
        }),
    ],
    judge: |cx, say| {
        let Some(auth) = &cx.contract().auth else { return };
        of_names(cx, say, &auth.url, |name, variable| address(cx, name, variable));
    },
};

const fn form(code: &'static str, says: Text, broken: fn(&mut Snapshot)) -> Fault {
    Fault { code, level: Level::Column, limit: Limit::None, says, broken }
}

/// The worst of what is wrong; whose site it is only matters when it is one.
fn address(cx: &Cx<'_>, name: &str, variable: &Variable) -> Judgement {
    let Some(locator) = variable.locator.as_ref().filter(|l| !l.malformed) else {
        return Ok(Some(fault("malformed")));
    };
    let shown = Value::name(variable.shown.as_deref().unwrap_or("-"));
    if locator.scheme.as_deref() != Some("https") {
        return Ok(Some(fault("scheme")));
    }
    if locator.host.of_a_desk() {
        return Ok(Some(fault("local").with("address", shown)));
    }
    if matches!(locator.host, HostKind::PublicAddress | HostKind::PrivateAddress) {
        return Ok(Some(fault("address").with("address", shown)));
    }
    if let Some(what) = variable.placeholder {
        return Ok(Some(fault("template").with("pattern", Value::name(what.name()))));
    }
    let other = also_in(cx, Purpose::Site, name);
    if let Ok(Some(other)) = other {
        return Ok(Some(fault("other").with("other", Value::name(other))));
    }
    if locator.query || locator.fragment || locator.user_info {
        return Ok(Some(fault("extra")));
    }
    match locator.path {
        UrlPath::Other => Ok(Some(fault("path"))),
        UrlPath::TrailingSlash => Ok(Some(fault("slash"))),
        UrlPath::None | UrlPath::Base => other.map(|_| None),
    }
}

fn url(snapshot: &mut Snapshot, with: impl FnOnce(&mut Locator)) {
    change(snapshot, "NEXTAUTH_URL", |v| {
        if let Some(locator) = &mut v.locator {
            with(locator);
        }
    });
}
