//! What the installation needs once: credentials, clock, runs bucket, fingerprint key, topic, queues, metrics, bus, quota.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::{SignedDuration, Timestamp};
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::config::Metrics;
use vigie_core::metrics::{Datum, missed};
use vigie_core::plan::head_key;

use super::{Doctor, Found, Line, Trying, trials};
use crate::error::{CallError, call, service};
use crate::key::{At, KeySource};
use crate::store::{ETag, Store};

/// An object that never exists: no environment's name starts so, and it is not JSON.
const NEVER: &str = "_doctor";
/// How far the clock may be off; AWS refuses signatures that are off by more than five minutes.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// Functions of the stack beside the audits.
const OTHERS: u32 = 2;
/// The template's default.
const MAXIMUM_CONCURRENCY: u32 = 10;

impl Doctor<'_> {
    pub(super) fn installation(&self) -> Vec<Trying<'_>> {
        let mut all: Vec<Trying<'_>> = vec![
            Box::pin(async { vec![self.line(&trials::CREDENTIALS, "", self.credentials(self.own)).await] }),
            Box::pin(async { vec![self.line(&trials::CLOCK, "", self.clock()).await] }),
            Box::pin(async { vec![self.line(&trials::CONCURRENCY, "", self.concurrency()).await] }),
            Box::pin(self.key()),
            Box::pin(self.bus()),
        ];
        if self.config.metrics != Metrics::Off {
            all.push(Box::pin(async { vec![self.line(&trials::METRICS, "Vigie", self.metrics()).await] }));
        }
        if let Store::Bucket(bucket) = self.store {
            let name = bucket.name();
            all.push(Box::pin(async move { vec![self.line(&trials::RUNS_LIST, name, self.list()).await] }));
            all.push(Box::pin(async move { vec![self.line(&trials::RUNS_READ, name, self.read()).await] }));
            for folder in ["runs", "heads"] {
                let subject = format!("{name}/{folder}/");
                all.push(Box::pin(
                    async move { vec![self.line(&trials::RUNS_WRITE, &subject, self.write(folder)).await] },
                ));
            }
        } else {
            let none = Found::Lacks(Cause::NotGiven, String::new());
            all.push(Box::pin(async { vec![Line::new(&trials::RUNS_LIST, "runs.bucket", none)] }));
        }
        if let Some(topic) = &self.stack.topic {
            all.push(Box::pin(async move { vec![self.line(&trials::TOPIC, topic, self.topic(topic)).await] }));
        }
        for url in &self.stack.queues {
            all.push(Box::pin(async move { vec![self.line(&trials::QUEUE, last(url), self.queue(url, false)).await] }));
        }
        if let Some(url) = &self.stack.dead_letters {
            let trial = &trials::DEAD_LETTERS;
            all.push(Box::pin(async move { vec![self.line(trial, last(url), self.queue(url, true)).await] }));
        }
        all
    }

    pub(super) async fn credentials(&self, config: &aws_types::SdkConfig) -> Found {
        let sts = aws_sdk_sts::Client::new(config);
        match sts.get_caller_identity().send().await {
            Ok(who) => Found::Holds(who.arn.unwrap_or_default()),
            Err(e) => call(&e, "sts:GetCallerIdentity").into(),
        }
    }

    /// The Date header of any answer of AWS: nothing is signed, nothing is asked for.
    async fn clock(&self) -> Found {
        let region = self.base.region().unwrap_or("us-east-1");
        let url =
            self.base.endpoint_url().map_or_else(|| format!("https://sts.{region}.amazonaws.com/"), str::to_owned);
        let fails = |cause| Found::Failed(CallError::new(cause, "clock"));
        let Ok(http) = self.base.http() else { return fails(Cause::Unexpected) };
        let Ok(answer) = http.head(url).send().await else { return fails(Cause::Timeout) };
        let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
        let Some(theirs) = date.and_then(date_of) else { return fails(Cause::Protocol) };
        let ours = self.now + SignedDuration::try_from(self.began.elapsed()).unwrap_or_default();
        let off = ours.duration_since(theirs).abs();
        let seen = format!("{} s", off.as_secs());
        if off > SKEW { Found::Lacks(Cause::ClockSkew, seen) } else { Found::Holds(seen) }
    }

    async fn list(&self) -> Found {
        match self.store.list("heads/", 1).await {
            Ok(_) => Found::Holds(String::new()),
            Err(e) => e.call.into(),
        }
    }

    /// A head, or that there is none: both prove the permission, since a bucket that may be listed answers 404.
    async fn read(&self) -> Found {
        let name = self.config.environment.keys().next().map_or(NEVER, String::as_str);
        match self.store.get(&head_key(name)).await {
            Ok(Some(_)) => Found::Holds(name.to_owned()),
            Ok(None) => Found::Holds(String::new()),
            Err(e) => e.call.into(),
        }
    }

    /// If-Match on an object that does not exist: S3 looks at the permission first, then at the condition, which never
    /// holds. So it needs no permission that an audit does not need, writes nothing, and leaves nothing to delete.
    async fn write(&self, folder: &str) -> Found {
        let never = ETag("\"00000000000000000000000000000000\"".to_owned());
        match self.store.put_if_match(&format!("{folder}/{NEVER}"), Vec::new(), &never).await {
            Ok(_) => Found::Holds(String::new()),
            Err(e) => e.call.into(),
        }
    }

    async fn key(&self) -> Vec<Line> {
        let Some(text) = &self.config.fingerprint_key else { return Vec::new() };
        let found = async {
            let Ok(source) = text.parse::<KeySource>() else { return Found::Lacks(Cause::Malformed, String::new()) };
            let at = At { vars: self.variable, directory: self.folder };
            match self.key.get(Some(&source), self.own, at).await {
                Ok(_) => Found::Holds(String::new()),
                Err(gap) => {
                    let action = source.actions().first().map_or("file", |need| need.action);
                    CallError::new(gap.cause, action).into()
                }
            }
        };
        vec![self.line(&trials::KEY, text, found).await]
    }

    /// A subscription that nobody has confirmed gets nothing. Source: SNS API reference, ListSubscriptionsByTopic.
    async fn topic(&self, topic: &str) -> Found {
        let sns = aws_sdk_sns::Client::new(self.own);
        let (mut confirmed, mut pending, mut next) = (0_u32, 0_u32, None);
        loop {
            let page = sns.list_subscriptions_by_topic().topic_arn(topic).set_next_token(next).send().await;
            let page = match page {
                Ok(page) => page,
                Err(e) => return call(&e, "sns:ListSubscriptionsByTopic").into(),
            };
            for subscription in page.subscriptions() {
                let arn = subscription.subscription_arn().unwrap_or_default();
                if arn.starts_with("arn:") { confirmed += 1 } else { pending += 1 }
            }
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        let seen = format!("{confirmed} confirmed, {pending} pending");
        if confirmed == 0 || pending > 0 { Found::Lacks(Cause::NotGiven, seen) } else { Found::Holds(seen) }
    }

    async fn queue(&self, url: &str, empty: bool) -> Found {
        let visible = QueueAttributeName::ApproximateNumberOfMessages;
        let sqs = aws_sdk_sqs::Client::new(self.own);
        let asked = sqs.get_queue_attributes().queue_url(url).attribute_names(visible.clone()).send().await;
        let attributes = match asked {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(e) => return call(&e, "sqs:GetQueueAttributes").into(),
        };
        let Some(messages) = attributes.get(&visible).and_then(|n| n.parse::<u64>().ok()) else {
            return CallError::new(Cause::Protocol, "sqs:GetQueueAttributes").into();
        };
        let seen = format!("{messages} messages");
        if empty && messages > 0 { Found::Lacks(Cause::Rejected, seen) } else { Found::Holds(seen) }
    }

    /// No environment missed: a sum that stays what it is, on a metric that exists anyway.
    async fn metrics(&self) -> Found {
        let nothing = Datum { value: 0.0, ..missed(Suite::Connections) };
        match crate::metrics::publish(self.own, &[nothing], self.now).await {
            Ok(()) => Found::Holds(String::new()),
            Err(e) => e.into(),
        }
    }

    async fn bus(&self) -> Vec<Line> {
        let bus = self.config.alerts.bus.as_str();
        vec![self.line(&trials::BUS, bus, self.put_event(bus)).await]
    }

    async fn put_event(&self, bus: &str) -> Found {
        const ACTION: &str = "events:PutEvents";
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(crate::events::SOURCE)
            .detail_type("Vigie Doctor")
            .detail("{}")
            .build();
        let client = aws_sdk_eventbridge::Client::new(self.own);
        let answer = match client.put_events().entries(entry).send().await {
            Ok(answer) => answer,
            Err(e) => return call(&e, ACTION).into(),
        };
        match answer.entries().iter().find_map(|entry| entry.error_code()) {
            None if answer.failed_entry_count == 0 => Found::Holds(String::new()),
            code => CallError::new(service(code, 400), ACTION).into(),
        }
    }

    /// New accounts may have a quota of 10. Source: Lambda developer guide, "Lambda quotas".
    async fn concurrency(&self) -> Found {
        let client = aws_sdk_lambda::Client::new(self.own);
        let limit = match client.get_account_settings().send().await {
            Ok(answer) => answer.account_limit,
            Err(e) => return call(&e, "lambda:GetAccountSettings").into(),
        };
        let Some(limit) = limit else { return CallError::new(Cause::Protocol, "lambda:GetAccountSettings").into() };
        let there = limit.unreserved_concurrent_executions.unwrap_or(limit.concurrent_executions);
        let wanted = 2 * self.stack.maximum_concurrency.unwrap_or(MAXIMUM_CONCURRENCY) + OTHERS;
        let seen = format!("{there} of {wanted}");
        if i64::from(there) < i64::from(wanted) { Found::Lacks(Cause::QuotaSpent, seen) } else { Found::Holds(seen) }
    }
}

/// The name at the end of a queue's URL: the rest names the account.
fn last(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// `Sun, 29 Nov 2026 10:05:00 GMT`.
fn date_of(header: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(header).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http() {
        let at = date_of("Sun, 29 Nov 2026 10:05:00 GMT").expect("a date");
        assert_eq!(at.to_string(), "2026-11-29T10:05:00Z");
        assert_eq!(date_of("yesterday"), None);
    }

    #[test]
    fn a_queue_is_called_by_its_name() {
        assert_eq!(last("https://sqs.eu-west-3.amazonaws.com/111122223333/vigie-full"), "vigie-full");
    }
}
