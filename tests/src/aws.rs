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
    pub front: Front,
}

impl Aws {
    /// Takes one or two seconds.
    ///
    /// # Errors
    /// The emulator is not installed, or did not start; with the end of its log.
    pub async fn start(region: &str) -> io::Result<Aws> {
        let program = emulator()?;
        let folder = process::folder("aws")?;
        let port = process::free_port()?;
        let environment = [
            ("BIND_HOST", "127.0.0.1".to_owned()),
            ("GATEWAY_PORT", port.to_string()),
            ("MINISTACK_REGION", region.to_owned()),
            ("LOG_LEVEL", "WARNING".to_owned()),
            ("S3_DATA_DIR", folder.join("s3").display().to_string()),
            ("STATE_DIR", folder.join("state").display().to_string()),
            ("SFTP_ENABLED", "0".to_owned()),
        ];
        let mut daemon = Daemon::start("ministack", &folder, &program, &[], &environment, Signal::Kill)?;
        daemon.ready(Duration::from_secs(30), || process::listens(port)).await?;
        Ok(Aws { daemon, front: Front::start(port).await? })
    }

    pub fn stop(&mut self) {
        self.front.serving.stop();
        self.daemon.stop();
    }
}

fn emulator() -> io::Result<PathBuf> {
    let program = root().join("target/sandbox/venv/bin/ministack");
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
