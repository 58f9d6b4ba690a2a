//! Redis over Upstash's REST (`rest`) or over TCP (`resp`): the same facts from either.

mod refusal;
mod resp;
mod rest;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};
use vigie_core::address;
use vigie_core::cause::Cause;
use vigie_core::facts::postgres::Certificate;
use vigie_core::facts::redis::{Redis, RedisRoundtrip};
use vigie_core::facts::{Climb, Fact, Identity, Rung};
use vigie_core::targets::RedisTarget;

use crate::ask::{Ask, RUNG};
use crate::{net, tls};

use refusal::Refusal;

/// What is read of a server's answers, at most: ours are a few bytes long.
const ANSWER: usize = 64 * 1024;
/// What is left of the TLS rung to ask a silent server whether it speaks without.
const SILENCE: Duration = Duration::from_secs(1);
/// The seconds that a probe key lives, should deleting it fail.
const TTL: i64 = 60;
/// What is written: not a secret, not a user's.
const VALUE: &str = "vigie";

/// Climbs to PING, then writes, reads and deletes a key of its own.
pub async fn observe(ask: &Ask, target: &RedisTarget) -> Redis {
    use secrecy::ExposeSecret;
    let place = Place::parse(target.url.expose_secret().trim(), target.rest);
    let (ladder, seen) = net::twice(ask, || attempt(ask, target, place.as_ref())).await;
    let failed = ladder.failed().and_then(|step| step.cause);
    let missing = failed.unwrap_or(Cause::Unexpected);
    Redis {
        variable: target.variable.clone(),
        scheme: place.as_ref().map(|p| p.scheme.to_owned()).unwrap_or_default(),
        host: place.as_ref().map(|p| p.host.clone()).unwrap_or_default(),
        ladder,
        private: seen.private.map_or(Fact::gap(missing, Identity::Nobody), Fact::Known),
        certificate: seen.certificate.map_or(Fact::gap(missing, Identity::Nobody), Fact::Known),
        roundtrip: match seen.roundtrip {
            Some(Ok(roundtrip)) => Fact::Known(roundtrip),
            Some(Err(cause)) => Fact::gap(cause, Identity::App),
            None => Fact::gap(missing, Identity::App),
        },
    }
}

/// Where the server is. The URL itself stays with the target: it may hold a password.
struct Place {
    scheme: &'static str,
    host: String,
    port: u16,
    tls: bool,
    url: Url,
}

impl Place {
    fn parse(raw: &str, rest: bool) -> Option<Place> {
        let url = Url::parse(raw).ok()?;
        let (scheme, tls, port) = match (url.scheme(), rest) {
            ("https", true) => ("https", true, 443),
            ("http", true) => ("http", false, 80),
            ("rediss", false) => ("rediss", true, 6379),
            ("redis", false) => ("redis", false, 6379),
            _ => return None,
        };
        // The host of a scheme that the URL standard does not know is kept as written: `[::1]`, `10.0.0.1`, a name.
        let host = match url.host()? {
            Host::Ipv6(ip) => ip.to_string(),
            other => other.to_string(),
        };
        let port = url.port().unwrap_or(port);
        (!host.is_empty()).then_some(Place { scheme, host, port, tls, url })
    }
}

/// What one climb saw before it ended.
#[derive(Default)]
struct Seen {
    private: Option<bool>,
    certificate: Option<Option<Certificate>>,
    roundtrip: Option<Result<RedisRoundtrip, Cause>>,
}

