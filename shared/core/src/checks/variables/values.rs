//! What is in a value and should not be.

use super::{change, each};
use crate::check::{Because, Check, Cx, Fault, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::evidence::Value;
use crate::facts::variables::{Placeholder, Shape, Stray, Variable};
use crate::question::Question;
use crate::text::{Text, text};
use crate::variables::named_secret;

pub const WHITESPACE: Check = Check {
    id: "ENV-WHITESPACE",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::High),
    title: text(
        "Invisible characters or quotes are part of a value",
        "Des caractères invisibles ou des guillemets font partie d'une valeur",
    ),
    remedy: text(
        "Enter the value again without them (printf, not echo; no copy from a formatted page).",
        "Saisissez de nouveau la valeur sans eux (printf plutôt que echo ; pas de copie d'une page mise en forme).",
    ),
    reads: &[Question::Variables],
    faults: &[
        stray(
            "non-ascii",
            text("{subject} has characters outside ASCII.", "{subject} contient des caractères hors ASCII."),
            |s| change(s, "NEXTAUTH_SECRET", |v| v.strays = vec![Stray::NonAscii]),
        ),
        stray(
            "quotes",
            text(
                "{subject} is wrapped in quotes that are part of the value.",
                "{subject} est entourée de guillemets qui font partie de la valeur.",
            ),
            |s| change(s, "DATABASE_URL", |v| v.strays = vec![Stray::Quotes]),
        ),
        stray(
            "edges",
            text(
                "{subject} begins or ends with white space: {strays}.",
                "{subject} commence ou finit par des blancs : {strays}.",
            ),
            |s| change(s, "AWS_SECRET_ACCESS_KEY", |v| v.strays = vec![Stray::LineFeed]),
        ),
        stray(
            "invisible",
            text(
                "{subject} holds invisible characters: {strays}.",
                "{subject} contient des caractères invisibles : {strays}.",
            ),
            |s| change(s, "UPSTASH_REDIS_REST_TOKEN", |v| v.strays = vec![Stray::ZeroWidth]),
        ),
    ],
    judge: |cx, say| {
        each(cx, say, |_, variable| {
            let worst = variable.strays.iter().map(|stray| match stray {
                Stray::NonAscii => (0, "non-ascii"),
                Stray::Quotes => (1, "quotes"),
                Stray::Space | Stray::Tab | Stray::CarriageReturn | Stray::LineFeed => (2, "edges"),
                Stray::ByteOrderMark | Stray::NoBreakSpace | Stray::ZeroWidth => (3, "invisible"),
            });
            let names = Value::names(variable.strays.iter().map(|stray| stray.name()));
            Ok(worst.max().map(|(_, code)| fault(code).with("strays", names)))
        });
    },
};

const fn stray(code: &'static str, says: Text, broken: fn(&mut crate::snapshot::Snapshot)) -> Fault {
    Fault { code, level: Level::Column, limit: Limit::None, says, broken }
}

pub const PLACEHOLDER: Check = Check {
    id: "ENV-PLACEHOLDER",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::High),
    title: text("A value is still a template", "Une valeur est encore factice"),
    remedy: text(
        "Put the real value in its place; let the deploy step fail on templates that nothing filled in.",
        "Mettez la vraie valeur ; faites échouer le déploiement tant qu'il reste une valeur factice.",
    ),
    reads: &[Question::Variables],
    faults: &[Fault {
        code: "template",
        level: Level::Column,
        limit: Limit::None,
        says: text(
            "{subject} is still a template: it matches the pattern {pattern}.",
            "{subject} est encore une valeur factice : elle correspond au motif {pattern}.",
        ),
        broken: |s| change(s, "STRIPE_SECRET_KEY", |v| v.placeholder = Some(Placeholder::ChangeMe)),
    }],
    judge: |cx, say| {
        each(cx, say, |_, variable| {
            Ok(variable.placeholder.map(|what| fault("template").with("pattern", Value::name(what.name()))))
        });
    },
};

