//! What an installation pays once, however many environments it has; and what grows with them by tens.

use std::collections::BTreeSet;

use super::{Assumptions, Bill, DAYS, GB, Item, LOGGED, Line, MINUTES, SUITES, exact, gb, metrics_of_one};
use crate::check::Class;
use crate::config::{Config, Metrics};
use crate::metrics;
use crate::run::Counts;
use crate::text::{Text, text};

const ALARMS: Text = text("Alarms of the stack", "Alarmes de la pile");
const DASHBOARD: Text = text("Dashboard", "Tableau de bord");
const METRICS: Text = text("Metrics of the installation", "Métriques de l'installation");
const COUNTED: Text =
    text("Counting runs and reports (PutMetricData)", "Décompte des audits et rapports (PutMetricData)");
const POLLING: Text =
    text("Polling of two work queues, also when they are empty", "Scrutation de deux files de travail, même vides");
const SENT: Text = text("Work messages sent, ten a request", "Messages de travail envoyés, dix par requête");
const MARKS: Text = text("Marks of the dispatches", "Marques des répartitions");
const LISTED: Text = text("Listing of heads and configurations", "Listes des têtes et des configurations");
const SCHEDULED: Text = text("Schedules", "Planifications");
const FUNCTIONS: Text = text("Functions dispatch and report", "Fonctions dispatch et report");
const SECRET: Text = text("Fingerprint key", "Clé d'empreinte");
const KEY: Text = text("Key of the alert topic", "Clé du sujet d'alertes");
const MAILED: Text = text("Daily reports", "Rapports quotidiens");
const HEADS: Text = text("Heads and runs read for the reports", "Têtes et audits lus pour les rapports");
const CLAIMS: Text = text("Claims of the reports", "Réservations des rapports");

/// A message a request in a batch, at most.
const A_BATCH: f64 = 10.0;
/// Keys that one listing gives, at most.
const A_PAGE: f64 = 1_000.0;
/// Hourly.
const REPORTS: f64 = DAYS * 24.0;

pub(super) fn lines(config: &Config, assume: &Assumptions) -> Vec<Line> {
    let mut bill = Bill::default();
    let ticks: f64 = SUITES.iter().map(|suite| assume.runs(*suite)).sum();
    let environments = exact(config.environment.len());
    if config.metrics != Metrics::Off {
        bill.add(METRICS, Item::CloudwatchMetric, exact(own_metrics()));
        // Due and late of each dispatch, the mails of each report.
        bill.add(COUNTED, Item::CloudwatchRequest, 2.0 * ticks + REPORTS);
        bill.add(ALARMS, Item::CloudwatchAlarm, f64::from(assume.alarm_metrics));
    }
    bill.add(DASHBOARD, Item::CloudwatchDashboard, f64::from(assume.dashboards));
    let polls = MINUTES * 60.0 / f64::from(assume.poll_seconds.max(1)) * f64::from(assume.pollers);
    bill.add(POLLING, Item::SqsRequest, 2.0 * polls);
    bill.add(SENT, Item::SqsRequest, ticks * (environments / A_BATCH).ceil());
    // The mark of the time, written, then counted; who was late before. Read too, with the common file.
    bill.add(MARKS, Item::S3Put, 3.0 * ticks);
    bill.add(MARKS, Item::S3Get, 3.0 * ticks);
    // Heads and the environments' own files, a thousand a page.
    bill.add(LISTED, Item::S3Put, 2.0 * ticks * (environments / A_PAGE).ceil());
    bill.add(SCHEDULED, Item::Schedule, ticks + REPORTS);
    bill.add(FUNCTIONS, Item::LambdaRequest, ticks + REPORTS);
    let gb = ticks * gb(assume.dispatch_mb) + REPORTS * gb(assume.report_mb);
    bill.add(FUNCTIONS, Item::LambdaGbSecond, gb * assume.other_seconds);
    bill.add(LOGGED, Item::LogsIngested, (ticks + REPORTS) * f64::from(assume.log_bytes) / GB);
    bill.add(SECRET, Item::Secret, 1.0);
    bill.add(KEY, Item::KmsKey, 1.0);
    reports(&mut bill, config);
    bill.lines()
}

/// Metrics that no environment has of its own: of the runs, of the schedules, of the reports.
fn own_metrics() -> usize {
    let run = super::estate::run("any", Class::Production, &[]);
    let mut all = metrics::data(&run, &Counts::new(), true);
    for suite in SUITES {
        all.extend(metrics::due(suite, 0));
        all.extend([metrics::missed(suite), metrics::heartbeat(suite)]);
    }
    all.extend([metrics::stale(0), metrics::sent(0)]);
    let own = all.into_iter().filter(|datum| !metrics_of_one(datum));
    own.map(|datum| (datum.name, datum.dimensions)).collect::<BTreeSet<_>>().len()
}

fn reports(bill: &mut Bill, config: &Config) {
    let Some(report) = &config.report else { return };
    for recipient in &report.to {
        let of = match recipient.environments.len() {
            0 => config.environment.len(),
            some => some,
        };
        bill.add(MAILED, Item::SesMail, DAYS);
        // Whether today's is sent, every hour; then head and two runs of each environment.
        bill.add(HEADS, Item::S3Get, REPORTS + DAYS * 3.0 * exact(of));
        // Claimed, then sent.
        bill.add(CLAIMS, Item::S3Put, 2.0 * DAYS);
    }
}
