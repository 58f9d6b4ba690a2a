//! Text -> [`Config`]. Every error is collected; nothing is guessed.

use toml_span::de_helpers::{TableHelper, expected};
use toml_span::value::ValueInner;
use toml_span::{Error, ErrorKind, Span, Value};

use super::names::is_environment;
use super::{
    Alerts, Config, ConfigErrors, EnvironmentConfig, Metrics, MuteConfig, Network, Recipient, Report, Runs, Writes,
};
use crate::Named;
use crate::check::Class;
use crate::contract::{AuthContract, AwsIdentity, Contract, RedisClient, RedisContract, StripeContract};
use crate::text::Language;

/// The longest configuration that is read, in bytes.
pub const LONGEST: usize = 256 * 1024;

const DEFAULT_CONTRACT: &str = include_str!("../contract.toml");

/// Reads a vigie.toml. `file` is the name that errors carry.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse(text: &str, file: &str) -> Result<Config, ConfigErrors> {
    let fail = |errors| ConfigErrors::new(file, text, errors);
    if text.len() > LONGEST {
        return Err(fail(vec![custom(Span::new(0, 0), format!("the file is longer than {LONGEST} bytes"))]));
    }
    let mut root = toml_span::parse(text).map_err(|e| fail(vec![e]))?;
    let mut errors = Vec::new();
    let config = config(&mut root, &mut errors);
    if errors.is_empty() { Ok(config) } else { Err(fail(errors)) }
}

/// The default contract, `contract.toml`.
#[must_use]
pub fn default_contract() -> Contract {
    let mut errors = Vec::new();
    let contract = toml_span::parse(DEFAULT_CONTRACT)
        .map(|mut value| contract(&mut value, Contract::default(), &mut errors))
        .unwrap_or_default();
    debug_assert!(errors.is_empty(), "the embedded contract is not right: {errors:?}");
    contract
}

type Errors = Vec<Error>;

fn custom(span: Span, what: impl Into<String>) -> Error {
    Error { kind: ErrorKind::Custom(what.into().into()), span, line_info: None }
}

/// One table being read: keys are taken, what is left is unknown.
struct Reader<'e, 'de> {
    table: TableHelper<'de>,
    span: Span,
    errors: &'e mut Errors,
}

impl<'e, 'de> Reader<'e, 'de> {
    fn open(value: &mut Value<'de>, errors: &'e mut Errors) -> Option<Self> {
        let span = value.span;
        match TableHelper::new(value) {
            Ok(table) => Some(Reader { table, span, errors }),
            Err(e) => {
                errors.extend(e.errors);
                None
            }
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value<'de>> {
        self.table.take(key).map(|(_, value)| value)
    }

    fn text(&mut self, key: &'static str) -> Option<String> {
        self.take(key).and_then(|mut v| string(&mut v, self.errors))
    }

    fn required(&mut self, key: &'static str) -> Option<String> {
        if !self.table.contains(key) {
            self.missing(key);
        }
        self.text(key)
    }

    fn missing(&mut self, key: &'static str) {
        self.errors.push(Error { kind: ErrorKind::MissingField(key), span: self.span, line_info: None });
    }

    fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.take(key).map(|mut v| strings(&mut v, self.errors))
    }

    fn one_of<T: Copy>(&mut self, key: &'static str, names: &'static [&'static str], values: &[T]) -> Option<T> {
        let mut value = self.take(key)?;
        let span = value.span;
        let found = string(&mut value, self.errors)?;
        let at = names.iter().position(|n| *n == found);
        if at.is_none() {
            let kind = ErrorKind::UnexpectedValue { expected: names, value: Some(found) };
            self.errors.push(Error { kind, span, line_info: None });
        }
        at.and_then(|i| values.get(i).copied())
    }

    fn number(&mut self, key: &'static str, from: i64, to: i64) -> Option<i64> {
        let value = self.take(key)?;
        match value.as_integer() {
            Some(n) if (from..=to).contains(&n) => Some(n),
            _ => {
                self.errors.push(custom(value.span, format!("{key:?}: expected a whole number from {from} to {to}")));
                None
            }
        }
    }

    fn count(&mut self, key: &'static str, to: u32) -> Option<u32> {
        self.number(key, 1, i64::from(to)).and_then(|n| u32::try_from(n).ok())
    }

    fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.errors.push(custom(value.span, format!("{key:?}: expected true or false")));
        }
        flag
    }

    fn map(&mut self, key: &'static str) -> Option<Named<String>> {
        let mut value = self.take(key)?;
        Some(entries(&mut value, self.errors, |v, e| string(v, e)))
    }

    /// What is left is unknown.
    fn close(self) {
        if let Err(e) = self.table.finalize(None) {
            self.errors.extend(e.errors);
        }
    }
}

