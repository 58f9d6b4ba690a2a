//! Facts of the app's variables: presence, length, class, shape and fingerprints; never a value unless its class allows it.

use super::{Fact, Gap, Identity};
use crate::Named;
use crate::cause::Cause;
use crate::fingerprint::Fingerprint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The merged variables of one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Variables {
    /// What was read, by name. Of this process' own environment, only what the contract speaks of.
    pub known: Named<Variable>,
    /// Sources that could not be read: what is not in `known` may be in one of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// Of the resources that environments must not share, by `PURPOSE/NAME`: `database/DATABASE_URL`. A gap: no key.
    pub fingerprints: Fact<Named<Fingerprint>>,
}

impl Default for Variables {
    fn default() -> Self {
        Variables { known: Named::new(), unread: Vec::new(), fingerprints: Fact::gap(Cause::NoKey, Identity::Auditor) }
    }
}

impl Variables {
    /// A variable, set or not. `None`: no source has it.
    ///
    /// # Errors
    /// It is in no source that was read, and one was not.
    pub fn find(&self, name: &str) -> Result<Option<&Variable>, Gap> {
        match (self.known.get(name), self.gap()) {
            (None, Some(gap)) => Err(gap),
            (found, _) => Ok(found),
        }
    }

    /// Why a variable that was not found may be set all the same.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        self.unread.first().map(|unread| unread.gap.clone())
    }

    /// A variable that has a value.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<&Variable> {
        self.known.get(name).filter(|variable| variable.length > 0)
    }

    /// What the neighbours may compare with. Empty without a key, and as long as a source is unread: half of it would
    /// pass for all of it.
    #[must_use]
    pub fn published(&self) -> Named<Fingerprint> {
        match (&self.fingerprints, self.unread.is_empty()) {
            (Fact::Known(all), true) => all.clone(),
            _ => Named::new(),
        }
    }
}

/// A source that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    /// `ssm:/shop/production/`
    pub source: String,
    pub gap: Gap,
}

/// One variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Variable {
    /// `dotenv:.env.production`, `lambda:shop-web`: the source that won.
    pub source: String,
    pub class: Class,
    /// Bytes without surrounding white space, invisible characters and quotes; 0 = unset or empty.
    pub length: u64,
    pub shape: Shape,
    /// A plain value; of a locator `scheme://host:port` and, of a queue, its name. Cleaned and bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// What is part of the value and should not be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strays: Vec<Stray>,
    /// The pattern of a template that it still is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<Placeholder>,
    /// Of a value that is an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locator: Option<Locator>,
    /// Names of environments that its host or resource name holds as whole words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
    /// Of the secret that signs sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strength: Option<Strength>,
    /// Other variables with the same value; only where that matters: of secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub equals: Vec<String>,
    /// Of the value, under one purpose for all variables. Absent: no key, or no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// What may be shown of a variable. A plain or locator value that looks like a secret is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    #[default]
    Secret,
    Locator,
    Plain,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    #[default]
    Empty,
    StripeLiveSecret,
    StripeTestSecret,
    StripeLiveRestricted,
    StripeTestRestricted,
    StripeLivePublishable,
    StripeTestPublishable,
    StripeWebhook,
    /// AKIA and 16 characters.
    AwsKeyLongLived,
    /// ASIA and 16 characters.
    AwsKeySession,
    /// 40 characters of base64, mixed.
    AwsSecret,
    PostgresUrl,
    RedisUrl,
    HttpsUrl,
    HttpUrl,
    /// Another database's or broker's: mysql, mongodb, amqp, ...
    ServiceUrl,
    /// A private key.
    Pem,
    Jwt,
    /// A token with a prefix that its issuer documents: GitHub, Slack, SendGrid, ...
    ApiToken,
    /// Letters of both cases and digits without a separator, 24 or more: a key of some kind.
    Opaque,
    MailAddress,
    Number,
    Boolean,
    Other,
}

impl Shape {
    /// Whether such a value must not be shown, whatever its name.
    #[must_use]
    pub const fn secret(self) -> bool {
        matches!(
            self,
            Shape::StripeLiveSecret
                | Shape::StripeTestSecret
                | Shape::StripeLiveRestricted
                | Shape::StripeTestRestricted
                | Shape::StripeWebhook
                | Shape::AwsKeyLongLived
                | Shape::AwsKeySession
                | Shape::AwsSecret
                | Shape::Pem
                | Shape::Jwt
                | Shape::ApiToken
                | Shape::Opaque
        )
    }

