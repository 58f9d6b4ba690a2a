//! Redis against a real `redis-server`, in clear and over TLS, and Upstash's REST against a small front with its answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that fails panics

mod common;

use std::process::Command;

use common::{Ca, Leaf, Server, ask, port};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vigie_core::cause::Cause;
use vigie_core::facts::redis::{Redis, RedisRoundtrip};
use vigie_core::facts::{Fact, Gap, Rung};
use vigie_core::targets::RedisTarget;
use vigie_probe::ask::Ask;
use vigie_probe::redis::observe;

const PASSWORD: &str = "canary-p@ss/word";
const ENCODED: &str = "canary-p%40ss%2Fword";

/// A `redis-server` on a port of its own, in a directory of its own.
struct Real {
    port: u16,
    _directory: TempDir,
    _server: Server,
}

impl Real {
    fn start(settings: &[&str]) -> Real {
        Self::start_with(settings, None)
    }

    fn start_with(settings: &[&str], tls: Option<&Leaf>) -> Real {
        let (directory, port) = (tempfile::tempdir().unwrap(), port());
        let at = |name: &str| directory.path().join(name).display().to_string();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--dir", &at(""), "--appendonly", "no"]);
        match tls {
            None => command.args(["--port", &port.to_string()]),
            Some(leaf) => {
                std::fs::write(at("cert.pem"), &leaf.pem).unwrap();
                std::fs::write(at("key.pem"), &leaf.key_pem).unwrap();
                command.args(["--port", "0", "--tls-port", &port.to_string(), "--tls-auth-clients", "no"]);
                command.args(["--tls-cert-file", &at("cert.pem"), "--tls-key-file", &at("key.pem")])
            }
        };
        command.args(settings);
        let server = Server::start(&mut command, port, "redis-server (Debian: apt-get install redis-server)");
        Real { port, _directory: directory, _server: server }
    }
}

fn tcp(url: String) -> RedisTarget {
    RedisTarget { variable: "REDIS_URL".to_owned(), url: SecretString::from(url), token: None, rest: false }
}

fn rest(url: String, token: Option<&str>) -> RedisTarget {
    let variable = "UPSTASH_REDIS_REST_URL".to_owned();
    RedisTarget { variable, url: SecretString::from(url), token: token.map(SecretString::from), rest: true }
}

fn failed(redis: &Redis) -> (Rung, Cause, Option<&str>) {
    let step = redis.ladder.failed().expect("a failed rung");
    (step.rung, step.cause.unwrap(), step.code.as_deref())
}

fn rungs(redis: &Redis) -> Vec<Rung> {
    assert_eq!(redis.ladder.failed(), None, "{redis:#?}");
    redis.ladder.steps().iter().map(|step| step.rung).collect()
}

fn healthy(redis: &Redis) {
    assert_eq!(redis.ladder.attempts.len(), 1, "{redis:#?}");
    match &redis.roundtrip {
        Fact::Known(RedisRoundtrip { cause: None, step: None, code: None, ttl: Some(59..=60) }) => {}
        other => panic!("{other:?}"),
    }
}

fn refused(redis: &Redis) -> (&str, Cause, &str) {
    assert_eq!(redis.ladder.failed(), None, "{redis:#?}");
    let Fact::Known(RedisRoundtrip { cause: Some(cause), step: Some(step), code, .. }) = &redis.roundtrip else {
        panic!("{:?}", redis.roundtrip)
    };
    (step, *cause, code.as_deref().unwrap_or_default())
}

/// No secret is in the facts, and nothing lies behind on the server.
fn quiet(redis: &Redis) {
    let json = serde_json::to_string(redis).unwrap();
    assert!(!json.contains("canary"), "{json}");
}

