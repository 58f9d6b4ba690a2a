//! `vigie plan`: what will run, how often, which calls are billed, and the monthly cost in dollars.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table};
use serde_json::{Value, json};
use vigie_core::Named;
use vigie_core::check::{Class, Suite};
use vigie_core::config::Config;
use vigie_core::cost::{self, Assumptions, Environment, Item, Line, Plan, prices};
use vigie_core::evidence::{Value as Typed, clean};
use vigie_core::text::{Language, Text, text};

use crate::args::{ListFormat, PlanArgs};
use crate::audit::{chosen, text as read};
use crate::{config, stack};

const RUNS: Text = text("runs a month", "audits par mois");
const CHECKS: Text = text("checks", "contrôles");
const CONTRACT: Text = text(
    "Counted from the names of the contract: every variable that it speaks of is taken for set, a pattern for one name.",
    "Compté d'après les noms du contrat : chaque variable dont il parle est supposée définie, un motif vaut un nom.",
);
const KNOWN: Text =
    text("Counted from the names that the .env file holds.", "Compté d'après les noms que contient le fichier .env.");
const INSTALLATION: Text = text("The installation, once", "L'installation, une seule fois");
const TOTAL: Text = text("Total a month", "Total par mois");
const AFTER: Text = text(
    "if nothing else in the account uses its free allowances",
    "si rien d'autre dans le compte n'utilise ses quotas gratuits",
);
const UNCONFIRMED: Text = text("not confirmed: check the vendor's page", "non confirmé : voir la page du fournisseur");
const LISTED: Text = text("List prices of", "Prix publics de");
const ON: Text = text("looked up on", "relevés le");
const NOT_COUNTED: Text = text(
    "Not counted: NAT gateway or VPC endpoints (only with SubnetIds), data transfer, X-Ray, SMS, taxes, what the audited \
     services themselves cost. Free by the call: STS, IAM, SES reads, EventBridge and RDS reads, Lambda and Amplify \
     configuration, standard SSM parameters, PostgreSQL, HTTPS. Upstash is billed to the application's account.",
    "Non compté : passerelle NAT ou points de terminaison VPC (seulement avec SubnetIds), transfert de données, X-Ray, SMS, \
     taxes, ce que coûtent les services audités eux-mêmes. Gratuits à l'appel : STS, IAM, lectures SES, EventBridge et RDS, \
     configuration Lambda et Amplify, paramètres SSM standard, PostgreSQL, HTTPS. Upstash est facturé au compte de \
     l'application.",
);
const SUM: Text = text("Sum", "Somme");
const LESS: Text =
    text("less than a cent (--format json lists them)", "moins d'un centime (--format json les détaille)");
const ASSUMED: Text = text(
    "Assumed: the functions have {memory} MB (audit, dispatch, report); an audit takes {connections} s (connections) or {full} s (full), dispatch and report \
     {other} s; {alerts} alerts an environment a month; runs kept {days} days; alarms on {alarms} metrics.",
    "Hypothèses : les fonctions ont {memory} Mo (audit, dispatch, report) ; un audit prend {connections} s (connections) ou {full} s (full), dispatch et \
     report {other} s ; {alerts} alertes par environnement et par mois ; audits conservés {days} jours ; alarmes sur \
     {alarms} métriques.",
);

/// Lines below this are one: half a cent, what rounds to nothing.
const SMALL: f64 = 0.005;

/// More environments than this are a row each.
const MOST: usize = 8;

