//! The age of the oldest message: CloudWatch knows it, the queue API does not.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode};
use jiff::SignedDuration;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::facts::{Gap, Identity};

use crate::ask::Ask;
use crate::sdk;

/// CloudWatch takes at most this many queries a call.
const A_CALL: usize = 500;
const ACTION: &str = "cloudwatch:GetMetricData";

/// Seconds, the highest of the last 15 minutes; `None` without data. Asked as the auditor, all queues in one call: it is
/// billed by the metric.
/// Each queue comes with the key of its answer.
pub(super) async fn ask(ask: &Ask, queues: &[(&str, &str)]) -> Named<Result<Option<u64>, Gap>> {
    let mut ages = Named::new();
    let client = Client::new(&ask.auditor_at_app());
    for part in queues.chunks(A_CALL) {
        let request = client
            .get_metric_data()
            .set_metric_data_queries(Some(part.iter().enumerate().map(|(i, (_, name))| query(i, name)).collect()))
            .start_time(DateTime::from_secs((ask.now - SignedDuration::from_mins(15)).as_second()))
            .end_time(DateTime::from_secs(ask.now.as_second()))
            .scan_by(ScanBy::TimestampDescending);
        match sdk::call(ask, ACTION, Identity::Auditor, Box::pin(request.send())).await {
            Ok(answer) => {
                let results = answer.metric_data_results.unwrap_or_default();
                ages.extend(part.iter().enumerate().map(|(i, (key, _))| ((*key).to_owned(), age(&results, &id(i)))));
            }
            Err(gap) => ages.extend(part.iter().map(|(key, _)| ((*key).to_owned(), Err(gap.clone())))),
        }
    }
    ages
}

fn id(index: usize) -> String {
    format!("q{index}")
}

fn query(index: usize, queue: &str) -> MetricDataQuery {
    let metric = Metric::builder()
        .namespace("AWS/SQS")
        .metric_name("ApproximateAgeOfOldestMessage")
        .dimensions(Dimension::builder().name("QueueName").value(queue).build())
        .build();
    let stat = MetricStat::builder().metric(metric).period(60).stat("Maximum").build();
    MetricDataQuery::builder().id(id(index)).metric_stat(stat).return_data(true).build()
}

/// A result that is missing or broken is no idle queue.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn age(results: &[MetricDataResult], id: &str) -> Result<Option<u64>, Gap> {
    let result = results.iter().find(|result| result.id() == Some(id));
    let result = result.ok_or_else(|| Gap::new(Cause::Protocol, Identity::Auditor))?;
    match result.status_code() {
        None | Some(StatusCode::Complete | StatusCode::PartialData) => {}
        Some(StatusCode::Forbidden) => return Err(Gap::denied(ACTION, Identity::Auditor)),
        Some(_) => return Err(Gap::new(Cause::ServerError, Identity::Auditor)),
    }
    Ok(result
        .values()
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .reduce(f64::max)
        .map(|age| age.max(0.0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(id: &str, status: StatusCode, values: &[f64]) -> MetricDataResult {
        MetricDataResult::builder().id(id).status_code(status).set_values(Some(values.to_vec())).build()
    }

    #[test]
    fn the_highest_value_counts_and_no_value_is_none() {
        let results = [
            result("q0", StatusCode::Complete, &[12.0, 340.5, 7.0]),
            result("q1", StatusCode::Complete, &[]),
            result("q2", StatusCode::Forbidden, &[]),
            result("q3", StatusCode::InternalError, &[]),
            result("q4", StatusCode::Complete, &[f64::NAN]),
        ];
        assert_eq!(age(&results, "q0"), Ok(Some(340)));
        assert_eq!(age(&results, "q1"), Ok(None));
        assert_eq!(age(&results, "q2").unwrap_err().cause, Cause::Denied);
        assert_eq!(age(&results, "q3").unwrap_err().cause, Cause::ServerError);
        assert_eq!(age(&results, "q4"), Ok(None));
        assert_eq!(age(&results, "q5").unwrap_err().cause, Cause::Protocol);
    }
}
