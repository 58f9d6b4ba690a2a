//! The edges of the checks of SQS, EventBridge, CloudWatch, RDS and of Vigie itself.
#![allow(clippy::expect_used, clippy::panic)] // a helper of a test may fail it

use jiff::SignedDuration;
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Severity};
use vigie_core::checks::sqs::remember;
use vigie_core::facts::aws::{Alarm, Bus, Database, Queue, Redrive, Rule, Watched};
use vigie_core::facts::{Fact, Gap, Identity, Rung, variables::Variable};
use vigie_core::healthy::{self, fallen, snapshot};
use vigie_core::judge::judge;
use vigie_core::question::Question;
use vigie_core::run::{Finding, Outcome};
use vigie_core::snapshot::{Memory, Snapshot};

fn healthy() -> Snapshot {
    let mut snapshot = snapshot(Class::Production);
    snapshot.environment.contract.alarms = ["sqs", "ses", "rds", "events", "lambda"].map(str::to_owned).to_vec();
    snapshot
}

fn queue<'a>(s: &'a mut Snapshot, name: &str) -> &'a mut Queue {
    s.facts.sqs.as_mut().and_then(|sqs| sqs.queues.get_mut(name)).expect("a queue of the healthy snapshot")
}

fn attributes<'a>(s: &'a mut Snapshot, name: &str) -> &'a mut vigie_core::facts::aws::QueueAttributes {
    match &mut queue(s, name).attributes {
        Fact::Known(attributes) => attributes,
        Fact::Gap(gap) => panic!("{gap:?}"),
    }
}

fn bus(s: &mut Snapshot) -> &mut Bus {
    s.facts.eventbridge.as_mut().and_then(|events| events.buses.get_mut("shop")).expect("the healthy bus")
}

fn rule<'a>(s: &'a mut Snapshot, name: &str) -> &'a mut Rule {
    match &mut bus(s).rules {
        Fact::Known(rules) => rules.get_mut(name).expect("a healthy rule"),
        Fact::Gap(gap) => panic!("{gap:?}"),
    }
}

fn alarms(s: &mut Snapshot) -> &mut vigie_core::Named<Alarm> {
    match s.facts.cloudwatch.as_mut().map(|c| &mut c.alarms) {
        Some(Fact::Known(alarms)) => alarms,
        other => panic!("{other:?}"),
    }
}

