//! What the probes' tests share: an `Ask`, a certificate authority, and a server process that ends with its test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that fails panics
#![allow(dead_code)] // each test binary uses its part

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_types::SdkConfig;
use hickory_resolver::TokioResolver;
use jiff::{SignedDuration, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use vigie_core::check::Suite;
use vigie_core::facts::Identity;
use vigie_probe::ask::{Ask, Deadline, Net};

/// The clock of the tests: certificates are made around it.
#[allow(clippy::disallowed_methods)] // a test is an edge: servers under test run on the machine's clock
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Asks with 20 s, writes on, both suites' questions, trusting `extra_ca` alone. Fields may be changed.
#[must_use]
pub fn ask(extra_ca: &[CertificateDer<'static>]) -> Ask {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(extra_ca.iter().cloned());
    let roots = Arc::new(roots);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .no_proxy()
        .build()
        .unwrap();
    let sdk = SdkConfig::builder().build();
    Ask {
        deadline: Deadline::within(Duration::from_secs(20)),
        now: now(),
        suite: Suite::Full,
        shared: vigie_probe::shared::Shared::default(),
        account: String::new(),
        net: Net {
            public: true,
            resolver: TokioResolver::builder_tokio().unwrap().build().unwrap(),
            roots,
            extra_ca: Arc::new(extra_ca.to_vec()),
            http,
            refused: Arc::new(Vec::new()),
            pause: Duration::from_millis(20),
        },
        app: sdk.clone(),
        app_identity: Identity::App,
        auditor: sdk,
        key: None,
        writes: true,
    }
}

/// A certificate authority.
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A leaf with its key.
pub struct Leaf {
    pub chain: Vec<CertificateDer<'static>>,
    pub pem: String,
    pub key_pem: String,
    pub key_der: Vec<u8>,
}

impl Ca {
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ca { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    #[must_use]
    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A leaf for `names` (DNS names or addresses), valid `from..to` days from now.
    #[must_use]
    pub fn leaf(&self, names: &[&str], from: i64, to: i64) -> Leaf {
        let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, names[0]);
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        (params.not_before, params.not_after) = (epoch + since_1970(from), epoch + since_1970(to));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf {
            chain: vec![certificate.der().clone(), self.der()],
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            key_der: key.serialize_der(),
        }
    }
}

/// From 1970 to so many days from now.
fn since_1970(days: i64) -> Duration {
    let at = now() + SignedDuration::from_hours(24 * days);
    Duration::from_secs(u64::try_from(at.as_second()).unwrap())
}

/// A free port of the loopback.
#[must_use]
pub fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server process; killed when dropped.
pub struct Server(Child);

impl Server {
    /// Starts `program` and waits until `port` is open.
    #[must_use]
    pub fn start(command: &mut Command, port: u16, install: &str) -> Self {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = Server(child.unwrap_or_else(|e| panic!("{program} does not start ({e}): install {install}")));
        let until = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "{program} does not listen on port {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