pub const PUBLIC_SECRET: Check = Check {
    id: "ENV-PUBLIC-SECRET",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::Critical, Severity::Critical),
    title: text("A secret is given to every browser", "Un secret est exposé à tous les navigateurs"),
    remedy: text(
        "Rename it without the public prefix, use it on the server only, and rotate the value: it has been published.",
        "Renommez-la sans le préfixe public, ne l'utilisez que côté serveur, et changez la valeur : elle a été publiée.",
    ),
    reads: &[Question::Variables],
    faults: &[
        Fault {
            code: "name",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} is built into the browser's code, and its name says that it is a secret.",
                "{subject} est incluse dans le code du navigateur, et son nom dit que c'est un secret.",
            ),
            broken: |s| {
                let variables = &mut s.facts.variables.known;
                variables.insert(
                    "NEXT_PUBLIC_API_SECRET".to_owned(),
                    Variable { length: 32, shape: Shape::Opaque, ..Variable::default() },
                );
            },
        },
        Fault {
            code: "same",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} is built into the browser's code and has the value of {names}.",
                "{subject} est incluse dans le code du navigateur et a la valeur de {names}.",
            ),
            broken: |s| {
                change(s, "NEXT_PUBLIC_APP_URL", |v| v.equals = vec!["NEXTAUTH_SECRET".to_owned()]);
            },
        },
        Fault {
            code: "value",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} is built into the browser's code and holds a secret ({shape}).",
                "{subject} est incluse dans le code du navigateur et contient un secret ({shape}).",
            ),
            broken: |s| change(s, "NEXT_PUBLIC_APP_URL", |v| v.shape = Shape::PostgresUrl),
        },
    ],
    judge: |cx, say| {
        let Some(prefix) = cx.contract().public_prefix.as_deref() else { return };
        let variables = &cx.facts.variables;
        for (name, variable) in variables.known.iter().filter(|(name, v)| name.starts_with(prefix) && v.length > 0) {
            say.subject(name, Ok(published(cx, name, variable)));
        }
        for unread in &variables.unread {
            say.subject(&unread.source, Err(unread.gap.clone()));
        }
    },
};

fn published(cx: &Cx<'_>, name: &str, variable: &Variable) -> Option<Because> {
    if let Some(shape) = leaked(variable) {
        return Some(fault("value").with("shape", Value::name(shape)));
    }
    if !variable.equals.is_empty() {
        return Some(fault("same").with("names", Value::names(variable.equals.iter().cloned())));
    }
    let declared = cx.contract().plain.iter().any(|plain| plain == name);
    (named_secret(name) && !declared && may_be_secret(variable)).then(|| fault("name"))
}

/// What is a secret whatever its name. Long mixed values are not: ids of public services look the same.
fn leaked(variable: &Variable) -> Option<&'static str> {
    let with_user = variable.locator.as_ref().is_some_and(|locator| locator.user_info);
    Some(match variable.shape {
        Shape::StripeLiveSecret => "sk_live_",
        Shape::StripeTestSecret => "sk_test_",
        Shape::StripeLiveRestricted => "rk_live_",
        Shape::StripeTestRestricted => "rk_test_",
        Shape::StripeWebhook => "whsec_",
        Shape::AwsKeyLongLived => "AKIA",
        Shape::AwsKeySession => "ASIA",
        Shape::PostgresUrl => "postgres://",
        Shape::RedisUrl => "redis://",
        Shape::Pem => "PEM",
        Shape::ApiToken => "token",
        Shape::ServiceUrl | Shape::HttpsUrl | Shape::HttpUrl if with_user => "user:password@",
        _ => return None,
    })
}

/// A flag, a number, an address or a publishable key is none, whatever the name says.
fn may_be_secret(variable: &Variable) -> bool {
    let harmless = matches!(
        variable.shape,
        Shape::Boolean
            | Shape::Number
            | Shape::MailAddress
            | Shape::HttpUrl
            | Shape::HttpsUrl
            | Shape::StripeLivePublishable
            | Shape::StripeTestPublishable
    );
    !harmless && variable.length >= 8
}