fn database(s: &mut Snapshot) -> &mut Database {
    match s.facts.rds.as_mut().map(|rds| &mut rds.databases) {
        Some(Fact::Known(all)) => match all.get_mut("shop-db") {
            Some(Fact::Known(database)) => database,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn findings(s: &Snapshot, check: &str) -> Vec<Finding> {
    judge(s).findings.into_iter().filter(|f| f.check == check).collect()
}

/// `subject:fault` of what fails, `subject?cause` of what is unknown; nothing of what passes.
fn said(s: &Snapshot, check: &str) -> Vec<String> {
    findings(s, check)
        .iter()
        .filter_map(|f| match f.outcome {
            Outcome::Fail => Some(format!("{}:{}", f.subject, f.fault.as_deref().unwrap_or_default())),
            Outcome::Unknown => Some(format!("{}?{}", f.subject, f.cause.map(Cause::code).unwrap_or_default())),
            Outcome::Pass | Outcome::NotApplicable => None,
        })
        .collect()
}

/// What a check says of the healthy snapshot after one change.
fn after(check: &str, change: impl FnOnce(&mut Snapshot)) -> Vec<String> {
    let mut s = healthy();
    change(&mut s);
    said(&s, check)
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_queue_that_does_not_answer_fails_unless_the_reason_is_vigies() {
    let gap = |cause, who| {
        after("SQS-UNREACHABLE", |s| {
            queue(s, "jobs").attributes = Fact::Gap(Gap::new(cause, who));
        })
    };
    for cause in [Cause::NotFound, Cause::Malformed, Cause::Refused, Cause::Timeout, Cause::Denied, Cause::Signature] {
        assert_eq!(gap(cause, Identity::App), ["jobs:down"], "{cause}");
    }
    assert_eq!(gap(Cause::NotFound, Identity::Auditor), ["jobs:down"]);
    assert_eq!(gap(Cause::Denied, Identity::Auditor), ["jobs?denied"]);
    assert_eq!(gap(Cause::Deadline, Identity::App), ["jobs?deadline"]);
    assert_eq!(gap(Cause::Throttled, Identity::App), ["jobs?throttled"]);
}

#[test]
fn a_queue_that_lies_elsewhere_is_said_to() {
    let with = |cause| {
        after("SQS-UNREACHABLE", |s| {
            let queue = queue(s, "jobs");
            (queue.foreign, queue.attributes) = (Fact::Known(true), Fact::gap(cause, Identity::App));
        })
    };
    assert_eq!(with(Cause::NotFound), ["jobs:foreign"]);
    assert_eq!(with(Cause::Denied), ["jobs:foreign"]);
    assert_eq!(with(Cause::Timeout), ["jobs:down"]);
}

#[test]
fn a_queue_in_an_unknown_account_is_not_passed() {
    let unknown = after("SQS-UNREACHABLE", |s| queue(s, "jobs").foreign = Fact::gap(Cause::Timeout, Identity::App));
    assert_eq!(unknown, ["jobs?timeout"]);
}

#[test]
fn a_queue_without_variable_is_only_a_dead_letter_queue() {
    let mut s = healthy();
    queue(&mut s, "mails-dlq").attributes = Fact::gap(Cause::Denied, Identity::Auditor);
    assert_eq!(said(&s, "SQS-UNREACHABLE"), NOTHING);
    assert_eq!(said(&s, "SQS-DLQ-NONE"), NOTHING);
    assert_eq!(said(&s, "SQS-DLQ-NOT-EMPTY"), ["mails-dlq?denied"]);
}

#[test]
fn a_dead_letter_queue_needs_none_itself() {
    assert_eq!(after("SQS-DLQ-NONE", |s| attributes(s, "jobs-dlq").redrive = None), NOTHING);
    let missing = after("SQS-DLQ-NONE", |s| {
        attributes(s, "jobs").redrive = Some(Redrive {
            target_arn: "arn:aws:sqs:eu-west-3:111122223333:gone".into(),
            max_receive_count: 3,
            target_exists: Fact::Known(false),
        });
    });
    assert_eq!(missing, ["jobs:missing"]);
}

#[test]
fn growth_needs_memory_and_raises_the_severity() {
    let fill = |s: &mut Snapshot, before: Option<u64>| {
        attributes(s, "jobs-dlq").in_flight = 2;
        let mut memory = Memory::default();
        if let Some(before) = before {
            memory.counters.insert("dlq/jobs-dlq".into(), before);
        }
        s.memory = Fact::Known(memory);
    };
    for (before, fault, severity) in [
        (None, "jobs-dlq:waiting", Severity::High),
        (Some(2), "jobs-dlq:waiting", Severity::High),
        (Some(5), "jobs-dlq:waiting", Severity::High),
        (Some(1), "jobs-dlq:growing", Severity::Critical),
    ] {
        let mut s = healthy();
        fill(&mut s, before);
        assert_eq!(said(&s, "SQS-DLQ-NOT-EMPTY"), [fault], "{before:?}");
        let of = findings(&s, "SQS-DLQ-NOT-EMPTY").into_iter().find(|f| f.outcome == Outcome::Fail);
        assert_eq!(of.map(|f| f.severity), Some(severity));
    }
    let unread = after("SQS-DLQ-NOT-EMPTY", |s| {
        fill(s, Some(1));
        s.memory = Fact::gap(Cause::Denied, Identity::Auditor);
    });
    assert_eq!(unread, ["jobs-dlq:waiting"]);
}

#[test]
fn memory_keeps_what_did_not_answer_and_forgets_what_is_gone() {
    let mut s = healthy();
    attributes(&mut s, "jobs-dlq").visible = 7;
    queue(&mut s, "mails-dlq").attributes = Fact::gap(Cause::Timeout, Identity::App);
    let mut memory = Memory::default();
    for (key, count) in [("dlq/mails-dlq", 4), ("dlq/gone", 9), ("other", 1)] {
        memory.counters.insert(key.into(), count);
    }
    remember(&s.facts, &mut memory);
    let expected = [("dlq/jobs-dlq", 7), ("dlq/mails-dlq", 4), ("other", 1)];
    assert_eq!(memory.counters, expected.map(|(key, count)| (key.to_owned(), count)).into());
}

#[test]
fn the_oldest_message_is_judged_by_seconds_and_by_retention() {
    let age = |seconds: Option<u64>, retention| {
        after("SQS-OLDEST-AGE", |s| {
            queue(s, "jobs").oldest = Fact::Known(seconds);
            attributes(s, "jobs").retention = retention;
        })
    };
    assert_eq!(age(None, 345_600), NOTHING);
    assert_eq!(age(Some(299), 345_600), NOTHING);
    assert_eq!(age(Some(300), 345_600), ["jobs:slow"]);
    assert_eq!(age(Some(899), 345_600), ["jobs:slow"]);
    assert_eq!(age(Some(900), 345_600), ["jobs:old"]);
    assert_eq!(age(Some(249), 1_000), NOTHING);
    assert_eq!(age(Some(250), 1_000), ["jobs:expiring"]);
    let dead = after("SQS-OLDEST-AGE", |s| queue(s, "jobs-dlq").oldest = Fact::Known(Some(99_999)));
    assert_eq!(dead, NOTHING);
    let own = after("SQS-OLDEST-AGE", |s| {
        queue(s, "jobs").oldest = Fact::Known(Some(899));
        s.environment.limits.insert("SQS-OLDEST-AGE.slow".into(), 3600.0);
    });
    assert_eq!(own, NOTHING);
}

#[test]
fn a_bus_is_missing_unreachable_or_unknown() {
    let missing = after("EB-BUS-MISSING", |s| bus(s).exists = Fact::Known(false));
    assert_eq!(missing, ["shop:missing"]);
    let denied = after("EB-BUS-MISSING", |s| bus(s).exists = Fact::gap(Cause::Denied, Identity::Auditor));
    assert_eq!(denied, ["shop?denied"]);
    let fell = |rung, cause| {
        after("EB-BUS-MISSING", move |s| {
            bus(s).exists = Fact::gap(cause, Identity::Auditor);
            if let Some(events) = &mut s.facts.eventbridge {
                events.ladder = fallen(rung, cause);
            }
        })
    };
    assert_eq!(fell(Rung::Resolve, Cause::Dns), ["shop:unreachable"]);
    assert_eq!(fell(Rung::Connect, Cause::Deadline), ["shop?deadline"]);
    assert_eq!(fell(Rung::Authenticate, Cause::ExpiredToken), ["shop?expired-token"]);
}

#[test]
fn a_rule_may_rest_only_by_contract() {
    assert_eq!(after("EB-RULE-INERT", |s| rule(s, "user-left").enabled = false), ["shop/user-left:disabled"]);
    let idle = after("EB-RULE-INERT", |s| {
        s.environment.contract.idle_rules = vec!["user-left".into()];
        let rule = rule(s, "user-left");
        (rule.enabled, rule.targets) = (false, Fact::Known(0));
    });
    assert_eq!(idle, NOTHING);
    let inert = after("EB-RULE-INERT", |s| rule(s, "order-paid").targets = Fact::Known(0));
    assert_eq!(inert, ["shop/order-paid:no-target"]);
    let managed = after("EB-RULE-INERT", |s| rule(s, "order-paid").managed = true);
    assert_eq!(managed, NOTHING);
}

#[test]
fn what_is_there_needs_its_alarms() {
    let without = |alarm: &str| after("CW-COVERAGE-GAP", |s| drop(alarms(s).remove(alarm)));
    assert_eq!(without("jobs-oldest"), ["sqs/jobs/ApproximateAgeOfOldestMessage:missing"]);
    assert_eq!(without("mails-dlq-depth"), ["sqs/mails-dlq/ApproximateNumberOfMessagesVisible:missing"]);
    assert_eq!(without("db-storage"), ["rds/shop-db/FreeStorageSpace:missing"]);
    assert_eq!(without("bus-failed"), ["events/shop/FailedInvocations:missing"]);
    let cluster = after("CW-COVERAGE-GAP", |s| {
        alarms(s).remove("db-storage");
        database(s).cluster = true;
    });
    assert_eq!(cluster, NOTHING, "a cluster's storage grows by itself");
    let gone = after("CW-COVERAGE-GAP", |s| {
        alarms(s).remove("jobs-oldest");
        queue(s, "jobs").attributes = Fact::gap(Cause::NotFound, Identity::App);
    });
    assert_eq!(gone, NOTHING, "a queue that is not there needs no alarm");
    let elsewhere = after("CW-COVERAGE-GAP", |s| {
        alarms(s).remove("jobs-oldest");
        s.environment.contract.alarms.retain(|kind| kind != "sqs");
    });
    assert_eq!(elsewhere, NOTHING, "the contract does not ask for it");
}

#[test]
fn an_alarm_on_all_resources_covers_only_where_such_a_metric_exists() {
    let all = |metric: &str| {
        after("CW-COVERAGE-GAP", |s| {
            for alarm in alarms(s).values_mut() {
                for watched in alarm.watches.iter_mut().filter(|w| w.metric == metric) {
                    watched.dimensions = Vec::new();
                }
            }
        })
    };
    assert_eq!(all("CPUUtilization"), NOTHING);
    assert_eq!(all("FailedInvocations"), ["events/shop/FailedInvocations:missing"]);
}

#[test]
fn metric_math_covers_each_of_its_metrics() {
    let math = after("CW-COVERAGE-GAP", |s| {
        let first = alarms(s).remove("jobs-oldest").expect("healthy");
        let second = alarms(s).remove("mails-oldest").expect("healthy");
        let watches: Vec<Watched> = first.watches.iter().chain(&second.watches).cloned().collect();
        alarms(s).insert("oldest-of-both".into(), Alarm { watches, ..first });
    });
    assert_eq!(math, NOTHING);
}

#[test]
fn a_function_needs_an_alarm_when_the_variables_come_from_it() {
    let from = |source: &str| {
        after("CW-COVERAGE-GAP", |s| {
            let variable = Variable { source: source.to_owned(), ..Variable::default() };
            s.facts.variables.known.insert("A".into(), variable);
        })
    };
    assert_eq!(from("lambda:shop-web:live"), ["lambda/shop-web/Errors:missing"]);
    assert_eq!(from("lambda:arn:aws:lambda:eu-west-3:111122223333:function:shop-worker:3"), NOTHING);
}

#[test]
fn no_alarm_at_all_is_one_finding() {
    let mut s = healthy();
    alarms(&mut s).clear();
    assert_eq!(said(&s, "CW-COVERAGE-GAP"), ["cloudwatch:none"]);
    let of = |s: &Snapshot| findings(s, "CW-COVERAGE-GAP").first().map(|f| f.severity);
    assert_eq!(of(&s), Some(Severity::Critical));
    s.environment.class = Class::Staging;
    assert_eq!(of(&s), Some(Severity::Low));
    s.environment.contract.alarms.clear();
    assert_eq!(findings(&s, "CW-COVERAGE-GAP").first().map(|f| f.outcome), Some(Outcome::NotApplicable));
}

#[test]
fn unknown_databases_leave_the_other_pairs_judged() {
    let unknown = after("CW-COVERAGE-GAP", |s| {
        healthy::refuse(s, Question::DatabaseInstances);
        alarms(s).remove("jobs-oldest");
    });
    assert_eq!(unknown, ["sqs/jobs/ApproximateAgeOfOldestMessage:missing", "rds?denied"]);
}

#[test]
fn an_alarm_is_fresh_for_ten_minutes() {
    let for_seconds = |seconds| {
        let mut s = healthy();
        let since = s.now - SignedDuration::from_secs(seconds);
        let alarm = alarms(&mut s).get_mut("db-cpu").expect("healthy");
        (alarm.state, alarm.since) = (vigie_core::facts::aws::AlarmState::Alarm, Some(since));
        let found = findings(&s, "CW-ALARM-FIRING").into_iter().find(|f| f.outcome == Outcome::Fail).expect("fails");
        (found.fault.expect("a fault"), found.severity)
    };
    assert_eq!(for_seconds(-5), ("fresh".into(), Severity::Medium), "the clocks differ");
    assert_eq!(for_seconds(599), ("fresh".into(), Severity::Medium));
    assert_eq!(for_seconds(600), ("firing".into(), Severity::High));
}

#[test]
fn an_alarm_must_be_heard_unless_another_speaks_for_it() {
    assert_eq!(
        after("CW-ALARM-MUTE", |s| alarms(s).get_mut("db-cpu").expect("healthy").actions = 0),
        ["db-cpu:no-action"]
    );
    assert_eq!(
        after("CW-ALARM-MUTE", |s| alarms(s).get_mut("db-cpu").expect("healthy").actions_enabled = false),
        ["db-cpu:off"]
    );
    let child =
        after("CW-ALARM-MUTE", |s| alarms(s).get_mut("worker-errors").expect("healthy").actions_enabled = false);
    assert_eq!(child, NOTHING);
}

#[test]
fn backups_are_off_short_lagging_or_unknown() {
    let with = |days, minutes: Option<i64>| {
        after("RDS-BACKUP-WEAK", |s| {
            let latest = minutes.map(|minutes| s.now - SignedDuration::from_mins(minutes));
            let database = database(s);
            (database.backup_retention, database.latest_restorable) = (days, latest);
        })
    };
    assert_eq!(with(7, Some(29)), NOTHING);
    assert_eq!(with(7, Some(30)), ["shop-db:lagging"]);
    assert_eq!(with(6, Some(29)), ["shop-db:short"]);
    assert_eq!(with(6, Some(31)), ["shop-db:lagging"]);
    assert_eq!(with(6, None), ["shop-db:short"]);
    assert_eq!(with(7, None), ["shop-db?no-data"]);
    assert_eq!(with(0, Some(1)), ["shop-db:off"]);
    let replica = after("RDS-BACKUP-WEAK", |s| {
        let database = database(s);
        (database.replica, database.backup_retention) = (true, 0);
    });
    assert_eq!(replica, NOTHING);
}

#[test]
fn vigie_says_what_it_may_not_see() {
    assert_eq!(said(&healthy(), "SELF-BLIND"), NOTHING);
    let timeout = after("SELF-BLIND", |s| queue(s, "jobs").attributes = Fact::gap(Cause::Timeout, Identity::App));
    assert_eq!(timeout, NOTHING, "not for lack of a permission");
    let mut s = healthy();
    healthy::refuse(&mut s, Question::RuleTargets);
    assert_eq!(said(&s, "SELF-BLIND"), ["vigie:some"]);
    let finding = findings(&s, "SELF-BLIND").remove(0);
    assert_eq!(finding.severity, Severity::Low);
    let actions = finding.evidence.get("actions").map(|v| v.render(vigie_core::text::Language::En));
    assert_eq!(actions.as_deref(), Some("events:ListTargetsByRule"));
    let mut s = healthy();
    for question in [Question::QueueAttributes, Question::QueueOldest, Question::Alarms, Question::BusRules] {
        healthy::refuse(&mut s, question);
    }
    for question in [Question::DatabaseInstances, Question::Bus, Question::QueueDeadLetter] {
        healthy::refuse(&mut s, question);
    }
    s.facts.variables = vigie_core::facts::variables::Variables::default();
    let many = findings(&s, "SELF-BLIND").remove(0);
    assert_eq!((many.fault.as_deref(), many.severity), (Some("many"), Severity::Medium));
}
