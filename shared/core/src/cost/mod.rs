//! What an installation runs, how often, and what that costs a month: pure arithmetic over the configuration, the questions
//! that the checks read, the metrics that a run publishes, and the price table.
//!
//! Values of variables are not known here. What is counted rests on names (`estate`) and on [`Assumptions`], which are
//! part of the answer.

mod asked;
mod estate;
mod installation;
mod prices;

pub use asked::questions;
pub use estate::{Estate, estate, names};
pub use prices::{Item, Price, Prices, prices};

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Serialize;

use crate::Named;
use crate::check::{Class, Suite};
use crate::config::{Config, EnvironmentConfig, Metrics};
use crate::judge::judge;
use crate::run::Counts;
use crate::snapshot::Snapshot;
use crate::text::{Text, text};
use crate::{checks, healthy, metrics};

/// The version of `vigie plan --format json`.
pub const SCHEMA: &str = "vigie.plan/v1";

/// A month, as bills are estimated.
const DAYS: f64 = 30.0;
const MINUTES: f64 = DAYS * 24.0 * 60.0;
const GB: f64 = 1024.0 * 1024.0 * 1024.0;

/// What the configuration does not say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assumptions {
    /// Minutes between two `connections` runs: the stack's `ConnectionsMinutes`.
    pub connections_minutes: u32,
    /// Days that runs are kept: the stack's `RunDays`.
    pub run_days: u32,
    /// Memory of the functions, MB.
    pub audit_mb: u32,
    pub dispatch_mb: u32,
    pub report_mb: u32,
    /// Seconds that an audit of each suite takes.
    pub connections_seconds: f64,
    pub full_seconds: f64,
    /// Seconds that `dispatch` and `report` take.
    pub other_seconds: f64,
    /// Alerts of an environment a month.
    pub alerts: u32,
    /// Long polls of an idle queue that Lambda keeps open, and the seconds that each waits.
    pub pollers: u32,
    pub poll_seconds: u32,
    /// Bytes that one invocation writes to its log.
    pub log_bytes: u32,
    /// Metrics that the stack's alarms look at, and its dashboards.
    pub alarm_metrics: u32,
    pub dashboards: u32,
    /// Environments whose variables' names are known, by environment; of the others all that the contract names is taken
    /// for set.
    #[serde(skip)]
    pub known: Named<Vec<String>>,
}

impl Default for Assumptions {
    fn default() -> Self {
        Assumptions {
            connections_minutes: 5,
            run_days: 400,
            audit_mb: 512,
            dispatch_mb: 256,
            report_mb: 512,
            connections_seconds: 3.0,
            full_seconds: 8.0,
            other_seconds: 1.0,
            alerts: 20,
            // Lambda developer guide, "Using Lambda with Amazon SQS": five batches at a time, long polling.
            pollers: 5,
            poll_seconds: 20,
            log_bytes: 2_000,
            alarm_metrics: 24,
            dashboards: 1,
            known: Named::new(),
        }
    }
}

impl Assumptions {
    /// Runs of a suite in a month.
    #[must_use]
    pub fn runs(&self, suite: Suite) -> f64 {
        match suite {
            Suite::Connections => MINUTES / f64::from(self.connections_minutes.max(1)),
            Suite::Full => DAYS,
        }
    }

    fn seconds(&self, suite: Suite) -> f64 {
        match suite {
            Suite::Connections => self.connections_seconds,
            Suite::Full => self.full_seconds,
        }
    }
}

/// One line of the bill: so many units a month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    pub what: Text,
    pub item: Item,
    pub quantity: f64,
}

impl Line {
    /// Dollars a month, at the price of the first tier.
    #[must_use]
    pub fn usd(&self) -> f64 {
        prices().of(self.item).of(self.quantity)
    }
}

/// One environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Environment {
    pub name: String,
    pub class: Class,
    /// In the order of the report.
    pub targets: Vec<String>,
    /// Checks that may apply to these targets.
    pub checks: usize,
    /// Custom metrics with the environment's dimension.
    pub metrics: usize,
    /// Whether the names of its variables are known; else all that the contract names is taken for set.
    pub names_known: bool,
    pub lines: Vec<Line>,
}

