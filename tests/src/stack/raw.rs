//! Calls of services that the tests have no client for: CloudFormation, Scheduler, Logs. The emulator looks at a
//! signature's scope, to find the service, and no further.

use crate::shop::Shop;
use serde_json::Value;
use std::io;

#[derive(Clone, Copy, Debug)]
pub enum Call<'a> {
    /// Path and query.
    Get(&'a str),
    /// A form: `Action=DescribeStackResources&...`.
    Query(&'a str),
    /// `X-Amz-Target`, and the body.
    Json(&'a str, &'a str),
}

/// The answer's text.
///
/// # Errors
/// The service answers with an error.
pub async fn ask(shop: &Shop, service: &str, call: Call<'_>) -> io::Result<String> {
    let client = crate::client::http(&shop.sandbox.ca, &[])?;
    at(&client, &shop.sandbox.aws.front.url(), &shop.key.id, service, call).await
}

/// The same, of an emulator at this address with this key.
///
/// # Errors
/// The service answers with an error.
pub async fn at(client: &reqwest::Client, url: &str, key: &str, service: &str, call: Call<'_>) -> io::Result<String> {
    let request = match call {
        Call::Get(path) => client.get(format!("{url}{path}")),
        Call::Query(form) => {
            client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form.to_owned())
        }
        Call::Json(target, body) => client
            .post(url)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(body.to_owned()),
    };
    let scope = format!("{key}/20261129/{}/{service}/aws4_request", crate::sandbox::REGION);
    let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    let answer = request.header("authorization", signed).send().await.map_err(io::Error::other)?;
    let status = answer.status();
    let text = answer.text().await.map_err(io::Error::other)?;
    if status.is_success() {
        return Ok(text);
    }
    Err(io::Error::other(format!("{service} {call:?}: {status} {text}")))
}

/// Every text under this name, in JSON or XML.
#[must_use]
pub fn named(answer: &str, name: &str) -> Vec<String> {
    match serde_json::from_str::<Value>(answer) {
        Ok(json) => {
            let mut found = Vec::new();
            in_json(&json, name, &mut found);
            found
        }
        Err(_) => in_xml(answer, name),
    }
}

fn in_json(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == name => found.push(text.clone()),
                    other => in_json(other, name, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| in_json(item, name, found)),
        _ => {}
    }
}

fn in_xml(text: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    text.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).map(str::to_owned).collect()
}