fn keys(server: &Real, password: Option<&str>) -> String {
    let mut command = Command::new("redis-cli");
    command.args(["-p", &server.port.to_string()]);
    if let Some(password) = password {
        command.args(["--no-auth-warning", "-a", password]);
    }
    let out = command.args(["-n", "3", "KEYS", "*"]).output();
    String::from_utf8(out.expect("redis-cli: install redis-tools").stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn in_clear_with_a_password_and_a_database() {
    let server = Real::start(&["--requirepass", PASSWORD]);
    let redis = observe(&ask(&[]), &tcp(format!("redis://:{ENCODED}@127.0.0.1:{}/3", server.port))).await;
    assert_eq!(rungs(&redis), [Rung::Resolve, Rung::Connect, Rung::Authenticate, Rung::Query]);
    healthy(&redis);
    quiet(&redis);
    assert_eq!((redis.scheme.as_str(), redis.host.as_str()), ("redis", "127.0.0.1"));
    assert_eq!((redis.private, redis.certificate), (Fact::Known(true), Fact::Known(None)));
    assert_eq!(keys(&server, Some(PASSWORD)), "", "the probe's key is deleted");
}

#[tokio::test]
async fn a_wrong_a_missing_and_an_unwanted_password() {
    let server = Real::start(&["--requirepass", PASSWORD]);
    for (url, code) in [("redis://:canary-wrong@127.0.0.1", "WRONGPASS"), ("redis://127.0.0.1", "NOAUTH")] {
        let redis = observe(&ask(&[]), &tcp(format!("{url}:{}", server.port))).await;
        assert_eq!(failed(&redis), (Rung::Authenticate, Cause::Auth, Some(code)));
        assert_eq!(redis.ladder.attempts.len(), 2);
        assert!(matches!(redis.roundtrip, Fact::Gap(Gap { cause: Cause::Auth, .. })));
        quiet(&redis);
    }
    let open = Real::start(&[]);
    healthy(&observe(&ask(&[]), &tcp(format!("redis://localhost:{}", open.port))).await);
    let redis = observe(&ask(&[]), &tcp(format!("redis://:canary@127.0.0.1:{}", open.port))).await;
    assert_eq!(failed(&redis), (Rung::Authenticate, Cause::Auth, Some("ERR")));
}

#[tokio::test]
async fn a_database_that_is_not_there() {
    let server = Real::start(&["--databases", "2"]);
    let redis = observe(&ask(&[]), &tcp(format!("redis://127.0.0.1:{}/7", server.port))).await;
    assert_eq!(failed(&redis), (Rung::Query, Cause::NoDatabase, Some("ERR")));
}

#[tokio::test]
async fn over_tls_verified() {
    let ca = Ca::new("Sandbox CA");
    let server = Real::start_with(&["--requirepass", PASSWORD], Some(&ca.leaf(&["localhost", "127.0.0.1"], -10, 80)));
    let redis = observe(&ask(&[ca.der()]), &tcp(format!("rediss://:{ENCODED}@localhost:{}", server.port))).await;
    assert_eq!(rungs(&redis), [Rung::Resolve, Rung::Connect, Rung::Tls, Rung::Authenticate, Rung::Query]);
    healthy(&redis);
    quiet(&redis);
    let certificate = redis.certificate.get().unwrap().clone().unwrap();
    assert_eq!((certificate.issuer.as_str(), certificate.cause), ("Sandbox CA", None));
}

#[tokio::test]
async fn a_certificate_that_no_client_would_take_fails_its_rung_and_is_still_read() {
    let ca = Ca::new("Sandbox CA");
    for (leaf, trusted, cause) in [
        (ca.leaf(&["localhost"], -90, -1), true, Cause::TlsExpired),
        (ca.leaf(&["localhost"], 1, 90), true, Cause::TlsNotYet),
        (ca.leaf(&["other.example"], -10, 80), true, Cause::TlsHostname),
        (ca.leaf(&["localhost"], -10, 80), false, Cause::TlsUntrusted),
    ] {
        let server = Real::start_with(&["--requirepass", PASSWORD], Some(&leaf));
        let extra = if trusted { vec![ca.der()] } else { Vec::new() };
        let redis = observe(&ask(&extra), &tcp(format!("rediss://:{ENCODED}@localhost:{}", server.port))).await;
        assert_eq!(failed(&redis), (Rung::Tls, cause, None));
        assert_eq!(redis.certificate.get().unwrap().as_ref().unwrap().cause, Some(cause));
        assert!(matches!(redis.roundtrip, Fact::Gap(Gap { cause: same, .. }) if same == cause));
    }
}

#[tokio::test]
async fn tls_to_a_server_that_has_none() {
    let server = Real::start(&[]);
    let redis = observe(&ask(&[]), &tcp(format!("rediss://127.0.0.1:{}", server.port))).await;
    assert_eq!(failed(&redis), (Rung::Tls, Cause::TlsRefused, None));
    assert!(matches!(redis.certificate, Fact::Gap(Gap { cause: Cause::TlsRefused, .. })));
}

#[tokio::test]
async fn writes_refused_by_a_replica_a_full_memory_an_acl_and_a_renamed_command() {
    let primary = Real::start(&[]);
    let of = format!("127.0.0.1 {}", primary.port);
    let password = format!(">{PASSWORD}");
    let reader = ["--user", "reader", "on", &password, "~*", "+@read", "+ping"];
    for (settings, login, expected) in [
        (vec!["--replicaof", &of, "--replica-read-only", "yes"], "", ("set", Cause::ReadOnly, "READONLY")),
        (vec!["--maxmemory", "1", "--maxmemory-policy", "noeviction"], "", ("set", Cause::OutOfMemory, "OOM")),
        (reader.to_vec(), "reader:canary-p%40ss%2Fword@", ("set", Cause::NoPermission, "NOPERM")),
        (vec!["--rename-command", "SET", "NOSET"], "", ("set", Cause::Unsupported, "ERR")),
        (vec!["--rename-command", "DEL", "NODEL"], "", ("del", Cause::Unsupported, "ERR")),
    ] {
        let server = Real::start(&settings);
        let redis = observe(&ask(&[]), &tcp(format!("redis://{login}127.0.0.1:{}", server.port))).await;
        assert_eq!(refused(&redis), expected, "{settings:?}");
        quiet(&redis);
    }
}

#[tokio::test]
async fn writes_off_write_nothing() {
    let server = Real::start(&[]);
    let ask = Ask { writes: false, ..ask(&[]) };
    let redis = observe(&ask, &tcp(format!("redis://127.0.0.1:{}/3", server.port))).await;
    assert_eq!(redis.ladder.failed(), None);
    assert!(matches!(redis.roundtrip, Fact::Gap(Gap { cause: Cause::WritesOff, .. })));
    assert_eq!(keys(&server, None), "");
}

#[tokio::test]
async fn what_is_no_address_is_asked_nothing() {
    for target in [
        tcp("canary-secret".to_owned()),
        tcp("https://canary.example".to_owned()),
        tcp("redis://:canary@host/not-a-number".to_owned()),
        rest("redis://canary.example".to_owned(), Some("canary")),
        rest(String::new(), Some("canary")),
    ] {
        let redis = observe(&ask(&[]), &target).await;
        assert_eq!(failed(&redis), (Rung::Resolve, Cause::Malformed, None));
        assert_eq!(redis.ladder.attempts.len(), 1);
        assert_eq!(redis.variable, target.variable);
    }
}

/// A server that is no Redis, or one that sends without end, ends the rung.
#[tokio::test]
async fn another_protocol_and_an_endless_answer() {
    let endless: &[u8] = &[b'x'; 100_000];
    for (answer, causes) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[Cause::Protocol, Cause::Reset][..]),
        (endless, &[Cause::Protocol, Cause::Reset][..]),
        (b"", &[Cause::Reset]),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 64]).await;
                let _ = stream.write_all(answer).await;
            }
        });
        let redis = observe(&ask(&[]), &tcp(format!("redis://127.0.0.1:{port}"))).await;
        let (rung, cause, _) = failed(&redis);
        assert_eq!(rung, Rung::Authenticate);
        assert!(causes.contains(&cause), "{cause}");
    }
}

