//! A server process that ends with whoever started it: on drop, on a panic, on ctrl-c, and when the parent is killed.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Waits beside the server for the end of its parent's pipe, then ends the server and removes its directory. The server
/// is the shell itself, by `exec`: its process id is the child's.
const WATCH: &str = r#"signal=$1; folder=$2; shift 2
exec 3<&0
( read -r _ <&3; kill "-$signal" $$ 2>/dev/null
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do kill -0 $$ 2>/dev/null || break; sleep 0.1; done
  kill -9 $$ 2>/dev/null
  rm -rf -- "$folder" ) >/dev/null 2>&1 &
exec 3<&-
exec "$@" </dev/null"#;

/// A running server and its temporary directory.
pub struct Daemon {
    child: Child,
    /// Closed = the server ends.
    hold: Option<ChildStdin>,
    log: PathBuf,
    name: String,
    folder: PathBuf,
}

/// How to end a server.
#[derive(Clone, Copy)]
pub enum Signal {
    Kill,
    /// PostgreSQL's immediate shutdown: removes its shared memory.
    Quit,
}

impl Daemon {
    /// Starts `program` in an environment of its own: nothing of ours is inherited but PATH and a locale.
    ///
    /// # Errors
    /// The process could not be started.
    pub fn start(
        name: &str,
        folder: &Path,
        program: &Path,
        arguments: &[String],
        environment: &[(&str, String)],
        signal: Signal,
    ) -> io::Result<Daemon> {
        let log = folder.join(format!("{name}.log"));
        let out = File::create(&log)?;
        let signal = match signal {
            Signal::Kill => "KILL",
            Signal::Quit => "QUIT",
        };
        let mut child = Command::new("/bin/sh")
            .args(["-c", WATCH, name, signal])
            .arg(folder)
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("LC_ALL", "C.UTF-8")
            .env("TMPDIR", folder)
            .env("HOME", folder)
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(out.try_clone()?)
            .stderr(out)
            // A group of its own: ctrl-c reaches us, and the closed pipe reaches the server.
            .process_group(0)
            .spawn()?;
        let hold = child.stdin.take();
        Ok(Daemon { child, hold, log, name: name.to_owned(), folder: folder.to_path_buf() })
    }

    /// Polls until `ready` says so.
    ///
    /// # Errors
    /// The server ended, or was not ready in time; with the end of its log.
    pub async fn ready<F>(&mut self, within: Duration, mut ready: impl FnMut() -> F) -> io::Result<()>
    where
        F: Future<Output = bool>,
    {
        let end = Instant::now() + within;
        loop {
            if ready().await {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("{} ended ({status}): {}", self.name, self.tail())));
            }
            if Instant::now() > end {
                return Err(io::Error::other(format!("{} was not ready in {within:?}: {}", self.name, self.tail())));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// All that it wrote on standard output and error.
    #[must_use]
    pub fn output(&self) -> String {
        std::fs::read(&self.log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// The end of what it logged.
    #[must_use]
    pub fn tail(&self) -> String {
        self.output().lines().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Its process id: the shell became the server.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends it and waits until it is gone.
    pub fn stop(&mut self) {
        drop(self.hold.take());
        let end = Instant::now() + Duration::from_secs(3);
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A directory that the daemon's watcher removes: it must outlive a killed parent's destructors.
///
/// # Errors
/// The system's temporary directory cannot be written.
pub fn folder(name: &str) -> io::Result<PathBuf> {
    Ok(tempfile::Builder::new().prefix(&format!("vigie-{name}-")).tempdir()?.keep())
}

/// A port that was free a moment ago.
///
/// # Errors
/// No port is free.
pub fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Whether something listens.
pub async fn listens(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

/// What a process has taken so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// The most memory that it had at once.
    pub peak_bytes: u64,
    pub cpu: Duration,
}

/// Of a process that still lives, from /proc.
///
/// # Errors
/// There is no such process.
pub fn usage(id: u32) -> io::Result<Usage> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    let peak: u64 = peak.ok_or_else(|| io::Error::other("no VmHWM"))?;
    // After the name in brackets: utime and stime are the 12th and 13th fields, in ticks of 10 ms.
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Usage { peak_bytes: peak * 1024, cpu: Duration::from_millis(ticks * 10) })
}
