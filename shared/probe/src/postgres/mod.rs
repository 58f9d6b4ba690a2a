//! PostgreSQL: resolve, connect, TLS, authenticate, query. The TLS rung is a connection of its own, so that the chain is
//! read whatever it is; the login verifies as the app does, never less.

mod login;
mod queries;
mod roots;
mod tls;

use std::net::SocketAddr;

use tokio::net::UnixStream;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::dsn::{self, AppTls, Dsn, Endpoint, SessionAttrs};
use vigie_core::facts::postgres::{Ages, Certificate, Postgres, Session, Slots};
use vigie_core::facts::{Climb, Fact, Identity, Rung};
use vigie_core::targets::PostgresTarget;

use crate::ask::Ask;
use crate::net::{self, Fall};
use login::Login;
use tls::Shaken;

/// Observes one database. Two attempts at most, each of all hosts that the connection string names, in their order.
pub async fn observe(ask: &Ask, target: &PostgresTarget) -> Postgres {
    let dsn = dsn::parse(&target.url, target.sslmode.as_deref());
    let app = dsn.facts.tls(target.tls_verify);
    let (ladder, seen) = net::twice(ask, || attempt(ask, &dsn, app)).await;
    Postgres {
        variable: target.variable.clone(),
        dsn: dsn.facts,
        ladder,
        certificate: seen.certificate,
        session: seen.session,
        slots: seen.slots,
        ages: seen.ages,
    }
}

/// What one climb saw beside its rungs.
struct Seen {
    certificate: Fact<Option<Certificate>>,
    session: Fact<Session>,
    slots: Fact<Slots>,
    ages: Fact<Named<Ages>>,
}

impl Seen {
    /// Nothing, because of `cause`.
    fn nothing(cause: Cause) -> Self {
        Seen {
            certificate: Fact::gap(cause, Identity::Nobody),
            session: Fact::gap(cause, Identity::App),
            slots: Fact::gap(cause, Identity::App),
            ages: Fact::gap(cause, Identity::App),
        }
    }
}

/// Climbs to each host in turn as libpq does (PostgreSQL documentation, 34.1.1.3): the first that holds and is of the
/// wanted kind counts, else the one that holds, else the one that came highest. A refused login ends the search.
async fn attempt(ask: &Ask, dsn: &Dsn, app: AppTls) -> (Climb, Seen) {
    let mut best: Option<(Climb, Seen)> = None;
    for endpoint in &dsn.endpoints {
        let (climb, seen) = climb(ask, dsn, app, endpoint).await;
        let failed = climb.0.iter().find(|step| step.cause.is_some()).map(|step| step.cause);
        let refused = matches!(failed.flatten(), Some(Cause::Auth | Cause::AuthMethod | Cause::NoDatabase));
        if refused || (failed.is_none() && wanted(dsn.facts.target_session_attrs, &seen)) {
            return (climb, seen);
        }
        if best.as_ref().is_none_or(|(other, _)| height(&climb) > height(other)) {
            best = Some((climb, seen));
        }
    }
    best.unwrap_or_else(|| {
        let mut climb = Climb::default();
        climb.fell(Rung::Resolve, 0, Cause::Malformed, None);
        (climb, Seen::nothing(Cause::Malformed))
    })
}

/// Rungs that held.
fn height(climb: &Climb) -> usize {
    climb.0.iter().filter(|step| step.cause.is_none()).count()
}

/// Whether a server is of the kind that `target_session_attrs` asks for; unknown will do.
fn wanted(attrs: Option<SessionAttrs>, seen: &Seen) -> bool {
    let Ok(session) = seen.session.get() else { return true };
    match attrs {
        None | Some(SessionAttrs::Any) => true,
        Some(SessionAttrs::ReadWrite) => !session.read_only && !session.in_recovery,
        Some(SessionAttrs::ReadOnly) => session.read_only || session.in_recovery,
        Some(SessionAttrs::Primary) => !session.in_recovery,
        Some(SessionAttrs::Standby | SessionAttrs::PreferStandby) => session.in_recovery,
    }
}

