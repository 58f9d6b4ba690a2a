//! infra/template.yaml, deployed by the SAM CLI into the emulator, which runs the real functions: from the schedule to the
//! mail, and gone again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use aws_sdk_cloudwatch::types::{
    ComparisonOperator, Dimension, Metric, MetricAlarm, MetricDataQuery, MetricStat, Statistic,
};
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry};
use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vigie_tests::aws::Pace;
use vigie_tests::front::ACCOUNT;
use vigie_tests::sandbox::REGION;
use vigie_tests::shop::{Shop, State};
use vigie_tests::stack::{self, Stack};
use vigie_tests::{client, mail, story};

/// Etc/GMT+3 is three hours behind UTC: the one zone where it is now two o'clock, or noon.
fn zone(hour: i8) -> String {
    let now = Timestamp::now().in_tz("UTC").unwrap().hour();
    let behind = (now - hour).rem_euclid(24);
    if behind <= 12 { format!("Etc/GMT+{behind}") } else { format!("Etc/GMT-{}", 24 - behind) }
}

#[tokio::test]
async fn from_an_empty_account_to_the_mail_and_gone_again() {
    let shop = Shop::open(State::Mistaken, &|_| {}).await.unwrap();
    let stack = Stack::prepare(&shop, "vigie").await.unwrap();
    let mut parameters = stack::parameters(&shop).await.unwrap();
    let on_call = queue(&shop, "on-call").await;
    let before = stack::inventory(&shop).await.unwrap();

    // The day's mail is due at seven, and at the recipients' it is two o'clock.
    parameters.push(("ReportTimeZone", zone(2)));
    stack.deploy(&parameters).await.unwrap();
    subscribe(&shop, &stack, "on-call").await;
    assert_eq!(shop.sandbox.aws.front.calls().get("sts:GetCallerIdentity"), None, "nothing runs before its time");

    shop.sandbox.aws.pace(Pace::Every(5)).unwrap();
    audited(&shop, &stack).await;
    measured(&shop, &stack).await;
    alerted(&shop, &stack, &on_call).await;
    assert_eq!(shop.sandbox.aws.front.mails().len(), 0, "it is two o'clock");

    // Again, with a changed parameter: at the recipients' it is noon.
    *parameters.last_mut().unwrap() = ("ReportTimeZone", zone(12));
    assert_eq!(stack.variable("report", "VIGIE_REPORT_TIME_ZONE").await.unwrap(), zone(2));
    stack.deploy(&parameters).await.unwrap();
    assert_eq!(stack.variable("report", "VIGIE_REPORT_TIME_ZONE").await.unwrap(), zone(12));
    mailed(&shop, &stack).await;

    shop.sandbox.aws.pace(Pace::Never).unwrap();
    gone(&shop, &stack, &before).await;
}

/// Schedule -> dispatch -> queue -> audit -> S3.
async fn audited(shop: &Shop, stack: &Stack<'_>) {
    let head = stack
        .until("a head with both suites", async || {
            let head = object(shop, &bucket(stack).await, "heads/production.json").await?;
            (head["newest"].as_object()?.len() == 2).then_some(head)
        })
        .await
        .unwrap();
    let bucket = bucket(stack).await;
    for suite in ["connections", "full"] {
        let newest = &head["newest"][suite];
        let run = object(shop, &bucket, newest["key"].as_str().unwrap()).await.expect("the run");
        let snapshot = vigie_core::plan::snapshot_key(newest["key"].as_str().unwrap());
        assert!(object(shop, &bucket, &snapshot).await.is_some(), "its snapshot");
        assert_eq!(run["suite"], suite);
        // Whoever replaced the schedule's placeholder: a time, and not long ago.
        let at: Timestamp = run["scheduled_at"].as_str().unwrap().parse().unwrap();
        assert!(Timestamp::now().duration_since(at) < SignedDuration::from_mins(10), "{at}");
        let run: vigie_core::run::Run = serde_json::from_value(run).unwrap();
        assert!(run.sinks.is_empty(), "{:?}", run.sinks);
        for target in ["postgres", "redis", "https", "s3", "sqs", "eventbridge"] {
            let found = run.targets.iter().find(|found| found.target == target);
            let found = found.unwrap_or_else(|| panic!("{target} is not among {:?}", run.targets));
            assert!(found.rungs.iter().all(|rung| rung.cause.is_none()), "{found:?}");
        }
        let marks = keys(shop, &bucket, &format!("dispatches/{suite}/")).await;
        assert!(!marks.is_empty(), "the scheduled time is marked as dispatched");
    }
}

