//! The TLS rung: a handshake that accepts any certificate and records the chain, and a judge that tells what a verifying
//! client would say of it. So an expired certificate is still read, and expired, wrong name and untrusted are told apart.

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, InvalidMessage, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vigie_core::cause::Cause;
use vigie_core::facts::postgres::Certificate;
use webpki::{EndEntityCert, KeyUsage, RawPublicKeyEntity};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

use crate::ask::{Ask, RUNG};
use crate::net::io_cause;

/// Names of a certificate that are kept, and characters of each.
const NAMES: usize = 20;
const NAME: usize = 253;

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(ring::default_provider()));

/// Shakes hands over TLS 1.2 or 1.3 and hands back the chain as the server showed it, the leaf first. Nothing of the
/// chain has been verified: hold it against [`judge`] before a secret is sent. That the server holds the leaf's key is.
///
/// # Errors
/// [`Cause::TlsRefused`]: the answer is not TLS. [`Cause::TlsFailed`]: no agreement, or a bad signature. The causes of
/// [`io_cause`], [`Cause::Timeout`] and [`Cause::Deadline`].
pub async fn handshake<S>(
    ask: &Ask,
    stream: S,
    host: &str,
) -> Result<(TlsStream<S>, Vec<CertificateDer<'static>>), Cause>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = server_name(host).ok_or(Cause::Malformed)?;
    let connector = TlsConnector::from(accepting()?);
    let stream = ask.deadline.run(RUNG, connector.connect(name, stream)).await?.map_err(|e| tls_cause(&e))?;
    let chain: Vec<_> = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
    if chain.is_empty() { Err(Cause::TlsFailed) } else { Ok((stream, chain)) }
}

/// The configuration of [`handshake`], built once. No resumption: each handshake shows the chain again.
fn accepting() -> Result<Arc<ClientConfig>, Cause> {
    static CONFIG: LazyLock<Option<Arc<ClientConfig>>> = LazyLock::new(|| {
        let builder =
            ClientConfig::builder_with_provider(PROVIDER.clone()).with_safe_default_protocol_versions().ok()?;
        let verifier = Arc::new(Accepting(PROVIDER.clone()));
        let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        config.resumption = Resumption::disabled();
        Some(Arc::new(config))
    });
    CONFIG.clone().ok_or(Cause::Unexpected)
}

/// A host name, or an address with or without brackets.
fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.strip_suffix('.').unwrap_or(bare).to_owned()).ok()
}

/// Accepts every chain; the handshake's own signature is verified.
#[derive(Debug)]
struct Accepting(Arc<CryptoProvider>);

impl ServerCertVerifier for Accepting {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.0.signature_verification_algorithms)
            .or_else(|error| self.signed_by_key(message, leaf, signed, error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.0.signature_verification_algorithms)
            .or_else(|error| self.signed_by_key(message, leaf, signed, error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl Accepting {
    /// webpki reads version 3 certificates only. Of another one it is the key alone that has to have signed.
    fn signed_by_key(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        error: Error,
    ) -> Result<HandshakeSignatureValid, Error> {
        // A wrong signature stays one.
        if matches!(error, Error::InvalidCertificate(CertificateError::BadSignature)) {
            return Err(error);
        }
        let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| error.clone())?;
        let spki = SubjectPublicKeyInfoDer::from(certificate.public_key().raw);
        let key = RawPublicKeyEntity::try_from(&spki).map_err(|_| error.clone())?;
        let mapping = self.0.signature_verification_algorithms.mapping;
        let algorithms = mapping.iter().find(|(scheme, _)| *scheme == signed.scheme).map_or(&[][..], |(_, list)| *list);
        let valid = algorithms.iter().any(|a| key.verify_signature(*a, message, signed.signature()).is_ok());
        if valid { Ok(HandshakeSignatureValid::assertion()) } else { Err(error) }
    }
}

/// What a failed handshake means, of ours or of a client that verifies.
pub(crate) fn tls_cause(error: &std::io::Error) -> Cause {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion)) => {
            Cause::TlsRefused
        }
        Some(Error::InvalidCertificate(certificate)) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Cause::TlsExpired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Cause::TlsNotYet,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Cause::TlsHostname,
            CertificateError::BadSignature => Cause::TlsFailed,
            _ => Cause::TlsUntrusted,
        },
        Some(_) => Cause::TlsFailed,
        None => io_cause(error),
    }
}