fn string(value: &mut Value<'_>, errors: &mut Errors) -> Option<String> {
    let span = value.span;
    match value.take_string(None) {
        Ok(text) if text.trim().is_empty() => {
            errors.push(custom(span, "expected a text that is not empty"));
            None
        }
        Ok(text) => Some(text.into_owned()),
        Err(e) => {
            errors.push(e);
            None
        }
    }
}

fn array<'de, T>(
    value: &mut Value<'de>,
    errors: &mut Errors,
    read: impl Fn(&mut Value<'de>, &mut Errors) -> Option<T>,
) -> Vec<T> {
    match value.take() {
        ValueInner::Array(items) => items.into_iter().filter_map(|mut item| read(&mut item, errors)).collect(),
        other => {
            errors.push(expected("an array", other, value.span));
            Vec::new()
        }
    }
}

fn strings(value: &mut Value<'_>, errors: &mut Errors) -> Vec<String> {
    array(value, errors, |v, e| string(v, e))
}

/// A name, or a list of alternatives.
fn any_of(value: &mut Value<'_>, errors: &mut Errors) -> Option<Vec<String>> {
    if value.as_str().is_some() { string(value, errors).map(|s| vec![s]) } else { Some(strings(value, errors)) }
}

fn entries<'de, T>(
    value: &mut Value<'de>,
    errors: &mut Errors,
    read: impl Fn(&mut Value<'de>, &mut Errors) -> Option<T>,
) -> Named<T> {
    match value.take() {
        ValueInner::Table(table) => table
            .into_iter()
            .filter_map(|(key, mut v)| read(&mut v, errors).map(|t| (key.name.into_owned(), t)))
            .collect(),
        other => {
            errors.push(expected("a table", other, value.span));
            Named::new()
        }
    }
}

fn config(root: &mut Value<'_>, errors: &mut Errors) -> Config {
    let mut out = Config::default();
    let Some(mut r) = Reader::open(root, errors) else { return out };
    out.runs = r.take("runs").and_then(|mut v| runs(&mut v, r.errors));
    out.report = r.take("report").and_then(|mut v| report(&mut v, r.errors));
    if let Some(mut v) = r.take("network") {
        out.network = network(&mut v, r.errors);
    }
    out.fingerprint_key = r.take("fingerprint_key").and_then(|mut v| {
        let span = v.span;
        let text = string(&mut v, r.errors)?;
        let known =
            ["secretsmanager:", "ssm:/", "file:", "env:"].iter().any(|p| text.starts_with(p) && text.len() > p.len());
        if !known {
            r.errors.push(custom(span, "expected \"secretsmanager:ID\", \"ssm:/name\", \"file:PATH\" or \"env:NAME\""));
        }
        known.then_some(text)
    });
    out.metrics = r
        .one_of("metrics", &["off", "basic", "detailed"], &[Metrics::Off, Metrics::Basic, Metrics::Detailed])
        .unwrap_or_default();
    if let Some(mut v) = r.take("alerts") {
        out.alerts = alerts(&mut v, r.errors);
    }
    if let Some(mut v) = r.take("environment") {
        out.environment = environments(&mut v, r.errors);
    }
    let declared: Vec<String> = out.environment.keys().cloned().collect();
    if let Some(mut v) = r.take("mute") {
        out.mute = array(&mut v, r.errors, |v, e| mute(v, &declared, e));
    }
    if let Some(report) = &out.report {
        for name in report.to.iter().flat_map(|to| &to.environments).filter(|n| !declared.contains(n)) {
            r.errors.push(custom(r.span, format!("report.to names the environment {name:?}, which is not declared")));
        }
    }
    r.close();
    out
}

fn runs(value: &mut Value<'_>, errors: &mut Errors) -> Option<Runs> {
    let mut r = Reader::open(value, errors)?;
    let bucket = r.required("bucket");
    r.close();
    bucket.map(|bucket| Runs { bucket })
}

fn report(value: &mut Value<'_>, errors: &mut Errors) -> Option<Report> {
    let mut r = Reader::open(value, errors)?;
    let from = r.take("from").map(|mut v| address(&mut v, r.errors));
    if from.is_none() {
        r.missing("from");
    }
    let to = r.take("to").map(|mut v| array(&mut v, r.errors, recipient)).unwrap_or_default();
    if to.is_empty() {
        r.errors.push(custom(r.span, "the report has no recipient: write [[report.to]] with an address"));
    }
    r.close();
    Some(Report { from: from.flatten()?, to })
}