/// The metrics that the alarms stand on, counted and as CloudWatch gives them back.
async fn measured(shop: &Shop, stack: &Stack<'_>) {
    assert!(shop.sandbox.aws.front.calls()["cloudwatch:PutMetricData"] > 0);
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&shop.config());
    for metric in ["EnvironmentsDue", "EnvironmentsDone"] {
        for suite in ["connections", "full"] {
            let what = format!("{metric} of {suite}");
            let dimension = Dimension::builder().name("Suite").value(suite).build();
            stack
                .until(&what, async || (sum(&cloudwatch, metric, &dimension).await >= 1.0).then_some(()))
                .await
                .unwrap();
        }
    }
    let listed = cloudwatch.list_metrics().namespace("Vigie").send().await.unwrap();
    let has = |name: &str, dimensions: &[&str]| {
        listed.metrics().iter().any(|metric| {
            let of: Vec<&str> = metric.dimensions().iter().filter_map(Dimension::name).collect();
            metric.metric_name() == Some(name) && of == dimensions
        })
    };
    assert!(has("Up", &["Environment", "Target"]));
    assert!(has("OpenCritical", &["Environment"]) && has("OpenCritical", &[]), "the alarm's has no dimension");
}

async fn sum(cloudwatch: &aws_sdk_cloudwatch::Client, name: &str, dimension: &Dimension) -> f64 {
    let metric = Metric::builder().namespace("Vigie").metric_name(name).dimensions(dimension.clone()).build();
    let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
    let query = MetricDataQuery::builder().id("m").metric_stat(stat).build();
    let now = Timestamp::now().as_second();
    let at = aws_smithy_types::DateTime::from_secs;
    let asked = cloudwatch.get_metric_data().metric_data_queries(query).start_time(at(now - 3600));
    let answer = asked.end_time(at(now + 60)).send().await.unwrap();
    answer.metric_data_results().iter().flat_map(|result| result.values()).sum()
}

/// Alert -> rule -> topic -> whoever subscribed, as a text that a person can read.
async fn alerted(shop: &Shop, stack: &Stack<'_>, on_call: &str) {
    let sqs = aws_sdk_sqs::Client::new(&shop.config());
    let notice = stack
        .until("a notice of the alert", async || {
            let received = sqs.receive_message().queue_url(on_call).max_number_of_messages(10).send().await.unwrap();
            let notices = received.messages().iter().map(|message| {
                let body: Value = serde_json::from_str(message.body().unwrap()).unwrap();
                body["Message"].as_str().unwrap().to_owned()
            });
            // An alarm's own notice is CloudWatch's JSON.
            notices.into_iter().find(|notice| !notice.contains("AlarmName"))
        })
        .await
        .unwrap();
    let sent = shop.sandbox.aws.front.events();
    let alert: Value = serde_json::from_str(sent[0]["Detail"].as_str().unwrap()).unwrap();
    for field in ["severity", "environment", "title", "check", "subject"] {
        let value = alert[field].as_str().unwrap();
        assert!(notice.contains(value), "{field} {value} is not in:\n{notice}");
    }
    assert!(!notice.contains(['{', '<']), "JSON, or a placeholder that nobody replaced:\n{notice}");
    assert!(notice.contains("production") && notice.contains("vigie explain"), "{notice}");
}

