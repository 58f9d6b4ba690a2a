//! How the account's mails are received: CloudWatch's bounce rate, else SES's own statistics.

use aws_sdk_cloudwatch::types::{Metric, MetricDataQuery, MetricStat};
use aws_sdk_ses::Client;
use aws_smithy_types::DateTime;
use aws_types::region::Region;
use vigie_core::cause::Cause;
use vigie_core::facts::aws::SendStatistics;
use vigie_core::facts::{Fact, Gap};

use super::BY;
use crate::ask::Ask;
use crate::sdk;

const DAY: i64 = 24 * 3_600;
const HOUR: i32 = 3_600;

/// The bounce rate in percent; the statistics only where the metric has no data or is refused.
pub(super) async fn of(ask: &Ask, ses: &Client, region: Option<Region>) -> (Fact<Option<f64>>, Fact<SendStatistics>) {
    let rate = bounce_rate(ask, region).await;
    let statistics = match rate {
        Ok(Some(_)) => Err(Gap::new(Cause::NotAsked, BY)),
        _ => statistics(ask, ses).await,
    };
    (rate.into(), statistics.into())
}

/// The highest of the last 24 hours. AWS publishes a share (0.05), people speak in percent (5).
async fn bounce_rate(ask: &Ask, region: Option<Region>) -> Result<Option<f64>, Gap> {
    let config = aws_sdk_cloudwatch::config::Builder::from(&ask.auditor).region(region).build();
    let metric = Metric::builder().namespace("AWS/SES").metric_name("Reputation.BounceRate").build();
    let stat = MetricStat::builder().metric(metric).period(HOUR).stat("Maximum").build();
    let query = MetricDataQuery::builder().id("bounces").metric_stat(stat).build();
    let now = ask.now.as_second();
    let request = aws_sdk_cloudwatch::Client::from_conf(config)
        .get_metric_data()
        .metric_data_queries(query)
        .start_time(DateTime::from_secs(now - DAY))
        .end_time(DateTime::from_secs(now))
        .send();
    let answer = sdk::call(ask, "cloudwatch:GetMetricData", BY, request).await?;
    let values = answer.metric_data_results().iter().flat_map(|result| result.values());
    Ok(values.copied().filter(|share| share.is_finite()).reduce(f64::max).map(|share| share * 100.0))
}

async fn statistics(ask: &Ask, ses: &Client) -> Result<SendStatistics, Gap> {
    let answer = sdk::call(ask, "ses:GetSendStatistics", BY, ses.get_send_statistics().send()).await?;
    let sum = |of: fn(&aws_sdk_ses::types::SendDataPoint) -> i64| {
        answer.send_data_points().iter().map(|point| u64::try_from(of(point)).unwrap_or(0)).fold(0, u64::saturating_add)
    };
    Ok(SendStatistics { attempts: sum(|point| point.delivery_attempts()), bounces: sum(|point| point.bounces()) })
}
