//! Where the configuration comes from: a file, an S3 object, an SSM parameter; or, for one environment, the function's own
//! environment variables alone.

mod vars;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aws_types::SdkConfig;
use vigie_core::cause::Cause;

use crate::error::CallError;
use crate::source::{file_text, parameter};
use crate::store::Store;
use crate::{Need, need};

pub use vars::{VARIABLES, VarsError, VarsErrors, from_vars};

/// The longest configuration, in bytes.
pub const LONGEST: usize = 256 * 1024;
/// Of an SSM parameter of the advanced tier, in bytes; a standard one has 4,096. Source: Systems Manager user guide,
/// "Managing parameter tiers".
pub const LONGEST_PARAMETER: usize = 8 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    File(PathBuf),
    /// `s3://bucket/key`.
    Object {
        bucket: String,
        key: String,
    },
    /// `ssm:/name`.
    Parameter(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigSourceError {
    #[error("{0:?} is no place of a configuration; expected a file's path, s3://bucket/key or ssm:/name")]
    Form(String),
    #[error("the configuration {name} cannot be read: {call}")]
    Unread { name: String, call: CallError },
    #[error(
        "the configuration {name} has {length} bytes; there it may have {most}: use `vigie config push` and the runs bucket"
    )]
    TooLong { name: String, length: usize, most: usize },
    #[error("the configuration {0} is not UTF-8 text")]
    NotText(String),
}

impl FromStr for ConfigSource {
    type Err = ConfigSourceError;

    fn from_str(text: &str) -> Result<Self, ConfigSourceError> {
        let error = || ConfigSourceError::Form(vigie_core::evidence::clean(text));
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("s3://") {
            return match rest.split_once('/') {
                Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                    Ok(ConfigSource::Object { bucket: bucket.to_owned(), key: key.to_owned() })
                }
                _ => Err(error()),
            };
        }
        match text.strip_prefix("ssm:") {
            Some(name) if name.len() > 1 && name.starts_with('/') => Ok(ConfigSource::Parameter(name.to_owned())),
            Some(_) => Err(error()),
            // Another scheme is a mistake, not a file's name.
            None if text.is_empty() || text.contains("://") => Err(error()),
            None => Ok(ConfigSource::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigSource::File(path) => write!(f, "{}", path.display()),
            ConfigSource::Object { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            ConfigSource::Parameter(name) => write!(f, "ssm:{name}"),
        }
    }
}

impl ConfigSource {
    /// What reading it needs.
    #[must_use]
    pub fn actions(&self) -> Vec<Need> {
        match self {
            ConfigSource::File(_) => Vec::new(),
            ConfigSource::Object { bucket, key } => vec![need("s3:GetObject", format!("arn:*:s3:::{bucket}/{key}"))],
            ConfigSource::Parameter(name) => vec![need("ssm:GetParameter", format!("arn:*:ssm:*:*:parameter{name}"))],
        }
    }

    /// What relative paths of the configuration are relative to.
    #[must_use]
    pub fn directory(&self) -> &Path {
        match self {
            ConfigSource::File(path) => path.parent().unwrap_or(Path::new("")),
            ConfigSource::Object { .. } | ConfigSource::Parameter(_) => Path::new(""),
        }
    }
}

/// A configuration as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    /// What errors call it.
    pub name: String,
    /// What its relative paths are relative to; empty for one that is no file.
    pub directory: PathBuf,
}

/// Reads `spec`, with Vigie's own credentials where it is in AWS.
///
/// # Errors
/// Not of its form, missing, denied, longer than [`LONGEST`], not text.
pub async fn load_text(config: &SdkConfig, spec: &str) -> Result<Text, ConfigSourceError> {
    let source: ConfigSource = spec.parse()?;
    let name = source.to_string();
    let text = match &source {
        ConfigSource::File(path) => {
            let path = path.clone();
            let read = tokio::task::spawn_blocking(move || file_text(&path, LONGEST as u64)).await;
            read.unwrap_or(Err(Cause::Unexpected)).map_err(|cause| CallError::new(cause, "file"))
        }
        ConfigSource::Object { bucket, key } => object(config, bucket, key).await,
        ConfigSource::Parameter(of) => parameter(config, of).await,
    };
    let most = if matches!(source, ConfigSource::Parameter(_)) { LONGEST_PARAMETER } else { LONGEST };
    match text {
        Ok(text) if text.len() > most => Err(ConfigSourceError::TooLong { name, length: text.len(), most }),
        Ok(text) => Ok(Text { text, name, directory: source.directory().to_path_buf() }),
        Err(call) if call.cause == Cause::Malformed => Err(ConfigSourceError::NotText(name)),
        Err(call) => Err(ConfigSourceError::Unread { name, call }),
    }
}

async fn object(config: &SdkConfig, bucket: &str, key: &str) -> Result<String, CallError> {
    let read = Store::bucket(config, bucket, None).get(key).await.map_err(|e| e.call)?;
    let (bytes, _) = read.ok_or(CallError::new(Cause::NotFound, "s3:GetObject"))?;
    String::from_utf8(bytes).map_err(|_| CallError::new(Cause::Malformed, "s3:GetObject"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (text, expected) in [
            ("vigie.toml", ConfigSource::File("vigie.toml".into())),
            ("s3://b/vigie/a.toml", ConfigSource::Object { bucket: "b".into(), key: "vigie/a.toml".into() }),
            ("ssm:/vigie/config", ConfigSource::Parameter("/vigie/config".into())),
        ] {
            assert_eq!(text.parse::<ConfigSource>().unwrap(), expected);
            assert_eq!(expected.to_string(), text);
        }
        for text in ["", "s3://b", "s3:///k", "ssm:name", "ssm:/", "https://x/vigie.toml"] {
            assert!(text.parse::<ConfigSource>().unwrap_err().to_string().contains("s3://bucket/key"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_file_is_read_and_bounded() {
        let at = tempfile::tempdir().unwrap();
        let config = SdkConfig::builder().build();
        let load = async |name: &str, content: Option<&[u8]>| {
            let path = at.path().join(name);
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            load_text(&config, path.to_str().unwrap()).await
        };
        let read = load("vigie.toml", Some(b"x = 1")).await.unwrap();
        assert_eq!(read.text, "x = 1");
        assert!(read.name.ends_with("vigie.toml"));
        assert_eq!(read.directory, at.path());
        let cause = |result| match result {
            Err(ConfigSourceError::Unread { call, .. }) => call.cause,
            other => panic!("{other:?}"),
        };
        assert_eq!(cause(load("none.toml", None).await), Cause::NotFound);
        assert_eq!(cause(load("big.toml", Some(&vec![b'#'; LONGEST + 1])).await), Cause::TooLarge);
        assert!(matches!(load("odd.toml", Some(&[0xff, 0xfe])).await, Err(ConfigSourceError::NotText(_))));
    }
}
