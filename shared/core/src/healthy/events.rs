//! The healthy part of SQS, EventBridge, CloudWatch and RDS.

use super::{NOW, climbed};
use crate::facts::aws::{
    Alarm, AlarmState, Bus, CloudWatch, Database, EventBridge, Queue, QueueAttributes, Rds, Redrive, Rule, Sqs, Watched,
};
use crate::facts::{Fact, Facts, Gap, Ladder, Rung};
use crate::question::Question;
use jiff::SignedDuration;

pub fn fill(facts: &mut Facts) {
    facts.sqs = Some(sqs());
    facts.eventbridge = Some(eventbridge());
    facts.cloudwatch = Some(cloudwatch());
    facts.rds = Some(rds());
}

pub fn refuse(facts: &mut Facts, question: Question, gap: &Gap) {
    match question {
        Question::QueueAttributes => on_queues(facts, |queue| {
            if !queue.variable.is_empty() {
                queue.attributes = Fact::Gap(gap.clone());
            }
        }),
        Question::QueueDeadLetter => on_queues(facts, |queue| match &mut queue.attributes {
            attributes if queue.variable.is_empty() => *attributes = Fact::Gap(gap.clone()),
            Fact::Known(QueueAttributes { redrive: Some(redrive), .. }) => {
                redrive.target_exists = Fact::Gap(gap.clone());
            }
            _ => {}
        }),
        Question::QueueOldest => on_queues(facts, |queue| queue.oldest = Fact::Gap(gap.clone())),
        Question::Bus => on_buses(facts, |bus| bus.exists = Fact::Gap(gap.clone())),
        Question::BusRules => on_buses(facts, |bus| bus.rules = Fact::Gap(gap.clone())),
        Question::RuleTargets => on_buses(facts, |bus| {
            if let Fact::Known(rules) = &mut bus.rules {
                rules.values_mut().for_each(|rule| rule.targets = Fact::Gap(gap.clone()));
            }
        }),
        Question::Alarms => {
            if let Some(cloudwatch) = &mut facts.cloudwatch {
                cloudwatch.alarms = Fact::Gap(gap.clone());
            }
        }
        Question::DatabaseInstances => {
            if let Some(rds) = &mut facts.rds {
                rds.databases = Fact::Gap(gap.clone());
            }
        }
        _ => {}
    }
}

pub fn remember(memory: &mut crate::snapshot::Memory) {
    memory.counters.insert("dlq/jobs-dlq".to_owned(), 0);
    memory.counters.insert("dlq/mails-dlq".to_owned(), 0);
}

fn on_queues(facts: &mut Facts, change: impl Fn(&mut Queue)) {
    facts.sqs.iter_mut().flat_map(|sqs| sqs.queues.values_mut()).for_each(change);
}

fn on_buses(facts: &mut Facts, change: impl Fn(&mut Bus)) {
    facts.eventbridge.iter_mut().flat_map(|events| events.buses.values_mut()).for_each(change);
}

fn ladder() -> Ladder {
    climbed(&[Rung::Resolve, Rung::Connect, Rung::Tls, Rung::Authenticate, Rung::Query])
}

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:eu-west-3:111122223333:{queue}")
}

fn queue(name: &str, variable: &str, dead_letters_to: Option<&str>) -> Queue {
    Queue {
        variable: variable.to_owned(),
        dead_letter: dead_letters_to.is_none(),
        account: Some("111122223333".to_owned()),
        region: Some("eu-west-3".to_owned()),
        attributes: Fact::Known(QueueAttributes {
            arn: arn(name),
            visible: 0,
            in_flight: 0,
            retention: 345_600,
            visibility_timeout: 60,
            redrive: dead_letters_to.map(|target| Redrive {
                target_arn: arn(target),
                max_receive_count: 5,
                target_exists: Fact::Known(true),
            }),
        }),
        foreign: Fact::Known(false),
        oldest: Fact::Known(dead_letters_to.map(|_| 12)),
    }
}

/// `jobs-dlq` is named by a variable, `mails-dlq` only by a redrive policy.
fn sqs() -> Sqs {
    let queues = [
        ("jobs", "JOBS_QUEUE_URL", Some("jobs-dlq")),
        ("jobs-dlq", "JOBS_DLQ_URL", None),
        ("mails", "MAILS_QUEUE_URL", Some("mails-dlq")),
        ("mails-dlq", "", None),
    ];
    Sqs {
        ladder: ladder(),
        queues: queues.map(|(name, variable, to)| (name.to_owned(), queue(name, variable, to))).into(),
    }
}

fn eventbridge() -> EventBridge {
    let rule = |enabled, managed, targets| Rule { enabled, managed, targets: Fact::Known(targets) };
    let rules = [
        ("order-paid".to_owned(), rule(true, false, 1)),
        ("user-left".to_owned(), rule(true, false, 2)),
        // A service's own rule is none of the app's business.
        ("StepFunctionsGetEventsForECSTaskRule".to_owned(), rule(false, true, 0)),
    ];
    let bus = Bus { exists: Fact::Known(true), rules: Fact::Known(rules.into()) };
    EventBridge { ladder: ladder(), buses: [("shop".to_owned(), bus)].into() }
}

fn cloudwatch() -> CloudWatch {
    let alarm = |namespace: &str, metric: &str, dimensions: &[&str]| Alarm {
        state: AlarmState::Ok,
        since: Some(NOW - SignedDuration::from_hours(30)),
        actions_enabled: true,
        actions: 1,
        child: false,
        watches: vec![Watched {
            namespace: namespace.to_owned(),
            metric: metric.to_owned(),
            dimensions: dimensions.iter().map(|&d| d.to_owned()).collect(),
        }],
    };
    let depth = alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", &["jobs-dlq"]);
    let errors = alarm("AWS/Lambda", "Errors", &["shop-worker"]);
    let alarms = [
        ("jobs-oldest", alarm("AWS/SQS", "ApproximateAgeOfOldestMessage", &["jobs"])),
        ("jobs-dlq-depth", depth),
        ("mails-oldest", alarm("AWS/SQS", "ApproximateAgeOfOldestMessage", &["mails"])),
        ("mails-dlq-depth", alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", &["mails-dlq"])),
        ("ses-bounces", alarm("AWS/SES", "Reputation.BounceRate", &[])),
        ("ses-complaints", alarm("AWS/SES", "Reputation.ComplaintRate", &[])),
        ("db-cpu", alarm("AWS/RDS", "CPUUtilization", &["shop-db"])),
        ("db-connections", alarm("AWS/RDS", "DatabaseConnections", &["shop-db"])),
        ("db-storage", alarm("AWS/RDS", "FreeStorageSpace", &["shop-db"])),
        ("bus-failed", alarm("AWS/Events", "FailedInvocations", &["shop", "order-paid"])),
        ("worker", Alarm { watches: Vec::new(), ..errors.clone() }),
        // Members of the composite alarm `worker`: it speaks for them.
        ("worker-errors", Alarm { child: true, actions: 0, ..errors }),
    ];
    let alarms = alarms.map(|(name, alarm)| (name.to_owned(), alarm));
    CloudWatch { ladder: ladder(), alarms: Fact::Known(alarms.into()) }
}

fn rds() -> Rds {
    let database = Database {
        cluster: false,
        replica: false,
        members: Vec::new(),
        backup_retention: 14,
        latest_restorable: Some(NOW - SignedDuration::from_mins(4)),
    };
    Rds { ladder: ladder(), databases: Fact::Known([("shop-db".to_owned(), Fact::Known(database))].into()) }
}
