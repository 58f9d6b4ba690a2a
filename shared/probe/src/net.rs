//! The lower rungs: names to addresses, addresses to connections. Every address passes the same guard.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use hickory_resolver::net::{DnsError, NetError};
use tokio::net::TcpStream;
use vigie_core::address;
use vigie_core::cause::Cause;
use vigie_core::facts::{Climb, Ladder, Rung};

use crate::ask::{Ask, RUNG, ms};
use crate::tls;

/// Addresses of one name that are tried, at most.
const ADDRESSES: usize = 16;

/// Why a rung did not hold: the cause, and a stable code of the server's (an SQLSTATE, an HTTP status), never its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fall {
    pub cause: Cause,
    pub code: Option<String>,
}

impl Fall {
    #[must_use]
    pub fn coded(cause: Cause, code: impl Into<String>) -> Self {
        Fall { cause, code: Some(code.into()) }
    }
}

impl From<Cause> for Fall {
    fn from(cause: Cause) -> Self {
        Fall { cause, code: None }
    }
}

/// Climbs one rung within [`RUNG`] and the deadline, and writes it into `climb`.
///
/// # Errors
/// The cause, which `climb` holds too.
pub async fn rung<T, E: Into<Fall>>(
    ask: &Ask,
    climb: &mut Climb,
    rung: Rung,
    question: impl Future<Output = Result<T, E>>,
) -> Result<T, Cause> {
    let start = Instant::now();
    let answer = ask.deadline.run(RUNG, question).await.map_err(|cause| match (rung, cause) {
        (Rung::Resolve, Cause::Timeout) => Fall::from(Cause::DnsTimeout),
        _ => Fall::from(cause),
    });
    match answer.and_then(|answer| answer.map_err(Into::into)) {
        Ok(value) => {
            climb.held(rung, ms(start));
            Ok(value)
        }
        Err(Fall { cause, code }) => {
            climb.fell(rung, ms(start), cause, code);
            Err(cause)
        }
    }
}

/// Climbs a ladder, and when it fails a second time after `ask.net.pause`, unless time is short or nothing was asked of
/// the network. Both attempts are kept; the facts are those of the attempt that counts, the last.
///
/// `attempt` makes one climb: `twice(ask, || attempt(ask, target))`.
pub async fn twice<T, F, Fut>(ask: &Ask, mut attempt: F) -> (Ladder, T)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = (Climb, T)>,
{
    let (Climb(first), facts) = attempt().await;
    let failed = first.iter().find_map(|step| step.cause);
    let again = match failed {
        None
        | Some(Cause::Malformed | Cause::NotGiven | Cause::AddressRefused | Cause::NoPublicRoute | Cause::Deadline) => {
            false
        }
        Some(_) => ask.deadline.left() > ask.net.pause + RUNG / 5,
    };
    if !again {
        return (Ladder { attempts: vec![first] }, facts);
    }
    tokio::time::sleep(ask.net.pause).await;
    let (Climb(second), facts) = attempt().await;
    (Ladder { attempts: vec![first, second] }, facts)
}

/// The addresses of `host` that may be connected to. An IP literal, with or without brackets, is its own address.
///
/// # Errors
/// [`Cause::Dns`]: the name has no address. [`Cause::DnsTimeout`]: the resolver did not say. [`Cause::AddressRefused`]:
/// no address passes the guard. [`Cause::NoPublicRoute`]: all are public, and the installation has no way there.
pub async fn resolve(ask: &Ask, host: &str, port: u16) -> Result<Vec<SocketAddr>, Cause> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let ips: Vec<IpAddr> = match bare.parse() {
        Ok(ip) => vec![ip],
        Err(_) => {
            let found = ask.deadline.run(RUNG, ask.net.resolver.lookup_ip(bare)).await;
            let found = found.map_err(|cause| if cause == Cause::Timeout { Cause::DnsTimeout } else { cause })?;
            found.map_err(|error| dns_cause(&error))?.iter().take(ADDRESSES).collect()
        }
    };
    if ips.is_empty() {
        return Err(Cause::Dns);
    }
    let addrs = ips.into_iter().map(|ip| SocketAddr::new(ip, port));
    let safe: Vec<SocketAddr> = addrs.filter(|addr| guard(*addr, &ask.net.refused).is_ok()).collect();
    if safe.is_empty() {
        return Err(Cause::AddressRefused);
    }
    let reached: Vec<SocketAddr> =
        safe.into_iter().filter(|addr| ask.net.public || address::private(addr.ip())).collect();
    if reached.is_empty() { Err(Cause::NoPublicRoute) } else { Ok(reached) }
}

