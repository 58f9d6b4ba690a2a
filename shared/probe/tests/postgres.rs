//! Against a real PostgreSQL with TLS: Debian's, or what PATH has. Missing, the tests fail and say what to install.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that fails panics

mod common;

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Ca, Leaf, ask, port};
use rustls_pki_types::CertificateDer;
use secrecy::SecretString;
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::facts::postgres::Postgres;
use vigie_core::facts::{Fact, Rung};
use vigie_core::targets::PostgresTarget;
use vigie_probe::ask::Ask;
use vigie_probe::postgres::observe;

const PASSWORD: &str = "c4n4ry/p@ss word";
const ENCODED: &str = "c4n4ry%2Fp%40ss%20word";

/// A cluster of its own in a temporary folder; stopped when dropped.
struct Cluster {
    folder: tempfile::TempDir,
    bin: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Role `app` (not a superuser) with database `shop`; TLS with `leaf`, or off.
    fn new(leaf: Option<&Leaf>, settings: &[&str]) -> Self {
        let mut cluster = Cluster { folder: tempfile::tempdir().unwrap(), bin: binaries(), port: port(), server: None };
        cluster.write("password", "admin");
        own(cluster.folder.path());
        let data = cluster.path("data");
        let auth = ["-A", "scram-sha-256", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale", "C", "--pwfile"];
        let mut initdb = cluster.command("initdb");
        initdb.args(auth).arg(cluster.path("password")).arg("-D").arg(data);
        let output = initdb.output().unwrap();
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        if let Some(leaf) = leaf {
            cluster.show(leaf);
        }
        let hba = std::fs::read_to_string(cluster.path("data/pg_hba.conf")).unwrap();
        cluster.write("data/pg_hba.conf", &format!("{hba}\nhost all all 0.0.0.0/0 scram-sha-256\n"));
        cluster.start(leaf.is_some(), settings);
        cluster.sql(&format!("CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'"));
        cluster.sql("CREATE DATABASE shop OWNER app");
        cluster
    }

    fn start(&mut self, tls: bool, settings: &[&str]) {
        let folder = self.folder.path().display().to_string();
        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(self.path("data")).args(["-c", &format!("port={}", self.port)]);
        postgres.args(["-c", "listen_addresses=*", "-c", &format!("unix_socket_directories={folder}")]);
        postgres.args(["-c", "fsync=off", "-c", "max_connections=20"]);
        if tls {
            postgres.args(["-c", "ssl=on", "-c", &format!("ssl_cert_file={folder}/server.crt")]);
            postgres.args(["-c", &format!("ssl_key_file={folder}/server.key")]);
        }
        for setting in settings {
            postgres.args(["-c", setting]);
        }
        self.server = Some(postgres.spawn().unwrap());
        let until = Instant::now() + Duration::from_secs(20);
        while !self.psql("SELECT 1").is_ok_and(|status| status) {
            assert!(Instant::now() < until, "PostgreSQL does not start: see {folder}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // Immediate shutdown: the shared memory is given back, which a SIGKILL would not.
            let _ = Command::new("kill").args(["-INT", &server.id().to_string()]).status();
            let _ = server.wait();
        }
    }

    /// Shows another certificate to new connections.
    fn show(&self, leaf: &Leaf) {
        self.write("server.crt", &leaf.pem);
        self.write("server.key", &leaf.key_pem);
        if let Some(server) = &self.server {
            let _ = Command::new("kill").args(["-HUP", &server.id().to_string()]).status().unwrap();
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn sql(&self, sql: &str) {
        assert!(self.psql(sql).unwrap(), "{sql}");
    }

    fn psql(&self, sql: &str) -> std::io::Result<bool> {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-q", "-h"]).arg(self.folder.path()).args(["-p", &self.port.to_string(), "-U", "postgres"]);
        psql.args(["-c", sql]).env("PGPASSWORD", "admin").stdout(Stdio::null()).stderr(Stdio::null());
        psql.status().map(|status| status.success())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
        own(&self.path(name));
    }

    /// PostgreSQL refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = match user() {
            None => Command::new(program),
            Some((uid, gid)) => {
                let mut command = Command::new("setpriv");
                command.args([&format!("--reuid={uid}"), &format!("--regid={gid}"), "--clear-groups"]).arg(program);
                command
            }
        };
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn url(&self, user: &str, database: &str, query: &str) -> String {
        format!("postgresql://{user}@localhost:{}/{database}{query}", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

fn binaries() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect("PostgreSQL's server programs are missing: apt-get install postgresql, or run cargo verify")
}

/// When we are root: the user and group that PostgreSQL is run as.
fn user() -> Option<(u32, u32)> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let root = status.lines().any(|line| line.split_whitespace().take(3).eq(["Uid:", "0", "0"]));
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let fields: Vec<&str> = users.lines().find(|l| l.starts_with(&format!("{name}:")))?.split(':').collect();
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    root.then(|| find("postgres").or_else(|| find("nobody")).expect("a user to run PostgreSQL as"))
}

fn own(path: &Path) {
    if let Some((uid, gid)) = user() {
        chown(path, Some(uid), Some(gid)).unwrap();
    }
}

async fn seen(ask: &Ask, url: &str, tls_verify: Option<bool>) -> Postgres {
    let target = PostgresTarget {
        variable: "DATABASE_URL".to_owned(),
        url: SecretString::from(url.to_owned()),
        tls_verify,
        sslmode: None,
    };
    let facts = observe(ask, &target).await;
    let json = serde_json::to_string(&facts).unwrap();
    for secret in [PASSWORD, ENCODED, "c4n4ry"] {
        assert!(!json.contains(secret), "{json}");
    }
    facts
}

/// The rungs of the attempt that counts, and why the last one failed.
fn climbed(facts: &Postgres) -> (Vec<Rung>, Option<(Cause, Option<String>)>) {
    let rungs = facts.ladder.steps().iter().map(|step| step.rung).collect();
    (rungs, facts.ladder.failed().map(|step| (step.cause.unwrap(), step.code.clone())))
}

fn fell(facts: &Postgres) -> Option<(Rung, Cause)> {
    facts.ladder.failed().map(|step| (step.rung, step.cause.unwrap()))
}

const LADDER: [Rung; 5] = [Rung::Resolve, Rung::Connect, Rung::Tls, Rung::Authenticate, Rung::Query];

#[tokio::test]
async fn a_healthy_server_and_the_ways_to_be_refused_by_it() {
    let ca = Ca::new("Shop CA");
    let cluster = Cluster::new(Some(&ca.leaf(&["localhost"], -10, 90)), &[]);
    let ask = ask(&[ca.der()]);
    let app = format!("app:{ENCODED}");

    let facts = seen(&ask, &cluster.url(&app, "shop", "?sslmode=verify-full"), None).await;
    assert_eq!(climbed(&facts), (LADDER.to_vec(), None));
    assert_eq!(facts.ladder.attempts.len(), 1);
    let certificate = facts.certificate.get().unwrap().clone().unwrap();
    assert_eq!((certificate.cause, certificate.names), (None, vec!["localhost".to_owned()]));
    let session = facts.session.get().unwrap();
    assert_eq!(session.tls.as_deref(), Some("TLSv1.3"));
    assert!(!session.remote && !session.read_only && !session.in_recovery);
    assert_eq!(session.others_in_clear, Fact::Known(0));
    assert!(session.server_version.starts_with(|c: char| c.is_ascii_digit()), "{}", session.server_version);
    let slots = facts.slots.get().unwrap();
    assert_eq!((slots.max, slots.reserved, slots.used), (20, 3, 1));
    let ages = facts.ages.get().unwrap();
    assert!(ages.contains_key("shop") && ages.contains_key("template0"), "{ages:?}");
    assert!(ages["shop"].transactions > 0 && ages["shop"].transactions < 500_000_000);

    // In `connections` the ages are not asked.
    let mut quick = ask.clone();
    quick.suite = Suite::Connections;
    let facts = seen(&quick, &cluster.url(&app, "shop", "?sslmode=verify-full"), None).await;
    assert_eq!(facts.ages.get().unwrap_err().cause, Cause::NotAsked);

    for (user, database, cause, code) in [
        ("app:wrong", "shop", Cause::Auth, "28P01"),
        (app.as_str(), "missing", Cause::NoDatabase, "3D000"),
        ("nobody:wrong", "shop", Cause::Auth, "28P01"),
    ] {
        let facts = seen(&ask, &cluster.url(user, database, "?sslmode=verify-full"), None).await;
        assert_eq!(climbed(&facts), (LADDER[..4].to_vec(), Some((cause, Some(code.to_owned())))), "{user}");
        assert_eq!(facts.ladder.attempts.len(), 2, "a failed ladder is climbed twice");
        assert!(facts.certificate.get().unwrap().is_some(), "what was seen before survives");
        assert_eq!(facts.session.get().unwrap_err().cause, cause);
    }
    let facts = seen(&ask, &cluster.url("app", "shop", ""), None).await;
    assert_eq!(fell(&facts), Some((Rung::Authenticate, Cause::NotGiven)), "no password to give");
}

#[tokio::test]
async fn what_a_session_tells() {
    let ca = Ca::new("Shop CA");
    let cluster = Cluster::new(Some(&ca.leaf(&["localhost"], -10, 90)), &["superuser_reserved_connections=4"]);
    let ask = ask(&[ca.der()]);
    let app = format!("app:{ENCODED}");
    let url = cluster.url(&app, "shop", "?sslmode=verify-full");

    // Sessions of another role are counted by one that may not see what they do.
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(admin(&cluster).await);
    }
    let slots = *seen(&ask, &url, None).await.slots.get().unwrap();
    assert_eq!((slots.used, slots.reserved, slots.usable()), (6, 4, 16));

    // No slot left for an ordinary user.
    for _ in 0..11 {
        held.push(admin(&cluster).await);
    }
    let facts = seen(&ask, &url, None).await;
    assert_eq!(climbed(&facts).1, Some((Cause::NoSlots, Some("53300".to_owned()))));
    drop(held);
    tokio::time::sleep(Duration::from_millis(300)).await;

    cluster.sql("ALTER ROLE app SET default_transaction_read_only = on");
    let facts = seen(&ask, &url, None).await;
    let session = facts.session.get().unwrap();
    assert!(session.read_only && !session.in_recovery);
    cluster.sql("ALTER ROLE app RESET default_transaction_read_only");

    // A question that is refused is a gap of its own facts only.
    let revoke = "REVOKE EXECUTE ON FUNCTION pg_stat_get_activity FROM PUBLIC";
    let psql = Command::new(cluster.bin.join("psql"))
        .args(["-q", "-h"])
        .arg(cluster.folder.path())
        .args(["-p", &cluster.port.to_string(), "-U", "postgres", "-d", "shop", "-c", revoke])
        .env("PGPASSWORD", "admin")
        .status();
    assert!(psql.unwrap().success());
    let facts = seen(&ask, &url, None).await;
    assert_eq!(climbed(&facts), (LADDER.to_vec(), None));
    assert_eq!(facts.slots.get().unwrap_err().cause, Cause::NoPermission);
    assert_eq!(facts.session.get().unwrap().others_in_clear.get().unwrap_err().cause, Cause::NoPermission);
    assert!(facts.ages.get().is_ok(), "the transaction that failed was closed");

    // A unix socket has no TLS and no name.
    let folder = cluster.folder.path().display().to_string().replace('/', "%2F");
    let facts = seen(&ask, &format!("postgres://{app}@{folder}:{}/shop?sslmode=verify-full", cluster.port), None).await;
    assert_eq!(climbed(&facts).0, [Rung::Connect, Rung::Authenticate, Rung::Query]);
    assert_eq!(facts.certificate, Fact::Known(None));
    assert!(facts.session.get().unwrap().tls.is_none());

    // Of several hosts the first that holds counts.
    let dead = port();
    let facts =
        seen(&ask, &format!("postgres://{app}@localhost:{dead},localhost:{}/shop", cluster.port), Some(true)).await;
    assert_eq!(climbed(&facts), (LADDER.to_vec(), None));
    let facts = seen(&ask, &format!("postgres://{app}@localhost:{dead}/shop"), None).await;
    assert_eq!(fell(&facts), Some((Rung::Connect, Cause::Refused)));
}

/// The machine's address on its network; without one, the loopback's.
fn own_address() -> std::net::IpAddr {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // Sends nothing: it only chooses a route.
    let routed = socket.connect("198.51.100.1:9").and_then(|()| socket.local_addr());
    routed.map_or(std::net::Ipv4Addr::LOCALHOST.into(), |address| address.ip())
}

async fn admin(cluster: &Cluster) -> tokio_postgres::Client {
    let mut config = tokio_postgres::Config::new();
    config.host_path(cluster.folder.path()).port(cluster.port).user("postgres").password("admin").dbname("postgres");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn certificates_are_told_apart_and_only_a_verifying_app_refuses_them() {
    let ca = Ca::new("Shop CA");
    let other = Ca::new("Somebody's CA");
    let cluster = Cluster::new(Some(&ca.leaf(&["localhost"], -10, 90)), &[]);
    let ask = ask(&[ca.der()]);
    let url = |query: &str| cluster.url(&format!("app:{ENCODED}"), "shop", query);
    let leaves = [
        (ca.leaf(&["localhost"], -30, -1), Cause::TlsExpired),
        (ca.leaf(&["localhost"], 1, 30), Cause::TlsNotYet),
        (ca.leaf(&["db.example"], -10, 90), Cause::TlsHostname),
        (other.leaf(&["localhost"], -10, 90), Cause::TlsUntrusted),
    ];
    for (leaf, cause) in leaves {
        cluster.show(&leaf);
        for (query, verify) in [("?sslmode=verify-full", Some(false)), ("?sslmode=require", None), ("", Some(true))] {
            let facts = seen(&ask, &url(query), verify).await;
            assert_eq!(fell(&facts), Some((Rung::Tls, cause)), "{query}");
            let certificate = facts.certificate.get().unwrap().clone().unwrap();
            assert_eq!(certificate.cause, Some(cause), "read though refused");
        }
        for (query, verify) in [("?sslmode=no-verify", None), ("?sslmode=require", Some(false)), ("", None)] {
            let facts = seen(&ask, &url(query), verify).await;
            assert_eq!(climbed(&facts), (LADDER.to_vec(), None), "{query}: {cause}");
            assert_eq!(facts.certificate.get().unwrap().as_ref().unwrap().cause, Some(cause));
            assert_eq!(facts.session.get().unwrap().tls.as_deref(), Some("TLSv1.3"));
        }
        let held = seen(&ask, &url("?sslmode=verify-ca&uselibpqcompat=true"), None).await.ladder.failed().is_none();
        assert_eq!(held, cause == Cause::TlsHostname, "verify-ca minds the issuer, not the name");
    }
}

#[tokio::test]
async fn a_password_is_never_sent_to_who_was_not_verified() {
    // The judge holds the chain to be good, but the connector that sends the password does not have its root.
    let ca = Ca::new("Shop CA");
    let cluster = Cluster::new(Some(&ca.leaf(&["localhost"], -10, 90)), &[]);
    let mut ask = ask(&[ca.der()]);
    let empty: Vec<CertificateDer<'static>> = Vec::new();
    ask.net.extra_ca = std::sync::Arc::new(empty);
    let url = cluster.url(&format!("app:{ENCODED}"), "shop", "?sslmode=verify-full");
    let facts = seen(&ask, &url, None).await;
    assert_eq!(fell(&facts), Some((Rung::Authenticate, Cause::TlsFailed)));
}

#[tokio::test]
async fn without_tls_and_as_a_standby() {
    let mut cluster = Cluster::new(None, &[]);
    let ask = ask(&[]);
    let app = format!("app:{ENCODED}");
    for (query, verify) in [("?sslmode=require", None), ("", Some(false)), ("?sslmode=no-verify", None)] {
        let facts = seen(&ask, &cluster.url(&app, "shop", query), verify).await;
        assert_eq!(fell(&facts), Some((Rung::Tls, Cause::TlsRefused)), "{query}");
        assert_eq!(facts.certificate, Fact::Known(None));
    }
    let facts = seen(&ask, &cluster.url(&app, "shop", "?sslmode=disable"), Some(true)).await;
    assert_eq!(climbed(&facts), ([Rung::Resolve, Rung::Connect, Rung::Authenticate, Rung::Query].to_vec(), None));
    assert_eq!(facts.session.get().unwrap().tls, None);
    let facts = seen(&ask, &cluster.url(&app, "shop", ""), None).await;
    assert_eq!(climbed(&facts), (LADDER.to_vec(), None), "prefer goes on in clear");
    assert_eq!(facts.session.get().unwrap().tls, None);

    // From another address than the loopback, where the machine has one.
    let own = own_address();
    let url = format!("postgres://{app}@{own}:{}/shop?sslmode=disable", cluster.port);
    let mut config = tokio_postgres::Config::new();
    config.host(own.to_string()).port(cluster.port).user("app").password(PASSWORD).dbname("shop");
    let (other, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let session = seen(&ask, &url, None).await.session.get().unwrap().clone();
    assert_eq!(
        (session.remote, session.others_in_clear),
        (!own.is_loopback(), Fact::Known(u64::from(!own.is_loopback())))
    );
    drop(other);

    cluster.stop();
    cluster.write("data/standby.signal", "");
    cluster.start(false, &["hot_standby=on"]);
    let facts = seen(&ask, &cluster.url(&app, "shop", "?sslmode=disable"), None).await;
    let session = facts.session.get().unwrap();
    assert!(session.in_recovery && session.read_only);
}

#[tokio::test]
async fn what_is_not_postgresql_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let ask = ask(&[]);
    let facts = seen(&ask, &format!("postgres://app:{ENCODED}@127.0.0.1:{port}/shop?sslmode=no-verify"), None).await;
    assert_eq!(fell(&facts), Some((Rung::Tls, Cause::Protocol)));
    let facts = seen(&ask, &format!("postgres://app:{ENCODED}@127.0.0.1:{port}/shop?sslmode=disable"), None).await;
    assert_eq!(fell(&facts).map(|(rung, _)| rung), Some(Rung::Authenticate));
    let facts = seen(&ask, &format!("postgres://app:{ENCODED}/@localhost/shop"), None).await;
    assert_eq!(fell(&facts), Some((Rung::Resolve, Cause::Malformed)));
    assert_eq!(facts.ladder.attempts.len(), 1, "nothing was asked of the network");
}
