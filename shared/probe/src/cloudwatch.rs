//! CloudWatch's alarms, asked as the auditor.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm, Dimension, MetricAlarm, StateValue};
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::evidence::clean;
use vigie_core::facts::aws::{Alarm, AlarmState, CloudWatch, Watched};
use vigie_core::facts::{Fact, Gap, Identity, Ladder};
use vigie_core::targets::AlarmsTarget;

use crate::ask::Ask;
use crate::sdk;
use crate::shared::once;

/// The most alarms that are read; an account with more needs the contract's `alarm_prefix`.
const MOST: usize = 1000;
/// DescribeAlarms' own limit.
const PAGE: i32 = 100;
const ACTION: &str = "cloudwatch:DescribeAlarms";

/// Reads the alarms of the auditor's account and region.
pub async fn observe(ask: &Ask, target: &AlarmsTarget) -> CloudWatch {
    let prefix = target.prefix.as_deref();
    let read = async {
        let client = Client::new(&ask.auditor_at_app());
        let (ladder, alarms) = sdk::climb(ask, Identity::Auditor, || alarms(ask, &client, prefix)).await;
        let whole = alarms.is_ok();
        let read = CloudWatch { ladder, alarms: alarms.into() };
        if whole { Ok(read) } else { Err(read) }
    };
    once(ask, &format!("{ACTION} {}", prefix.unwrap_or_default()), read).await.unwrap_or_else(|read| read)
}

/// What is left of the facts when nothing could be asked.
#[must_use]
pub fn missing(cause: Cause) -> CloudWatch {
    CloudWatch { ladder: Ladder::default(), alarms: Fact::gap(cause, Identity::Auditor) }
}

async fn alarms(ask: &Ask, client: &Client, prefix: Option<&str>) -> Result<Named<Alarm>, Gap> {
    let mut metric: Vec<MetricAlarm> = Vec::new();
    let mut composite: Vec<CompositeAlarm> = Vec::new();
    let mut token = None;
    loop {
        let request = client
            .describe_alarms()
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .set_alarm_name_prefix(prefix.filter(|prefix| !prefix.is_empty()).map(str::to_owned))
            .max_records(PAGE)
            .set_next_token(token);
        let page = sdk::call(ask, ACTION, Identity::Auditor, Box::pin(request.send())).await?;
        metric.extend(page.metric_alarms.unwrap_or_default());
        composite.extend(page.composite_alarms.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
        if metric.len() + composite.len() >= MOST {
            return Err(Gap::new(Cause::TooLarge, Identity::Auditor));
        }
    }
    Ok(named(&metric, &composite))
}

fn named(metric: &[MetricAlarm], composite: &[CompositeAlarm]) -> Named<Alarm> {
    let children: BTreeSet<String> =
        composite.iter().filter_map(CompositeAlarm::alarm_rule).flat_map(children).collect();
    let mut alarms = Named::new();
    for alarm in metric {
        let name = alarm.alarm_name().unwrap_or_default();
        let fact = Alarm {
            state: state(alarm.state_value()),
            since: sdk::timestamp(alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp())),
            actions_enabled: alarm.actions_enabled().unwrap_or(false),
            actions: alarm.alarm_actions().len() as u64,
            child: children.contains(name),
            watches: watches(alarm),
        };
        alarms.insert(clean(name), fact);
    }
    for alarm in composite {
        let name = alarm.alarm_name().unwrap_or_default();
        let fact = Alarm {
            state: state(alarm.state_value()),
            since: sdk::timestamp(alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp())),
            actions_enabled: alarm.actions_enabled().unwrap_or(false),
            actions: alarm.alarm_actions().len() as u64,
            child: children.contains(name),
            watches: Vec::new(),
        };
        alarms.insert(clean(name), fact);
    }
    alarms
}

