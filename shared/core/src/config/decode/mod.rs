//! Text -> [`Config`]. Every error is collected; nothing is guessed.

mod contract;
mod reader;
mod report;
mod windows;

use toml_span::de_helpers::expected;
use toml_span::value::ValueInner;
use toml_span::{Span, Value};

use self::contract::contract;
use self::reader::{Errors, Reader, array, custom, string};
use self::report::report;
use self::windows::maintenance;
use super::names::is_environment;
use super::{
    Alerts, Config, ConfigErrors, EnvironmentConfig, MOST_NEIGHBOURS, Metrics, MuteConfig, Network, Runs, Undeclared,
    Writes,
};
use crate::Named;
use crate::check::Class;
use crate::contract::Contract;

/// The longest configuration that is read, in bytes.
pub const LONGEST: usize = 256 * 1024;

const DEFAULT_CONTRACT: &str = include_str!("../../contract.toml");

/// Reads a vigie.toml. `file` is the name that errors carry.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse(text: &str, file: &str) -> Result<Config, ConfigErrors> {
    read(text, file, Part::Whole)
}

/// Reads the vigie.toml of a configuration whose environments have files of their own: what it says of an environment
/// that it does not declare is for [`Config::undeclared`] to tell, once all files are there.
///
/// # Errors
/// As [`parse`].
pub fn parse_common(text: &str, file: &str) -> Result<Config, ConfigErrors> {
    read(text, file, Part::Common)
}

/// Reads `environments/NAME.toml`: `[environment.NAME]`, and mutes of that environment. Everything else belongs in the
/// vigie.toml.
///
/// # Errors
/// As [`parse`]; also another environment, or none.
pub fn parse_environment(text: &str, file: &str, name: &str) -> Result<Config, ConfigErrors> {
    read(text, file, Part::Environment(name))
}

/// Which file of a configuration is read.
#[derive(Clone, Copy)]
enum Part<'a> {
    Whole,
    Common,
    Environment(&'a str),
}

fn read(text: &str, file: &str, part: Part<'_>) -> Result<Config, ConfigErrors> {
    let fail = |errors| ConfigErrors::new(file, text, errors);
    if text.len() > LONGEST {
        return Err(fail(vec![custom(Span::new(0, 0), format!("the file is longer than {LONGEST} bytes"))]));
    }
    let mut root = toml_span::parse(text).map_err(|e| fail(vec![e]))?;
    let mut errors = Vec::new();
    let config = match part {
        Part::Environment(name) => of_environment(&mut root, name, &mut errors),
        part => config(&mut root, part, &mut errors),
    };
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

fn of_environment(root: &mut Value<'_>, name: &str, errors: &mut Errors) -> Config {
    let mut out = Config::default();
    let Some(mut r) = Reader::open(root, errors) else { return out };
    if let Some(mut v) = r.take("environment") {
        out.environment = environments(&mut v, r.errors);
    }
    if let Some(mut v) = r.take("mute") {
        out.mute = array(&mut v, r.errors, |v, e| mute(v, Some(&[name.to_owned()]), e));
    }
    if let Some(mut v) = r.take("maintenance") {
        out.maintenance = array(&mut v, r.errors, |v, e| maintenance(v, Some(&[name.to_owned()]), e));
    }
    if out.environment.keys().ne([name]) {
        r.errors.push(custom(r.span, format!("expected [environment.{name}] here, and no other")));
    }
    r.close();
    // What this file mutes never reaches beyond its environment.
    out.maintenance.iter_mut().for_each(|window| window.environment = Some(name.to_owned()));
    out.mute.iter_mut().for_each(|mute| mute.environment = Some(name.to_owned()));
    out
}

fn config(root: &mut Value<'_>, part: Part<'_>, errors: &mut Errors) -> Config {
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
    let known = matches!(part, Part::Whole).then_some(declared.as_slice());
    if let Some(mut v) = r.take("mute") {
        out.mute = array(&mut v, r.errors, |v, e| mute(v, known, e));
    }
    if let Some(mut v) = r.take("maintenance") {
        out.maintenance = array(&mut v, r.errors, |v, e| maintenance(v, known, e));
    }
    if known.is_some() {
        for Undeclared { by, name } in
            out.undeclared().into_iter().filter(|u| !["mute", "maintenance"].contains(&u.by.as_str()))
        {
            r.errors.push(custom(r.span, format!("{by} names the environment {name:?}, which is not declared")));
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
    let public = r.flag("public").unwrap_or(true);
    r.close();
    Network { resolver, extra_ca, public }
}

fn alerts(value: &mut Value<'_>, errors: &mut Errors) -> Alerts {
    let mut out = Alerts::default();
    let Some(mut r) = Reader::open(value, errors) else { return out };
    out.bus = r.text("bus").unwrap_or(out.bus);
    out.confirm_runs = r.count("confirm_runs", 10).unwrap_or(out.confirm_runs);
    out.confirm_critical = r.count("confirm_critical", 10);
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
    let neighbours = r.texts("neighbours");
    if neighbours.as_ref().is_some_and(|names| names.len() > MOST_NEIGHBOURS) {
        r.errors.push(custom(r.span, format!("neighbours: at most {MOST_NEIGHBOURS} environments are compared with")));
    }
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
        neighbours,
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

fn mute(value: &mut Value<'_>, declared: Option<&[String]>, errors: &mut Errors) -> Option<MuteConfig> {
    let mut r = Reader::open(value, errors)?;
    let check = r.required("check");
    if let Some(id) = check.as_deref().filter(|id| crate::checks::find(id).is_none()) {
        r.errors
            .push(custom(r.span, format!("{:?} is no check; `vigie checks` lists them", crate::evidence::clean(id))));
    }
    let subject = r.text("subject");
    let environment = of_declared(&mut r, declared);
    let owner = r.required("owner");
    let reason = r.required("reason");
    let until = until(&mut r);
    r.close();
    Some(MuteConfig { check: check?, subject, environment, owner: owner?, reason: reason?, until: until? })
}

/// `environment`, one of those that are declared, where they are known.
fn of_declared(r: &mut Reader<'_, '_>, declared: Option<&[String]>) -> Option<String> {
    let environment = r.text("environment");
    let unknown = |name: &&String| declared.is_some_and(|declared| !declared.contains(name));
    if let Some(name) = environment.as_ref().filter(unknown) {
        r.errors.push(custom(r.span, format!("the environment {:?} is not declared", crate::evidence::clean(name))));
    }
    environment
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
