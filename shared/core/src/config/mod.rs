//! vigie.toml: typed, unknown keys refused, every error at once with file, line and what was expected.

mod decode;
mod errors;
mod names;

pub use decode::{default_contract, parse, parse_common, parse_environment};
pub use errors::{ConfigError, ConfigErrors};
pub use names::is_environment;

use crate::Named;
use crate::check::{Class, Severity, Suite};
use crate::contract::Contract;
use crate::maintenance::{Every, When, Window};
use crate::snapshot::{Environment, Mute};
use crate::text::Language;
use schemars::JsonSchema;
use serde::Serialize;

/// The whole configuration of an installation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where runs, heads and reports are kept.
    pub runs: Option<Runs>,
    pub report: Option<Report>,
    pub network: Network,
    /// Where the installation's fingerprint key is: `secretsmanager:ID`, `ssm:/name`, `file:PATH`, `env:NAME`.
    pub fingerprint_key: Option<String>,
    pub metrics: Metrics,
    pub alerts: Alerts,
    pub environment: Named<EnvironmentConfig>,
    pub mute: Vec<MuteConfig>,
    pub maintenance: Vec<MaintenanceConfig>,
}

/// Environments that one environment is compared with: each is an object to read in every audit.
pub const MOST_NEIGHBOURS: usize = 50;

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    pub bucket: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The sender: an identity that SES has verified.
    pub from: String,
    pub to: Vec<Recipient>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    pub address: String,
    #[serde(default)]
    pub language: Language,
    /// IANA name, default `UTC`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Local hour from which the day's mail is due, 0 to 23, default 7.
    #[serde(default = "seven")]
    pub hour: u8,
    /// Empty: all.
    #[serde(default)]
    pub environments: Vec<String>,
    /// What is milder is counted and not listed; default `info`: everything is listed. A verdict counts them all.
    #[serde(default = "info")]
    pub severity: Severity,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// `10.0.0.2` or `10.0.0.2:53`; absent: the system's.
    pub resolver: Option<String>,
    /// A PEM file of further roots; relative to the configuration file.
    pub extra_ca: Option<String>,
    /// `false`: declared without a way to public addresses (a VPC without NAT); targets there are then not applicable.
    pub public: bool,
}