/// Report -> SES, read back.
async fn mailed(shop: &Shop, stack: &Stack<'_>) {
    let mail = stack.until("the mail", async || shop.sandbox.aws.front.mails().pop()).await.unwrap();
    story::kept(shop, &mail).await.unwrap();
    assert_eq!(mail.destinations, ["team@shop.internal"]);
    let text = mail::part(&String::from_utf8(mail.raw).unwrap(), "text/plain").unwrap();
    assert!(text.contains("production") && text.contains("shop-production-jobs-dlq"), "{text}");
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&shop.config());
    stack
        .until("ReportsSent", async || {
            let listed = cloudwatch.list_metrics().namespace("Vigie").metric_name("ReportsSent").send().await.unwrap();
            (!listed.metrics().is_empty()).then_some(())
        })
        .await
        .unwrap();
    // The schedules fire on, and the day has its mail.
    let runs = async || keys(shop, &bucket(stack).await, "runs/").await.len();
    let before = runs().await;
    stack.until("two more runs", async || (runs().await >= before + 4).then_some(())).await.unwrap();
    assert_eq!(shop.sandbox.aws.front.mails().len(), 1);
}

/// Nothing is left but the bucket that is kept, with what is in it.
async fn gone(shop: &Shop, stack: &Stack<'_>, before: &BTreeSet<String>) {
    let bucket = bucket(stack).await;
    let kept = keys(shop, &bucket, "runs/").await.len();
    let deployed = stack::inventory(shop).await.unwrap();
    assert!(deployed.len() > before.len() + 20, "the inventory sees the stack: {deployed:#?}");
    stack.delete().await.unwrap();
    let mut left = BTreeSet::new();
    // What was under way when the stack went may still write its last line.
    let done = stack.until("the stack to be gone", async || {
        left = stack::inventory(shop).await.unwrap().difference(before).cloned().collect();
        (left.len() <= 1).then_some(())
    });
    let done = done.await.map_err(|e| e.to_string());
    assert_eq!(left, BTreeSet::from([format!("bucket {bucket}")]), "{done:?}");
    assert!(stack::inventory(shop).await.unwrap().is_superset(before), "and what is the shop's stays");
    assert!(kept > 0 && keys(shop, &bucket, "runs/").await.len() >= kept, "its runs are kept");
}

#[tokio::test]
async fn a_poisoned_message_among_good_ones_ends_in_the_dead_letter_queue() {
    let shop = Shop::open(State::Repaired, &|_| {}).await.unwrap();
    let stack = Stack::prepare(&shop, "vigie").await.unwrap();
    stack.deploy(&stack::parameters(&shop).await.unwrap()).await.unwrap();
    let sqs = aws_sdk_sqs::Client::new(&shop.config());
    let url = async |name: &str| sqs.get_queue_url().queue_name(name).send().await.unwrap().queue_url.unwrap();
    let (work, dead) = (url("vigie-connections").await, url("vigie-dead-letters").await);
    // Six minutes in the template; a test cannot wait for three of them.
    // Six minutes in the template; a test cannot wait for three of them.
    let sooner = sqs.set_queue_attributes().queue_url(&work).attributes(QueueAttributeName::VisibilityTimeout, "20");
    sooner.send().await.unwrap();
    let alarm = alarm(&shop, "vigie-dead-letters").await;
    assert!(!fires(&alarm, 0.0), "an empty queue alarms nobody");

    let minute = Timestamp::now().round(Unit::Minute).unwrap();
    let good = |minutes: i64| {
        let at = minute - SignedDuration::from_mins(minutes);
        json!({"environment": "production", "suite": "connections", "scheduled_at": at.to_string(),
            "expires_at": (at + SignedDuration::from_mins(60)).to_string()})
    };
    let poison = json!({"environment": "production", "suite": "connections", "scheduled_at": "yesterday"}).to_string();
    let mut bodies: Vec<String> = (1..=4).map(|minutes| good(minutes).to_string()).collect();
    bodies.insert(2, poison.clone());
    let entry = |(i, body): (usize, &String)| {
        SendMessageBatchRequestEntry::builder().id(format!("m{i}")).message_body(body).build().unwrap()
    };
    let entries = bodies.iter().enumerate().map(entry).collect();
    sqs.send_message_batch().queue_url(&work).set_entries(Some(entries)).send().await.unwrap();

    let letter = stack
        .until("the dead letter", async || {
            let received = sqs.receive_message().queue_url(&dead).visibility_timeout(0);
            let received = received.message_system_attribute_names(MessageSystemAttributeName::All).send();
            received.await.unwrap().messages().first().cloned()
        })
        .await
        .unwrap();
    assert_eq!(letter.body(), Some(poison.as_str()));
    let bucket = bucket(&stack).await;
    let runs = keys(&shop, &bucket, "runs/production/connections/").await;
    let runs: Vec<&String> = runs.iter().filter(|key| !key.ends_with(".snapshot.json")).collect();
    assert_eq!(runs.len(), 4, "each good one once: {runs:?}");
    assert_eq!(object(&shop, &bucket, "heads/production.json").await.unwrap()["newest"].as_object().unwrap().len(), 1);
    let visible = visible(&sqs, &dead).await;
    assert!((visible - 1.0).abs() < 0.1, "{visible}");
    assert!((self::visible(&sqs, &work).await).abs() < 0.1, "nothing is left to do");
    assert!(fires(&alarm, visible), "{alarm:?}");
    assert!(alarm.actions_enabled() == Some(true) && !alarm.alarm_actions().is_empty(), "and somebody is told");
}

