//! The login: tokio-postgres on our own connection, from the connection string's parts. A driver's text is never kept.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::TlsConnect;
use tokio_postgres::{Client, Config, NoTls};
use vigie_core::cause::Cause;
use vigie_core::dsn::Dsn;

use crate::ask::Ask;
use crate::net::{Fall, io_cause};

/// How long a goodbye may take, so that no session is left behind when a function's process is frozen.
const GOODBYE: Duration = Duration::from_secs(1);

/// A session and what we know of it ourselves.
pub struct Login {
    pub client: Client,
    driver: JoinHandle<()>,
    /// Over our own TLS; behind a pooler the server knows of another session only.
    pub encrypted: bool,
    pub version: Option<String>,
    /// Not over the loopback or a unix socket.
    pub remote: bool,
}

impl Login {
    /// Says goodbye.
    pub async fn close(self, ask: &Ask) {
        let Login { client, mut driver, .. } = self;
        drop(client);
        if ask.deadline.run(GOODBYE, &mut driver).await.is_err() {
            driver.abort();
        }
    }
}

/// Logs in without TLS.
pub async fn plain<S>(dsn: &Dsn, stream: S, remote: bool) -> Result<Login, Fall>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (client, driver) = start(&config(dsn, SslMode::Disable), stream, NoTls, dsn).await?;
    Ok(Login { client, driver, encrypted: false, version: None, remote })
}

/// Logs in over TLS, verified as `connector` is.
pub async fn encrypted(
    dsn: &Dsn,
    stream: TcpStream,
    host: &str,
    connector: native_tls::TlsConnector,
    version: Option<String>,
) -> Result<Login, Fall> {
    let remote = super::is_remote(&stream);
    let tls = postgres_native_tls::TlsConnector::new(connector, host);
    let (client, driver) = start(&config(dsn, SslMode::Require), stream, tls, dsn).await?;
    Ok(Login { client, driver, encrypted: true, version, remote })
}

async fn start<S, T>(config: &Config, stream: S, tls: T, dsn: &Dsn) -> Result<(Client, JoinHandle<()>), Fall>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: TlsConnect<S>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect_raw(stream, tls).await.map_err(|error| {
        let fall = fall(&error);
        // The server asked for a password and there is none to give.
        if fall.cause == Cause::Unexpected && dsn.password.is_none() { Cause::NotGiven.into() } else { fall }
    })?;
    let driver = tokio::spawn(async move {
        // What ends it reaches the question that was waiting.
        let _ = connection.await;
    });
    Ok((client, driver))
}

/// Only what poolers let through: no start-up parameter beside `options`, which the app sends too.
fn config(dsn: &Dsn, sslmode: SslMode) -> Config {
    let mut config = Config::new();
    config.application_name("vigie").ssl_mode(sslmode);
    // Without a user libpq takes the system's; there is none that means anything here.
    config.user(dsn.user.as_deref().unwrap_or("postgres"));
    if let Some(password) = &dsn.password {
        config.password(password.expose_secret());
    }
    if let Some(database) = &dsn.database {
        config.dbname(database);
    }
    if let Some(options) = &dsn.options {
        config.options(options);
    }
    config
}

/// What a driver's error means: the SQLSTATE where the server gave one, else the innermost error that says.
pub fn fall(error: &tokio_postgres::Error) -> Fall {
    if let Some(state) = error.code() {
        return Fall::coded(sqlstate(state.code()), bounded(state.code()));
    }
    if error.is_closed() {
        return Cause::Reset.into();
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if inner.is::<native_tls::Error>() {
            return Cause::TlsFailed.into();
        }
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return match io.kind() {
                // What SCRAM says of a server that does not know the password either.
                io::ErrorKind::Other | io::ErrorKind::InvalidInput => Cause::Protocol.into(),
                _ => io_cause(io).into(),
            };
        }
        source = inner.source();
    }
    Cause::Unexpected.into()
}

/// An SQLSTATE is five letters and digits; a server may send anything.
fn bounded(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(5).collect()
}

/// PostgreSQL documentation, appendix A "Error Codes".
fn sqlstate(code: &str) -> Cause {
    match code {
        "28P01" => Cause::Auth,
        "28000" => Cause::AuthMethod,
        "3D000" => Cause::NoDatabase,
        "53300" => Cause::NoSlots,
        "53200" => Cause::OutOfMemory,
        "57P03" => Cause::Starting,
        "57014" => Cause::Timeout,
        "57P01" | "57P02" | "57P05" => Cause::Reset,
        "25006" => Cause::ReadOnly,
        "42501" => Cause::NoPermission,
        "0A000" | "42601" | "42703" | "42704" | "42883" | "42P01" => Cause::Unsupported,
        _ => match code.get(..2) {
            Some("08") => Cause::Protocol,
            Some("53" | "57" | "58" | "XX") => Cause::ServerError,
            _ => Cause::Unexpected,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_causes_and_codes_are_bounded() {
        for (code, cause) in [
            ("28P01", Cause::Auth),
            ("53300", Cause::NoSlots),
            ("57P03", Cause::Starting),
            ("42883", Cause::Unsupported),
            ("08P01", Cause::Protocol),
            ("58030", Cause::ServerError),
            ("é", Cause::Unexpected),
            ("", Cause::Unexpected),
        ] {
            assert_eq!(sqlstate(code), cause, "{code}");
        }
        assert_eq!(bounded("28P01\u{1b}[31m and more"), "28P01");
    }
}