impl Default for Network {
    fn default() -> Self {
        Network { resolver: None, extra_ca: None, public: true }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Metrics {
    Off,
    #[default]
    Basic,
    /// Also `LatencyMs` per target.
    Detailed,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// The bus that alerts are put on.
    pub bus: String,
    /// Failing runs before a reachability check fires, 1 to 10.
    pub confirm_runs: u32,
    /// The same of critical findings, 1 to 10; absent: as the others.
    pub confirm_critical: Option<u32>,
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn seven() -> u8 {
    7
}

const fn info() -> Severity {
    Severity::Info
}

impl Default for Alerts {
    fn default() -> Self {
        Alerts { bus: "default".to_owned(), confirm_runs: 2, confirm_critical: None }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentConfig {
    pub class: Class,
    /// A later source wins: `process`, `dotenv:PATH`, `ssm:/path/`, `secretsmanager:ID`, `lambda:NAME`, `amplify:APP/BRANCH`.
    pub variables: Vec<String>,
    /// A role that Vigie assumes for this environment.
    pub role: Option<String>,
    pub external_id: Option<String>,
    /// A role like the app's own, to ask as the app when its variables hold no key.
    pub app_role: Option<String>,
    /// Of the auditor's calls; absent: the app's AWS_REGION.
    pub region: Option<String>,
    #[serde(default)]
    pub writes: Writes,
    #[serde(default)]
    pub optional: Vec<String>,
    pub contract: Contract,
    #[serde(default)]
    pub limits: Named<f64>,
    /// The environments that it is compared with. Absent: the others that the same vigie.toml declares, at most
    /// [`MOST_NEIGHBOURS`].
    pub neighbours: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Writes {
    #[default]
    Off,
    /// In the full suite only.
    Full,
    /// In both suites.
    Connections,
}

impl Writes {
    #[must_use]
    pub fn allowed(self, suite: Suite) -> bool {
        match self {
            Writes::Off => false,
            Writes::Full => suite == Suite::Full,
            Writes::Connections => true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MuteConfig {
    /// A check's id.
    pub check: String,
    /// Absent: every subject.
    pub subject: Option<String>,
    /// Absent: every environment.
    pub environment: Option<String>,
    pub owner: String,
    pub reason: String,
    /// The last day, in UTC.
    #[schemars(with = "String")]
    pub until: jiff::civil::Date,
}

/// A time in which what fails raises no alert: judged, stored and reported all the same.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceConfig {
    /// Absent: every environment.
    pub environment: Option<String>,
    /// `postgres`, `https:app`; absent: every target.
    #[serde(default)]
    pub targets: Vec<String>,
    pub owner: String,
    pub reason: String,
    /// IANA name of the zone that `starts` and `at` are local to, default `UTC`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Once: `2026-12-05T22:00`. Either this, or `every` and `at`.
    #[schemars(with = "Option<String>")]
    pub starts: Option<jiff::civil::DateTime>,
    /// Again and again: `day`, a weekday such as `saturday`, or `month:1` for the first of the month.
    pub every: Option<Every>,
    /// `02:00`.
    #[schemars(with = "Option<String>")]
    pub at: Option<jiff::civil::Time>,
    /// How long it lasts, 1 to 10080 (a week); with `every = "day"` at most 1440.
    pub minutes: u32,
}

impl MaintenanceConfig {
    /// What judging needs of it; `None`: it says neither when it starts nor how it recurs, which no parsed one does.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        let when = match (self.starts, self.every, self.at) {
            (Some(starts), ..) => When::Once { starts },
            (None, Some(every), Some(at)) => When::Again { every, at },
            _ => return None,
        };
        Some(Window {
            targets: self.targets.clone(),
            owner: self.owner.clone(),
            reason: self.reason.clone(),
            time_zone: self.time_zone.clone(),
            when,
            minutes: self.minutes,
        })
    }
}

/// An environment that something speaks of and nothing declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undeclared {
    /// `report.to`, `mute`, `maintenance` or `environment.NAME.neighbours`.
    pub by: String,
    pub name: String,
}

impl Config {
    /// What is said of environments that are not declared.
    #[must_use]
    pub fn undeclared(&self) -> Vec<Undeclared> {
        let of_report = self.report.iter().flat_map(|report| &report.to).flat_map(|to| &to.environments);
        let of_report = of_report.map(|name| ("report.to".to_owned(), name));
        let of_mutes = self.mute.iter().filter_map(|mute| Some(("mute".to_owned(), mute.environment.as_ref()?)));
        let of_windows = self.maintenance.iter();
        let of_windows = of_windows.filter_map(|of| Some(("maintenance".to_owned(), of.environment.as_ref()?)));
        let of_neighbours = self.environment.iter().flat_map(|(of, environment)| {
            let names = environment.neighbours.iter().flatten();
            names.map(move |name| (format!("environment.{of}.neighbours"), name))
        });
        let all = of_report.chain(of_mutes).chain(of_windows).chain(of_neighbours);
        let unknown = all.filter(|(_, name)| !self.environment.contains_key(*name));
        unknown.map(|(by, name)| Undeclared { by, name: name.clone() }).collect()
    }

    /// Takes over the environment, the mutes and the maintenance of `part`, an environment's own file. `false`: it is declared already.
    #[must_use]
    pub fn join(&mut self, part: Config) -> bool {
        if part.environment.keys().any(|name| self.environment.contains_key(name)) {
            return false;
        }
        self.environment.extend(part.environment);
        self.mute.extend(part.mute);
        self.maintenance.extend(part.maintenance);
        true
    }

    /// The environments that `name` is compared with.
    #[must_use]
    pub fn neighbours(&self, name: &str) -> Vec<String> {
        let named = self.environment.get(name).and_then(|of| of.neighbours.clone());
        let others = || self.environment.keys().filter(|other| *other != name).take(MOST_NEIGHBOURS).cloned().collect();
        named.unwrap_or_else(others)
    }

    /// What judging needs of one environment.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<Environment> {
        let of = self.environment.get(name)?;
        let mutes = self
            .mute
            .iter()
            .filter(|m| m.environment.as_deref().is_none_or(|e| e == name))
            .map(|m| Mute {
                check: m.check.clone(),
                subject: m.subject.clone(),
                owner: m.owner.clone(),
                reason: m.reason.clone(),
                until: m.until,
            })
            .collect();
        let windows = self.maintenance.iter().filter(|of| of.environment.as_deref().is_none_or(|e| e == name));
        Some(Environment {
            name: name.to_owned(),
            class: of.class,
            contract: of.contract.clone(),
            optional: of.optional.clone(),
            limits: of.limits.clone(),
            mutes,
            maintenance: windows.filter_map(MaintenanceConfig::window).collect(),
            confirm_runs: self.alerts.confirm_runs,
            confirm_critical: self.alerts.confirm_critical,
        })
    }
}

/// The JSON schema of vigie.toml, for editors (`#:schema`).
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Config);
    schema.insert("title".to_owned(), "vigie.toml".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[runs]
bucket = "shop-vigie"
[report]
from = "Vigie <vigie@shop.example>"
[[report.to]]
address = "team@shop.example"
language = "fr"
time_zone = "Europe/Paris"
environments = ["production"]
[environment.production]
class = "production"
variables = ["amplify:d1a2b3/main", "secretsmanager:shop/production"]
writes = "full"
optional = ["redis"]
contract = { pool_max = 20, tls_verify = false, stripe = false }
[[mute]]
check = "S3-REPLICATION-NONE"
owner = "ana"
reason = "single region by choice"
until = "2027-03-01"
"#;

    #[test]
    fn every_error_is_told_at_once_with_its_place() {
        let text = "fingerprint_kee = \"x\"\n[environment.Prod_1]\nclass = \"prod\"\nvariables = [\"vault:x\"]\nwrites = 3\n[[mute]]\ncheck = \"NO-SUCH\"\nowner = \"a\"\nuntil = \"tomorrow\"\n";
        let errors = parse(text, "vigie.toml").expect_err("nothing here is right").to_string();
        for expected in [
            "vigie.toml:1:1: unknown key \"fingerprint_kee\"; did you mean \"fingerprint_key\"?",
            "vigie.toml:2:14: \"Prod_1\": an environment's name",
            "vigie.toml:3:10: expected \"staging\" or \"production\", found \"prod\"",
            "vigie.toml:4:15: \"vault:x\" is no source; expected",
            "vigie.toml:5:10: expected a string, found integer",
            "\"NO-SUCH\" is no check",
            "key \"reason\" is missing",
            "vigie.toml:9:10: until: expected a day such as",
        ] {
            assert!(errors.contains(expected), "{expected}\nis not in\n{errors}");
        }
    }

    #[test]
    fn a_contract_overrides_key_by_key_and_false_takes_a_part_away() {
        let text = GOOD.split("[[mute]]").next().unwrap_or_default();
        let config = parse(text, "vigie.toml").expect("this is right");
        let contract = &config.environment["production"].contract;
        assert_eq!((contract.pool_max, contract.tls_verify), (Some(20), Some(false)));
        assert!(contract.stripe.is_none());
        assert_eq!(contract.mail_from.as_deref(), Some("FROM_EMAIL"));
        assert_eq!(config.report.expect("given").to[0].hour, 7);
    }

    #[test]
    fn a_recipient_s_severity() {
        let with = |line: &str| {
            let text = GOOD.split("[[mute]]").next().unwrap_or_default();
            parse(&text.replace("language = \"fr\"", line), "vigie.toml")
        };
        let severity = |line| with(line).map(|config| config.report.expect("given").to[0].severity);
        assert_eq!(severity("language = \"fr\"").expect("right"), Severity::Info, "everything, by default");
        assert_eq!(severity("severity = \"high\"").expect("right"), Severity::High);
        let error = severity("severity = \"severe\"").expect_err("no such word").to_string();
        for word in ["critical", "high", "medium", "low", "info", "severe", "vigie.toml:8:"] {
            assert!(error.contains(word), "{word} is not in {error}");
        }
    }

    #[test]
    fn an_address_that_ses_does_not_take() {
        let with = |address: &str| {
            let text = GOOD.split("[[mute]]").next().unwrap_or_default();
            parse(&text.replace("team@shop.example", address), "vigie.toml")
        };
        assert!(with("Équipe <team@shop.example>").is_ok(), "a name may be anything");
        assert!(with("team@xn--caf-dma.example").is_ok());
        for address in ["team@café.example", "équipe@shop.example", "Team <équipe@shop.example>"] {
            assert!(with(address).expect_err("not ASCII").to_string().contains("punycode"), "{address}");
        }
    }

    #[test]
    fn a_mute_must_name_a_check_that_exists() {
        assert!(parse(GOOD, "vigie.toml").expect_err("not implemented").to_string().contains("is no check"));
    }

    const WINDOW: &str = "[[maintenance]]\nowner = \"ana\"\nreason = \"upgrade\"\n";

    #[test]
    fn a_maintenance_window_is_once_or_again_and_again() {
        let text = format!(
            "{}{WINDOW}environment = \"production\"\ntargets = [\"postgres\"]\ntime_zone = \"Europe/Paris\"\nevery = \"saturday\"\nat = \"02:00\"\nminutes = 120\n{WINDOW}starts = \"2026-12-05T22:00\"\nminutes = 10080\n",
            GOOD.split("[[mute]]").next().unwrap_or_default()
        );
        let config = parse(&text, "vigie.toml").unwrap_or_else(|e| panic!("{e}"));
        let windows = config.environment("production").expect("declared").maintenance;
        assert_eq!(windows.len(), 2);
        let open = |at: &str| windows.iter().filter(|w| w.until(at.parse().expect("a time")).is_some()).count();
        assert_eq!(["2026-12-05T01:30:00Z", "2026-12-05T22:30:00Z", "2026-12-12T02:30:00Z"].map(open), [1, 1, 2]);
    }

    #[test]
    fn a_wrong_maintenance_window_is_told_with_its_place_and_its_remedy() {
        for (keys, expected) in [
            ("minutes = 60\n", "v.toml:1:1: expected either starts = "),
            (
                "starts = \"2026-12-05T22:00\"\nevery = \"day\"\nat = \"02:00\"\nminutes = 60\n",
                "expected either starts = ",
            ),
            ("every = \"day\"\nminutes = 60\n", "key \"at\" is missing"),
            ("at = \"02:00\"\nminutes = 60\n", "key \"every\" is missing"),
            ("every = \"weekly\"\nat = \"02:00\"\nminutes = 60\n", "v.toml:4:10: every: expected \"day\", a weekday"),
            ("every = \"day\"\nat = \"2 h\"\nminutes = 60\n", "v.toml:5:7: at: expected a local time of day such as"),
            ("starts = \"tonight\"\nminutes = 60\n", "starts: expected a local time such as"),
            (
                "every = \"day\"\nat = \"02:00\"\nminutes = 1441\n",
                "\"minutes\": expected a whole number from 1 to 1440",
            ),
            ("starts = \"2026-12-05T22:00\"\n", "key \"minutes\" is missing"),
            (
                "starts = \"2026-12-05T22:00\"\nminutes = 60\ntargets = [\"postgre\"]\n",
                "\"postgre\" is no target; expected",
            ),
            (
                "starts = \"2026-12-05T22:00\"\nminutes = 60\ntime_zone = \"Paris\"\n",
                "\"Paris\" is no IANA time zone; expected",
            ),
            (
                "starts = \"2026-12-05T22:00\"\nminutes = 60\nenvironment = \"prod\"\n",
                "the environment \"prod\" is not declared",
            ),
        ] {
            let errors = parse(&format!("{WINDOW}{keys}"), "v.toml").expect_err(keys).to_string();
            assert!(errors.contains(expected), "{expected}\nis not in\n{errors}");
        }
        let nobody =
            parse("[[maintenance]]\nstarts = \"2026-12-05T22:00\"\nminutes = 60\n", "v.toml").expect_err("of nobody");
        for key in ["owner", "reason"] {
            assert!(nobody.to_string().contains(&format!("key {key:?} is missing")), "{nobody}");
        }
    }

    #[test]
    fn the_default_contract_is_right() {
        let contract = decode::default_contract();
        assert!(contract.required.len() >= 6);
        assert!(contract.auth.is_some() && contract.redis.is_some() && contract.stripe.is_some());
    }

    #[test]
    fn a_bad_toml_is_an_error_with_a_place() {
        for text in ["a = ", "[environment.x\n", "\u{0}", "[[mute]]\nuntil = 2027-03-01\n"] {
            let errors = parse(text, "v.toml").expect_err("not TOML");
            assert!(errors.errors[0].line >= 1, "{errors}");
        }
    }
}