/// Reads the leaf and says what a verifying client would: against `roots`, for `host`, at `now`.
///
/// An expired certificate is verified at the last instant of its validity, so that "expired" is never said of one that
/// is untrusted as well without saying so: `causes` holds everything that is wrong, `cause` the gravest. A certificate
/// that webpki cannot read (version 1, for instance) is untrusted.
#[must_use]
pub fn judge(chain: &[CertificateDer<'static>], host: &str, roots: &RootCertStore, now: Timestamp) -> Certificate {
    let mut read = chain.first().and_then(|leaf| read(leaf)).unwrap_or_else(|| unreadable(now));
    read.causes = causes(chain, host, roots, now, (read.not_before, read.not_after));
    read.cause = read.causes.first().copied();
    read
}

fn causes(
    chain: &[CertificateDer<'static>],
    host: &str,
    roots: &RootCertStore,
    now: Timestamp,
    (not_before, not_after): (Timestamp, Timestamp),
) -> Vec<Cause> {
    let mut causes = Vec::new();
    let parsed = chain.first().and_then(|leaf| EndEntityCert::try_from(leaf).ok());
    // Another certificate of the chain may be out of date though the leaf is not.
    let mut chain_dates = None;
    match parsed.as_ref().map(|leaf| trusted(leaf, &chain[1..], roots, now.max(not_before).min(not_after))) {
        Some(Ok(())) => {}
        Some(Err(webpki::Error::CertExpired { .. })) => chain_dates = Some(Cause::TlsExpired),
        Some(Err(webpki::Error::CertNotValidYet { .. })) => chain_dates = Some(Cause::TlsNotYet),
        Some(Err(_)) | None => causes.push(Cause::TlsUntrusted),
    }
    let name = server_name(host);
    let carries =
        |leaf: &EndEntityCert<'_>| name.as_ref().is_some_and(|n| leaf.verify_is_valid_for_subject_name(n).is_ok());
    if parsed.as_ref().is_some_and(|leaf| !carries(leaf)) {
        causes.push(Cause::TlsHostname);
    }
    let dates = if now > not_after {
        Some(Cause::TlsExpired)
    } else if now < not_before {
        Some(Cause::TlsNotYet)
    } else {
        chain_dates
    };
    causes.extend(dates);
    causes
}

/// Whether a path leads from the leaf to one of the roots at `at`. A leaf whose own key is a root's is trusted by itself
/// (a self-signed certificate given as `extra_ca`), as OpenSSL and browsers have it.
fn trusted(
    leaf: &EndEntityCert<'_>,
    intermediates: &[CertificateDer<'static>],
    roots: &RootCertStore,
    at: Timestamp,
) -> Result<(), webpki::Error> {
    let own_root = |root: &rustls_pki_types::TrustAnchor<'_>| {
        root.subject.as_ref() == leaf.subject() && webpki::spki_for_anchor(root) == leaf.subject_public_key_info()
    };
    if roots.roots.iter().any(own_root) {
        return Ok(());
    }
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let algorithms = PROVIDER.signature_verification_algorithms.all;
    leaf.verify_for_usage(algorithms, &roots.roots, intermediates, time, KeyUsage::server_auth(), None, None)
        .map(|_| ())
}

/// Dates, names and issuer of a certificate, whatever its version and dates.
fn read(leaf: &CertificateDer<'_>) -> Option<Certificate> {
    let (_, x509) = X509Certificate::from_der(leaf).ok()?;
    let validity = x509.validity();
    Some(Certificate {
        not_before: Timestamp::from_second(validity.not_before.timestamp()).ok()?,
        not_after: Timestamp::from_second(validity.not_after.timestamp()).ok()?,
        names: names(&x509),
        issuer: bounded(&display_name(x509.issuer())),
        cause: None,
        causes: Vec::new(),
    })
}

/// What stands for a certificate of which not even the dates can be read: no time in which it is valid.
fn unreadable(now: Timestamp) -> Certificate {
    Certificate {
        not_before: now,
        not_after: now,
        names: Vec::new(),
        issuer: String::new(),
        cause: None,
        causes: Vec::new(),
    }
}

/// The subject alternative names; without any, the common name, which no client of today accepts but people look for.
fn names(x509: &X509Certificate<'_>) -> Vec<String> {
    let san = x509.subject_alternative_name().ok().flatten();
    let mut names: Vec<String> = san
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(bounded(name)),
            GeneralName::IPAddress(bytes) => ip(bytes),
            _ => None,
        })
        .take(NAMES)
        .collect();
    if names.is_empty() {
        names.extend(x509.subject().iter_common_name().filter_map(|n| n.as_str().ok()).map(bounded).take(1));
    }
    names
}

fn ip(bytes: &[u8]) -> Option<String> {
    <[u8; 4]>::try_from(bytes)
        .map(|b| std::net::Ipv4Addr::from(b).to_string())
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(|b| std::net::Ipv6Addr::from(b).to_string()))
        .ok()
}

/// `Organisation, Common name`, as far as there.
fn display_name(name: &X509Name<'_>) -> String {
    let organisation = name.iter_organization().filter_map(|n| n.as_str().ok()).next();
    let common = name.iter_common_name().filter_map(|n| n.as_str().ok()).next();
    organisation.into_iter().chain(common).collect::<Vec<_>>().join(", ")
}

fn bounded(text: &str) -> String {
    text.chars().take(NAME).collect()
}
