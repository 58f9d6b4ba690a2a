//! Built once a process, handed to everybody: SDK configurations over one lazy connector, the resolver, the HTTP client
//! and the roots. Whatever a run may not need is built when it is first asked for.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use hickory_resolver::TokioResolver;
use rustls_pki_types::CertificateDer;
use secrecy::ExposeSecret;
use vigie_core::targets::AppKeys;

use crate::credentials;
use crate::network;

/// The longest that connecting to AWS may take.
pub const CONNECT: Duration = Duration::from_secs(3);
/// The longest that one attempt of a call may take; there are at most [`ATTEMPTS`].
pub const ATTEMPT: Duration = Duration::from_secs(10);
pub const ATTEMPTS: u32 = 3;
/// Configurations that are kept, one an environment and role; more than that and the oldest name goes.
const KEPT: usize = 64;

/// What the edge knows: read from the process environment and the configuration, by whoever wires.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `10.0.0.2` or `10.0.0.2:53`; absent: the system's. Of `[network]`, for what is audited.
    pub resolver: Option<String>,
    /// PEM. Of `[network]`: trusted beside the public roots for what is audited.
    pub extra_ca: Option<Vec<u8>>,
    /// AWS_ENDPOINT_URL of Vigie itself.
    pub endpoint_url: Option<String>,
    /// PEM, the content of Vigie's own AWS_CA_BUNDLE: the only roots for AWS's endpoints, as in the AWS CLI.
    pub ca_bundle: Option<Vec<u8>>,
    /// From a terminal the platform's roots, the proxy variables and the whole credential chain count.
    pub terminal: bool,
    /// Addresses that are never connected to: Lambda's Runtime API.
    pub refused: Vec<SocketAddr>,
    /// AWS_REGION of Vigie itself.
    pub region: Option<String>,
    /// `--profile`; AWS_PROFILE is read by the chain itself.
    pub profile: Option<String>,
}

/// A setting that nothing can be built from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error(
        "resolver {0:?} is not an address; expected an IP address such as 10.0.0.2, or one with a port, 10.0.0.2:53"
    )]
    Resolver(String),
    #[error("the system's resolver configuration cannot be read; set [network] resolver")]
    SystemResolver,
    #[error("{0} holds no certificate that can be read; expected PEM, -----BEGIN CERTIFICATE----- and on")]
    Certificates(&'static str),
    #[error("AWS_ENDPOINT_URL is not an http or https URL")]
    Endpoint,
    #[error("the HTTP client cannot be built; this is a defect of Vigie, please report it")]
    Http,
}

/// A role to assume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role<'a> {
    pub arn: &'a str,
    pub external_id: Option<&'a str>,
}

/// Cheap to clone: all clones share what was built.
#[derive(Clone)]
pub struct Base {
    aws: Arc<Aws>,
    net: Arc<Network>,
}

struct Aws {
    settings: Settings,
    http: SharedHttpClient,
    provider: SharedCredentialsProvider,
    kept: Mutex<BTreeMap<String, SdkConfig>>,
}

struct Network {
    terminal: bool,
    nameserver: Option<SocketAddr>,
    refused: Arc<Vec<SocketAddr>>,
    extra_ca: Arc<Vec<CertificateDer<'static>>>,
    resolver: OnceLock<TokioResolver>,
    http: OnceLock<reqwest::Client>,
    roots: LazyLock<Arc<rustls::RootCertStore>, Box<dyn FnOnce() -> Arc<rustls::RootCertStore> + Send>>,
}

