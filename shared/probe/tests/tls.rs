//! The TLS rung: what is said of a chain, and that a chain is recorded whatever it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that fails panics

mod common;

use std::sync::Arc;

use common::{Ca, Leaf, ask, now};
use jiff::SignedDuration;
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use vigie_core::cause::Cause;
use vigie_probe::{net, tls};

fn roots(ca: &CertificateDer<'static>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone()).unwrap();
    roots
}

fn causes(ca: &Ca, leaf: &Leaf, host: &str) -> Vec<Cause> {
    let judged = tls::judge(&leaf.chain, host, &roots(&ca.der()), now());
    assert_eq!(judged.cause, judged.causes.first().copied());
    judged.causes
}

#[test]
fn each_reason_is_told_apart() {
    let (ca, stranger) = (Ca::new("ours"), Ca::new("a stranger's"));
    let good = ca.leaf(&["db.example", "*.shop.example", "127.0.0.1", "::1"], -10, 80);
    for host in ["db.example", "DB.example", "db.example.", "a.shop.example", "127.0.0.1", "::1", "[::1]"] {
        assert_eq!(causes(&ca, &good, host), [], "{host}");
    }
    for host in ["other.example", "shop.example", "a.b.shop.example", "127.0.0.2", "::2", "not a host"] {
        assert_eq!(causes(&ca, &good, host), [Cause::TlsHostname], "{host}");
    }
    assert_eq!(causes(&ca, &ca.leaf(&["db.example"], -90, -1), "db.example"), [Cause::TlsExpired]);
    assert_eq!(causes(&ca, &ca.leaf(&["db.example"], 1, 90), "db.example"), [Cause::TlsNotYet]);
    assert_eq!(causes(&stranger, &good, "db.example"), [Cause::TlsUntrusted]);
}

#[test]
fn everything_wrong_is_kept_the_gravest_first() {
    let leaf = Ca::new("a stranger's").leaf(&["old.example"], -90, -1);
    let found = causes(&Ca::new("ours"), &leaf, "new.example");
    assert_eq!(found, [Cause::TlsUntrusted, Cause::TlsHostname, Cause::TlsExpired]);
}

#[test]
fn an_expired_certificate_is_still_read() {
    let ca = Ca::new("Sandbox CA");
    let leaf = ca.leaf(&["db.example", "10.0.0.7"], -90, -1);
    let judged = tls::judge(&leaf.chain, "db.example", &roots(&ca.der()), now());
    assert_eq!(judged.names, ["db.example", "10.0.0.7"]);
    assert_eq!(judged.issuer, "Sandbox CA");
    let ago = judged.not_after.duration_until(now());
    assert!(ago > SignedDuration::from_hours(23) && ago < SignedDuration::from_hours(25), "{ago}");
}

#[test]
fn a_self_signed_certificate_is_trusted_only_where_it_is_given() {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["db.example".to_owned()]).unwrap();
    let own = params.self_signed(&key).unwrap().der().clone();
    let chain = [own.clone()];
    assert_eq!(tls::judge(&chain, "db.example", &roots(&own), now()).causes, []);
    let others = roots(&Ca::new("ours").der());
    assert_eq!(tls::judge(&chain, "db.example", &others, now()).cause, Some(Cause::TlsUntrusted));
}

#[test]
fn what_cannot_be_read_is_untrusted() {
    let roots = roots(&Ca::new("ours").der());
    for chain in [vec![], vec![CertificateDer::from(vec![0x30, 0x03, 1, 2, 3])], vec![CertificateDer::from(Vec::new())]]
    {
        assert_eq!(tls::judge(&chain, "db.example", &roots, now()).causes, [Cause::TlsUntrusted]);
    }
}

/// `openssl x509 -req -signkey`, as old PostgreSQL set-up guides make them: read, but never trusted.
#[test]
fn a_version_1_certificate_is_read_and_untrusted() {
    use rustls_pki_types::pem::PemObject;
    let v1 = CertificateDer::from_pem_slice(include_bytes!("fixtures/v1.pem")).unwrap();
    let judged = tls::judge(&[v1], "v1.example", &roots(&Ca::new("ours").der()), now());
    assert_eq!(judged.causes, [Cause::TlsUntrusted]);
    assert_eq!(judged.names, ["v1.example"]);
    assert!(judged.not_after > judged.not_before);
}

/// A listener that answers one connection with `leaf`, over TLS.
async fn server(leaf: Leaf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.key_der));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(leaf.chain, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    port
}

#[tokio::test]
async fn the_chain_of_a_bad_certificate_is_recorded_whole() {
    let leaf = Ca::new("a stranger's").leaf(&["old.example"], -90, -1);
    let shown = leaf.chain.clone();
    let port = server(leaf).await;
    let ask = ask(&[]);
    let addrs = net::resolve(&ask, "127.0.0.1", port).await.unwrap();
    let stream = net::connect(&ask, &addrs).await.unwrap();
    let (_, chain) = tls::handshake(&ask, stream, "db.example").await.unwrap();
    assert_eq!(chain, shown);
}

#[tokio::test]
async fn a_server_without_tls_is_said_to_have_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"-ERR what?\r\n").await.unwrap();
    });
    let ask = ask(&[]);
    let stream = net::connect(&ask, &[addr]).await.unwrap();
    assert_eq!(tls::handshake(&ask, stream, "db.example").await.unwrap_err(), Cause::TlsRefused);
}
