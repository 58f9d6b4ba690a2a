//! Sources on this machine.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use vigie_core::cause::Cause;

use super::Found;
use crate::error::CallError;

/// The longest file, in bytes.
const LONGEST: u64 = 1024 * 1024;

pub(super) fn process(variables: Vec<(String, String)>) -> Found {
    variables.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect()
}

pub(super) async fn dotenv(path: PathBuf) -> Result<Found, CallError> {
    let read = tokio::task::spawn_blocking(move || text(&path, LONGEST)).await.unwrap_or(Err(Cause::Unexpected));
    let text = read.map_err(|cause| CallError::new(cause, "dotenv"))?;
    parse(&text).ok_or(CallError::new(Cause::Malformed, "dotenv"))
}

/// A whole file as text, bounded.
pub(crate) fn text(path: &Path, longest: u64) -> Result<String, Cause> {
    let cause = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Cause::NotFound,
        ErrorKind::PermissionDenied => Cause::NoPermission,
        ErrorKind::InvalidData | ErrorKind::IsADirectory => Cause::Malformed,
        _ => Cause::Unexpected,
    };
    let mut text = String::new();
    let read = File::open(path).map_err(cause)?.take(longest + 1).read_to_string(&mut text).map_err(cause)?;
    if read as u64 > longest { Err(Cause::TooLarge) } else { Ok(text) }
}

/// Until vigie-core reads them: NAME=value lines, quotes around a value, comments on lines of their own.
fn parse(text: &str) -> Option<Found> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
            let value = value.trim();
            let bare = ['\'', '"'].iter().find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(value);
            Some((name.trim().to_owned(), SecretString::from(bare.to_owned())))
        })
        .collect()
}
