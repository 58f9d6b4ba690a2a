//! A reader that knows nothing of Vigie: Python's email package reads a mail back.

use crate::aws::python;
use serde::Deserialize;
use std::io;
use std::process::Command;

const PROGRAM: &str = include_str!("parse_mail.py");

/// A mail as it was understood.
#[derive(Clone, Debug, Deserialize)]
pub struct Read {
    /// In the order of the mail; unfolded and decoded.
    pub headers: Vec<(String, String)>,
    pub from: Vec<Mailbox>,
    pub to: Vec<Mailbox>,
    /// As ISO 8601.
    pub date: String,
    /// What the parser holds against it.
    pub defects: Vec<String>,
    /// `multipart/alternative(text/plain, text/html)`.
    pub tree: String,
    /// The root's type, as multipart/related says it.
    pub related: Option<String>,
    pub leaves: Vec<Leaf>,
    pub text: String,
    pub html: String,
    /// The pictures that the HTML shows, each time that it shows one.
    pub cids: Vec<String>,
    /// What the HTML would fetch from elsewhere.
    pub remote: Vec<String>,
    pub scripts: usize,
    /// Octets without the break.
    pub longest_line: usize,
    /// Lines of the header above 78 octets that could have been folded (RFC 5322, section 2.1.1).
    pub unfolded: Vec<String>,
    pub ascii: bool,
    /// Line feeds or carriage returns alone.
    pub bare_breaks: usize,
    /// Octets.
    pub size: usize,
}

/// Name and address.
pub type Mailbox = (String, String);

#[derive(Clone, Debug, Deserialize)]
pub struct Leaf {
    #[serde(rename = "type")]
    pub kind: String,
    pub charset: Option<String>,
    pub disposition: Option<String>,
    pub filename: Option<String>,
    /// With its angle brackets.
    pub cid: Option<String>,
    pub encoding: String,
    pub text: Option<String>,
    pub png: bool,
}

impl Read {
    /// The only header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(of, _)| of.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| value.as_str());
        first.filter(|_| found.next().is_none())
    }
}

/// # Errors
/// Python is not there, or could not read a mail at all; with its words.
pub fn read(mails: &[Vec<u8>]) -> io::Result<Vec<Read>> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("parse_mail.py");
    std::fs::write(&program, PROGRAM)?;
    let mut command = Command::new(python()?);
    command.arg(&program);
    for (n, mail) in mails.iter().enumerate() {
        let file = folder.path().join(format!("{n}.eml"));
        std::fs::write(&file, mail)?;
        command.arg(file);
    }
    let done = command.output()?;
    if !done.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&done.stderr).into_owned()));
    }
    serde_json::from_slice(&done.stdout).map_err(io::Error::other)
}
