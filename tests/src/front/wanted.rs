//! From a request to the IAM actions that it needs, and their resources. Source: AWS Service Authorization Reference, and
//! for S3 the user guide's "Required permissions for Amazon S3 API operations".

use super::ACCOUNT;
use super::authorize::Wanted;
use super::operation::{Operation, bucket, form, query};
use crate::sandbox::REGION;
use crate::serve::Asked;
use serde_json::Value;

/// The resource of an action that knows none: only a statement on `*` covers it.
#[must_use]
pub fn any(service: &str) -> String {
    format!("arn:aws:{service}:::*")
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

fn wanted(action: &'static str, resource: String) -> Wanted {
    Wanted { action, resource, context: Vec::new() }
}

/// What the request needs; empty: nothing, whoever asks.
///
/// # Errors
/// The operation is not known here.
pub fn of(operation: &Operation, asked: &Asked) -> Result<Vec<Wanted>, String> {
    needed(operation, asked).ok_or_else(|| format!("{}: which action that needs is not known", operation.name))
}

fn needed(operation: &Operation, asked: &Asked) -> All {
    let (service, name) = operation.name.split_once(':')?;
    match service {
        "s3" => s3(name, asked),
        "sqs" => sqs(name, asked),
        "events" => events(name, asked),
        "iam" => iam(name, asked),
        "ses" => ses(name, asked),
        "cloudwatch" => cloudwatch(name, asked),
        "sts" => sts(name, asked),
        "rds" => match name {
            "DescribeDBInstances" => Some(vec![wanted("rds:DescribeDBInstances", arn("rds", "db:*"))]),
            "DescribeDBClusters" => Some(vec![wanted("rds:DescribeDBClusters", arn("rds", "cluster:*"))]),
            _ => None,
        },
        "secretsmanager" if name == "GetSecretValue" => {
            let id = field(asked, "SecretId")?;
            let named = if id.starts_with("arn:") { id } else { arn(service, &format!("secret:{id}-AbCdEf")) };
            Some(vec![wanted("secretsmanager:GetSecretValue", named)])
        }
        "ssm" => match name {
            "GetParametersByPath" => {
                let path = field(asked, "Path")?;
                let path = if path == "/" { "/" } else { path.trim_end_matches('/') };
                Some(vec![wanted("ssm:GetParametersByPath", arn("ssm", &format!("parameter{path}")))])
            }
            "GetParameter" => {
                Some(vec![wanted("ssm:GetParameter", arn("ssm", &format!("parameter{}", field(asked, "Name")?)))])
            }
            _ => None,
        },
        "lambda" if name.starts_with("GET /2016-08-19/account-settings") => {
            Some(vec![wanted("lambda:GetAccountSettings", any("lambda"))])
        }
        "lambda" => name.strip_prefix("GET /2015-03-31/functions/").and_then(|rest| {
            let function = rest.strip_suffix("/configuration")?;
            Some(vec![wanted("lambda:GetFunctionConfiguration", arn("lambda", &format!("function:{function}")))])
        }),
        "amplify" => name.strip_prefix("GET /apps/").map(|app| {
            let action = if app.contains('/') { "amplify:GetBranch" } else { "amplify:GetApp" };
            vec![wanted(action, arn("amplify", &format!("apps/{app}")))]
        }),
        "sns" if name == "ListSubscriptionsByTopic" => {
            form(asked, "TopicArn").map(|topic| vec![wanted("sns:ListSubscriptionsByTopic", topic)])
        }
        _ => None,
    }
}

/// A text of a JSON body.
fn field(asked: &Asked, name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(&asked.body).ok()?;
    body[name].as_str().map(str::to_owned)
}

type All = Option<Vec<Wanted>>;

fn s3(name: &str, asked: &Asked) -> All {
    let (bucket, key) = bucket(asked);
    let (whole, object) = (format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/{key}"));
    let version = query(asked, "versionId").is_some();
    let action = match name {
        "HeadBucket" | "ListObjectsV2" => "s3:ListBucket",
        "GetBucketNotificationConfiguration" => "s3:GetBucketNotification",
        "GetObjectLockConfiguration" => "s3:GetBucketObjectLockConfiguration",
        "GetBucketVersioning" => "s3:GetBucketVersioning",
        "GetBucketPolicyStatus" => "s3:GetBucketPolicyStatus",
        "GetBucketAcl" => "s3:GetBucketAcl",
        "GetPublicAccessBlock" => "s3:GetBucketPublicAccessBlock",
        "GetBucketOwnershipControls" => "s3:GetBucketOwnershipControls",
        "GetAccountPublicAccessBlock" => return Some(vec![wanted("s3:GetAccountPublicAccessBlock", any("s3"))]),
        "GetObject" | "HeadObject" => {
            let action = if version { "s3:GetObjectVersion" } else { "s3:GetObject" };
            return Some(vec![wanted(action, object)]);
        }
        "PutObject" => {
            let mut all = vec![wanted("s3:PutObject", object.clone())];
            // Source: Amazon S3 user guide, "How to prevent object overwrites with conditional writes".
            if !asked.header("if-match").is_empty() {
                all.push(wanted("s3:GetObject", object));
            }
            return Some(all);
        }
        "DeleteObject" => {
            let action = if version { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
            return Some(vec![wanted(action, object)]);
        }
        _ => return None,
    };
    Some(vec![wanted(action, whole)])
}

/// What tells "no such object" from a refusal: without it S3 answers 403 for an object that is not there.
#[must_use]
pub fn tells_missing(operation: &Operation, asked: &Asked) -> Option<Wanted> {
    let reads = matches!(operation.name.as_str(), "s3:GetObject" | "s3:HeadObject");
    reads.then(|| wanted("s3:ListBucket", format!("arn:aws:s3:::{}", bucket(asked).0)))
}

fn sqs(name: &str, asked: &Asked) -> All {
    let action = match name {
        "GetQueueAttributes" => "sqs:GetQueueAttributes",
        "SendMessage" | "SendMessageBatch" => "sqs:SendMessage",
        "ReceiveMessage" => "sqs:ReceiveMessage",
        "DeleteMessage" | "DeleteMessageBatch" => "sqs:DeleteMessage",
        _ => return None,
    };
    let url = field(asked, "QueueUrl")?;
    Some(vec![wanted(action, arn("sqs", url.rsplit('/').next()?))])
}

fn events(name: &str, asked: &Asked) -> All {
    let short = |bus: &str| bus.rsplit("event-bus/").next().unwrap_or(bus).to_owned();
    let bus = || field(asked, "EventBusName").map_or_else(|| "default".to_owned(), |bus| short(&bus));
    Some(match name {
        "DescribeEventBus" => {
            let bus = field(asked, "Name").map_or_else(|| "default".to_owned(), |bus| short(&bus));
            vec![wanted("events:DescribeEventBus", arn("events", &format!("event-bus/{bus}")))]
        }
        "ListRules" => vec![wanted("events:ListRules", any("events"))],
        "ListTargetsByRule" => {
            let (bus, rule) = (bus(), field(asked, "Rule")?);
            let rule = if bus == "default" { rule } else { format!("{bus}/{rule}") };
            vec![wanted("events:ListTargetsByRule", arn("events", &format!("rule/{rule}")))]
        }
        "PutEvents" => {
            let body: Value = serde_json::from_slice(&asked.body).ok()?;
            let entries = body["Entries"].as_array()?;
            let bus = |entry: &Value| short(entry["EventBusName"].as_str().unwrap_or("default"));
            let one = |entry| wanted("events:PutEvents", arn("events", &format!("event-bus/{}", bus(entry))));
            entries.iter().map(one).collect()
        }
        _ => return None,
    })
}

fn iam(name: &str, asked: &Asked) -> All {
    let of = |kind: &str, parameter: &str| Some(format!("arn:aws:iam::{ACCOUNT}:{kind}/{}", form(asked, parameter)?));
    let (action, resource) = match name {
        "GetRole" => ("iam:GetRole", of("role", "RoleName")),
        "ListGroupsForUser" => ("iam:ListGroupsForUser", of("user", "UserName")),
        "ListAttachedUserPolicies" => ("iam:ListAttachedUserPolicies", of("user", "UserName")),
        "ListUserPolicies" => ("iam:ListUserPolicies", of("user", "UserName")),
        "GetUserPolicy" => ("iam:GetUserPolicy", of("user", "UserName")),
        "ListAttachedGroupPolicies" => ("iam:ListAttachedGroupPolicies", of("group", "GroupName")),
        "ListGroupPolicies" => ("iam:ListGroupPolicies", of("group", "GroupName")),
        "GetGroupPolicy" => ("iam:GetGroupPolicy", of("group", "GroupName")),
        "ListAttachedRolePolicies" => ("iam:ListAttachedRolePolicies", of("role", "RoleName")),
        "ListRolePolicies" => ("iam:ListRolePolicies", of("role", "RoleName")),
        "GetRolePolicy" => ("iam:GetRolePolicy", of("role", "RoleName")),
        "GetPolicy" => ("iam:GetPolicy", form(asked, "PolicyArn")),
        "GetPolicyVersion" => ("iam:GetPolicyVersion", form(asked, "PolicyArn")),
        _ => return None,
    };
    Some(vec![wanted(action, resource?)])
}

fn ses(name: &str, asked: &Asked) -> All {
    let action = match name {
        "GetAccount" => "ses:GetAccount",
        "GetAccountSendingEnabled" => "ses:GetAccountSendingEnabled",
        "GetSendQuota" => "ses:GetSendQuota",
        "GetSendStatistics" => "ses:GetSendStatistics",
        "GetIdentityVerificationAttributes" => "ses:GetIdentityVerificationAttributes",
        "SendRawEmail" => {
            let source = form(asked, "Source")?;
            let bare = source.rsplit_once('<').map_or(source.as_str(), |(_, rest)| rest.trim_end_matches('>'));
            // The identity that is verified in the sandbox: the sender's domain.
            let domain = bare.rsplit_once('@')?.1;
            return Some(vec![Wanted {
                action: "ses:SendRawEmail",
                resource: arn("ses", &format!("identity/{domain}")),
                context: vec![("ses:FromAddress", bare.to_owned())],
            }]);
        }
        _ => return None,
    };
    Some(vec![wanted(action, any("ses"))])
}

fn cloudwatch(name: &str, asked: &Asked) -> All {
    Some(vec![match name {
        "DescribeAlarms" => wanted("cloudwatch:DescribeAlarms", arn("cloudwatch", "alarm:*")),
        "GetMetricData" => wanted("cloudwatch:GetMetricData", any("cloudwatch")),
        "PutMetricData" => Wanted {
            action: "cloudwatch:PutMetricData",
            resource: any("cloudwatch"),
            context: vec![("cloudwatch:namespace", namespace(asked)?)],
        },
        _ => return None,
    }])
}

/// The text after the key `Namespace` of a CBOR map (RFC 8949: a text of less than 24 bytes has its length in its head).
fn namespace(asked: &Asked) -> Option<String> {
    let key = [&[0x69][..], b"Namespace"].concat();
    let at = asked.body.windows(key.len()).position(|window| window == key)? + key.len();
    let length = usize::from(asked.body.get(at)?.checked_sub(0x60)?);
    let text = asked.body.get(at + 1..at + 1 + length).filter(|_| length < 24)?;
    String::from_utf8(text.to_vec()).ok()
}

fn sts(name: &str, asked: &Asked) -> All {
    Some(match name {
        // Needs no permission, and none can take it away.
        "GetCallerIdentity" => Vec::new(),
        "AssumeRole" => vec![wanted("sts:AssumeRole", form(asked, "RoleArn")?)],
        _ => return None,
    })
}