fn address(value: &mut Value<'_>, errors: &mut Errors) -> Option<String> {
    let span = value.span;
    let text = string(value, errors)?;
    let bare = text.rsplit_once('<').map_or(text.as_str(), |(_, rest)| rest.trim_end_matches('>'));
    let good = bare
        .split_once('@')
        .is_some_and(|(user, domain)| !user.is_empty() && domain.contains('.') && !domain.contains('@'))
        && !text.chars().any(char::is_control)
        && bare.len() <= 254
        && !bare.contains(char::is_whitespace);
    if !good {
        errors.push(custom(span, format!("expected a mail address, found {:?}", crate::evidence::clean(&text))));
    }
    good.then_some(text)
}

fn recipient(value: &mut Value<'_>, errors: &mut Errors) -> Option<Recipient> {
    let mut r = Reader::open(value, errors)?;
    let to = r.take("address").map(|mut v| address(&mut v, r.errors));
    if to.is_none() {
        r.missing("address");
    }
    let language = r.one_of("language", &["en", "fr"], &[Language::En, Language::Fr]).unwrap_or_default();
    let time_zone = r.take("time_zone").and_then(|mut v| {
        let span = v.span;
        let name = string(&mut v, r.errors)?;
        let known = jiff::tz::TimeZone::get(&name).is_ok();
        if !known {
            r.errors
                .push(custom(span, format!("{name:?} is no IANA time zone; expected one such as \"Europe/Paris\"")));
        }
        known.then_some(name)
    });
    let hour = r.number("hour", 0, 23).and_then(|n| u8::try_from(n).ok()).unwrap_or(7);
    let environments = r.texts("environments").unwrap_or_default();
    r.close();
    let address = to.flatten()?;
    Some(Recipient { address, language, time_zone: time_zone.unwrap_or_else(|| "UTC".to_owned()), hour, environments })
}

fn network(value: &mut Value<'_>, errors: &mut Errors) -> Network {
    let Some(mut r) = Reader::open(value, errors) else { return Network::default() };
    let resolver = r.take("resolver").and_then(|mut v| {
        let span = v.span;
        let text = string(&mut v, r.errors)?;
        let good = text.parse::<std::net::IpAddr>().is_ok() || text.parse::<std::net::SocketAddr>().is_ok();
        if !good {
            r.errors.push(custom(span, "expected an IP address, with or without a port, such as \"10.0.0.2\""));
        }
        good.then_some(text)
    });
    let extra_ca = r.text("extra_ca");
    r.close();
    Network { resolver, extra_ca }
}

fn alerts(value: &mut Value<'_>, errors: &mut Errors) -> Alerts {
    let mut out = Alerts::default();
    let Some(mut r) = Reader::open(value, errors) else { return out };
    out.bus = r.text("bus").unwrap_or(out.bus);
    out.confirm_runs = r.count("confirm_runs", 10).unwrap_or(out.confirm_runs);
    r.close();
    out
}

fn environments(value: &mut Value<'_>, errors: &mut Errors) -> Named<EnvironmentConfig> {
    let span = value.span;
    let found = match value.take() {
        ValueInner::Table(table) => table,
        other => {
            errors.push(expected("a table", other, span));
            return Named::new();
        }
    };
    let mut out = Named::new();
    for (key, mut v) in found {
        if !is_environment(&key.name) {
            let what =
                format!("{:?}: an environment's name is 1 to 32 of a-z, 0-9 and -", crate::evidence::clean(&key.name));
            errors.push(custom(key.span, what));
        }
        if let Some(environment) = environment(&mut v, errors) {
            out.insert(key.name.into_owned(), environment);
        }
    }
    out
}

