//! Whom the clients trust, over real TLS; and who Vigie is to AWS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use vigie_aws::store::Store;
use vigie_aws::{Base, Role, Settings, SetupError};
use vigie_core::cause::Cause;
use vigie_core::targets::AppKeys;

type Log = Arc<Mutex<Vec<String>>>;

fn ca() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn acceptor(ca: &CertifiedIssuer<'static, KeyPair>) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = params.signed_by(&key, ca).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())))
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers every request with the same body, over TLS when there is an acceptor. Returns the port.
async fn server(tls: Option<TlsAcceptor>, answer: &'static str, log: Log) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, log) = (tls.clone(), Arc::clone(&log));
            tokio::spawn(async move {
                match tls {
                    None => speak(stream, answer, &log).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            speak(stream, answer, &log).await;
                        }
                    }
                }
            });
        }
    });
    port
}

async fn speak(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str, log: &Log) {
    let mut bytes = vec![0; 64 * 1024];
    let mut read = 0;
    // Requests of these tests are small; a body that comes late is waited for.
    while let Ok(n) = stream.read(&mut bytes[read..]).await {
        read += n;
        let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if n > 0 && body.len() < length.unwrap_or(0) {
            continue;
        }
        log.lock().unwrap().push(text);
        break;
    }
    let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn keys() -> AppKeys {
    let key = |text: &str| SecretString::from(text.to_owned());
    AppKeys { id: key("AKIAAPP"), secret: key("app-secret"), token: None }
}

#[tokio::test]
async fn http_trusts_extra_ca_and_the_public_alone() {
    let ca = ca();
    let port = server(Some(acceptor(&ca)), "hello", Log::default()).await;
    let url = format!("https://localhost:{port}/");
    let settings = Settings { resolver: Some("127.0.0.1:1".to_owned()), ..Settings::default() };
    let base = Base::new(&settings).unwrap();
    assert!(base.http().unwrap().get(&url).send().await.is_err(), "nobody knows this issuer");
    let base = base.with_network(settings.resolver, Some(ca.pem().into_bytes())).unwrap();
    let answer = base.http().unwrap().get(&url).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "hello");
    assert_eq!(base.extra_ca().len(), 1);
    assert!(base.roots().len() > 50);
}

#[tokio::test]
async fn aws_trusts_its_bundle_alone() {
    let ca = ca();
    let port = server(Some(acceptor(&ca)), "", Log::default()).await;
    let settings = |bundle: Option<String>| Settings {
        endpoint_url: Some(format!("https://localhost:{port}")),
        ca_bundle: bundle.map(String::into_bytes),
        ..Settings::default()
    };
    let get = async |settings: Settings| {
        let config = Base::new(&settings).unwrap().app(Some("eu-west-1"), &keys());
        Store::bucket(&config, "b", None).list("", 1).await
    };
    assert_eq!(get(settings(None)).await.unwrap_err().cause(), Cause::TlsUntrusted);
    // Trusted, the empty answer is read, and is no listing.
    let trusted = get(settings(Some(ca.pem()))).await;
    assert!(trusted.is_ok() || trusted.as_ref().is_err_and(|e| e.cause() == Cause::Protocol), "{trusted:?}");
}

#[tokio::test]
async fn the_app_asks_with_its_own_key_and_a_role_with_its_session() {
    let log = Log::default();
    let assumed = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>\
                   <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                   <Expiration>2090-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
    let port = server(None, assumed, Arc::clone(&log)).await;
    let settings = Settings { endpoint_url: Some(format!("http://127.0.0.1:{port}")), ..Settings::default() };
    let base = Base::new(&settings).unwrap();
    let _ = Store::bucket(&base.app(Some("eu-west-1"), &keys()), "b", None).list("", 1).await;
    assert!(log.lock().unwrap()[0].contains("Credential=AKIAAPP/"));
    log.lock().unwrap().clear();

    let role = Role { arn: "arn:aws:iam::111122223333:role/vigie-target", external_id: Some("ext-1") };
    // Without credentials in the environment nothing can be assumed, and nothing is asked.
    let config = base.auditor(Some("eu-west-1"), Some(role), "vigie-production");
    let none = Store::bucket(&config, "b", None).list("", 1).await.unwrap_err();
    assert_eq!((none.cause(), log.lock().unwrap().len()), (Cause::NoCredentials, 0));
}

#[test]
fn settings_that_nothing_can_be_built_from() {
    let error = |settings: Settings| Base::new(&settings).err();
    let resolver = |text: &str| Settings { resolver: Some(text.to_owned()), ..Settings::default() };
    for text in ["10.0.0.2", "10.0.0.2:5353", "fd00::2", "[fd00::2]:53"] {
        assert_eq!(error(resolver(text)), None, "{text}");
    }
    assert!(matches!(error(resolver("ns.example")), Some(SetupError::Resolver(_))));
    let ca = |pem: &str| Settings { extra_ca: Some(pem.as_bytes().to_vec()), ..Settings::default() };
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["", "not PEM", broken] {
        assert_eq!(error(ca(pem)), Some(SetupError::Certificates("extra_ca")), "{pem}");
    }
    let endpoint = Settings { endpoint_url: Some("localhost:4566".to_owned()), ..Settings::default() };
    assert_eq!(error(endpoint), Some(SetupError::Endpoint));
}

#[tokio::test]
async fn metadata_is_not_reached_by_name() {
    // A name server of the audited side that sends everybody to the metadata service.
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let resolver = socket.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((n, from)) = socket.recv_from(&mut query).await {
            let _ = socket.send_to(&answer(&query[..n], [169, 254, 169, 254]), from).await;
        }
    });
    let base = Base::new(&Settings { resolver: Some(resolver), ..Settings::default() }).unwrap();
    let found = base.resolver().unwrap().lookup_ip("app.shop.internal.").await.unwrap();
    assert_eq!(found.iter().next().unwrap().to_string(), "169.254.169.254", "the trap is set");
    let error = base.http().unwrap().get("http://app.shop.internal./").send().await.unwrap_err();
    assert!(format!("{error:?}").contains("AddressRefused"), "{error:?}");
}

/// A DNS answer: the question, and one A record for an A question, none for another.
fn answer(query: &[u8], ip: [u8; 4]) -> Vec<u8> {
    let name = query[12..].iter().position(|b| *b == 0).unwrap() + 13;
    let question = &query[12..name + 4];
    let is_a = query[name + 1] == 1;
    let mut out = Vec::new();
    out.extend_from_slice(&query[..2]);
    out.extend_from_slice(&[0x84, 0x00, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
    out.extend_from_slice(question);
    if is_a {
        out.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        out.extend_from_slice(&ip);
    }
    out
}
