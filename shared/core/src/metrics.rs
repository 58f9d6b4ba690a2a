//! A run -> CloudWatch metric data. Pure. Metrics have targets, never subjects: their number, and their price, is bounded by
//! the configuration. Documented for users in `docs/metrics.md`.

use crate::cause::Cause;
use crate::check::{Severity, Suite};
use crate::run::{Counts, Outcome, Run, TargetReport};

pub const NAMESPACE: &str = "Vigie";

/// CloudWatch takes at most this many data in one PutMetricData call.
pub const MOST_A_CALL: usize = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A count, or a truth: 1 or 0.
    Count,
    Milliseconds,
}

impl Unit {
    /// CloudWatch's StandardUnit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Count => "Count",
            Unit::Milliseconds => "Milliseconds",
        }
    }
}

/// One value of one custom metric. Its time is the run's.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    pub name: &'static str,
    pub value: f64,
    pub unit: Unit,
    /// Name and value of each dimension.
    pub dimensions: Vec<(String, String)>,
}

/// The data of one run: `Up` for each target that was asked, `OpenCritical`, `OpenHigh` and `Unknown` of the environment,
/// and with `detailed` the `LatencyMs` of each target that answered. `standing`: what is open beside the run's own
/// findings ([`crate::head::standing`]); an alarm would else clear with the next run of the suite that does not ask.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn data(run: &Run, standing: &Counts, detailed: bool) -> Vec<Datum> {
    let environment = ("Environment".to_owned(), run.environment.clone());
    let mut data = Vec::new();
    for target in &run.targets {
        let dimensions = vec![environment.clone(), ("Target".to_owned(), target.target.clone())];
        let Some(up) = up(target) else { continue };
        let value = if up { 1.0 } else { 0.0 };
        data.push(Datum { name: "Up", value, unit: Unit::Count, dimensions: dimensions.clone() });
        if detailed && up {
            let value = target.rungs.iter().map(|rung| u64::from(rung.ms)).sum::<u64>() as f64;
            data.push(Datum { name: "LatencyMs", value, unit: Unit::Milliseconds, dimensions });
        }
    }
    let open = run.open_by_severity();
    let open = |severity| [&open, standing].iter().filter_map(|of| of.get(&severity)).sum::<u32>().into();
    let unknown = run.findings.iter().filter(|finding| finding.outcome == Outcome::Unknown).count() as f64;
    for (name, value) in
        [("OpenCritical", open(Severity::Critical)), ("OpenHigh", open(Severity::High)), ("Unknown", unknown)]
    {
        data.push(Datum { name, value, unit: Unit::Count, dimensions: vec![environment.clone()] });
        if name != "Unknown" {
            // Also without the environment: an alarm cannot search.
            data.push(Datum { name, value, unit: Unit::Count, dimensions: Vec::new() });
        }
    }
    data
}

/// Environments that a scheduled time makes due. Where none is, `EnvironmentsDone` says so too: an installation that has
/// nothing to do yet is not one that has stopped.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn due(suite: Suite, environments: usize) -> Vec<Datum> {
    let mut data = vec![of_suite("EnvironmentsDue", suite, environments as f64)];
    if environments == 0 {
        data.push(of_suite("EnvironmentsDone", suite, 0.0));
    }
    data
}

/// A message that was too late to be audited.
#[must_use]
pub fn missed(suite: Suite) -> Datum {
    of_suite("EnvironmentsMissed", suite, 1.0)
}

/// Environments whose head has not moved for longer than the connections suite allows.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn stale(environments: usize) -> Datum {
    Datum { name: "EnvironmentsStale", value: environments as f64, unit: Unit::Count, dimensions: Vec::new() }
}

/// Mails that went out. 0: there is nobody to mail, which is not the same as none that could be sent.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn sent(mails: usize) -> Datum {
    Datum { name: "ReportsSent", value: mails as f64, unit: Unit::Count, dimensions: Vec::new() }
}

/// One environment was audited to the end: sent after its head has moved. An alarm that treats missing data as breaching
/// notices when Vigie itself stops.
#[must_use]
pub fn heartbeat(suite: Suite) -> Datum {
    of_suite("EnvironmentsDone", suite, 1.0)
}

fn of_suite(name: &'static str, suite: Suite, value: f64) -> Datum {
    Datum { name, value, unit: Unit::Count, dimensions: vec![("Suite".to_owned(), suite.name().to_owned())] }
}

