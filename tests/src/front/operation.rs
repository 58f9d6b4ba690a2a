//! Which operation of which service a request is: `sqs:GetQueueAttributes`, named as IAM names services.

use crate::serve::Asked;
use hyper::Method;

/// How a service writes its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// XML in `ErrorResponse` (SES v1, STS, IAM, RDS, S3 Control).
    Query,
    /// JSON with `__type` (SQS, EventBridge, SSM, Secrets Manager).
    Json,
    /// JSON with the code in a header (SES v2, Lambda, Amplify).
    Rest,
    /// CBOR with `__type` (CloudWatch).
    Cbor,
    /// XML of its own (S3).
    S3,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// `sqs:GetQueueAttributes`.
    pub name: String,
    pub wire: Wire,
    /// The access key that signed.
    pub key: Option<String>,
}

/// S3 Control's own paths: the account's settings.
const S3_CONTROL: &str = "/v20180820/";

/// Reads the request as AWS's own routers do: target header, query action, CBOR path, else REST.
pub fn of(asked: &Asked) -> Operation {
    let scope = scope(asked);
    let key = scope.as_deref().and_then(|scope| scope.split('/').next()).map(str::to_owned);
    let signed = scope.as_deref().and_then(|scope| scope.split('/').nth(3)).unwrap_or("s3");
    let service = if signed == "monitoring" { "cloudwatch" } else { signed };
    let (name, wire) = if let Some(target) = asked.parts.headers.get("x-amz-target").and_then(|t| t.to_str().ok()) {
        (target.rsplit('.').next().unwrap_or_default().to_owned(), Wire::Json)
    } else if let Some((_, operation)) = asked.path().split_once("/operation/") {
        (operation.to_owned(), Wire::Cbor)
    } else if let Some(action) = form(asked, "Action") {
        (action, Wire::Query)
    } else if asked.path().starts_with("/v2/email/") {
        (ses_v2(asked), Wire::Rest)
    } else if asked.path().starts_with(S3_CONTROL) {
        (s3(asked), Wire::Query)
    } else if service == "s3" {
        (s3(asked), Wire::S3)
    } else {
        (format!("{} {}", asked.parts.method, asked.path()), Wire::Rest)
    };
    Operation { name: format!("{service}:{name}"), wire, key }
}

/// `KEY/20261122/eu-west-1/sqs/aws4_request`, from the header or a presigned query.
fn scope(asked: &Asked) -> Option<String> {
    let header = asked.header("authorization");
    if let Some((_, rest)) = header.split_once("Credential=") {
        return rest.split([',', ' ']).next().map(str::to_owned);
    }
    query(asked, "X-Amz-Credential")
}

/// A field of a form body.
pub fn form(asked: &Asked, name: &str) -> Option<String> {
    if !asked.header("content-type").starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    url::form_urlencoded::parse(&asked.body).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// A parameter of the query string.
pub fn query(asked: &Asked, name: &str) -> Option<String> {
    let query = asked.parts.uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// Bucket and key of a path-style request.
pub fn bucket(asked: &Asked) -> (&str, &str) {
    asked.path().trim_start_matches('/').split_once('/').unwrap_or((asked.path().trim_start_matches('/'), ""))
}

fn ses_v2(asked: &Asked) -> String {
    let path = asked.path().trim_start_matches("/v2/email/");
    match (asked.parts.method.as_str(), path) {
        ("GET", "account") => "GetAccount".to_owned(),
        ("POST", "outbound-emails") => "SendEmail".to_owned(),
        (method, path) => format!("{method} {path}"),
    }
}

/// The sub-resources that are asked here, each with the middle of its operations' names.
const SUBRESOURCES: &[(&str, &str)] = &[
    ("policyStatus", "BucketPolicyStatus"),
    ("publicAccessBlock", "PublicAccessBlock"),
    ("ownershipControls", "BucketOwnershipControls"),
    ("acl", "BucketAcl"),
    ("policy", "BucketPolicy"),
    ("notification", "BucketNotificationConfiguration"),
    ("object-lock", "ObjectLockConfiguration"),
    ("versioning", "BucketVersioning"),
    ("location", "BucketLocation"),
];

fn s3(asked: &Asked) -> String {
    if asked.path().starts_with(S3_CONTROL) {
        return "GetAccountPublicAccessBlock".to_owned();
    }
    let method = &asked.parts.method;
    let (bucket, key) = bucket(asked);
    let sub = SUBRESOURCES.iter().find(|(name, _)| query(asked, name).is_some());
    let verb = match *method {
        Method::GET => "Get",
        Method::PUT => "Put",
        Method::DELETE => "Delete",
        Method::HEAD => "Head",
        _ => "Post",
    };
    match (sub, bucket.is_empty(), key.is_empty()) {
        (Some((_, name)), _, true) => format!("{verb}{name}"),
        (_, true, _) => "ListBuckets".to_owned(),
        (_, _, false) => format!("{verb}Object"),
        (None, _, true) if method == Method::GET => "ListObjectsV2".to_owned(),
        (None, _, true) if method == Method::PUT => "CreateBucket".to_owned(),
        (None, _, true) => format!("{verb}Bucket"),
    }
}
