//! One step: named, timed, loud when it fails.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Why it stopped, and what to do.
#[derive(Debug)]
pub struct Failed {
    what: String,
    pub code: u8,
}

impl Failed {
    /// Something of the machine is missing: exit code 2.
    pub fn machine(what: impl Into<String>) -> Self {
        Failed { what: what.into(), code: 2 }
    }

    pub fn usage(what: &str) -> Self {
        Failed { what: format!("usage: {what}"), code: 2 }
    }

    pub fn step(what: impl Into<String>) -> Self {
        Failed { what: what.into(), code: 1 }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Tells tests and demo that the programs they start are fresh.
pub const BUILT: (&str, &str) = ("VIGIE_BUILT", "1");

/// Runs a command with its output shown, after a line that names the step.
pub fn step(name: &str, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), Failed> {
    let shown = std::iter::once(program).chain(arguments.iter().copied()).collect::<Vec<_>>().join(" ");
    println!("==> {name}: {shown}");
    let _ = std::io::stdout().flush();
    let start = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(crate::machine::root()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_cargo)) {
        command.env_remove(name);
    }
    let status = command.envs(environment.iter().copied()).status();
    let seconds = start.elapsed().as_secs_f32();
    match status {
        Ok(status) if status.success() => {
            println!("    {name}: done in {seconds:.1} s");
            Ok(())
        }
        Ok(status) => {
            Err(Failed::step(format!("    {name}: FAILED after {seconds:.1} s ({status}).\n    Again: {shown}")))
        }
        Err(error) => Err(Failed::machine(format!("    {name}: {program} could not be started: {error}"))),
    }
}

/// What `cargo run` tells its child of the package that it runs. ring's build script looks at it, so a cargo below that
/// saw it would build ring, and all that stands on it, again.
fn of_cargo(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.starts_with(start))
        || ["CARGO", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"].contains(&name)
}

/// Whether a command succeeds; its output is nobody's business.
pub fn quiet(program: &Path, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// What a command says on its standard output, if it succeeds.
pub fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