/// Whether the ladder that counts held. `None`: there is no ladder, or it ended for a reason that says nothing of the
/// target, such as the audit's own deadline.
fn up(target: &TargetReport) -> Option<bool> {
    let failed = target.rungs.iter().find_map(|rung| rung.cause);
    match failed {
        _ if target.rungs.is_empty() => None,
        None => Some(true),
        Some(Cause::Deadline | Cause::NotAsked | Cause::Throttled | Cause::NoPublicRoute) => None,
        Some(_) => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Class, Kind};
    use crate::facts::{Facts, Rung};
    use crate::healthy;
    use crate::judge::judge;
    use crate::run::RungReport;

    fn of<'a>(data: &'a [Datum], name: &str, target: &str) -> Option<&'a Datum> {
        data.iter().find(|d| d.name == name && d.dimensions.iter().any(|(_, value)| value == target))
    }

    fn target(name: &str, cause: Option<Cause>) -> TargetReport {
        TargetReport {
            target: name.to_owned(),
            kind: Kind::Sqs,
            verdict: crate::run::Verdict::Green,
            optional: false,
            attempts: 1,
            rungs: vec![
                RungReport { rung: Rung::Connect, ms: 4, cause: None, code: None },
                RungReport { rung: Rung::Query, ms: 7, cause, code: None },
            ],
        }
    }

    /// Every target that the default contract can give, twice HTTPS.
    fn full() -> Run {
        let mut run = judge(&healthy::snapshot(Class::Production));
        run.targets = Kind::ALL.iter().map(|kind| target(kind.name(), None)).collect();
        run.targets.push(target("https:cdn", None));
        run
    }

    #[test]
    fn one_environment_costs_under_twenty_custom_metrics() {
        let run = full();
        let mut all = data(&run, &Counts::new(), false);
        // What has no environment is the installation's, whatever the number of environments.
        all.retain(|datum| !datum.dimensions.is_empty());
        assert!(all.len() < 20, "{} metrics", all.len());
        assert_eq!(
            data(&run, &Counts::new(), true).iter().filter(|d| d.name == "LatencyMs").count(),
            run.targets.len()
        );
    }

    #[test]
    fn up_is_one_zero_or_nothing() {
        let mut run = full();
        run.targets = vec![
            target("held", None),
            target("fell", Some(Cause::Refused)),
            target("late", Some(Cause::Deadline)),
            TargetReport { rungs: Vec::new(), ..target("variables", None) },
        ];
        let data = data(&run, &Counts::new(), true);
        assert_eq!(of(&data, "Up", "held").map(|d| d.value), Some(1.0));
        assert_eq!(of(&data, "LatencyMs", "held").map(|d| d.value), Some(11.0));
        assert_eq!(of(&data, "Up", "fell").map(|d| d.value), Some(0.0));
        assert_eq!(of(&data, "LatencyMs", "fell"), None);
        assert_eq!(of(&data, "Up", "late"), None);
        assert_eq!(of(&data, "Up", "variables"), None);
    }

    #[test]
    fn counts_are_the_runs() {
        let healthy = judge(&healthy::snapshot(Class::Production));
        let value = |run: &Run, name| data(run, &Counts::new(), false).iter().find(|d| d.name == name).map(|d| d.value);
        assert_eq!(value(&healthy, "OpenCritical"), Some(0.0));
        let mut broken = healthy::snapshot(Class::Production);
        let Facts { cloudwatch, sqs, variables, .. } = broken.facts;
        broken.facts = Facts { cloudwatch, sqs, variables, ..Facts::default() };
        if let Some(queue) = broken.facts.sqs.as_mut().and_then(|sqs| sqs.queues.get_mut("jobs")) {
            queue.foreign = crate::facts::Fact::Known(true);
            queue.oldest = crate::facts::Fact::gap(Cause::Throttled, crate::facts::Identity::Auditor);
        }
        let run = judge(&broken);
        assert_eq!(value(&run, "OpenHigh"), Some(1.0 + value(&healthy, "OpenHigh").unwrap_or_default()));
        assert!(value(&run, "Unknown") >= Some(1.0));
        let note = |target: &str| crate::run::MaintenanceNote {
            targets: vec![target.to_owned()],
            owner: "ana".to_owned(),
            reason: "upgrade".to_owned(),
            until: run.started_at,
        };
        for (target, counted) in [("postgres", 1.0), ("sqs", 0.0)] {
            let run = Run { maintenance: vec![note(target)], ..run.clone() };
            assert_eq!(value(&run, "OpenHigh"), Some(counted), "maintenance of {target}");
        }
    }

    #[test]
    fn what_the_other_suite_found_stays_open() {
        let run = full();
        let of = |standing: &Counts| of(&data(&run, standing, false), "OpenHigh", &run.environment).map(|d| d.value);
        let (own, both) = (of(&Counts::new()), of(&[(Severity::High, 2)].into()));
        assert_eq!(both, own.map(|own| own + 2.0));
    }

    #[test]
    fn no_dimension_names_a_subject() {
        for datum in data(&full(), &Counts::new(), true) {
            for (name, _) in datum.dimensions {
                assert!(["Environment", "Target"].contains(&name.as_str()), "{name}");
            }
        }
    }
}
