//! Sources on this machine.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use vigie_core::cause::Cause;
use vigie_core::variables::dotenv::{LONGEST, parse};

use super::Found;
use crate::error::CallError;

pub(super) fn process(variables: Vec<(String, String)>) -> Found {
    variables.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect()
}

pub(super) async fn dotenv(path: PathBuf) -> Result<Found, CallError> {
    let name = vigie_core::evidence::clean(&path.display().to_string());
    let read = tokio::task::spawn_blocking(move || text(&path, LONGEST as u64)).await;
    let text = read.unwrap_or(Err(Cause::Unexpected)).map_err(|cause| CallError::new(cause, "dotenv"))?;
    let (found, errors) = parse(&text);
    // The app runs with what its own parser sees, so the file is read all the same; each line is named, never quoted.
    for error in &errors {
        tracing::warn!(file = name, %error, "a line of the file is not what it seems");
    }
    if found.is_empty() && !errors.is_empty() {
        return Err(CallError::new(Cause::Malformed, "dotenv"));
    }
    // A name that comes twice: the last wins.
    Ok(found.into_iter().map(|(name, value, _)| (name, value)).collect())
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