async fn climb(ask: &Ask, dsn: &Dsn, app: AppTls, endpoint: &Endpoint) -> (Climb, Seen) {
    let mut climb = Climb::default();
    let mut shown = None;
    let seen = match up(ask, dsn, app, endpoint, &mut climb, &mut shown).await {
        Ok(login) => look(ask, &mut climb, login).await,
        Err(cause) => Seen::nothing(cause),
    };
    // The certificate survives whatever failed after it.
    (climb, Seen { certificate: shown.unwrap_or(seen.certificate), ..seen })
}

/// Up to a session. `shown` becomes what the TLS rung saw.
async fn up(
    ask: &Ask,
    dsn: &Dsn,
    app: AppTls,
    endpoint: &Endpoint,
    climb: &mut Climb,
    shown: &mut Option<Fact<Option<Certificate>>>,
) -> Result<Login, Cause> {
    let (host, port) = match endpoint {
        Endpoint::Unix { directory, port } => {
            *shown = Some(Fact::Known(None));
            let stream = net::rung(ask, climb, Rung::Connect, unix(directory, *port)).await?;
            return net::rung(ask, climb, Rung::Authenticate, login::plain(dsn, stream, false)).await;
        }
        Endpoint::Tcp { host, port } => (host.as_str(), *port),
    };
    let addrs = net::rung(ask, climb, Rung::Resolve, net::resolve(ask, host, port)).await?;
    let stream = net::rung(ask, climb, Rung::Connect, net::connect(ask, &addrs)).await?;
    if app == AppTls::Off {
        *shown = Some(Fact::Known(None));
        let remote = is_remote(&stream);
        return net::rung(ask, climb, Rung::Authenticate, login::plain(dsn, stream, remote)).await;
    }
    match net::rung(ask, climb, Rung::Tls, tls::shake(ask, stream, &addrs, host, app, shown)).await? {
        Shaken::Clear(stream) => {
            let remote = is_remote(&stream);
            net::rung(ask, climb, Rung::Authenticate, login::plain(dsn, stream, remote)).await
        }
        Shaken::Encrypted { connector, version } => {
            let question = encrypted(ask, dsn, &addrs, host, connector, version);
            net::rung(ask, climb, Rung::Authenticate, question).await
        }
    }
}

async fn encrypted(
    ask: &Ask,
    dsn: &Dsn,
    addrs: &[SocketAddr],
    host: &str,
    connector: native_tls::TlsConnector,
    version: Option<String>,
) -> Result<Login, Fall> {
    let stream = net::connect(ask, addrs).await?;
    login::encrypted(dsn, stream, host, connector, version).await
}

async fn unix(directory: &str, port: u16) -> Result<UnixStream, Cause> {
    let path = std::path::Path::new(directory).join(format!(".s.PGSQL.{port}"));
    UnixStream::connect(path).await.map_err(|error| match net::io_cause(&error) {
        // No socket file is no server, as a closed port is.
        Cause::NotFound => Cause::Refused,
        cause => cause,
    })
}

fn is_remote(stream: &tokio::net::TcpStream) -> bool {
    stream.peer_addr().is_ok_and(|addr| !addr.ip().to_canonical().is_loopback())
}

/// The query rung and, when it holds, the facts; a fact that cannot be had is a gap of its own.
async fn look(ask: &Ask, climb: &mut Climb, login: Login) -> Seen {
    let seen = match net::rung(ask, climb, Rung::Query, queries::one(&login)).await {
        Ok(()) => Seen {
            certificate: Fact::Known(None),
            session: queries::session(ask, &login).await,
            slots: queries::slots(ask, &login).await,
            ages: queries::ages(ask, &login).await,
        },
        Err(cause) => Seen::nothing(cause),
    };
    login.close(ask).await;
    seen
}
