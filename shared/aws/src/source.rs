//! Where the audited app's variables come from. A later source wins; each variable knows its source.

mod aws;
mod local;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use aws_types::SdkConfig;
use futures::future::join_all;
use secrecy::SecretString;
use vigie_core::cause::Cause;
use vigie_core::facts::Identity;
use vigie_core::variables::{Unread, Variable, Variables};

use crate::error::CallError;
use crate::{Need, need};

pub(crate) use aws::{parameter, secret_text};
pub(crate) use local::text as file_text;

/// The most variables of one source.
pub const MOST: usize = 2_000;
/// The longest value, in bytes.
pub const LONGEST_VALUE: usize = 64 * 1024;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The environment of this process; from a terminal only, since inside Lambda it is Vigie's own.
    Process,
    /// A file of NAME=value lines; relative to the configuration file.
    Dotenv(PathBuf),
    /// The parameters right under a path; a variable's name is the last part of the parameter's.
    Ssm(String),
    /// A secret that holds a JSON object: its fields are the variables. Name or ARN.
    SecretsManager(String),
    /// The environment of a Lambda function. Name or ARN.
    Lambda(String),
    /// The variables of an Amplify app, then those of one of its branches.
    Amplify { app: String, branch: String },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is no source; expected process, dotenv:PATH, ssm:/path/, secretsmanager:ID, lambda:NAME or amplify:APP_ID/BRANCH"
)]
pub struct SourceError {
    pub found: String,
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let error = || SourceError { found: vigie_core::evidence::clean(text) };
        let text = text.trim();
        if text == "process" {
            return Ok(Source::Process);
        }
        let (kind, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).ok_or_else(error)?;
        match kind {
            "dotenv" => Ok(Source::Dotenv(PathBuf::from(rest))),
            "ssm" if rest.starts_with('/') => Ok(Source::Ssm(rest.to_owned())),
            "secretsmanager" => Ok(Source::SecretsManager(rest.to_owned())),
            "lambda" => Ok(Source::Lambda(rest.to_owned())),
            "amplify" => match rest.split_once('/') {
                // A branch may have slashes itself.
                Some((app, branch)) if !app.is_empty() && !branch.is_empty() => {
                    Ok(Source::Amplify { app: app.to_owned(), branch: branch.to_owned() })
                }
                _ => Err(error()),
            },
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Process => f.write_str("process"),
            Source::Dotenv(path) => write!(f, "dotenv:{}", path.display()),
            Source::Ssm(path) => write!(f, "ssm:{path}"),
            Source::SecretsManager(id) => write!(f, "secretsmanager:{id}"),
            Source::Lambda(name) => write!(f, "lambda:{name}"),
            Source::Amplify { app, branch } => write!(f, "amplify:{app}/{branch}"),
        }
    }
}

impl Source {
    /// What reading it needs: IAM actions and resources. A customer managed key adds `kms:Decrypt` on that key.
    #[must_use]
    pub fn actions(&self) -> Vec<Need> {
        let arn = |service: &str, id: &str, form: String| {
            if id.starts_with("arn:") { id.to_owned() } else { format!("arn:*:{service}:*:*:{form}") }
        };
        match self {
            Source::Process | Source::Dotenv(_) => Vec::new(),
            Source::Ssm(path) => {
                // The path itself, without a slash at its end, and what lies under it.
                let path = path.trim_end_matches('/');
                let of = |path: String| need("ssm:GetParametersByPath", format!("arn:*:ssm:*:*:parameter{path}"));
                let root = if path.is_empty() { "/" } else { path };
                vec![of(root.to_owned()), of(format!("{path}/*"))]
            }
            Source::SecretsManager(id) => {
                // Secrets Manager adds six random characters to the name.
                vec![need("secretsmanager:GetSecretValue", arn("secretsmanager", id, format!("secret:{id}-??????")))]
            }
            Source::Lambda(name) => {
                vec![need("lambda:GetFunctionConfiguration", arn("lambda", name, format!("function:{name}")))]
            }
            Source::Amplify { app, branch } => vec![
                need("amplify:GetApp", format!("arn:*:amplify:*:*:apps/{app}")),
                need("amplify:GetBranch", format!("arn:*:amplify:*:*:apps/{app}/branches/{branch}")),
            ],
        }
    }
}

