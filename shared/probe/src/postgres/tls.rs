//! The TLS rung: SSLRequest, a handshake that records the chain, its judgement; and the connectors of the login.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::tls::TlsConnect;
use vigie_core::cause::Cause;
use vigie_core::dsn::AppTls;
use vigie_core::facts::postgres::Certificate;
use vigie_core::facts::{Fact, Identity};

use super::roots;
use crate::ask::Ask;
use crate::{net, tls};

/// PostgreSQL documentation, 55.7 "Message Formats", SSLRequest: length 8, code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// Connectors that are kept. One configuration needs two, verified and not.
const KEPT: usize = 8;

/// How the login goes on.
pub enum Shaken {
    /// The server has no TLS and the app can do without: the same connection, in clear.
    Clear(TcpStream),
    Encrypted {
        connector: native_tls::TlsConnector,
        /// `TLSv1.3`; `None` when only OpenSSL could shake hands.
        version: Option<String>,
    },
}

/// Asks for TLS and shakes hands. `shown` becomes the certificate, also when the rung fails by it: it does when the app
/// itself would refuse it. A chain that the app accepts unseen lets the rung hold; PG-TLS-UNVERIFIED reports it.
pub async fn shake(
    ask: &Ask,
    mut stream: TcpStream,
    addrs: &[SocketAddr],
    host: &str,
    app: AppTls,
    shown: &mut Option<Fact<Option<Certificate>>>,
) -> Result<Shaken, Cause> {
    if !offered(&mut stream).await? {
        *shown = Some(Fact::Known(None));
        return if app.required() { Err(Cause::TlsRefused) } else { Ok(Shaken::Clear(stream)) };
    }
    let (mut stream, chain) = match tls::handshake(ask, stream, host).await {
        Ok(shaken) => shaken,
        // rustls knows no protocol before 1.2 and no old cipher; the app's OpenSSL may.
        Err(Cause::TlsFailed) => {
            *shown = Some(Fact::gap(Cause::TlsFailed, Identity::Nobody));
            return by_openssl(ask, addrs, host, app).await;
        }
        Err(cause) => return Err(cause),
    };
    let version = stream.get_ref().1.protocol_version().map(|version| match version {
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
        _ => "TLSv1.3".to_owned(),
    });
    let _ = stream.shutdown().await;
    let anchors = roots::anchors(&chain, &ask.net.extra_ca);
    let certificate = tls::judge(&chain, host, &roots::store(&ask.net.roots, &anchors), ask.now);
    let refused = refusal(&certificate, app);
    *shown = Some(Fact::Known(Some(certificate)));
    match refused {
        Some(cause) => Err(cause),
        None => Ok(Shaken::Encrypted { connector: connector(app, &ask.net.extra_ca, anchors.all())?, version }),
    }
}

/// What the app itself would refuse the certificate for.
fn refusal(certificate: &Certificate, app: AppTls) -> Option<Cause> {
    match app {
        AppTls::Off | AppTls::Prefer | AppTls::Unverified => None,
        AppTls::VerifiedCa => certificate.causes.iter().copied().find(|cause| *cause != Cause::TlsHostname),
        AppTls::Verified => certificate.cause,
    }
}

/// The server's one byte of answer to SSLRequest.
async fn offered(stream: &mut TcpStream) -> Result<bool, Cause> {
    stream.write_all(&SSL_REQUEST).await.map_err(|e| net::io_cause(&e))?;
    match stream.read_u8().await.map_err(|e| net::io_cause(&e))? {
        b'S' => Ok(true),
        b'N' => Ok(false),
        // An error before it could answer, such as being out of memory for another process.
        b'E' => Err(Cause::ServerError),
        _ => Err(Cause::Protocol),
    }
}

/// A second try as the app would make it. Nothing is known of the chain, so a verified session has `extra_ca` alone.
async fn by_openssl(ask: &Ask, addrs: &[SocketAddr], host: &str, app: AppTls) -> Result<Shaken, Cause> {
    let connector = connector(app, &ask.net.extra_ca, Vec::new())?;
    let mut stream = net::connect(ask, addrs).await?;
    if !offered(&mut stream).await? {
        return Err(Cause::TlsRefused);
    }
    let tls = postgres_native_tls::TlsConnector::new(connector.clone(), host);
    let mut stream = tls.connect(stream).await.map_err(|_| Cause::TlsFailed)?;
    let _ = stream.shutdown().await;
    Ok(Shaken::Encrypted { connector, version: None })
}

struct Kept {
    app: AppTls,
    roots: Vec<CertificateDer<'static>>,
    connector: native_tls::TlsConnector,
}

/// OpenSSL's connector for the app's kind of verification, built once for each and kept: building costs 11 ms of CPU.
/// Verified, it trusts `extra_ca` and the anchors that the chain needs, not the system's bundle, which costs 80 ms to read.
///
/// # Errors
/// [`Cause::Unexpected`]: OpenSSL could not be set up.
pub fn connector(
    app: AppTls,
    extra_ca: &[CertificateDer<'static>],
    anchors: Vec<CertificateDer<'static>>,
) -> Result<native_tls::TlsConnector, Cause> {
    static CONNECTORS: Mutex<Vec<Kept>> = Mutex::new(Vec::new());
    let app = if app.verifies() { app } else { AppTls::Unverified };
    let roots = if app.verifies() { extra_ca.iter().cloned().chain(anchors).collect() } else { Vec::new() };
    let mut kept = CONNECTORS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = kept.iter().find(|k| k.app == app && k.roots == roots) {
        return Ok(found.connector.clone());
    }
    let connector = build(app, &roots).map_err(|_| Cause::Unexpected)?;
    if kept.len() >= KEPT {
        kept.remove(0);
    }
    kept.push(Kept { app, roots, connector: connector.clone() });
    Ok(connector)
}

fn build(app: AppTls, roots: &[CertificateDer<'static>]) -> Result<native_tls::TlsConnector, native_tls::Error> {
    let mut builder = native_tls::TlsConnector::builder();
    builder.disable_built_in_roots(true);
    for root in roots {
        builder.add_root_certificate(native_tls::Certificate::from_der(root)?);
    }
    match app {
        AppTls::Verified => {}
        AppTls::VerifiedCa => {
            builder.danger_accept_invalid_hostnames(true);
        }
        // As the app itself: reported by PG-TLS-UNVERIFIED.
        AppTls::Off | AppTls::Prefer | AppTls::Unverified => {
            builder.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
        }
    }
    builder.build()
}