    #[must_use]
    pub const fn url(self) -> bool {
        matches!(self, Shape::PostgresUrl | Shape::RedisUrl | Shape::HttpsUrl | Shape::HttpUrl | Shape::ServiceUrl)
    }
}

/// What is part of a value and should not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stray {
    Space,
    Tab,
    CarriageReturn,
    LineFeed,
    ByteOrderMark,
    NoBreakSpace,
    ZeroWidth,
    Quotes,
    /// In a key, a secret or a URL.
    NonAscii,
}

impl Stray {
    /// A name that both languages share.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Stray::Space => "U+0020",
            Stray::Tab => "TAB",
            Stray::CarriageReturn => "CR",
            Stray::LineFeed => "LF",
            Stray::ByteOrderMark => "BOM (U+FEFF)",
            Stray::NoBreakSpace => "U+00A0",
            Stray::ZeroWidth => "U+200B",
            Stray::Quotes => "\" \"",
            Stray::NonAscii => "non-ASCII",
        }
    }
}

/// Which pattern of a template a value matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Placeholder {
    ChangeMe,
    Your,
    Xxx,
    AngleBrackets,
    Todo,
    Dummy,
    ExampleDomain,
    UserPassword,
    AwsSample,
    DollarBraces,
    DollarParentheses,
    DoubleBraces,
}

impl Placeholder {
    /// The pattern, as one knows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Placeholder::ChangeMe => "change-me",
            Placeholder::Your => "your-…",
            Placeholder::Xxx => "xxx",
            Placeholder::AngleBrackets => "<…>",
            Placeholder::Todo => "TODO",
            Placeholder::Dummy => "dummy",
            Placeholder::ExampleDomain => "example.com",
            Placeholder::UserPassword => "user:password@",
            Placeholder::AwsSample => "AKIA…EXAMPLE",
            Placeholder::DollarBraces => "${…}",
            Placeholder::DollarParentheses => "$(…)",
            Placeholder::DoubleBraces => "{{…}}",
        }
    }
}

/// What may be known of an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Locator {
    /// In lower case, when it is one that is known.
    pub scheme: Option<String>,
    pub host: HostKind,
    pub user_info: bool,
    pub path: UrlPath,
    pub query: bool,
    pub fragment: bool,
    /// It cannot be parsed, or what looks like its host may be a piece of a password. Nothing else is known then.
    pub malformed: bool,
}

/// Where a host lies, by its name alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostKind {
    /// There is none: a unix socket, or not known.
    #[default]
    None,
    /// `localhost`, 127.0.0.0/8, ::1, 0.0.0.0.
    Loopback,
    /// A name without a dot.
    SingleLabel,
    /// `.local`, `.test`, `host.docker.internal`.
    Local,
    /// RFC 1918, RFC 6598 or unique local.
    PrivateAddress,
    PublicAddress,
    Name,
}

impl HostKind {
    /// Whether only the machine or the desk that it was written on can mean it.
    #[must_use]
    pub const fn of_a_desk(self) -> bool {
        matches!(self, HostKind::Loopback | HostKind::SingleLabel | HostKind::Local)
    }
}

/// The path of an HTTP address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UrlPath {
    #[default]
    None,
    /// The one that the contract declares (`auth.base_path`).
    Base,
    /// None or the declared one, with a slash at its end.
    TrailingSlash,
    Other,
}

/// The name of an environment inside a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    Staging,
    Stg,
    Dev,
    Test,
    Prod,
    Production,
}

impl Word {
    pub const ALL: [Word; 6] = [Word::Staging, Word::Stg, Word::Dev, Word::Test, Word::Prod, Word::Production];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Word::Staging => "staging",
            Word::Stg => "stg",
            Word::Dev => "dev",
            Word::Test => "test",
            Word::Prod => "prod",
            Word::Production => "production",
        }
    }

    /// Whether it names an environment that is not production.
    #[must_use]
    pub const fn before_production(self) -> bool {
        matches!(self, Word::Staging | Word::Stg | Word::Dev | Word::Test)
    }
}

/// How hard a secret is to guess.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Strength {
    /// Estimated from its characters, repetitions, runs and words; an upper bound.
    pub bits: u64,
    /// What makes up a good part of it.
    pub pattern: Option<Pattern>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    Dictionary,
    Keyboard,
    Repetition,
}

impl Pattern {
    /// As in the evidence.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Pattern::Dictionary => "dictionary",
            Pattern::Keyboard => "qwerty",
            Pattern::Repetition => "aaaa",
        }
    }
}
