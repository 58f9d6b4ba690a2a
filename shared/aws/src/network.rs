//! Connectors, roots and resolvers. [`crate::base`] decides when they are built.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::base::{CONNECT, Settings, SetupError};

/// See the file for its source.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// Every certificate of a PEM text; `None` when there is none, or one that no trust store would take.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
    let mut store = rustls::RootCertStore::empty();
    for certificate in &certificates {
        store.add(certificate.clone()).ok()?;
    }
    (!certificates.is_empty()).then_some(certificates)
}

/// What a public client trusts: Mozilla's list, from a terminal the platform's instead; and `extra`.
pub(crate) fn public_roots(terminal: bool, extra: &[CertificateDer<'static>]) -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    if terminal {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots.add_parsable_certificates(extra.iter().cloned());
    roots
}

/// The one HTTP client of all AWS clients. Its connector is built at the first call, whatever clients exist by then.
pub(crate) fn aws_client(settings: &Settings) -> SharedHttpClient {
    let settings = settings.clone();
    let built: OnceLock<SharedHttpConnector> = OnceLock::new();
    http_client_fn(move |_, _| built.get_or_init(|| SharedHttpConnector::new(aws_connector(&settings))).clone())
}

fn aws_connector(settings: &Settings) -> Connector {
    let proxy = if settings.terminal { ProxyConfig::from_env() } else { ProxyConfig::disabled() };
    let builder: ConnectorBuilder = Connector::builder();
    let builder = builder
        .connector_settings(HttpConnectorSettings::builder().connect_timeout(CONNECT).build())
        .sleep_impl(TokioSleep::new())
        .proxy_config(proxy);
    if settings.endpoint_url.as_deref().is_some_and(|url| url.starts_with("http://")) {
        return builder.build_http();
    }
    let builder = builder.tls_provider(Provider::Rustls(CryptoMode::Ring));
    match TlsContext::builder().with_trust_store(aws_roots(settings)).build() {
        Ok(context) => builder.tls_context(context).build(),
        // A trust store that was validated has no way to fail; the default one is the platform's.
        Err(_) => builder.build(),
    }
}

/// AWS's own roots are five; loading the platform's bundle instead costs ten times the rest of a cold start.
fn aws_roots(settings: &Settings) -> TrustStore {
    let store = TrustStore::empty();
    if let Some(bundle) = &settings.ca_bundle {
        return store.with_pem_certificate(bundle.clone());
    }
    // The endpoints of AWS China are signed by others, a custom endpoint by anyone.
    let china = settings.region.as_deref().is_some_and(|region| region.starts_with("cn-"));
    let platform = settings.terminal || settings.endpoint_url.is_some() || china;
    let store = store.with_pem_certificate(AMAZON_ROOTS);
    // The connector's debug assertion would panic over a platform without a single root.
    let platform = platform && !rustls_native_certs::load_native_certs().certs.is_empty();
    store.with_native_roots(platform)
}

pub(crate) fn resolver(nameserver: Option<SocketAddr>) -> Result<TokioResolver, SetupError> {
    let mut builder = match nameserver {
        None => TokioResolver::builder_tokio().map_err(|_| SetupError::SystemResolver)?,
        Some(at) => {
            let mut server = NameServerConfig::udp_and_tcp(at.ip());
            for connection in &mut server.connections {
                connection.port = at.port();
            }
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    // One rung has 5 s: two attempts must fit.
    builder.options_mut().timeout = Duration::from_secs(2);
    builder.options_mut().attempts = 2;
    builder.build().map_err(|_| SetupError::SystemResolver)
}

/// Resolves for reqwest, and gives no address that Vigie does not connect to. A resolver knows no port: whether this is
/// Lambda's Runtime API is for the caller to ask.
pub(crate) struct Guarded(pub TokioResolver);

#[derive(Debug, thiserror::Error)]
#[error("every address of this name is one that Vigie does not connect to")]
pub struct AddressRefused;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.0.clone();
        Box::pin(async move {
            let found = resolver.lookup_ip(name.as_str()).await?;
            let allowed: Vec<SocketAddr> =
                found.iter().filter(|ip| !vigie_core::address::refused(*ip)).map(|ip| SocketAddr::new(ip, 0)).collect();
            if allowed.is_empty() {
                return Err(AddressRefused.into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

pub(crate) fn http_client(
    resolver: Guarded,
    roots: Arc<rustls::RootCertStore>,
    terminal: bool,
) -> Result<reqwest::Client, SetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| SetupError::Http)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(resolver))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("vigie/", env!("CARGO_PKG_VERSION")));
    // Proxy variables count from a terminal only.
    let builder = if terminal { builder } else { builder.no_proxy() };
    builder.build().map_err(|_| SetupError::Http)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazon_has_five_roots() {
        assert_eq!(certificates(AMAZON_ROOTS.as_bytes()).unwrap().len(), 5);
    }

    #[test]
    fn the_connector_is_built_at_the_first_call() {
        // The stock connector panics over a trust store that it cannot parse: ours is one that it can.
        let _ = aws_connector(&Settings::default());
        let _ = aws_connector(&Settings { endpoint_url: Some("https://x.example".to_owned()), ..Settings::default() });
        let _ = aws_connector(&Settings { terminal: true, ..Settings::default() });
    }
}