/// What the edge knows of where Vigie runs.
pub struct Context<'a> {
    /// Inside Lambda `process` is refused.
    pub inside_lambda: bool,
    /// The environment of this process.
    pub process: &'a (dyn Fn() -> Vec<(String, String)> + Sync),
    /// What a `dotenv:` path is relative to.
    pub directory: &'a Path,
    /// The longest that one source may take; all are read at the same time.
    pub limit: Duration,
}

pub(crate) type Found = BTreeMap<String, SecretString>;

/// Reads all sources, with the auditor's credentials. One that cannot be read is in `unread`, with its cause, and stops
/// no other.
pub async fn read(config: &SdkConfig, sources: &[Source], context: &Context<'_>) -> Variables {
    let all = join_all(sources.iter().map(|source| async move {
        let found = tokio::time::timeout(context.limit, one(config, source, context)).await;
        found.unwrap_or(Err(CallError::new(Cause::Timeout, action(source)))).and_then(|f| bounded(f, action(source)))
    }))
    .await;
    let mut variables = Variables::default();
    for (source, found) in sources.iter().zip(all) {
        let source = source.to_string();
        match found {
            Ok(found) => {
                for (name, value) in found {
                    variables.values.insert(name, Variable { value, source: source.clone() });
                }
            }
            Err(error) => {
                tracing::warn!(%source, cause = error.cause.code(), action = error.action, "source not read");
                variables.unread.push(Unread { source, gap: error.gap(Identity::Auditor) });
            }
        }
    }
    variables
}

async fn one(config: &SdkConfig, source: &Source, context: &Context<'_>) -> Result<Found, CallError> {
    match source {
        Source::Process if context.inside_lambda => Err(CallError::new(Cause::SourceUnread, "process")),
        Source::Process => Ok(local::process((context.process)())),
        Source::Dotenv(path) => local::dotenv(context.directory.join(path)).await,
        Source::Ssm(path) => aws::parameters(config, path).await,
        Source::SecretsManager(id) => aws::secret(config, id).await,
        Source::Lambda(name) => aws::function(config, name).await,
        Source::Amplify { app, branch } => aws::amplify(config, app, branch).await,
    }
}

fn action(source: &Source) -> &'static str {
    match source {
        Source::Process => "process",
        Source::Dotenv(_) => "dotenv",
        Source::Ssm(_) => "ssm:GetParametersByPath",
        Source::SecretsManager(_) => "secretsmanager:GetSecretValue",
        Source::Lambda(_) => "lambda:GetFunctionConfiguration",
        Source::Amplify { .. } => "amplify:GetBranch",
    }
}

