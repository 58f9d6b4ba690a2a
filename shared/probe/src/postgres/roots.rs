//! The roots that a database's chain may end in: `extra_ca`, the public ones, Amazon RDS's own.
//!
//! OpenSSL wants whole certificates where webpki is content with anchors, and pays for each. So only those that the chain
//! names as an issuer are taken, and the RDS bundle is read only when nobody else knows the issuer.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

/// See the file's head for its source.
const RDS: &[u8] = include_bytes!("../rds-roots.pem");

/// The certificates of roots that a chain needs.
#[derive(Default)]
pub struct Anchors {
    public: Vec<CertificateDer<'static>>,
    rds: Vec<CertificateDer<'static>>,
}

impl Anchors {
    pub fn all(self) -> Vec<CertificateDer<'static>> {
        self.public.into_iter().chain(self.rds).collect()
    }
}

/// Roots whose subject is an issuer of the chain.
pub fn anchors(chain: &[CertificateDer<'_>], extra_ca: &[CertificateDer<'_>]) -> Anchors {
    let issuers: Vec<Vec<u8>> = chain.iter().filter_map(|der| names(der).map(|(_, issuer)| issuer)).collect();
    let issues = |der: &CertificateDer<'_>| names(der).is_some_and(|(subject, _)| issuers.contains(&subject));
    if extra_ca.iter().any(issues) {
        return Anchors::default();
    }
    let public: Vec<_> = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter(|der| issues(der)).cloned().collect();
    if !public.is_empty() {
        return Anchors { public, rds: Vec::new() };
    }
    Anchors { public, rds: rds().filter(issues).collect() }
}

fn rds() -> impl Iterator<Item = CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(RDS).filter_map(Result::ok)
}

/// Subject and issuer, DER.
fn names(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (_, x509) = X509Certificate::from_der(der).ok()?;
    Some((x509.subject().as_raw().to_vec(), x509.issuer().as_raw().to_vec()))
}

/// What a PostgreSQL client trusts: the network's roots, and RDS's where the chain names one.
pub fn store(roots: &Arc<RootCertStore>, anchors: &Anchors) -> Arc<RootCertStore> {
    if anchors.rds.is_empty() {
        return roots.clone();
    }
    let mut store = RootCertStore::clone(roots);
    store.add_parsable_certificates(anchors.rds.iter().cloned());
    Arc::new(store)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::tls::connector;
    use vigie_core::dsn::AppTls;

    #[test]
    fn the_bundle_is_whole_and_both_libraries_read_it() {
        let all: Vec<_> = CertificateDer::pem_slice_iter(RDS).collect::<Result<_, _>>().unwrap();
        assert_eq!(all.len(), 81);
        let mut store = RootCertStore::empty();
        assert_eq!(store.add_parsable_certificates(all.iter().cloned()), (81, 0));
        assert!(connector(AppTls::Verified, &all, Vec::new()).is_ok());
    }

    #[test]
    fn an_rds_chain_is_trusted_through_its_region_s_root_alone() {
        // A root is its own issuer: it stands for a chain that ends in it.
        let root = rds().next().unwrap();
        let found = anchors(std::slice::from_ref(&root), &[]);
        assert_eq!(found.rds, std::slice::from_ref(&root));
        assert_eq!(store(&Arc::new(RootCertStore::empty()), &found).len(), 1);
        assert!(anchors(std::slice::from_ref(&root), std::slice::from_ref(&root)).rds.is_empty(), "extra_ca knows it");
    }

    #[test]
    fn a_public_chain_needs_no_rds_root() {
        let root = webpki_root_certs::TLS_SERVER_ROOT_CERTS[0].clone();
        let found = anchors(&[root], &[]);
        assert!(!found.public.is_empty() && found.rds.is_empty());
    }
}
