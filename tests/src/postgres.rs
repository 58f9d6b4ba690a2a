//! A real PostgreSQL: TLS and SCRAM on, one database and role an environment.

use crate::ca::Leaf;
use crate::process::{self, Daemon, Signal};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio_postgres::NoTls;

/// The superuser's password: the sandbox's own, on a port of 127.0.0.1 that lives for seconds.
const ADMIN: &str = "vigie-sandbox-admin";

pub struct Postgres {
    daemon: Daemon,
    pub port: u16,
}

/// A login and the database of the same app.
#[derive(Clone, Copy, Debug)]
pub struct Tenant<'a> {
    pub user: &'a str,
    pub password: &'a str,
    pub database: &'a str,
}

impl Postgres {
    /// Makes a cluster and starts it. Takes about two seconds.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or did not start; with the end of its log.
    pub async fn start(leaf: &Leaf) -> io::Result<Postgres> {
        let bin = bin()?;
        let folder = process::folder("postgres")?;
        let owner = ordinary_user();
        let data = folder.join("data");
        write(&folder, "password", ADMIN, owner.as_ref())?;
        write(&folder, "server.crt", &leaf.certificate, owner.as_ref())?;
        write(&folder, "server.key", &leaf.key, owner.as_ref())?;
        if let Some(user) = &owner {
            chown(&folder, Some(user.id), Some(user.group))?;
        }
        initialise(&bin, &folder, &data, owner.clone()).await?;
        let port = process::free_port()?;
        let mut command = as_user(owner.as_ref());
        command.push(bin.join("postgres").display().to_string());
        command.extend(["-D".to_owned(), data.display().to_string()]);
        command.extend(settings(&folder, port).into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
        let program = PathBuf::from(command.remove(0));
        let mut daemon = Daemon::start("postgres", &folder, &program, &command, &[], Signal::Quit)?;
        daemon.ready(Duration::from_secs(20), || async move { admin(port, "postgres").await.is_ok() }).await?;
        Ok(Postgres { daemon, port })
    }

    /// A login role with its database.
    ///
    /// # Errors
    /// The server refused.
    pub async fn create(&self, tenant: Tenant<'_>) -> io::Result<()> {
        let Tenant { user, password, database } = tenant;
        self.admin(&format!("CREATE ROLE {} LOGIN PASSWORD {}", name(user), literal(password))).await?;
        self.admin(&format!("CREATE DATABASE {} OWNER {}", name(database), name(user))).await
    }

    /// Makes a role's new sessions read-only, or not.
    ///
    /// # Errors
    /// The server refused.
    pub async fn read_only(&self, user: &str, on: bool) -> io::Result<()> {
        self.admin(&format!("ALTER ROLE {} SET default_transaction_read_only = {on}", name(user))).await
    }

    /// Opens sessions and keeps them until the guard is dropped.
    ///
    /// # Errors
    /// The server has no more slots.
    pub async fn saturate(&self, sessions: usize) -> io::Result<Vec<tokio_postgres::Client>> {
        let mut held = Vec::new();
        for _ in 0..sessions {
            held.push(admin(self.port, "postgres").await?);
        }
        Ok(held)
    }

    async fn admin(&self, sql: &str) -> io::Result<()> {
        admin(self.port, "postgres").await?.batch_execute(sql).await.map_err(io::Error::other)
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        self.daemon.folder()
    }

    pub fn stop(&mut self) {
        self.daemon.stop();
    }
}

async fn admin(port: u16, database: &str) -> io::Result<tokio_postgres::Client> {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).user("postgres").password(ADMIN).dbname(database);
    config.connect_timeout(Duration::from_secs(2));
    let (client, connection) = config.connect(NoTls).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(client)
}

fn settings(folder: &Path, port: u16) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    vec![
        "listen_addresses=127.0.0.1".into(),
        format!("port={port}"),
        "unix_socket_directories=".into(),
        "ssl=on".into(),
        format!("ssl_cert_file={}", file("server.crt")),
        format!("ssl_key_file={}", file("server.key")),
        // The data lives for seconds.
        "fsync=off".into(),
        "shared_buffers=16MB".into(),
        "max_connections=60".into(),
    ]
}

async fn initialise(bin: &Path, folder: &Path, data: &Path, owner: Option<User>) -> io::Result<()> {
    let mut command = as_user(owner.as_ref());
    command.push(bin.join("initdb").display().to_string());
    command.extend(["-D".into(), data.display().to_string(), "-U".into(), "postgres".into()]);
    command.extend(["--pwfile".into(), folder.join("password").display().to_string()]);
    command.extend(["-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale", "C"].map(str::to_owned));
    let folder = folder.to_path_buf();
    let initialised = tokio::task::spawn_blocking(move || {
        Command::new(&command[0]).args(&command[1..]).current_dir(folder).stdin(Stdio::null()).output()
    });
    let output = initialised.await.map_err(io::Error::other)??;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("initdb: {}", String::from_utf8_lossy(&output.stderr))))
}

/// Debian's newest, or what PATH has.
fn bin() -> io::Result<PathBuf> {
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    debian.sort();
    #[allow(clippy::disallowed_methods)] // the sandbox looks for programs: an edge
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian
        .into_iter()
        .rev()
        .chain(std::env::split_paths(&path))
        .find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .ok_or_else(|| {
            io::Error::other("PostgreSQL's server programs are not installed: run cargo demo or cargo verify")
        })
}

/// PostgreSQL refuses to run as root.
#[derive(Clone)]
struct User {
    id: u32,
    group: u32,
}

/// When we are root: the user that PostgreSQL is run as.
fn ordinary_user() -> Option<User> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let effective = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?;
    if effective != "0" {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|wanted| {
        let line = users.lines().find(|line| line.split(':').next() == Some(*wanted))?;
        let mut fields = line.split(':').skip(2);
        Some(User { id: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
    })
}

fn as_user(user: Option<&User>) -> Vec<String> {
    let Some(User { id, group }) = user else { return Vec::new() };
    vec!["/usr/bin/setpriv".into(), format!("--reuid={id}"), format!("--regid={group}"), "--clear-groups".into()]
}

fn write(folder: &Path, file: &str, content: &str, owner: Option<&User>) -> io::Result<()> {
    let path = folder.join(file);
    std::fs::write(&path, content)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    owner.map_or(Ok(()), |user| chown(&path, Some(user.id), Some(user.group)))
}

fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
