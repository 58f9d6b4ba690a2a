//! A certificate authority of our own, and leaf certificates in every state.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 24 * 3600;

/// The authority that the sandbox's environments trust by `extra_ca`, or one that nobody trusts.
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key, PEM.
#[derive(Clone)]
pub struct Leaf {
    pub certificate: String,
    pub key: String,
    chain: Vec<CertificateDer<'static>>,
    der: Vec<u8>,
}

/// How long a leaf lives, in days from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// 397 days, 300 left.
    Healthy,
    /// 90 days, this many left.
    DaysLeft(u64),
    /// Ended yesterday.
    Expired,
    /// Begins tomorrow.
    NotYet,
}

impl Validity {
    /// Days before now that it begins, and days after now that it ends; negative = the other side.
    const fn days(self) -> (i64, i64) {
        match self {
            Validity::Healthy => (97, 300),
            Validity::DaysLeft(left) => (90 - left as i64, left as i64),
            Validity::Expired => (90, -1),
            Validity::NotYet => (-1, 90),
        }
    }
}

impl Ca {
    /// # Errors
    /// The key could not be made.
    pub fn new(name: &str) -> Result<Ca, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        live(&mut params, 400, 3650);
        Ok(Ca { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    #[must_use]
    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A server certificate for these names.
    ///
    /// # Errors
    /// A name is not one that a certificate can carry.
    pub fn leaf(&self, names: &[&str], validity: Validity) -> Result<Leaf, rcgen::Error> {
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
        params.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or("nobody"));
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let (before, after) = validity.days();
        live(&mut params, before, after);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            chain: vec![certificate.der().clone()],
            der: key.serialize_der(),
        })
    }
}

impl Leaf {
    /// What a TLS server of ours is given.
    ///
    /// # Errors
    /// rustls does not take the key.
    pub fn server(&self) -> Result<Arc<rustls::ServerConfig>, rustls::Error> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.der.clone()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)?;
        Ok(Arc::new(config))
    }
}

/// Sets the days before now that it begins and after now that it ends.
fn live(params: &mut CertificateParams, before: i64, after: i64) {
    let day = |from_now: i64| Duration::from_secs(now().as_secs().saturating_add_signed(from_now * DAY as i64));
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    (params.not_before, params.not_after) = (epoch + day(-before), epoch + day(after));
}

/// Since 1970. The sandbox is an edge: its certificates are made for the clock of this machine.
#[allow(clippy::disallowed_methods)]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