/// What will run, and what it costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    pub assumptions: Assumptions,
    pub environments: Vec<Environment>,
    /// What is paid once.
    pub installation: Vec<Line>,
}

const SUITES: [Suite; 2] = [Suite::Connections, Suite::Full];
const METRICS: Text = text("Custom metrics", "Métriques personnalisées");
const PUBLISHED: Text = text("Publishing them (PutMetricData)", "Leur publication (PutMetricData)");
const OBJECTS: Text = text("Run, snapshot and head", "Audit, instantané et tête");
const READ: Text = text("Configuration and heads read", "Lecture de la configuration et des têtes");
const STORED: Text = text("Runs and snapshots kept", "Audits et instantanés conservés");
const AUDITED: Text = text("Audits", "Audits");
const FANNED: Text = text("Work messages deleted", "Messages de travail supprimés");
const SOURCES: Text = text("Sources of variables read", "Lecture des sources de variables");
const ALERTED: Text = text("Alerts", "Alertes");
const LOGGED: Text = text("Logs", "Journaux");

/// The plan of a configuration.
#[must_use]
pub fn plan(config: &Config, assumptions: &Assumptions) -> Plan {
    let environments: Vec<Environment> =
        config.environment.iter().map(|(name, of)| environment(config, name, of, assumptions)).collect();
    let installation = installation::lines(config, assumptions);
    Plan { assumptions: assumptions.clone(), environments, installation }
}

fn environment(config: &Config, name: &str, of: &EnvironmentConfig, assume: &Assumptions) -> Environment {
    let known = assume.known.get(name).map(Vec::as_slice);
    let estate = estate(of, known);
    let run = estate::run(name, of.class, &estate.targets);
    let metrics = match config.metrics {
        Metrics::Off => 0,
        Metrics::Basic | Metrics::Detailed => {
            let data = metrics::data(&run, &Counts::new(), config.metrics == Metrics::Detailed);
            data.iter().filter(|datum| metrics_of_one(datum)).count()
        }
    };
    let mut bill = Bill::default();
    bill.add(METRICS, Item::CloudwatchMetric, exact(metrics));
    for suite in SUITES {
        let runs = assume.runs(suite);
        if config.metrics != Metrics::Off {
            // The run's data, and the heartbeat after the head has moved.
            bill.add(PUBLISHED, Item::CloudwatchRequest, 2.0 * runs);
        }
        for question in questions().into_iter().filter(|q| asked::asked(*q, suite, of.writes)) {
            for call in asked::billed(question, &estate) {
                bill.add(call.what, call.item, runs * f64::from(call.each));
            }
        }
        audits(&mut bill, config, name, suite, assume);
        sources(&mut bill, of, runs, estate.variables);
    }
    let alerts = f64::from(assume.alerts);
    bill.add(ALERTED, Item::Event, alerts);
    bill.add(ALERTED, Item::SnsMail, alerts);
    // A topic under a customer key: one data key to publish, one decryption to deliver.
    bill.add(ALERTED, Item::KmsRequest, 2.0 * alerts);
    let kinds: Vec<_> = estate.targets.iter().map(|(_, kind)| *kind).collect();
    let applies = |kind| kinds.contains(&kind) || kind == crate::check::Kind::Vigie;
    Environment {
        name: name.to_owned(),
        class: of.class,
        targets: estate.targets.into_iter().map(|(name, _)| name).collect(),
        checks: checks::all().filter(|check| applies(check.kind)).count(),
        metrics,
        names_known: known.is_some(),
        lines: bill.lines(),
    }
}

/// Whether a metric is one environment's.
fn metrics_of_one(datum: &metrics::Datum) -> bool {
    datum.dimensions.iter().any(|(name, _)| name == "Environment")
}