/// Upstash's REST as far as it is asked, over a real key space of one key; `fault` answers in its place.
async fn front(fault: Option<(&'static str, &'static str, &'static str)>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut stored: Option<String> = None;
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read_request(&mut stream).await;
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let command: Vec<String> = serde_json::from_str(body).unwrap();
            let (status, answer) = match fault {
                Some((on, status, answer)) if on == command[0] => (status, answer.to_owned()),
                _ if !head.contains("authorization: Bearer canary-token") => {
                    ("401 Unauthorized", r#"{"error":"WRONGPASS invalid or missing auth token"}"#.to_owned())
                }
                _ => ("200 OK", run(&command, &mut stored)),
            };
            let length = answer.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

fn run(command: &[String], stored: &mut Option<String>) -> String {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["PING"] => r#"{"result":"PONG"}"#.to_owned(),
        ["SET", key, value, "EX", "60"] if key.starts_with("vigie:probe:") => {
            *stored = Some((*value).to_owned());
            r#"{"result":"OK"}"#.to_owned()
        }
        ["GET", _] => serde_json::json!({ "result": stored }).to_string(),
        ["TTL", _] => r#"{"result":60}"#.to_owned(),
        ["DEL", _] => format!(r#"{{"result":{}}}"#, u8::from(stored.take().is_some())),
        other => panic!("{other:?}"),
    }
}

async fn read_request(stream: &mut tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                return String::from_utf8(bytes).unwrap();
            }
        }
        let mut chunk = [0; 4096];
        let n = stream.read(&mut chunk).await.unwrap();
        // The ladder's own connection sends nothing.
        if n == 0 {
            return "\r\n\r\n[\"\"]".to_owned();
        }
        bytes.extend_from_slice(&chunk[..n]);
    }
}

#[tokio::test]
async fn rest_climbs_to_ping_and_writes() {
    let port = front(Some(("", "200 OK", ""))).await;
    let redis = observe(&ask(&[]), &rest(format!("http://127.0.0.1:{port}"), Some("canary-token"))).await;
    assert_eq!(rungs(&redis), [Rung::Resolve, Rung::Connect, Rung::Authenticate, Rung::Query]);
    healthy(&redis);
    quiet(&redis);
    assert_eq!(redis.scheme, "http");
}

