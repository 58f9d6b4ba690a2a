//! The making of a report: one environment after another, so that an estate of thousands is never held at once.

use super::input::{Input, Observed, environment};
use super::recommend;
use super::view::{Colour, EnvironmentView, Item, Report, SCHEMA};
use std::cmp::Reverse;
use std::collections::HashMap;

/// A report to which environments are still added.
pub struct Making {
    now: jiff::Timestamp,
    report: Report,
    /// How many may have their details, and how many have.
    most: usize,
    detailed: usize,
}

/// So many times more may have their details of those that are not green.
const GRAVER: usize = 4;

impl Making {
    /// With the environments of the input; more may follow.
    #[must_use]
    pub fn new(input: &Input) -> Self {
        let report = Report {
            schema: SCHEMA.to_owned(),
            language: input.language,
            time_zone: input.time_zone.clone(),
            at: input.now,
            since: input.since,
            repeat: input.repeat,
            least: input.least,
            milder: 0,
            environments: Vec::new(),
            new: Vec::new(),
            resolved: Vec::new(),
            stays: Vec::new(),
            unknown: Vec::new(),
            expires: Vec::new(),
            readiness: Vec::new(),
            recommendations: Vec::new(),
        };
        let mut making = Making { now: input.now, report, most: usize::MAX, detailed: 0 };
        for observed in &input.environments {
            making.add(observed);
        }
        making
    }

    /// Once `most` environments have their details, a green one comes without its history and its single checks, and once
    /// four times as many have, every one: about 70 KB each, which no mail and no page has room for. Verdicts, findings
    /// that fail, unknowns, expiries and readiness are whole.
    #[must_use]
    pub fn detailed(self, most: usize) -> Self {
        Making { most, ..self }
    }

    pub fn add(&mut self, observed: &Observed) {
        environment(observed, self.now, &mut self.report);
        if let Some(view) = self.report.environments.last_mut() {
            let most = match view.standing.colour() {
                Colour::Green => self.most,
                Colour::Grey | Colour::Red | Colour::Amber => self.most.saturating_mul(GRAVER),
            };
            if self.detailed < most {
                self.detailed += 1;
            } else {
                leave_details(view);
            }
        }
    }

    /// The report. The same environments in the same order give the same one.
    #[must_use]
    pub fn done(self) -> Report {
        let mut out = self.report;
        let rank = |e: &EnvironmentView| (e.standing.colour(), Reverse(e.class as u8), e.name.clone());
        out.environments.sort_by_cached_key(rank);
        let places: HashMap<&str, usize> =
            out.environments.iter().enumerate().map(|(n, e)| (e.name.as_str(), n)).collect();
        let place = |name: &str| places.get(name).copied();
        let grave = |item: &Item| Reverse(item.finding.severity);
        out.readiness.sort_by_cached_key(|r| place(&r.environment));
        out.new.sort_by_cached_key(|item| (grave(item), place(&item.environment)));
        out.stays.sort_by_cached_key(|item| (item.finding.mute.is_some(), grave(item), place(&item.environment)));
        out.unknown.sort_by_cached_key(|unknown| (Reverse(unknown.severity), place(&unknown.environment)));
        out.resolved.sort_by_cached_key(|resolved| (Reverse(resolved.was.severity), place(&resolved.environment)));
        out.expires.sort_by_key(|expires| expires.expiry.at);
        leave_out(&mut out);
        out.recommendations = recommend::of(&out);
        out
    }
}

/// Makes the report of all that is there. The same input gives the same report.
#[must_use]
pub fn report(input: &Input) -> Report {
    Making::new(input).done()
}

fn leave_details(view: &mut EnvironmentView) {
    view.findings = Vec::new();
    for target in &mut view.targets {
        target.past = None;
        target.rungs = Vec::new();
    }
}

/// What is milder than the list's threshold is counted instead of listed.
fn leave_out(report: &mut Report) {
    let least = report.least;
    let before = report.new.len() + report.resolved.len() + report.stays.len();
    report.new.retain(|item| item.finding.severity >= least);
    report.stays.retain(|item| item.finding.severity >= least);
    report.resolved.retain(|resolved| resolved.was.severity >= least);
    let after = report.new.len() + report.resolved.len() + report.stays.len();
    report.milder = u32::try_from(before - after).unwrap_or(u32::MAX);
}