/// Whether an address may be connected to.
///
/// # Errors
/// [`Cause::AddressRefused`]: [`address::refused`] refuses it, or it is one of `refused`.
pub fn guard(addr: SocketAddr, refused: &[SocketAddr]) -> Result<(), Cause> {
    let same =
        |other: &SocketAddr| other.port() == addr.port() && other.ip().to_canonical() == addr.ip().to_canonical();
    if address::refused(addr.ip()) || refused.iter().any(same) { Err(Cause::AddressRefused) } else { Ok(()) }
}

/// Connects to the first address that answers; each gets its share of [`RUNG`], so that a silent one does not use it up.
///
/// # Errors
/// The cause of the last address; [`Cause::AddressRefused`] before anything is sent to one that the guard refuses.
pub async fn connect(ask: &Ask, addrs: &[SocketAddr]) -> Result<TcpStream, Cause> {
    let start = Instant::now();
    let mut last = Cause::Dns;
    for (tried, addr) in addrs.iter().enumerate() {
        guard(*addr, &ask.net.refused)?;
        let remaining = u32::try_from(addrs.len() - tried).unwrap_or(u32::MAX);
        let share = RUNG.saturating_sub(start.elapsed()) / remaining;
        last = match ask.deadline.run(share, TcpStream::connect(addr)).await {
            Ok(Ok(stream)) => {
                // Questions are small: waiting to fill a packet would only be timed as the server's.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => io_cause(&error),
            Err(Cause::Deadline) => return Err(Cause::Deadline),
            Err(cause) => cause,
        };
    }
    Err(last)
}

/// What an error of a socket means.
#[must_use]
pub fn io_cause(error: &io::Error) -> Cause {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionRefused => Cause::Refused,
        K::HostUnreachable | K::NetworkUnreachable | K::NetworkDown | K::AddrNotAvailable => Cause::Unreachable,
        K::TimedOut | K::WouldBlock => Cause::Timeout,
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof | K::NotConnected => Cause::Reset,
        K::InvalidData => Cause::Protocol,
        K::PermissionDenied => Cause::Denied,
        K::NotFound => Cause::NotFound,
        _ => Cause::Unexpected,
    }
}

/// NXDOMAIN and an empty answer are the name's fault, everything else the resolver's.
fn dns_cause(error: &NetError) -> Cause {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code.into() {
            0u16 | 3 => Cause::Dns,
            _ => Cause::DnsTimeout,
        },
        // A name that DNS cannot even ask for.
        NetError::Proto(_) | NetError::Msg(_) | NetError::Message(_) => Cause::Dns,
        _ => Cause::DnsTimeout,
    }
}

/// What a failed HTTP request means, from the innermost error that says: reqwest's own text holds the URL and is not kept.
#[must_use]
pub fn http_cause(error: &reqwest::Error) -> Cause {
    if error.is_timeout() {
        return Cause::Timeout;
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return tls::tls_cause(io);
        }
        source = inner.source();
    }
    if error.is_builder() {
        Cause::Malformed
    } else if error.is_connect() {
        Cause::Unreachable
    } else {
        Cause::Protocol
    }
}