#[tokio::test]
async fn rest_tells_its_refusals_apart() {
    const QUOTA: &str = r#"{"error":"ERR max requests limit exceeded. Limit: 500000, Usage: 500001."}"#;
    let cases = [
        (("PING", "401 Unauthorized", "{}"), Rung::Authenticate, Cause::Auth, Some("401")),
        (("PING", "429 Too Many Requests", ""), Rung::Query, Cause::Throttled, Some("429")),
        (("PING", "429 Too Many Requests", QUOTA), Rung::Query, Cause::QuotaSpent, Some("ERR")),
        (("PING", "400 Bad Request", QUOTA), Rung::Query, Cause::QuotaSpent, Some("ERR")),
        (("PING", "503 Service Unavailable", "<html>"), Rung::Query, Cause::ServerError, Some("503")),
        (("PING", "200 OK", "<html>"), Rung::Query, Cause::Protocol, None),
        (("PING", "200 OK", r#"{"result":"PANG"}"#), Rung::Query, Cause::Protocol, None),
    ];
    for (fault, rung, cause, code) in cases {
        let port = front(Some(fault)).await;
        let redis = observe(&ask(&[]), &rest(format!("http://127.0.0.1:{port}"), Some("canary-token"))).await;
        assert_eq!(failed(&redis), (rung, cause, code), "{fault:?}");
        quiet(&redis);
    }
}

#[tokio::test]
async fn rest_with_a_wrong_token_without_one_and_with_a_broken_one() {
    let port = front(None).await;
    let url = format!("http://127.0.0.1:{port}");
    let redis = observe(&ask(&[]), &rest(url.clone(), Some("canary-wrong"))).await;
    assert_eq!(failed(&redis), (Rung::Authenticate, Cause::Auth, Some("401")));
    let redis = observe(&ask(&[]), &rest(url.clone(), None)).await;
    assert_eq!(failed(&redis), (Rung::Authenticate, Cause::NotGiven, None));
    let redis = observe(&ask(&[]), &rest(url, Some("canary\ntoken"))).await;
    assert_eq!(failed(&redis), (Rung::Authenticate, Cause::Malformed, None));
}

#[tokio::test]
async fn rest_writes_refused() {
    let cases = [
        (r#"{"error":"NOPERM this user has no permissions to run the 'set' command"}"#, Cause::NoPermission, "NOPERM"),
        (r#"{"error":"ERR max daily request limit exceeded. Limit: 10000, Usage: 10000."}"#, Cause::QuotaSpent, "ERR"),
        (r#"{"error":"OOM command not allowed when used memory > 'maxmemory'."}"#, Cause::OutOfMemory, "OOM"),
    ];
    for (answer, cause, code) in cases {
        let port = front(Some(("SET", "400 Bad Request", answer))).await;
        let redis = observe(&ask(&[]), &rest(format!("http://127.0.0.1:{port}"), Some("canary-token"))).await;
        assert_eq!(refused(&redis), ("set", cause, code));
    }
    for (on, answer, step) in [("GET", r#"{"result":null}"#, "get"), ("GET", r#"{"result":"other"}"#, "get")] {
        let port = front(Some((on, "200 OK", answer))).await;
        let redis = observe(&ask(&[]), &rest(format!("http://127.0.0.1:{port}"), Some("canary-token"))).await;
        assert_eq!(refused(&redis), (step, Cause::Mismatch, ""));
    }
    let port = front(Some(("TTL", "200 OK", r#"{"result":-1}"#))).await;
    let redis = observe(&ask(&[]), &rest(format!("http://127.0.0.1:{port}"), Some("canary-token"))).await;
    assert_eq!(redis.roundtrip, Fact::Known(RedisRoundtrip { cause: None, step: None, code: None, ttl: Some(-1) }));
}

#[tokio::test]
async fn an_answer_too_large_is_not_read() {
    let port = front(Some(("PING", "200 OK", Box::leak("x".repeat(70_000).into_boxed_str())))).await;
    let redis = observe(&ask(&[]), &rest(format!("http://127.0.0.1:{port}"), Some("canary-token"))).await;
    assert_eq!(failed(&redis), (Rung::Query, Cause::TooLarge, None));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_asked_twice() {
    let (redis, http) = (format!("redis://127.0.0.1:{}", port()), format!("http://127.0.0.1:{}", port()));
    for target in [tcp(redis), rest(http, Some("canary-token"))] {
        let redis = observe(&ask(&[]), &target).await;
        assert_eq!(failed(&redis), (Rung::Connect, Cause::Refused, None));
        assert_eq!(redis.ladder.attempts.len(), 2);
        assert_eq!(redis.private, Fact::Known(true));
    }
}
