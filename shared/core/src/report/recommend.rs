//! What to do, in three horizons, from what was found.

use super::view::{Advice, Horizon, Place, Recommendation, Report};
use crate::check::Severity;

/// Critical and high: this week. Medium: this month. What is milder: this quarter.
pub(super) fn of(report: &Report) -> Vec<Recommendation> {
    let mut out: Vec<Recommendation> = Vec::new();
    for item in report.new.iter().chain(&report.stays).filter(|item| item.finding.mute.is_none()) {
        let finding = &item.finding;
        let horizon = match finding.severity {
            Severity::Critical | Severity::High => Horizon::Short,
            Severity::Medium => Horizon::Medium,
            Severity::Low | Severity::Info => Horizon::Long,
        };
        let advice = Advice::Fix { check: finding.check.clone() };
        let place = Place { environment: item.environment.clone(), subject: finding.subject.clone() };
        match out.iter_mut().find(|r| r.horizon == horizon && r.advice == advice) {
            Some(same) => same.places.push(place),
            None => out.push(Recommendation { horizon, advice, severity: finding.severity, places: vec![place] }),
        }
    }
    out.sort_by_key(|r| (r.horizon, std::cmp::Reverse(r.severity)));
    out
}