fn bounded(found: Found, action: &'static str) -> Result<Found, CallError> {
    use secrecy::ExposeSecret;
    let large = found.len() > MOST
        || found.iter().any(|(name, value)| name.len() > LONGEST_NAME || value.expose_secret().len() > LONGEST_VALUE);
    if large { Err(CallError::new(Cause::TooLarge, action)) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn forms() {
        for text in [
            "process",
            "dotenv:.env.production",
            "ssm:/shop/production/",
            "secretsmanager:shop/production",
            "secretsmanager:arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf",
            "lambda:shop-web",
            "amplify:d1a2b3/feature/login",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        for text in ["", "proces", "dotenv:", "ssm:shop", "amplify:d1a2b3", "amplify:/main", "vault:x", "env"] {
            let error = text.parse::<Source>().unwrap_err().to_string();
            assert!(error.contains("amplify:APP_ID/BRANCH"), "{error}");
        }
    }

    #[test]
    fn each_declares_what_it_needs() {
        let actions = |text: &str| text.parse::<Source>().unwrap().actions();
        assert!(actions("process").is_empty());
        let parameters = |text| actions(text).into_iter().map(|need| need.resource).collect::<Vec<_>>();
        assert_eq!(parameters("ssm:/shop/"), ["arn:*:ssm:*:*:parameter/shop", "arn:*:ssm:*:*:parameter/shop/*"]);
        assert_eq!(parameters("ssm:/"), ["arn:*:ssm:*:*:parameter/", "arn:*:ssm:*:*:parameter/*"]);
        assert_eq!(actions("secretsmanager:shop")[0].resource, "arn:*:secretsmanager:*:*:secret:shop-??????");
        assert_eq!(actions("amplify:d1/main").len(), 2);
    }

    fn context<'a>(
        inside_lambda: bool,
        directory: &'a Path,
        process: &'a (dyn Fn() -> Vec<(String, String)> + Sync),
    ) -> Context<'a> {
        Context { inside_lambda, process, directory, limit: Duration::from_secs(5) }
    }

    #[tokio::test]
    async fn a_later_source_wins_and_a_missing_one_stops_nothing() {
        let at = tempfile::tempdir().unwrap();
        std::fs::write(at.path().join("a.env"), "ONE=file\nTWO='file two'\n").unwrap();
        let process = || vec![("ONE".to_owned(), "process".to_owned()), ("THREE".to_owned(), "3".to_owned())];
        let sources = ["process", "dotenv:a.env", "dotenv:none.env"].map(|s| s.parse::<Source>().unwrap());
        let read = read(&SdkConfig::builder().build(), &sources, &context(false, at.path(), &process)).await;
        assert_eq!(read.values["ONE"].value.expose_secret(), "file");
        assert_eq!(read.values["ONE"].source, "dotenv:a.env");
        assert_eq!(read.values["TWO"].value.expose_secret(), "file two");
        assert_eq!(read.values["THREE"].source, "process");
        assert_eq!(read.unread.len(), 1);
        assert_eq!(read.unread[0].gap.cause, Cause::NotFound);
    }

    #[tokio::test]
    async fn a_bad_line_is_not_the_end_and_a_file_of_nothing_else_is() {
        let at = tempfile::tempdir().unwrap();
        std::fs::write(at.path().join("one.env"), "ONE=1\nthis is no pair\nONE=2\n").unwrap();
        std::fs::write(at.path().join("none.env"), "this is no pair\n").unwrap();
        std::fs::write(at.path().join("empty.env"), "# nothing yet\n").unwrap();
        let sources = ["dotenv:one.env", "dotenv:none.env", "dotenv:empty.env"].map(|s| s.parse::<Source>().unwrap());
        let read = read(&SdkConfig::builder().build(), &sources, &context(false, at.path(), &Vec::new)).await;
        assert_eq!(read.values["ONE"].value.expose_secret(), "2");
        assert_eq!(read.unread.len(), 1);
        assert_eq!((read.unread[0].source.as_str(), read.unread[0].gap.cause), ("dotenv:none.env", Cause::Malformed));
    }

    #[tokio::test]
    async fn inside_lambda_the_process_is_not_the_app() {
        let process = || vec![("AWS_SECRET_ACCESS_KEY".to_owned(), "vigie's own".to_owned())];
        let read =
            read(&SdkConfig::builder().build(), &[Source::Process], &context(true, Path::new("."), &process)).await;
        assert!(read.values.is_empty());
        assert_eq!(read.unread[0].gap.cause, Cause::SourceUnread);
    }

    #[tokio::test]
    async fn too_large_is_said() {
        let process = || vec![("BIG".to_owned(), "x".repeat(LONGEST_VALUE + 1))];
        let read =
            read(&SdkConfig::builder().build(), &[Source::Process], &context(false, Path::new("."), &process)).await;
        assert_eq!(read.unread[0].gap.cause, Cause::TooLarge);
    }
}