impl Base {
    /// Validates the settings and builds next to nothing.
    ///
    /// # Errors
    /// A resolver that is no address, PEM without a certificate, an endpoint that is no URL.
    pub fn new(settings: &Settings) -> Result<Base, SetupError> {
        if let Some(endpoint) = &settings.endpoint_url {
            let url = url::Url::parse(endpoint).map_err(|_| SetupError::Endpoint)?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(SetupError::Endpoint);
            }
        }
        if let Some(pem) = &settings.ca_bundle {
            network::certificates(pem).ok_or(SetupError::Certificates("AWS_CA_BUNDLE"))?;
        }
        let http = network::aws_client(settings);
        let provider = credentials::chain(settings, &http);
        let net = Network::new(settings)?;
        let aws = Aws { settings: settings.clone(), http, provider, kept: Mutex::default() };
        Ok(Base { aws: Arc::new(aws), net: Arc::new(net) })
    }

    /// The same AWS side, with the `[network]` settings of a configuration that was read through it.
    ///
    /// # Errors
    /// A resolver that is no address, PEM without a certificate.
    pub fn with_network(&self, resolver: Option<String>, extra_ca: Option<Vec<u8>>) -> Result<Base, SetupError> {
        let settings = Settings { resolver, extra_ca, ..self.aws.settings.clone() };
        Ok(Base { aws: Arc::clone(&self.aws), net: Arc::new(Network::new(&settings)?) })
    }

    /// Whether Vigie's own calls go to a custom endpoint.
    #[must_use]
    pub fn endpoint_url(&self) -> Option<&str> {
        self.aws.settings.endpoint_url.as_deref()
    }

    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.aws.settings.region.as_deref()
    }

    /// Calls as Vigie: its own credentials, or a role assumed with them. Kept, credentials and all, between runs of a process.
    /// `session_name` shows in CloudTrail.
    #[must_use]
    pub fn auditor(&self, region: Option<&str>, role: Option<Role<'_>>, session_name: &str) -> SdkConfig {
        let region = region.or(self.region());
        let key = format!("{region:?} {role:?} {session_name}");
        let mut kept = self.aws.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = kept.get(&key) {
            return config.clone();
        }
        let own = self.config(region, self.aws.provider.clone());
        let config = match role {
            None => own,
            Some(role) => self.config(region, credentials::assume(own, role, session_name)),
        };
        if kept.len() >= KEPT {
            kept.pop_first();
        }
        kept.insert(key, config.clone());
        config
    }

    /// Calls as the app, from explicit values: neither the environment nor Vigie's own credentials play a part.
    #[must_use]
    pub fn app(&self, region: Option<&str>, keys: &AppKeys) -> SdkConfig {
        let token = keys.token.as_ref().map(|t| t.expose_secret().to_owned());
        let keys = Credentials::new(keys.id.expose_secret(), keys.secret.expose_secret(), token, None, "app");
        self.config(region.or(self.region()), SharedCredentialsProvider::new(keys))
    }

    fn config(&self, region: Option<&str>, provider: SharedCredentialsProvider) -> SdkConfig {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build();
        let mut builder = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region.map(|r| Region::new(r.to_owned())))
            .credentials_provider(provider)
            .identity_cache(IdentityCache::lazy().load_timeout(Duration::from_secs(8)).build())
            .http_client(self.aws.http.clone())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(SystemTimeSource::new()))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts);
        builder.set_endpoint_url(self.aws.settings.endpoint_url.clone());
        builder.build()
    }

    /// The resolver of what is audited.
    ///
    /// # Errors
    /// The system's configuration cannot be read.
    pub fn resolver(&self) -> Result<TokioResolver, SetupError> {
        self.net.resolver()
    }

    /// HTTP over that resolver and those roots. It follows no redirect and takes at most 5 s to connect. An address that
    /// is refused is refused after resolving. A URL whose host is an address never reaches a resolver, and a resolver knows
    /// no port: ask `vigie_core::address` and [`Base::refused`] before the request.
    ///
    /// # Errors
    /// As [`Base::resolver`].
    pub fn http(&self) -> Result<reqwest::Client, SetupError> {
        self.net.http()
    }

    /// What a public client trusts, and `extra_ca`.
    #[must_use]
    pub fn roots(&self) -> Arc<rustls::RootCertStore> {
        Arc::clone(&self.net.roots)
    }

    /// `extra_ca`, DER.
    #[must_use]
    pub fn extra_ca(&self) -> Arc<Vec<CertificateDer<'static>>> {
        Arc::clone(&self.net.extra_ca)
    }

    #[must_use]
    pub fn refused(&self) -> Arc<Vec<SocketAddr>> {
        Arc::clone(&self.net.refused)
    }
}

impl Network {
    fn new(settings: &Settings) -> Result<Self, SetupError> {
        let nameserver = settings.resolver.as_deref().map(nameserver).transpose()?;
        let extra_ca = match &settings.extra_ca {
            None => Vec::new(),
            Some(pem) => network::certificates(pem).ok_or(SetupError::Certificates("extra_ca"))?,
        };
        let extra_ca = Arc::new(extra_ca);
        let (terminal, extra) = (settings.terminal, Arc::clone(&extra_ca));
        Ok(Network {
            terminal,
            nameserver,
            refused: Arc::new(settings.refused.clone()),
            extra_ca,
            resolver: OnceLock::new(),
            http: OnceLock::new(),
            roots: LazyLock::new(Box::new(move || Arc::new(network::public_roots(terminal, &extra)))),
        })
    }

    fn resolver(&self) -> Result<TokioResolver, SetupError> {
        if let Some(resolver) = self.resolver.get() {
            return Ok(resolver.clone());
        }
        let resolver = network::resolver(self.nameserver)?;
        Ok(self.resolver.get_or_init(|| resolver).clone())
    }

    fn http(&self) -> Result<reqwest::Client, SetupError> {
        if let Some(http) = self.http.get() {
            return Ok(http.clone());
        }
        let http = network::http_client(network::Guarded(self.resolver()?), Arc::clone(&self.roots), self.terminal)?;
        Ok(self.http.get_or_init(|| http).clone())
    }
}

/// `10.0.0.2`, `10.0.0.2:53`, `fd00::2`, `[fd00::2]:53`.
fn nameserver(text: &str) -> Result<SocketAddr, SetupError> {
    let text = text.trim();
    let bare = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    bare.or_else(|_| text.parse::<SocketAddr>()).map_err(|_| SetupError::Resolver(vigie_core::evidence::clean(text)))
}