pub fn plan(args: &PlanArgs, language: Language) -> miette::Result<ExitCode> {
    let path = args.config.as_deref().unwrap_or(Path::new("vigie.toml"));
    let config = config::whole(path)?;
    let assumptions = Assumptions {
        connections_minutes: args.connections_minutes,
        run_days: args.run_days,
        known: known(&config, path, args)?,
        ..stack::assumptions()
    };
    let mut plan = cost::plan(&config, &assumptions);
    if args.environment.is_some() {
        // One environment's own share: what is paid once, and tiers, are the whole installation's.
        let name = chosen(&config, args.environment.as_deref())?;
        plan.environments.retain(|environment| environment.name == name);
        plan.installation.clear();
    }
    match args.format {
        ListFormat::Json => anstream::println!("{:#}", json(&plan)),
        ListFormat::Text => anstream::print!("{}", text_of(&plan, language)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Names of variables that are known without asking anybody: those of `--env-file`, else of an environment whose sources
/// are all .env files that are here.
fn known(config: &Config, path: &Path, args: &PlanArgs) -> miette::Result<Named<Vec<String>>> {
    let mut known = Named::new();
    if let Some(file) = &args.env_file {
        let names = names(&read(file)?);
        known.extend(config.environment.keys().map(|name| (name.clone(), names.clone())));
        return Ok(known);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    for (name, of) in &config.environment {
        let files: Option<Vec<String>> = of
            .variables
            .iter()
            .map(|source| std::fs::read_to_string(folder.join(source.strip_prefix("dotenv:")?)).ok())
            .collect();
        if let Some(files) = files.filter(|files| !files.is_empty()) {
            known.insert(name.clone(), files.iter().flat_map(|text| names(text)).collect());
        }
    }
    Ok(known)
}

fn names(text: &str) -> Vec<String> {
    let (variables, _) = vigie_core::variables::dotenv::parse(text);
    variables.into_iter().map(|(name, ..)| name).collect()
}

/// `vigie.plan/v1`.
fn json(plan: &Plan) -> Value {
    let environments: Vec<Value> = plan
        .environments
        .iter()
        .map(|of| {
            json!({
                "name": of.name, "class": of.class, "targets": of.targets, "checks": of.checks,
                "custom_metrics": of.metrics, "names_known": of.names_known,
                "lines": lines_json(&of.lines), "usd": cost::usd(&of.lines),
            })
        })
        .collect();
    json!({
        "schema": cost::SCHEMA,
        "runs": {
            "connections": plan.assumptions.runs(Suite::Connections), "full": plan.assumptions.runs(Suite::Full),
        },
        "assumptions": plan.assumptions,
        "environments": environments,
        "installation": { "lines": lines_json(&plan.installation), "usd": cost::usd(&plan.installation) },
        "total": plan.total(),
        "prices": prices(),
        "not_counted": NOT_COUNTED,
    })
}

fn lines_json(lines: &[Line]) -> Vec<Value> {
    let line = |line: &Line| {
        let price = prices().of(line.item);
        json!({
            "what": line.what, "item": line.item, "service": price.service, "unit": price.unit,
            "quantity": line.quantity, "usd": line.usd(), "confirmed": price.confirmed,
        })
    };
    lines.iter().map(line).collect()
}

fn text_of(plan: &Plan, language: Language) -> String {
    let mut out = String::new();
    if plan.environments.len() > MOST {
        let _ = writeln!(out, "{}\n", summary(&plan.environments, language));
    } else {
        for environment in &plan.environments {
            out.push_str(&environment_text(environment, &plan.assumptions, language));
        }
    }
    if !plan.installation.is_empty() {
        let _ = writeln!(out, "{}", INSTALLATION.raw(language));
        let _ = writeln!(out, "{}\n", table(&plan.installation, language));
        let total = plan.total();
        let _ = writeln!(
            out,
            "{}: {}; {} {}\n",
            TOTAL.raw(language),
            dollars(total.usd, language),
            dollars(total.usd_after_free, language),
            AFTER.raw(language),
        );
    }
    notes(&mut out, plan, language);
    out
}

fn environment_text(of: &Environment, assume: &Assumptions, language: Language) -> String {
    let class = match of.class {
        Class::Staging => "staging",
        Class::Production => "production",
    };
    let targets: Vec<String> = of.targets.iter().map(|name| clean(name)).collect();
    let count = |n: f64| quantity(n, language);
    let by = if of.names_known { KNOWN } else { CONTRACT };
    format!(
        "{} ({class}), {} {}: {} connections + {} full, {} {}\n  {}\n  {}\n{}\n\n",
        of.name,
        quantity(assume.runs(Suite::Connections) + assume.runs(Suite::Full), language),
        RUNS.raw(language),
        count(assume.runs(Suite::Connections)),
        count(assume.runs(Suite::Full)),
        of.checks,
        CHECKS.raw(language),
        targets.join(" "),
        by.raw(language),
        table(&of.lines, language),
    )
}

/// Lines below and above, none between the rows.
fn bare() -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// A row an environment, where a table each would be a book.
fn summary(environments: &[Environment], language: Language) -> Table {
    let mut table = bare();
    table.set_header(match language {
        Language::En => ["environment", "targets", "metrics", "$ a month"],
        Language::Fr => ["environnement", "cibles", "métriques", "$ par mois"],
    });
    for of in environments {
        let (targets, metrics) = (of.targets.len().to_string(), of.metrics.to_string());
        table.add_row([of.name.clone(), targets, metrics, amount(cost::usd(&of.lines), language)]);
    }
    for column in 1..=3 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// What costs most first; the sum below.
fn table(lines: &[Line], language: Language) -> Table {
    let mut table = bare();
    table.set_header(match language {
        Language::En => ["what", "a month", "price", "$ a month"],
        Language::Fr => ["quoi", "par mois", "prix", "$ par mois"],
    });
    let (counted, small): (Vec<&Line>, Vec<&Line>) = lines.iter().partition(|line| line.usd() >= SMALL);
    for line in counted {
        table.add_row([
            line.what.raw(language).to_owned(),
            quantity(line.quantity, language),
            price(line.item, language),
            amount(line.usd(), language),
        ]);
    }
    if !small.is_empty() {
        let sum = small.iter().map(|line| line.usd()).sum();
        let mut names: Vec<&str> = small.iter().map(|line| prices().of(line.item).service.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        table.add_row([
            format!("{} × {}", small.len(), LESS.raw(language)),
            String::new(),
            names.join(", "),
            amount(sum, language),
        ]);
    }
    table.add_row([SUM.raw(language).to_owned(), String::new(), String::new(), amount(cost::usd(lines), language)]);
    for column in [1, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// `$0.30 for 1 custom metric`, `$0.01 for 1,000 × API request`; a `(?)` when the price is not confirmed.
fn price(item: Item, language: Language) -> String {
    let price = prices().of(item);
    let mark = if price.confirmed { "" } else { " (?)" };
    let (unit, of) = match language {
        Language::En => (&price.unit, "for"),
        Language::Fr => (&price.unit_fr, "pour"),
    };
    let digits = if price.usd < 0.01 || (price.usd * 100.0).fract() > 1e-9 {
        price.usd.to_string()
    } else {
        format!("{:.2}", price.usd)
    };
    let usd = match language {
        Language::En => format!("${digits}"),
        Language::Fr => format!("{}\u{a0}$", decimal(&digits, language)),
    };
    let per = if price.per > 1.0 { format!("{} × ", quantity(price.per, language)) } else { "1 ".to_owned() };
    format!("{usd} {of} {per}{unit}, {}{mark}", price.service)
}

fn quantity(n: f64, language: Language) -> String {
    if n < 100.0 && n.fract() > 0.0 {
        return decimal(&format!("{n:.2}"), language);
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count of calls
    Typed::Count(n.round() as u64).render(language)
}

fn amount(usd: f64, language: Language) -> String {
    // Half a cent and more is money; less is said to be less.
    if usd > 0.0 && usd < 0.005 {
        "< 0.01".replace('.', separator(language))
    } else {
        decimal(&format!("{usd:.2}"), language)
    }
}

fn dollars(usd: f64, language: Language) -> String {
    match language {
        Language::En => format!("${}", amount(usd, language)),
        Language::Fr => format!("{}\u{a0}$", amount(usd, language)),
    }
}

fn decimal(number: &str, language: Language) -> String {
    number.replace('.', separator(language))
}

const fn separator(language: Language) -> &'static str {
    match language {
        Language::En => ".",
        Language::Fr => ",",
    }
}

fn notes(out: &mut String, plan: &Plan, language: Language) {
    let a = &plan.assumptions;
    let prices = prices();
    let _ = writeln!(out, "{} {}, {} {}.", LISTED.raw(language), prices.region, ON.raw(language), prices.looked_up);
    let used = plan.quantities();
    for price in prices.price.iter().filter(|price| !price.confirmed) {
        if used.keys().any(|item| item.code() == price.item) {
            let _ = writeln!(out, "(?) {} {}: {}", price.service, price.source, UNCONFIRMED.raw(language));
        }
    }
    let assumed = [
        ("memory", format!("{}, {}, {}", a.audit_mb, a.dispatch_mb, a.report_mb)),
        ("connections", a.connections_seconds.to_string()),
        ("full", a.full_seconds.to_string()),
        ("other", a.other_seconds.to_string()),
        ("alerts", a.alerts.to_string()),
        ("days", a.run_days.to_string()),
        ("alarms", a.alarm_metrics.to_string()),
    ];
    let assumed = assumed.into_iter().map(|(name, value)| (name.to_owned(), Typed::Name(value))).collect();
    let _ = writeln!(out, "{}", ASSUMED.render(language, &assumed));
    let _ = writeln!(out, "{}", NOT_COUNTED.raw(language));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Plan {
        let text = include_str!("../../../infra/vigie.example.toml");
        let config = vigie_core::config::parse(text, "vigie.example.toml").expect("the example is right");
        cost::plan(&config, &Assumptions::default())
    }

    #[test]
    fn the_text_names_each_environment_the_sum_and_where_prices_are_from() {
        let plan = example();
        for language in [Language::En, Language::Fr] {
            let text = text_of(&plan, language);
            for part in [
                "production (production)",
                "staging (staging)",
                "us-east-1",
                "(?)",
                "NAT",
                "https://aws.amazon.com/ses",
            ] {
                assert!(text.contains(part), "{part} is not in\n{text}");
            }
            assert!(!text.contains('{') && !text.contains("NaN"), "{text}");
        }
        assert!(text_of(&plan, Language::En).contains("$0.30 for 1 custom metric, CloudWatch"));
        assert!(text_of(&plan, Language::Fr).contains("0,30\u{a0}$ pour 1 métrique"));
    }

    #[test]
    fn the_json_has_its_schema_and_its_sums_add_up() {
        let json = json(&example());
        assert_eq!(json["schema"], "vigie.plan/v1");
        let sum = |lines: &Value| {
            lines.as_array().expect("lines").iter().map(|l| l["usd"].as_f64().expect("a number")).sum::<f64>()
        };
        for part in json["environments"].as_array().expect("two").iter().chain([&json["installation"]]) {
            assert!((sum(&part["lines"]) - part["usd"].as_f64().expect("a number")).abs() < 1e-9);
        }
        assert_eq!(json["environments"].as_array().map(Vec::len), Some(2));
        assert!(json["total"]["usd"].as_f64() > json["total"]["usd_after_free"].as_f64());
        assert!(json["prices"]["price"][0]["source"].as_str().is_some_and(|s| s.starts_with("https://")));
    }

    #[test]
    fn small_money_is_said_to_be_small() {
        assert_eq!(amount(0.0, Language::En), "0.00");
        assert_eq!(amount(0.001, Language::En), "< 0.01");
        assert_eq!(amount(1234.5, Language::Fr), "1234,50");
    }
}
