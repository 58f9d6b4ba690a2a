//! Clients of the sandbox's own, to plant and to look.

use crate::ca::Ca;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// AWS clients towards `endpoint`, asked once.
#[must_use]
pub fn aws(endpoint: &str, region: &str, key: &str, secret: &str) -> SdkConfig {
    let credentials = Credentials::new(key, secret, None, None, "sandbox");
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new(region.to_owned()))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// The emulator is one host: buckets go into the path.
#[must_use]
pub fn s3(config: &SdkConfig) -> aws_sdk_s3::Config {
    aws_sdk_s3::config::Builder::from(config).force_path_style(true).build()
}

/// HTTPS that trusts our CA, and goes to 127.0.0.1 for these names.
///
/// # Errors
/// The roots are not taken.
pub fn http(ca: &Ca, names: &[(&str, u16)]) -> io::Result<reqwest::Client> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.der()).map_err(io::Error::other)?;
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut builder =
        reqwest::Client::builder().tls_backend_preconfigured(tls).timeout(Duration::from_secs(10)).no_proxy();
    for (name, port) in names {
        builder = builder.resolve(name, SocketAddr::from(([127, 0, 0, 1], *port)));
    }
    builder.build().map_err(io::Error::other)
}

/// PostgreSQL's TLS with exactly these roots.
///
/// # Errors
/// A root is not a certificate.
pub fn postgres_tls(roots: &[String]) -> Result<postgres_native_tls::MakeTlsConnector, native_tls::Error> {
    let mut builder = native_tls::TlsConnector::builder();
    builder.disable_built_in_roots(true);
    for root in roots {
        builder.add_root_certificate(native_tls::Certificate::from_pem(root.as_bytes())?);
    }
    Ok(postgres_native_tls::MakeTlsConnector::new(builder.build()?))
}
