use super::*;
use crate::config;

const SHOP: &str = r#"
[report]
from = "vigie@shop.example"
[[report.to]]
address = "team@shop.example"
[environment.production]
class = "production"
variables = ["secretsmanager:shop/production"]
writes = "full"
"#;

fn shop(extra: &str) -> Plan {
    plan(&config::parse(&format!("{extra}{SHOP}"), "vigie.toml").expect("right"), &Assumptions::default())
}

fn quantity(lines: &[Line], item: Item) -> f64 {
    lines.iter().filter(|line| line.item == item).map(|line| line.quantity).sum()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6 * b.abs().max(1.0)
}

/// By hand: every 5 minutes is 8,640 `connections` runs in 30 days, and 30 `full` ones: 8,670.
#[test]
fn the_shop_by_hand() {
    let plan = shop("");
    let of = &plan.environments[0];
    // credentials postgres redis ses s3 sqs eventbridge cloudwatch https https:cdn, and three counts of the environment
    assert_eq!(of.metrics, 13);
    let expected = [
        (Item::CloudwatchMetric, 13.0, 3.90),
        // data and heartbeat of each run, and DescribeAlarms
        (Item::CloudwatchRequest, 8_670.0 * 3.0, 0.2601),
        // one queue in every run, the bounce rate in the full ones
        (Item::CloudwatchRead, 8_670.0 + 30.0, 0.087),
        // a queue, its dead-letter queue, and once more the queue that its redrive names; a deletion each run
        (Item::SqsRequest, 8_670.0 * 4.0, 0.013_872),
        // PING each run; SET, GET, TTL, DEL in the full ones
        (Item::UpstashCommand, 8_670.0 + 4.0 * 30.0, 0.01758),
        // run, snapshot, head; the probe object in the full runs
        (Item::S3Put, 8_670.0 * 3.0 + 30.0, 0.1302),
        // HEAD, two files, the stored run, one head; 4 settings, 3 of the protection and the probe object, full only
        (Item::S3Get, 8_670.0 * 5.0 + 30.0 * 8.0, 0.017_436),
        (Item::SecretRead, 8_670.0, 0.043_35),
        (Item::LambdaRequest, 8_670.0, 0.001_734),
        // half a GB for 3 s and 8 s
        (Item::LambdaGbSecond, 8_640.0 * 1.5 + 30.0 * 4.0, 0.218_000_436),
    ];
    for (item, units, usd) in expected {
        assert!(near(quantity(&of.lines, item), units), "{}: {}", item.code(), quantity(&of.lines, item));
        assert!(near(prices().of(item).of(units), usd), "{}: {}", item.code(), prices().of(item).of(units));
    }
    // two queues, five polls of 20 s: 1,296,000; one batch sent each of 8,670 times
    assert!(near(quantity(&plan.installation, Item::SqsRequest), 1_304_670.0));
    assert!(near(quantity(&plan.installation, Item::Schedule), 8_670.0 + 720.0));
    assert!(near(quantity(&plan.installation, Item::SesMail), 30.0));
}

#[test]
fn metrics_are_the_bill_of_an_environment_and_can_be_detailed_or_off() {
    let of = |extra: &str| {
        let plan = shop(extra);
        (plan.environments[0].metrics, usd(&plan.environments[0].lines))
    };
    let (basic, usd_basic) = of("");
    assert!(f64::from(u32::try_from(basic).expect("few")) * 0.30 > usd_basic / 2.0, "{usd_basic}");
    let (detailed, usd_detailed) = of("metrics = \"detailed\"\n");
    assert_eq!(detailed, basic + 10);
    assert!(near(usd_detailed - usd_basic, 3.0));
    let (off, usd_off) = of("metrics = \"off\"\n");
    assert_eq!(off, 0);
    assert!(usd_off < usd_basic - 3.9);
}

#[test]
fn what_is_not_there_is_not_paid() {
    let lean = "[environment.lean]\nclass = \"staging\"\nvariables = [\"lambda:shop\"]\n\
        contract = { redis = false, mail_from = false, queues = [], dead_letter_queues = [], alarms = [], buckets = [] }\n";
    let plan = plan(&config::parse(lean, "vigie.toml").expect("right"), &Assumptions::default());
    let lines = &plan.environments[0].lines;
    for item in [Item::UpstashCommand, Item::CloudwatchRead, Item::SecretRead] {
        assert!(near(quantity(lines, item), 0.0), "{}", item.code());
    }
    assert!(near(quantity(lines, Item::SqsRequest), 8_670.0), "only the work message");
    assert!(near(quantity(&plan.installation, Item::SesMail), 0.0), "nobody is mailed");
}

#[test]
fn writes_in_every_run_cost_what_they_write() {
    let of = |writes: &str| {
        let text = SHOP.replace("writes = \"full\"", &format!("writes = \"{writes}\""));
        let plan = plan(&config::parse(&text, "vigie.toml").expect("right"), &Assumptions::default());
        let lines = &plan.environments[0].lines;
        (quantity(lines, Item::S3Put) - 3.0 * 8_670.0, quantity(lines, Item::UpstashCommand) - 8_670.0)
    };
    assert_eq!(of("off"), (0.0, 0.0));
    assert_eq!(of("full"), (30.0, 120.0));
    assert_eq!(of("connections"), (8_670.0, 4.0 * 8_670.0));
}

#[test]
fn the_total_counts_tiers_and_allowances_once() {
    let one = shop("");
    let total = one.total();
    let listed = usd(&one.environments[0].lines) + usd(&one.installation);
    assert!(near(total.usd, listed), "one environment is below every tier");
    // 3 dashboards, 10 metrics, 10 alarms, a million SQS requests: 3.00 + 3.00 + 1.00 + 0.40 at the least
    assert!(total.usd - total.usd_after_free > 7.4 && total.usd_after_free > 0.0);
    let mut text = SHOP.to_owned();
    for i in 0..1_000 {
        text.push_str(&format!("[environment.e{i}]\nclass = \"staging\"\nvariables = [\"ssm:/e{i}/\"]\n"));
    }
    let many = plan(&config::parse(&text, "vigie.toml").expect("right"), &Assumptions::default());
    let listed: f64 = many.environments.iter().map(|e| usd(&e.lines)).sum::<f64>() + usd(&many.installation);
    assert!(many.total().usd < listed, "13,000 metrics reach the second tier");
}

#[test]
fn a_shorter_period_costs_in_proportion() {
    let config = config::parse(SHOP, "vigie.toml").expect("right");
    let two = plan(&config, &Assumptions { connections_minutes: 2, ..Assumptions::default() });
    let ten = plan(&config, &Assumptions { connections_minutes: 10, ..Assumptions::default() });
    let reads = |plan: &Plan| quantity(&plan.environments[0].lines, Item::SecretRead);
    assert!(near(reads(&two), 21_600.0 + 30.0) && near(reads(&ten), 4_320.0 + 30.0));
}

#[test]
fn every_question_of_a_check_is_asked_in_some_run() {
    for question in questions() {
        let suites = SUITES.map(|suite| asked::asked(question, suite, config::Writes::Connections));
        assert!(suites.contains(&true), "{question:?}");
    }
}