async fn attempt(ask: &Ask, target: &RedisTarget, place: Option<&Place>) -> (Climb, Seen) {
    let (mut climb, mut seen) = (Climb::default(), Seen::default());
    let Some(place) = place else {
        climb.fell(Rung::Resolve, 0, Cause::Malformed, None);
        return (climb, seen);
    };
    // The failing rung is in `climb`.
    let _ = match target.rest {
        true => rest::climb(ask, target, place, &mut climb, &mut seen).await,
        false => resp::climb(ask, place, &mut climb, &mut seen).await,
    };
    (climb, seen)
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Resolve, connect, TLS. Every client of Redis verifies by default, so a certificate that does not verify fails the
/// rung, and no password or token is sent.
async fn reach(ask: &Ask, place: &Place, climb: &mut Climb, seen: &mut Seen) -> Result<Stream, Cause> {
    let addrs = net::rung(ask, climb, Rung::Resolve, net::resolve(ask, &place.host, place.port)).await?;
    seen.private = Some(addrs.iter().map(SocketAddr::ip).all(address::private));
    let stream = net::rung(ask, climb, Rung::Connect, net::connect(ask, &addrs)).await?;
    if !place.tls {
        seen.certificate = Some(None);
        return Ok(Stream::Plain(stream));
    }
    net::rung(ask, climb, Rung::Tls, async {
        let shaken = ask.deadline.run(RUNG - SILENCE, tls::handshake(ask, stream, &place.host)).await;
        let (stream, chain) = match shaken.and_then(|shaken| shaken) {
            Err(Cause::Timeout) if speaks_plain(ask, &addrs).await => return Err(Cause::TlsRefused),
            shaken => shaken?,
        };
        let judged = judge(ask, &chain, &place.host);
        let refused = judged.cause;
        seen.certificate = Some(Some(judged));
        refused.map_or(Ok(Stream::Tls(Box::new(stream))), Err)
    })
    .await
}

/// A Redis without TLS takes a handshake for the beginning of a command and waits for its end. Asked without a secret
/// whether it is one, it answers, if only to refuse.
async fn speaks_plain(ask: &Ask, addrs: &[SocketAddr]) -> bool {
    let ping = async {
        let mut stream = net::connect(ask, addrs).await.ok()?;
        stream.write_all(b"PING\r\n").await.ok()?;
        stream.read_u8().await.ok()
    };
    let first = ask.deadline.run(SILENCE, ping).await;
    matches!(first, Ok(Some(b'+' | b'-')))
}

fn judge(ask: &Ask, chain: &[CertificateDer<'static>], host: &str) -> Certificate {
    tls::judge(chain, host, &ask.net.roots, ask.now)
}

/// One command's answer: text (a number as text, nil as none), or the server's refusal, or no answer.
enum Said {
    Text(Option<String>),
    Refused(Refusal),
}

/// SET with EX, GET, TTL, DEL through `send`, on a key of its own.
///
/// # Errors
/// The cause, when an answer did not come; a refusal is an answer.
async fn roundtrip<F, Fut>(ask: &Ask, mut send: F) -> Result<RedisRoundtrip, Cause>
where
    F: FnMut(Vec<String>) -> Fut,
    Fut: Future<Output = Result<Said, Cause>>,
{
    if !ask.writes {
        return Err(Cause::WritesOff);
    }
    let key = format!("vigie:probe:{}", uuid::Uuid::new_v4());
    let steps: [(&str, Vec<String>); 4] = [
        ("set", vec!["SET".into(), key.clone(), VALUE.into(), "EX".into(), TTL.to_string()]),
        ("get", vec!["GET".into(), key.clone()]),
        ("ttl", vec!["TTL".into(), key.clone()]),
        ("del", vec!["DEL".into(), key]),
    ];
    let mut out = RedisRoundtrip { cause: None, step: None, code: None, ttl: None };
    for (step, command) in steps {
        let (cause, code) = match (step, send(command).await?) {
            (_, Said::Refused(refusal)) => (Some(refusal.cause), Some(refusal.code)),
            ("set", Said::Text(text)) => ((text.as_deref() != Some("OK")).then_some(Cause::Mismatch), None),
            ("get", Said::Text(text)) => ((text.as_deref() != Some(VALUE)).then_some(Cause::Mismatch), None),
            ("ttl", Said::Text(text)) => {
                out.ttl = text.and_then(|t| t.parse().ok());
                (out.ttl.is_none().then_some(Cause::Protocol), None)
            }
            _ => (None, None),
        };
        // The first thing that went wrong counts; what was written is deleted all the same.
        if out.cause.is_none() && cause.is_some() {
            (out.cause, out.code, out.step) = (cause, code, Some(step.to_owned()));
        }
        if step == "set" && out.code.is_some() {
            break;
        }
    }
    Ok(out)
}