fn environment(value: &mut Value<'_>, errors: &mut Errors) -> Option<EnvironmentConfig> {
    let mut r = Reader::open(value, errors)?;
    if !r.table.contains("class") {
        r.missing("class");
    }
    let class = r.one_of("class", &["staging", "production"], &[Class::Staging, Class::Production]);
    let variables = r.take("variables").map(|mut v| array(&mut v, r.errors, source));
    if variables.as_ref().is_none_or(Vec::is_empty) {
        r.errors.push(custom(r.span, "variables: expected at least one source, such as [\"dotenv:.env\"]"));
    }
    let role = r.text("role");
    let external_id = r.text("external_id");
    let app_role = r.text("app_role");
    let region = r.text("region");
    let writes = r
        .one_of("writes", &["off", "full", "connections"], &[Writes::Off, Writes::Full, Writes::Connections])
        .unwrap_or_default();
    let optional = r.texts("optional").unwrap_or_default();
    let contract = match r.take("contract") {
        Some(mut v) => contract(&mut v, default_contract(), r.errors),
        None => default_contract(),
    };
    let limits = r.take("limits").map(|mut v| limits(&mut v, r.errors)).unwrap_or_default();
    r.close();
    Some(EnvironmentConfig {
        class: class?,
        variables: variables.unwrap_or_default(),
        role,
        external_id,
        app_role,
        region,
        writes,
        optional,
        contract,
        limits,
    })
}

/// One source of variables, by its form.
fn source(value: &mut Value<'_>, errors: &mut Errors) -> Option<String> {
    let span = value.span;
    let text = string(value, errors)?;
    let good = match text.split_once(':') {
        None => text == "process",
        Some(("dotenv" | "secretsmanager" | "lambda", rest)) => !rest.is_empty(),
        Some(("ssm", rest)) => rest.starts_with('/'),
        Some(("amplify", rest)) => {
            rest.split_once('/').is_some_and(|(app, branch)| !app.is_empty() && !branch.is_empty())
        }
        Some(_) => false,
    };
    if !good {
        let what = format!(
            "{:?} is no source; expected \"process\", \"dotenv:PATH\", \"ssm:/path/\", \"secretsmanager:ID\", \"lambda:NAME\" or \"amplify:APP_ID/BRANCH\"",
            crate::evidence::clean(&text)
        );
        errors.push(custom(span, what));
    }
    good.then_some(text)
}

/// `"ID.code" = number`, of a fault that has a limit.
fn limits(value: &mut Value<'_>, errors: &mut Errors) -> Named<f64> {
    let span = value.span;
    let ValueInner::Table(table) = value.take() else {
        errors.push(custom(span, "limits: expected a table such as { \"PG-CONN-SATURATION.near\" = 80 }"));
        return Named::new();
    };
    let mut out = Named::new();
    for (key, v) in table {
        let known = key.name.split_once('.').and_then(|(id, code)| crate::checks::find(id)?.fault(code));
        #[allow(clippy::cast_precision_loss)]
        let number = v.as_float().or_else(|| v.as_integer().map(|n| n as f64));
        match (known.map(|f| f.limit), number) {
            (None | Some(crate::check::Limit::None), _) => {
                let what = format!(
                    "{:?} has no limit; `vigie explain ID` shows those that there are",
                    crate::evidence::clean(&key.name)
                );
                errors.push(custom(key.span, what));
            }
            (_, Some(number)) if number.is_finite() && number >= 0.0 => {
                out.insert(key.name.into_owned(), number);
            }
            _ => errors.push(custom(v.span, "expected a number, 0 or more")),
        }
    }
    out
}

fn mute(value: &mut Value<'_>, declared: &[String], errors: &mut Errors) -> Option<MuteConfig> {
    let mut r = Reader::open(value, errors)?;
    let check = r.required("check");
    if let Some(id) = check.as_deref().filter(|id| crate::checks::find(id).is_none()) {
        r.errors
            .push(custom(r.span, format!("{:?} is no check; `vigie checks` lists them", crate::evidence::clean(id))));
    }
    let subject = r.text("subject");
    let environment = r.text("environment");
    if let Some(name) = environment.as_ref().filter(|name| !declared.contains(name)) {
        r.errors.push(custom(r.span, format!("the environment {:?} is not declared", crate::evidence::clean(name))));
    }
    let owner = r.required("owner");
    let reason = r.required("reason");
    let until = until(&mut r);
    r.close();
    Some(MuteConfig { check: check?, subject, environment, owner: owner?, reason: reason?, until: until? })
}

/// A mute needs an end. toml-span has no dates: the day is written as text.
fn until(r: &mut Reader<'_, '_>) -> Option<jiff::civil::Date> {
    let Some(mut value) = r.take("until") else {
        r.missing("until");
        return None;
    };
    let span = value.span;
    let date = string(&mut value, r.errors)?.parse::<jiff::civil::Date>().ok();
    if date.is_none() {
        r.errors.push(custom(span, "until: expected a day such as \"2027-03-01\""));
    }
    date
}

/// Overrides `base` key by key. `false` takes an optional part away.
fn contract(value: &mut Value<'_>, base: Contract, errors: &mut Errors) -> Contract {
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
