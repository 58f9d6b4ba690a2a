//! Which alarms an app needs follows from what it has: a pair of resource and metric each.

use crate::cause::Cause;
use crate::check::{Check, Cx, Fault, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::checks::eventbridge::short;
use crate::evidence::Value;
use crate::facts::aws::{Alarm, Database, Queue};
use crate::facts::{Fact, Facts, Gap};
use crate::question::Question;
use crate::text::text;

pub(super) const COVERAGE_GAP: Check = Check {
    id: "CW-COVERAGE-GAP",
    kind: Kind::CloudWatch,
    suite: Suite::Full,
    severity: per(Severity::Low, Severity::High),
    title: text("Critical resources have no alarm", "Des ressources critiques n'ont pas d'alarme"),
    remedy: text(
        "Create the missing alarms, best from one template for all environments.",
        "Créez les alarmes manquantes, de préférence depuis un seul modèle pour tous les environnements.",
    ),
    reads: &[Question::Alarms, Question::DatabaseInstances],
    faults: &[
        Fault {
            code: "missing",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "No alarm watches {metric} of {resource}.",
                "Aucune alarme ne surveille {metric} de {resource}.",
            ),
            broken: |s| {
                if let Some(Fact::Known(alarms)) = s.facts.cloudwatch.as_mut().map(|c| &mut c.alarms) {
                    alarms.retain(|_, alarm| alarm.watches.iter().all(|w| w.metric != "ApproximateAgeOfOldestMessage"));
                }
            },
        },
        Fault {
            code: "none",
            level: Level::Per(per(Severity::Low, Severity::Critical)),
            limit: Limit::None,
            says: text(
                "The app has no alarm at all. It needs at least: {missing}.",
                "L'application n'a aucune alarme. Il lui faut au moins : {missing}.",
            ),
            broken: |s| {
                if let Some(cloudwatch) = &mut s.facts.cloudwatch {
                    cloudwatch.alarms = Fact::Known(crate::Named::new());
                }
            },
        },
    ],
    judge: |cx, say| {
        let Some(cloudwatch) = &cx.facts.cloudwatch else { return };
        let (needs, gap) = needs(cx);
        if needs.is_empty() && gap.is_none() {
            return;
        }
        let alarms = match cloudwatch.alarms.get() {
            Err(gap) => return say.one(Err(gap)),
            Ok(alarms) => alarms,
        };
        if alarms.is_empty() {
            let missing = Value::names(needs.iter().map(Need::name));
            return say.one(Ok(Some(fault("none").with("missing", missing))));
        }
        say.one(Ok(None));
        for need in &needs {
            let covered = alarms.values().any(|alarm| need.covered_by(alarm));
            let because = || {
                fault("missing")
                    .with("metric", Value::name(format!("{} {}", need.namespace, need.metric)))
                    .with("resource", Value::name(&need.resource))
            };
            say.subject(&need.name(), Ok((!covered).then(because)));
        }
        // Which databases there are is not known, so neither is whether each has its alarms.
        if let Some(gap) = gap {
            say.subject("rds", Err(gap));
        }
    },
};

/// A metric of a resource that somebody must hear of.
struct Need {
    kind: &'static str,
    resource: String,
    namespace: &'static str,
    metric: &'static str,
    /// Dimension values, any of which is the resource. Empty: the metric has none, it is the account's.
    dimensions: Vec<String>,
}

impl Need {
    /// The subject: `sqs/jobs/ApproximateAgeOfOldestMessage`.
    fn name(&self) -> String {
        format!("{}/{}/{}", self.kind, self.resource, self.metric)
    }

    /// RDS and Lambda publish the metric without a dimension too, for all resources at once, and SES only so; an alarm
    /// on such a metric of SQS or EventBridge never sees a value.
    fn covered_by(&self, alarm: &Alarm) -> bool {
        let of_all = matches!(self.namespace, "AWS/RDS" | "AWS/Lambda" | "AWS/SES");
        alarm.watches.iter().any(|watched| {
            let ours = match watched.dimensions.as_slice() {
                [] => of_all,
                values => values.iter().any(|value| self.dimensions.contains(value)),
            };
            ours && watched.namespace == self.namespace && watched.metric == self.metric
        })
    }
}

