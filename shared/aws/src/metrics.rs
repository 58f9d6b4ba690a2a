//! A run's metrics, put into CloudWatch.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_smithy_types::DateTime;
use aws_types::SdkConfig;
use jiff::Timestamp;
use vigie_core::metrics::{Datum, MOST_A_CALL, NAMESPACE};

use crate::error::{CallError, call};
use crate::{Need, need_if};

const ACTION: &str = "cloudwatch:PutMetricData";

/// What the sink needs. PutMetricData knows no resource: a condition on `cloudwatch:namespace` narrows it.
#[must_use]
pub fn actions() -> Vec<Need> {
    vec![need_if(ACTION, "*".to_owned(), "cloudwatch:namespace", NAMESPACE)]
}

/// Puts all data under the time `at`, at most 1,000 a call. A value that is no number is left out: CloudWatch refuses the
/// whole call for it.
///
/// # Errors
/// The first call that failed; the calls after it are not made.
pub async fn publish(config: &SdkConfig, data: &[Datum], at: Timestamp) -> Result<(), CallError> {
    if data.is_empty() {
        return Ok(());
    }
    let client = Client::new(config);
    let time = DateTime::from_secs(at.as_second());
    let known: Vec<&Datum> = data.iter().filter(|d| d.value.is_finite()).collect();
    for part in known.chunks(MOST_A_CALL) {
        let part = part.iter().map(|d| datum(d, time)).collect();
        client
            .put_metric_data()
            .namespace(NAMESPACE)
            .set_metric_data(Some(part))
            .send()
            .await
            .map_err(|e| call(&e, ACTION))?;
    }
    Ok(())
}

fn datum(of: &Datum, time: DateTime) -> MetricDatum {
    let dimensions =
        of.dimensions.iter().map(|(name, value)| Dimension::builder().name(name).value(value).build()).collect();
    MetricDatum::builder()
        .metric_name(of.name)
        .value(of.value)
        .unit(StandardUnit::from(of.unit.name()))
        .timestamp(time)
        .set_dimensions(Some(dimensions))
        .build()
}
