//! Sources in AWS.

use std::collections::{BTreeMap, HashMap};

use aws_types::SdkConfig;
use secrecy::SecretString;
use vigie_core::cause::Cause;

use super::{Found, MOST};
use crate::error::{CallError, call};

/// SSM gives at most 10 a page.
pub(super) async fn parameters(config: &SdkConfig, path: &str) -> Result<Found, CallError> {
    const ACTION: &str = "ssm:GetParametersByPath";
    let client = aws_sdk_ssm::Client::new(config);
    let path = if path == "/" { path } else { path.trim_end_matches('/') };
    let mut found = Found::new();
    let mut next = None;
    while found.len() <= MOST {
        let page = client.get_parameters_by_path().path(path).with_decryption(true).max_results(10);
        let page = page.set_next_token(next).send().await.map_err(|e| call(&e, ACTION))?;
        for parameter in page.parameters.unwrap_or_default() {
            let (Some(name), Some(value)) = (parameter.name, parameter.value) else { continue };
            let name = name.rsplit('/').next().unwrap_or(&name).to_owned();
            found.insert(name, SecretString::from(value));
        }
        next = page.next_token;
        if next.is_none() {
            break;
        }
    }
    // A path without a parameter is a path written wrong: SSM itself says nothing.
    if found.is_empty() { Err(CallError::new(Cause::NotFound, ACTION)) } else { Ok(found) }
}

pub(super) async fn secret(config: &SdkConfig, id: &str) -> Result<Found, CallError> {
    let text = secret_text(config, id).await?;
    fields(&text).ok_or(CallError::new(Cause::Malformed, "secretsmanager:GetSecretValue"))
}

/// The text of a secret, current version.
pub(crate) async fn secret_text(config: &SdkConfig, id: &str) -> Result<String, CallError> {
    const ACTION: &str = "secretsmanager:GetSecretValue";
    let client = aws_sdk_secretsmanager::Client::new(config);
    let secret = client.get_secret_value().secret_id(id).send().await.map_err(|e| call(&e, ACTION))?;
    secret.secret_string.ok_or(CallError::new(Cause::Malformed, ACTION))
}

/// The value of one parameter, decrypted.
pub(crate) async fn parameter(config: &SdkConfig, name: &str) -> Result<String, CallError> {
    const ACTION: &str = "ssm:GetParameter";
    let client = aws_sdk_ssm::Client::new(config);
    let answer = client.get_parameter().name(name).with_decryption(true).send().await.map_err(|e| call(&e, ACTION))?;
    answer.parameter.and_then(|p| p.value).ok_or(CallError::new(Cause::Malformed, ACTION))
}

/// The fields of a JSON object as texts: a number as it is written, an object as JSON, null not at all.
fn fields(text: &str) -> Option<Found> {
    use serde_json::Value;
    let fields: BTreeMap<String, Value> = serde_json::from_str(text).ok()?;
    let texts = fields.into_iter().filter_map(|(name, value)| {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text,
            other => other.to_string(),
        };
        Some((name, SecretString::from(text)))
    });
    Some(texts.collect())
}

pub(super) async fn function(config: &SdkConfig, name: &str) -> Result<Found, CallError> {
    const ACTION: &str = "lambda:GetFunctionConfiguration";
    let client = aws_sdk_lambda::Client::new(config);
    let answer = client.get_function_configuration().function_name(name).send().await.map_err(|e| call(&e, ACTION))?;
    let Some(environment) = answer.environment else { return Ok(Found::new()) };
    // Lambda answers, but without the variables, when it may not decrypt them.
    if environment.error.is_some() {
        return Err(CallError::new(Cause::Kms, ACTION));
    }
    Ok(secrets(environment.variables.unwrap_or_default()))
}

/// The branch's variables win over the app's, as in Amplify itself.
pub(super) async fn amplify(config: &SdkConfig, app: &str, branch: &str) -> Result<Found, CallError> {
    let client = aws_sdk_amplify::Client::new(config);
    let (of_app, of_branch) = futures::join!(
        client.get_app().app_id(app).send(),
        client.get_branch().app_id(app).branch_name(branch).send(),
    );
    let of_app = of_app.map_err(|e| call(&e, "amplify:GetApp"))?;
    let of_branch = of_branch.map_err(|e| call(&e, "amplify:GetBranch"))?;
    let mut found = secrets(of_app.app.map(|a| a.environment_variables).unwrap_or_default());
    found.extend(secrets(of_branch.branch.map(|b| b.environment_variables).unwrap_or_default()));
    Ok(found)
}

fn secrets(variables: HashMap<String, String>) -> Found {
    variables.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_secret_s_fields_become_texts() {
        let found = fields(r#"{"URL":"postgres://x","PORT":5432,"ON":true,"NONE":null,"LIST":["a"]}"#).unwrap();
        let text = |name: &str| found[name].expose_secret();
        assert_eq!((text("URL"), text("PORT"), text("ON"), text("LIST")), ("postgres://x", "5432", "true", "[\"a\"]"));
        assert!(!found.contains_key("NONE"));
    }

    #[test]
    fn a_secret_that_is_no_object_is_refused() {
        for text in ["plain", "[1]", "\"text\"", "", "{"] {
            assert!(fields(text).is_none(), "{text}");
        }
    }
}
