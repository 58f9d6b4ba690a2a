//! vigie.toml: typed, unknown keys refused, every error at once with file, line and what was expected.

use crate::Named;
use crate::check::{Class, Suite};
use crate::contract::Contract;
use crate::snapshot::{Environment, Mute};
use crate::text::Language;
use schemars::JsonSchema;
use serde::Serialize;

/// The whole configuration of an installation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
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
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Runs {
    pub bucket: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// The sender: an identity that SES has verified.
    pub from: String,
    pub to: Vec<Recipient>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Recipient {
    pub address: String,
    pub language: Language,
    /// IANA name, default `UTC`.
    pub time_zone: String,
    /// Local hour from which the day's mail is due, 0 to 23, default 7.
    pub hour: u8,
    /// Empty: all.
    pub environments: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Network {
    /// `10.0.0.2` or `10.0.0.2:53`; absent: the system's.
    pub resolver: Option<String>,
    /// A PEM file of further roots; relative to the configuration file.
    pub extra_ca: Option<String>,
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
pub struct Alerts {
    /// The bus that alerts are put on.
    pub bus: String,
    /// Failing runs before a reachability check fires, 1 to 10.
    pub confirm_runs: u32,
}

impl Default for Alerts {
    fn default() -> Self {
        Alerts { bus: "default".to_owned(), confirm_runs: 2 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
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
    pub writes: Writes,
    pub optional: Vec<String>,
    pub contract: Contract,
    pub limits: Named<f64>,
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
pub struct MuteConfig {
    /// Absent: every environment.
    pub environment: Option<String>,
    #[serde(flatten)]
    pub mute: Mute,
}

impl Config {
    /// What judging needs of one environment.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<Environment> {
        let of = self.environment.get(name)?;
        let mutes = self
            .mute
            .iter()
            .filter(|m| m.environment.as_deref().is_none_or(|e| e == name))
            .map(|m| m.mute.clone())
            .collect();
        Some(Environment {
            name: name.to_owned(),
            class: of.class,
            contract: of.contract.clone(),
            optional: of.optional.clone(),
            limits: of.limits.clone(),
            mutes,
            confirm_runs: self.alerts.confirm_runs,
        })
    }
}