/// What the app's resources need, and the gap when its databases are not known.
fn needs(cx: &Cx<'_>) -> (Vec<Need>, Option<Gap>) {
    let wanted = |kind: &str| cx.contract().alarms.iter().any(|alarm| alarm == kind);
    let mut needs = Vec::new();
    let mut gap = None;
    if wanted("sqs") {
        needs.extend(queues(cx.facts));
    }
    if wanted("ses") && cx.facts.ses.is_some() {
        for metric in ["Reputation.BounceRate", "Reputation.ComplaintRate"] {
            needs.push(need("ses", "account", "AWS/SES", metric, Vec::new()));
        }
    }
    if wanted("rds")
        && let Some(rds) = &cx.facts.rds
    {
        match rds.databases.get() {
            // A database that is not there needs no alarm: RDS-BACKUP-WEAK says what it needs.
            Ok(all) => needs.extend(
                all.iter()
                    .filter_map(|(name, database)| Some((name, database.get().ok()?)))
                    .flat_map(|(name, database)| of_database(name, database)),
            ),
            Err(missing) => gap = Some(missing),
        }
    }
    if wanted("events")
        && let Some(events) = &cx.facts.eventbridge
    {
        needs.extend(events.buses.keys().map(|bus| of_bus(short(bus), events.buses[bus].rules.get().ok())));
    }
    if wanted("lambda") {
        needs.extend(functions(cx.facts));
    }
    (needs, gap)
}

fn need(kind: &'static str, resource: &str, namespace: &'static str, metric: &'static str, of: Vec<String>) -> Need {
    Need { kind, resource: resource.to_owned(), namespace, metric, dimensions: of }
}

/// A queue that is not there needs no alarm: SQS-UNREACHABLE says what it needs.
fn queues(facts: &Facts) -> impl Iterator<Item = Need> {
    let absent = |queue: &Queue| {
        queue.attributes.get().is_err_and(|gap| matches!(gap.cause, Cause::NotFound | Cause::Malformed))
    };
    facts.sqs.iter().flat_map(|sqs| &sqs.queues).filter(move |(_, queue)| !absent(queue)).map(|(name, queue)| {
        let metric =
            if queue.dead_letter { "ApproximateNumberOfMessagesVisible" } else { "ApproximateAgeOfOldestMessage" };
        need("sqs", name, "AWS/SQS", metric, vec![name.clone()])
    })
}

/// Aurora's storage grows by itself: FreeStorageSpace is an instance's.
fn of_database(name: &str, database: &Database) -> Vec<Need> {
    let mut of = database.members.clone();
    of.push(name.to_owned());
    let metrics: &[&str] = if database.cluster {
        &["CPUUtilization", "DatabaseConnections"]
    } else {
        &["CPUUtilization", "DatabaseConnections", "FreeStorageSpace"]
    };
    metrics.iter().map(|metric| need("rds", name, "AWS/RDS", metric, of.clone())).collect()
}

/// The metric has the dimension RuleName, and EventBusName beside it on a bus that is not the default one.
fn of_bus(bus: &str, rules: Option<&crate::Named<crate::facts::aws::Rule>>) -> Need {
    let mut of = vec![bus.to_owned()];
    if bus == "default" {
        of.extend(rules.into_iter().flat_map(|rules| rules.keys().cloned()));
    }
    need("events", bus, "AWS/Events", "FailedInvocations", of)
}

/// The functions whose environment the variables came from. Without variables the checks of variables say so.
fn functions(facts: &Facts) -> impl Iterator<Item = Need> {
    let mut names: Vec<&str> =
        facts.variables.known.values().filter_map(|variable| variable.source.strip_prefix("lambda:")).collect();
    names.sort_unstable();
    names.dedup();
    // `NAME`, `NAME:ALIAS` or an ARN with or without an alias.
    let plain = |name: &str| match name.split_once(":function:") {
        Some((_, rest)) => rest.split(':').next().unwrap_or(rest).to_owned(),
        None => name.split(':').next().unwrap_or(name).to_owned(),
    };
    let names: Vec<String> = names.into_iter().map(plain).collect();
    names.into_iter().map(|name| need("lambda", &name, "AWS/Lambda", "Errors", vec![name.clone()]))
}
