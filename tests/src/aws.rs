//! The AWS emulator (ministack), as its own process, and the front before it.

use crate::front::Front;
use crate::process::{self, Daemon, Signal};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

pub struct Aws {
    daemon: Daemon,
    port: u16,
    pub front: Front,
    /// What says when a deployed schedule fires.
    schedules: PathBuf,
}

/// When the enabled schedules of a deployed stack fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Never,
    /// Whatever their expressions say, every so many seconds.
    Every(u32),
}

/// Ministack, started with what its scheduler lacks.
const EMULATOR: &str = include_str!("emulator.py");

impl Aws {
    /// Takes one or two seconds. Deployed functions call the front; `inherited` is what they find in their process
    /// environment beside what their template says: where the sandbox's servers are. No schedule fires until
    /// [`Aws::pace`] says so.
    ///
    /// # Errors
    /// The emulator is not installed, or did not start; with the end of its log.
    pub async fn start(region: &str, inherited: &[(&'static str, String)]) -> io::Result<Aws> {
        let python = python()?;
        let folder = process::folder("aws")?;
        let port = process::free_port()?;
        let front = Front::start(port).await?;
        let (program, schedules) = (folder.join("emulator.py"), folder.join("schedules"));
        std::fs::write(&program, EMULATOR)?;
        std::fs::write(&schedules, "off")?;
        let mut environment = vec![
            ("BIND_HOST", "127.0.0.1".to_owned()),
            ("GATEWAY_PORT", port.to_string()),
            ("MINISTACK_REGION", region.to_owned()),
            ("LOG_LEVEL", "WARNING".to_owned()),
            ("S3_DATA_DIR", folder.join("s3").display().to_string()),
            ("STATE_DIR", folder.join("state").display().to_string()),
            ("SFTP_ENABLED", "0".to_owned()),
            ("SCHEDULES", schedules.display().to_string()),
            ("AWS_ENDPOINT_URL", front.url()),
        ];
        environment.extend(inherited.iter().cloned());
        let arguments = [program.display().to_string()];
        let mut daemon = Daemon::start("ministack", &folder, &python, &arguments, &environment, Signal::Kill)?;
        daemon.ready(Duration::from_secs(30), || process::listens(port)).await?;
        Ok(Aws { daemon, port, front, schedules })
    }

    /// # Errors
    /// The emulator's folder is gone.
    pub fn pace(&self, pace: Pace) -> io::Result<()> {
        let said = match pace {
            Pace::Never => "off".to_owned(),
            Pace::Every(seconds) => seconds.to_string(),
        };
        std::fs::write(&self.schedules, said)
    }

    /// The emulator's own address, past the front.
    #[must_use]
    pub fn emulator(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the emulator has complained of.
    #[must_use]
    pub fn log(&self) -> String {
        self.daemon.tail()
    }

    pub fn stop(&mut self) {
        self.front.serving.stop();
        self.daemon.stop();
    }
}

/// The interpreter that the emulator is installed in.
///
/// # Errors
/// It is not there; the sentence says what to run.
pub fn python() -> io::Result<PathBuf> {
    let program = root().join("target/sandbox/venv/bin/python");
    if program.exists() {
        return Ok(program);
    }
    Err(io::Error::other(format!("{} is missing: run cargo demo or cargo verify once", program.display())))
}

/// The workspace.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// A program of the workspace, built from what the sources say now: `cargo test` alone builds no binary of another package.
///
/// # Errors
/// The build fails; its own words are on standard error.
pub fn program(name: &str) -> io::Result<PathBuf> {
    static BUILT: OnceLock<bool> = OnceLock::new();
    // cargo demo and cargo verify have just built everything.
    #[allow(clippy::disallowed_methods)] // an edge: what started this process
    let built = *BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--workspace", "--bins", "--quiet"]).current_dir(root());
        // What cargo tells of the package under test: ring's build script looks at it, and would build all above it again.
        for (name, _) in std::env::vars_os() {
            let told = name.to_str().is_some_and(|n| n.starts_with("CARGO_PKG_") || n.starts_with("CARGO_MANIFEST_"));
            if told {
                command.env_remove(name);
            }
        }
        let mut build = || command.status();
        std::env::var_os("VIGIE_BUILT").is_some() || build().is_ok_and(|status| status.success())
    });
    let program = root().join("target/debug").join(name);
    if built && program.exists() {
        return Ok(program);
    }
    Err(io::Error::other(format!("{} is not built: run cargo build --workspace --bins", program.display())))
}