async fn visible(sqs: &aws_sdk_sqs::Client, url: &str) -> f64 {
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let answer = sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone()).send().await.unwrap();
    answer.attributes().unwrap()[&name].parse().unwrap()
}

async fn alarm(shop: &Shop, name: &str) -> MetricAlarm {
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&shop.config());
    let alarms = cloudwatch.describe_alarms().alarm_names(name).send().await.unwrap();
    alarms.metric_alarms().first().unwrap_or_else(|| panic!("there is no alarm {name}")).clone()
}

/// What CloudWatch would make of this alarm if every period of its metric had this value.
fn fires(alarm: &MetricAlarm, value: f64) -> bool {
    assert_eq!(alarm.namespace(), Some("AWS/SQS"));
    assert_eq!(alarm.metric_name(), Some("ApproximateNumberOfMessagesVisible"));
    assert_eq!(alarm.statistic(), Some(&Statistic::Maximum));
    assert_eq!(alarm.dimensions()[0].value(), Some("vigie-dead-letters"));
    assert_eq!(alarm.treat_missing_data(), Some("notBreaching"), "an idle queue reports nothing");
    let threshold = alarm.threshold().unwrap();
    match alarm.comparison_operator().unwrap() {
        ComparisonOperator::GreaterThanThreshold => value > threshold,
        ComparisonOperator::GreaterThanOrEqualToThreshold => value >= threshold,
        other => panic!("{other:?}"),
    }
}

/// A queue of whoever is on call.
async fn queue(shop: &Shop, name: &str) -> String {
    let sqs = aws_sdk_sqs::Client::new(&shop.config());
    sqs.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

async fn subscribe(shop: &Shop, stack: &Stack<'_>, queue: &str) {
    let sns = aws_sdk_sns::Client::new(&shop.config());
    let topic = &stack.resources().await.unwrap()["AlertTopic"].id;
    let endpoint = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}");
    sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(endpoint).send().await.unwrap();
    let subscribed = sns.list_subscriptions_by_topic().topic_arn(topic).send().await.unwrap();
    let mail = subscribed.subscriptions().iter().find(|found| found.protocol() == Some("email")).unwrap();
    assert_eq!(mail.endpoint(), Some("on-call@shop.internal"), "AlertEmail");
}

async fn bucket(stack: &Stack<'_>) -> String {
    stack.resources().await.unwrap()["RunsBucket"].id.clone()
}

async fn object(shop: &Shop, bucket: &str, key: &str) -> Option<Value> {
    let s3 = aws_sdk_s3::Client::from_conf(client::s3(&shop.config()));
    let object = s3.get_object().bucket(bucket).key(key).send().await.ok()?;
    serde_json::from_slice(&object.body.collect().await.unwrap().into_bytes()).ok()
}

async fn keys(shop: &Shop, bucket: &str, prefix: &str) -> Vec<String> {
    let s3 = aws_sdk_s3::Client::from_conf(client::s3(&shop.config()));
    let listed = s3.list_objects_v2().bucket(bucket).prefix(prefix).send().await.unwrap();
    listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
}