fn state(state: Option<&StateValue>) -> AlarmState {
    match state {
        Some(StateValue::Alarm) => AlarmState::Alarm,
        Some(StateValue::Ok) => AlarmState::Ok,
        _ => AlarmState::InsufficientData,
    }
}

/// Its own metric, or each that its metric math uses.
fn watches(alarm: &MetricAlarm) -> Vec<Watched> {
    let of = |namespace: Option<&str>, metric: Option<&str>, dimensions: &[Dimension]| {
        Some(Watched {
            namespace: clean(namespace?),
            metric: clean(metric?),
            dimensions: dimensions.iter().filter_map(Dimension::value).map(clean).collect(),
        })
    };
    let own = of(alarm.namespace(), alarm.metric_name(), alarm.dimensions());
    let math = alarm.metrics().iter().filter_map(|query| {
        let metric = query.metric_stat()?.metric()?;
        of(metric.namespace(), metric.metric_name(), metric.dimensions())
    });
    own.into_iter().chain(math).collect()
}

/// The names of the alarms that a composite alarm's rule takes up: `ALARM("name")`, `ALARM(name)`, or with an ARN
/// (`arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME`).
///
/// Source: CloudWatch API Reference, PutCompositeAlarm, AlarmRule.
fn children(rule: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = rule;
    while let Some(at) = rest.find("ALARM(") {
        rest = rest[at + "ALARM(".len()..].trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let name = match quote {
            Some(quote) => quoted(&rest[1..], quote),
            None => rest.split(')').next().unwrap_or_default().trim().to_owned(),
        };
        let arn = name.starts_with("arn:").then(|| name.splitn(7, ':').nth(6)).flatten().map(str::to_owned);
        names.push(arn.unwrap_or(name));
    }
    names
}

/// Up to the closing quote; a backslash escapes the next character.
fn quoted(text: &str, quote: char) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => out.extend(characters.next()),
            c if c == quote => break,
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatch::types::{Metric, MetricDataQuery, MetricStat};

    #[test]
    fn children_are_found_in_every_form_of_rule() {
        let rule = r#"(ALARM("cpu high") OR ALARM('it\'s') OR ALARM(plain)) AND NOT OK("other")
            AND ALARM( "arn:aws:cloudwatch:eu-west-3:111122223333:alarm:a:b" )"#;
        assert_eq!(children(rule), ["cpu high", "it's", "plain", "a:b"]);
        assert_eq!(children("ALARM("), [""]);
        assert_eq!(children("TRUE"), Vec::<String>::new());
    }

    #[test]
    fn metric_math_watches_each_of_its_metrics() {
        let queue = |name: &str| {
            let metric = Metric::builder()
                .namespace("AWS/SQS")
                .metric_name("ApproximateAgeOfOldestMessage")
                .dimensions(Dimension::builder().name("QueueName").value(name).build())
                .build();
            let stat = MetricStat::builder().metric(metric).period(60).stat("Maximum").build();
            MetricDataQuery::builder().id("m").metric_stat(stat).build()
        };
        let sum = MetricDataQuery::builder().id("s").expression("m1+m2").build();
        let alarm = MetricAlarm::builder().metrics(queue("a")).metrics(queue("b")).metrics(sum).build();
        let of: Vec<_> = watches(&alarm).into_iter().flat_map(|watched| watched.dimensions).collect();
        assert_eq!(of, ["a", "b"]);
    }

    #[test]
    fn a_child_of_a_composite_alarm_is_marked() {
        let metric = |name: &str| MetricAlarm::builder().alarm_name(name).state_value(StateValue::Ok).build();
        let composite = CompositeAlarm::builder().alarm_name("all").alarm_rule("ALARM(one)").build();
        let alarms = named(&[metric("one"), metric("two")], &[composite]);
        assert_eq!(
            alarms.iter().map(|(name, a)| (name.as_str(), a.child)).collect::<Vec<_>>(),
            [("all", false), ("one", true), ("two", false)]
        );
    }
}
