//! The installation's fingerprint key: `secretsmanager:ID`, `ssm:/name`, `file:PATH` or `env:NAME`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use aws_types::SdkConfig;
use secrecy::zeroize::Zeroizing;
use tokio::sync::OnceCell;
use vigie_core::cause::Cause;
use vigie_core::facts::{Gap, Identity};
use vigie_core::fingerprint::FingerprintKey;

use crate::error::CallError;
use crate::source::{file_text, parameter, secret_text};
use crate::{Need, need};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    SecretsManager(String),
    Ssm(String),
    File(String),
    Env(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no place of a key; expected secretsmanager:ID, ssm:/name, file:PATH or env:NAME")]
pub struct KeySourceError {
    pub found: String,
}

impl FromStr for KeySource {
    type Err = KeySourceError;

    fn from_str(text: &str) -> Result<Self, KeySourceError> {
        match text.trim().split_once(':') {
            Some(("secretsmanager", id)) if !id.is_empty() => Ok(KeySource::SecretsManager(id.to_owned())),
            Some(("ssm", name)) if name.starts_with('/') => Ok(KeySource::Ssm(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(KeySource::File(path.to_owned())),
            Some(("env", name)) if !name.is_empty() => Ok(KeySource::Env(name.to_owned())),
            _ => Err(KeySourceError { found: vigie_core::evidence::clean(text) }),
        }
    }
}

impl KeySource {
    /// What reading it needs.
    #[must_use]
    pub fn actions(&self) -> Vec<Need> {
        match self {
            KeySource::SecretsManager(id) if id.starts_with("arn:") => {
                vec![need("secretsmanager:GetSecretValue", id.clone())]
            }
            KeySource::SecretsManager(id) => {
                vec![need("secretsmanager:GetSecretValue", format!("arn:*:secretsmanager:*:*:secret:{id}-??????"))]
            }
            KeySource::Ssm(name) => vec![need("ssm:GetParameter", format!("arn:*:ssm:*:*:parameter{name}"))],
            KeySource::File(_) | KeySource::Env(_) => Vec::new(),
        }
    }

    async fn text(&self, config: &SdkConfig, at: &At<'_>) -> Result<Zeroizing<String>, CallError> {
        let text = match self {
            KeySource::SecretsManager(id) => secret_text(config, id).await?,
            KeySource::Ssm(name) => parameter(config, name).await?,
            KeySource::File(path) => {
                let path = at.directory.join(path);
                let read = tokio::task::spawn_blocking(move || file_text(&path, 64 * 1024)).await;
                read.unwrap_or(Err(Cause::Unexpected)).map_err(|cause| CallError::new(cause, "file"))?
            }
            KeySource::Env(name) => (at.vars)(name).ok_or(CallError::new(Cause::NotGiven, "env"))?,
        };
        Ok(Zeroizing::new(text))
    }
}

/// What the edge knows.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// Reads a variable of Vigie's own environment.
    pub vars: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// What `file:` is relative to.
    pub directory: &'a Path,
}

/// The key, read once a process. A failure is not kept: the next run tries again.
#[derive(Default)]
pub struct KeyCell(OnceCell<Arc<FingerprintKey>>);

impl fmt::Debug for KeyCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCell")
    }
}

impl KeyCell {
    /// `config`: Vigie's own, not an environment's role. `None` without a source: what needs the key is then unknown.
    ///
    /// # Errors
    /// The source cannot be read; what it holds is shorter than 32 bytes (malformed).
    pub async fn get(
        &self,
        source: Option<&KeySource>,
        config: &SdkConfig,
        at: At<'_>,
    ) -> Result<Option<Arc<FingerprintKey>>, Gap> {
        let Some(source) = source else { return Ok(None) };
        let key = self.0.get_or_try_init(|| async {
            let text = source.text(config, &at).await.map_err(|e| e.gap(Identity::Auditor))?;
            let key = decode(&text).as_deref().and_then(|bytes| FingerprintKey::new(bytes));
            key.map(Arc::new).ok_or(Gap::new(Cause::Malformed, Identity::Auditor))
        });
        key.await.map(|key| Some(Arc::clone(key)))
    }
}

/// Hex, base64 or plain text, or a JSON object with one such value (the console's key/value form); 32 bytes or more.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim();
    if text.starts_with('{') {
        let object: std::collections::BTreeMap<String, String> = serde_json::from_str(text).ok()?;
        let [value] = <[String; 1]>::try_from(object.into_values().collect::<Vec<_>>()).ok()?;
        return decode(Zeroizing::new(value).as_str());
    }
    let long = |bytes: &Vec<u8>| bytes.len() >= FingerprintKey::SHORTEST;
    let decoded = hex(text).filter(long).or_else(|| aws_smithy_types::base64::decode(text).ok().filter(long));
    decoded.or_else(|| Some(text.as_bytes().to_vec()).filter(long)).map(Zeroizing::new)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|d| d.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_key() {
        let bytes: Vec<u8> = (0..32).collect();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let base64 = aws_smithy_types::base64::encode(&bytes);
        assert_eq!(*decode(&hex).unwrap(), bytes);
        assert_eq!(*decode(&format!(" {base64}\n")).unwrap(), bytes);
        assert_eq!(*decode(&format!("{{\"key\": \"{base64}\"}}")).unwrap(), bytes);
        let plain = "correct horse battery staple, and then some";
        assert_eq!(*decode(plain).unwrap(), plain.as_bytes());
    }

    #[test]
    fn a_short_or_odd_key_is_none() {
        for text in ["", "short", "0123456789abcdef", "{\"a\": \"x\", \"b\": \"y\"}", "{}", "{\"key\": 5}"] {
            assert!(decode(text).is_none(), "{text}");
        }
    }

    #[test]
    fn places() {
        for text in ["secretsmanager:vigie/key", "ssm:/vigie/key", "file:key.txt", "env:VIGIE_KEY"] {
            assert!(text.parse::<KeySource>().is_ok(), "{text}");
        }
        for text in ["", "vigie/key", "ssm:vigie", "file:", "https://x"] {
            assert!(text.parse::<KeySource>().unwrap_err().to_string().contains("secretsmanager:ID"), "{text}");
        }
    }

    #[tokio::test]
    async fn read_once_and_a_failure_is_not_kept() {
        let config = SdkConfig::builder().build();
        let source = "env:K".parse::<KeySource>().unwrap();
        let (cell, none, some) = (KeyCell::default(), |_: &str| None, |_: &str| Some("k".repeat(32)));
        let at = |vars| At { vars, directory: Path::new(".") };
        assert!(cell.get(None, &config, at(&some)).await.unwrap().is_none());
        let Err(gap) = cell.get(Some(&source), &config, at(&none)).await else { panic!() };
        assert_eq!(gap.cause, Cause::NotGiven);
        let first = cell.get(Some(&source), &config, at(&some)).await.unwrap().unwrap();
        let again = cell.get(Some(&source), &config, at(&none)).await.unwrap().unwrap();
        assert_eq!(first.id(), again.id());
    }
}
