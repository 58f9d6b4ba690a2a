//! Everything that exists in the emulator's account, of each kind that a stack of Vigie has.

use super::raw::{self, Call};
use crate::shop::Shop;
use std::collections::BTreeSet;
use std::io;

/// Kind, service, how to list it, and the name that each thing has in the answer.
const KINDS: &[(&str, &str, Call<'static>, &str)] = &[
    (
        "stack",
        "cloudformation",
        Call::Query(
            "Action=ListStacks&Version=2010-05-15&StackStatusFilter.member.1=CREATE_COMPLETE&StackStatusFilter.member.2=UPDATE_COMPLETE",
        ),
        "StackName",
    ),
    ("function", "lambda", Call::Get("/2015-03-31/functions"), "FunctionName"),
    ("event source mapping", "lambda", Call::Get("/2015-03-31/event-source-mappings"), "UUID"),
    ("schedule", "scheduler", Call::Get("/schedules"), "Name"),
    ("schedule group", "scheduler", Call::Get("/schedule-groups"), "Name"),
    ("log group", "logs", Call::Json("Logs_20140328.DescribeLogGroups", "{}"), "logGroupName"),
    ("queue", "sqs", Call::Query("Action=ListQueues&Version=2012-11-05"), "QueueUrl"),
    ("topic", "sns", Call::Query("Action=ListTopics&Version=2010-03-31"), "TopicArn"),
    ("subscription", "sns", Call::Query("Action=ListSubscriptions&Version=2010-03-31"), "SubscriptionArn"),
    ("rule", "events", Call::Json("AWSEvents.ListRules", "{}"), "Name"),
    ("bus", "events", Call::Json("AWSEvents.ListEventBuses", "{}"), "Name"),
    ("secret", "secretsmanager", Call::Json("secretsmanager.ListSecrets", "{}"), "Name"),
    ("parameter", "ssm", Call::Json("AmazonSSM.DescribeParameters", "{}"), "Name"),
    ("alarm", "monitoring", Call::Query("Action=DescribeAlarms&Version=2010-08-01"), "AlarmName"),
    ("dashboard", "monitoring", Call::Query("Action=ListDashboards&Version=2010-08-01"), "DashboardName"),
    ("role", "iam", Call::Query("Action=ListRoles&Version=2010-05-08"), "RoleName"),
    ("policy", "iam", Call::Query("Action=ListPolicies&Version=2010-05-08&Scope=Local"), "PolicyName"),
    ("bucket", "s3", Call::Get("/"), "Name"),
];

/// `queue https://...`, `role vigie-AuditRole-...`: one line a thing.
///
/// # Errors
/// A service cannot list.
pub async fn inventory(shop: &Shop) -> io::Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for (kind, service, call, name) in KINDS {
        let answer = raw::ask(shop, service, *call).await?;
        all.extend(raw::named(&answer, name).into_iter().map(|name| format!("{kind} {name}")));
    }
    let keys = raw::named(&raw::ask(shop, "kms", Call::Json("TrentService.ListKeys", "{}")).await?, "KeyId");
    for key in keys {
        let body = serde_json::json!({ "KeyId": key }).to_string();
        let answer = raw::ask(shop, "kms", Call::Json("TrentService.DescribeKey", &body)).await?;
        // Deleting a key takes KMS a week at least: until then it is there, and of no use to anybody.
        if !raw::named(&answer, "KeyState").contains(&"PendingDeletion".to_owned()) {
            all.insert(format!("key {key}"));
        }
    }
    Ok(all)
}