/// The function and the runs bucket. A batch of several environments is fewer requests: one each is the most.
fn audits(bill: &mut Bill, config: &Config, name: &str, suite: Suite, assume: &Assumptions) {
    let runs = assume.runs(suite);
    bill.add(AUDITED, Item::LambdaRequest, runs);
    bill.add(AUDITED, Item::LambdaGbSecond, runs * assume.seconds(suite) * gb(assume.audit_mb));
    bill.add(LOGGED, Item::LogsIngested, runs * f64::from(assume.log_bytes) / GB);
    bill.add(FANNED, Item::SqsRequest, runs);
    bill.add(OBJECTS, Item::S3Put, 3.0 * runs);
    // The common file and its own, whether the run is stored already, its head and its neighbours'.
    let neighbours = exact(config.neighbours(name).len());
    bill.add(READ, Item::S3Get, runs * (4.0 + neighbours));
    bill.add(STORED, Item::S3Storage, runs / DAYS * f64::from(assume.run_days) * size(suite) / GB);
}

/// The bytes of a run and its snapshot: those of the healthy production.
fn size(suite: Suite) -> f64 {
    static SIZES: LazyLock<[f64; 2]> = LazyLock::new(|| {
        SUITES.map(|suite| {
            let snapshot = Snapshot { suite, ..healthy::snapshot(Class::Production) };
            let bytes = |json: Result<Vec<u8>, _>| json.map_or(0, |bytes: Vec<u8>| bytes.len());
            exact(bytes(serde_json::to_vec(&judge(&snapshot))) + bytes(serde_json::to_vec(&snapshot)))
        })
    });
    SIZES[usize::from(suite == Suite::Full)]
}

/// Secrets Manager bills each read. An SSM path is free, but each SecureString of it is a request to KMS.
fn sources(bill: &mut Bill, of: &EnvironmentConfig, runs: f64, variables: u32) {
    for source in &of.variables {
        match source.split_once(':').map(|(kind, _)| kind) {
            Some("secretsmanager") => bill.add(SOURCES, Item::SecretRead, runs),
            Some("ssm") => bill.add(SOURCES, Item::KmsRequest, runs * f64::from(variables)),
            _ => {}
        }
    }
}

fn gb(mb: u32) -> f64 {
    f64::from(mb) / 1024.0
}

#[allow(clippy::cast_precision_loss)] // counts are far below 2^52
fn exact(n: usize) -> f64 {
    n as f64
}

/// Lines in the order of their first mention; the same thing twice is one line.
#[derive(Default)]
struct Bill(Vec<Line>);

impl Bill {
    fn add(&mut self, what: Text, item: Item, quantity: f64) {
        if quantity <= 0.0 {
            return;
        }
        match self.0.iter_mut().find(|line| line.what == what && line.item == item) {
            Some(line) => line.quantity += quantity,
            None => self.0.push(Line { what, item, quantity }),
        }
    }

    /// What costs most comes first.
    fn lines(mut self) -> Vec<Line> {
        self.0.sort_by(|a, b| b.usd().total_cmp(&a.usd()));
        self.0
    }
}

/// Dollars of some lines, at the price of the first tier.
#[must_use]
pub fn usd(lines: &[Line]) -> f64 {
    lines.iter().map(Line::usd).sum()
}

/// The sums of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Total {
    /// Volume tiers counted.
    pub usd: f64,
    /// The same, if nothing else in the account uses its free allowances.
    pub usd_after_free: f64,
}

impl Plan {
    /// Units of each item, over all environments and the installation.
    #[must_use]
    pub fn quantities(&self) -> BTreeMap<Item, f64> {
        let mut all = BTreeMap::new();
        for line in self.environments.iter().flat_map(|e| &e.lines).chain(&self.installation) {
            *all.entry(line.item).or_insert(0.0) += line.quantity;
        }
        all
    }

    #[must_use]
    pub fn total(&self) -> Total {
        let mut total = Total { usd: 0.0, usd_after_free: 0.0 };
        for (item, quantity) in self.quantities() {
            let price = prices().of(item);
            total.usd += price.tiered(quantity);
            total.usd_after_free += price.tiered((quantity - price.free).max(0.0));
        }
        total
    }
}

#[cfg(test)]
mod tests;
