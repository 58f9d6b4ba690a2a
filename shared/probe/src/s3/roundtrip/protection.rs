//! Before a write: would it set something off, and could it be deleted again?

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput;
use aws_sdk_s3::types::{Event, FilterRuleName, MfaDeleteStatus, NotificationConfigurationFilter};
use vigie_core::cause::Cause;
use vigie_core::facts::{Gap, Identity};

use crate::ask::Ask;
use crate::sdk;

const BY: Identity = Identity::Auditor;

/// Reads the bucket's notifications, Object Lock and MFA delete, as the auditor.
///
/// # Errors
/// [`Cause::Protected`]: it must not be written. Any other: that could not be found out, and it must not either.
pub(super) async fn allows(ask: &Ask, client: &Client, bucket: &str, key: &str) -> Result<(), Gap> {
    let notifications = client.get_bucket_notification_configuration().bucket(bucket).send();
    let lock = client.get_object_lock_configuration().bucket(bucket).send();
    let versioning = client.get_bucket_versioning().bucket(bucket).send();
    let (notifications, lock, versioning) = futures::join!(
        sdk::call(ask, "s3:GetBucketNotification", BY, notifications),
        sdk::coded(ask, "s3:GetBucketObjectLockConfiguration", BY, lock),
        sdk::call(ask, "s3:GetBucketVersioning", BY, versioning),
    );
    let retained = match lock {
        // Without a default retention a new object can be deleted.
        Ok(answer) => answer.object_lock_configuration.and_then(|lock| lock.rule).is_some(),
        Err(missed) if missed.code.as_deref() == Some("ObjectLockConfigurationNotFoundError") => false,
        Err(missed) => return Err(missed.gap),
    };
    let mfa = versioning?.mfa_delete == Some(MfaDeleteStatus::Enabled);
    if retained || mfa || sets_off(&notifications?, key) {
        return Err(Gap::new(Cause::Protected, BY));
    }
    Ok(())
}

/// Whether putting or deleting `key` would tell a topic, a queue, a function or EventBridge.
fn sets_off(notifications: &GetBucketNotificationConfigurationOutput, key: &str) -> bool {
    let to = |events: &[Event], filter: Option<&NotificationConfigurationFilter>| {
        events.iter().any(touches) && matches(filter, key)
    };
    notifications.event_bridge_configuration().is_some()
        || notifications.topic_configurations().iter().any(|c| to(c.events(), c.filter()))
        || notifications.queue_configurations().iter().any(|c| to(c.events(), c.filter()))
        || notifications.lambda_function_configurations().iter().any(|c| to(c.events(), c.filter()))
}

/// Events of what the probe does. One that Vigie does not know counts.
fn touches(event: &Event) -> bool {
    const OTHERS: [&str; 5] = [
        "s3:ReducedRedundancyLostObject",
        "s3:ObjectRestore",
        "s3:Replication",
        "s3:LifecycleExpiration",
        "s3:IntelligentTiering",
    ];
    !OTHERS.iter().any(|other| event.as_str().starts_with(other))
}

fn matches(filter: Option<&NotificationConfigurationFilter>, key: &str) -> bool {
    let rules = filter.and_then(|filter| filter.key()).map(|key| key.filter_rules()).unwrap_or_default();
    rules.iter().all(|rule| {
        let value = rule.value().unwrap_or_default();
        match rule.name() {
            Some(FilterRuleName::Prefix) => key.starts_with(value),
            Some(FilterRuleName::Suffix) => key.ends_with(value),
            // Emulators and old configurations write "Prefix".
            Some(other) if other.as_str().eq_ignore_ascii_case("prefix") => key.starts_with(value),
            Some(other) if other.as_str().eq_ignore_ascii_case("suffix") => key.ends_with(value),
            _ => true,
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{FilterRule, QueueConfiguration, S3KeyFilter};

    fn to_queue(event: Event, prefix: Option<&str>) -> GetBucketNotificationConfigurationOutput {
        let rule = prefix.map(|prefix| FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build());
        let key = S3KeyFilter::builder().set_filter_rules(rule.map(|rule| vec![rule])).build();
        let filter = NotificationConfigurationFilter::builder().key(key).build();
        let queue = QueueConfiguration::builder().queue_arn("arn:aws:sqs:eu-west-1:111122223333:jobs");
        let queue = queue.events(event).filter(filter).build().unwrap();
        GetBucketNotificationConfigurationOutput::builder().queue_configurations(queue).build()
    }

    #[test]
    fn what_a_write_would_set_off() {
        let key = "vigie-probe/0";
        assert!(!sets_off(&GetBucketNotificationConfigurationOutput::builder().build(), key));
        assert!(sets_off(&to_queue(Event::S3ObjectCreated, None), key));
        assert!(sets_off(&to_queue(Event::S3ObjectRemovedDelete, Some("vigie")), key));
        assert!(!sets_off(&to_queue(Event::S3ObjectCreated, Some("uploads/")), key));
        assert!(!sets_off(&to_queue(Event::S3ReducedRedundancyLostObject, None), key));
        assert!(sets_off(&to_queue(Event::from("s3:SomethingNew"), None), key));
    }
}
