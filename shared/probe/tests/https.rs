//! Public addresses against a small HTTPS server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that fails panics

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Ca, Leaf, ask, port};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use vigie_core::cause::Cause;
use vigie_core::facts::https::Https;
use vigie_core::facts::{Fact, Gap, Rung};
use vigie_core::targets::HttpsTarget;
use vigie_probe::https::observe;

const PROVIDERS: &str = "/api/auth/providers";

/// Status and headers, body; `{self}` stands for the server's own origin.
type Site = fn(path: &str) -> (&'static str, String);

/// Serves `site` over TLS with `leaf`, or in clear; gives its origin.
async fn serve(site: Site, leaf: Option<Leaf>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = leaf.map(|leaf| {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.key_der));
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(leaf.chain, key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    });
    let origin = format!("{}://localhost:{port}", if acceptor.is_some() { "https" } else { "http" });
    let own = origin.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, own) = (acceptor.clone(), own.clone());
            tokio::spawn(async move {
                match acceptor {
                    // The ladder's own handshake ends without a request.
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            answer(stream, site, &own).await;
                        }
                    }
                    None => answer(stream, site, &own).await,
                }
            });
        }
    });
    origin
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, site: Site, own: &str) {
    let mut bytes = vec![0; 8192];
    let Ok(n @ 1..) = stream.read(&mut bytes).await else { return };
    let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
    let path = text.split([' ', '?']).nth(1).unwrap_or_default();
    if path.starts_with("/slow") {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let (head, body) = site(path);
    let (head, body) = (head.replace("{self}", own), body.replace("{self}", own));
    let length = body.len();
    let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn site(path: &str) -> (&'static str, String) {
    let moved = |head| (head, String::new());
    match path {
        "/" | "/fr" | "/slow" => ("200 OK", "hello".to_owned()),
        "/language" => moved("307 Temporary Redirect\r\nlocation: /fr"),
        "/loop" => moved("302 Found\r\nlocation: {self}/loop"),
        "/a" => moved("302 Found\r\nlocation: /ab"),
        path if path.starts_with("/ab") && path.len() < 9 => {
            let next = format!("302 Found\r\nlocation: {path}b");
            (Box::leak(next.into_boxed_str()), String::new())
        }
        "/elsewhere" => moved("302 Found\r\nlocation: http://127.0.0.1:9/canary"),
        "/metadata" => moved("302 Found\r\nlocation: http://169.254.169.254/latest/meta-data/"),
        "/nowhere" => moved("302 Found\r\nlocation: gopher://x"),
        "/broken" => ("503 Service Unavailable", "<html>".to_owned()),
        PROVIDERS => (
            "200 OK\r\ncontent-type: application/json",
            r#"{"google":{"id":"google","signinUrl":"{self}/api/auth/signin/google","callbackUrl":"{self}/api/auth/callback/google"},
                "old":{"signinUrl":"http://localhost:3000/api/auth/signin/old?canary=1","callbackUrl":"undefined/api"}}"#
                .to_owned(),
        ),
        _ => ("404 Not Found", "no".to_owned()),
    }
}

fn target(url: &str, providers: Option<&str>) -> HttpsTarget {
    let url = SecretString::from(url.to_owned());
    HttpsTarget { variable: "NEXTAUTH_URL".to_owned(), url, providers: providers.map(str::to_owned) }
}

fn failed(https: &Https) -> (Rung, Cause, Option<&str>) {
    let step = https.ladder.failed().expect("a failed rung");
    (step.rung, step.cause.unwrap(), step.code.as_deref())
}

fn good(ca: &Ca) -> Option<Leaf> {
    Some(ca.leaf(&["localhost"], -10, 80))
}

#[tokio::test]
async fn a_site_that_answers() {
    let ca = Ca::new("Sandbox CA");
    let origin = serve(site, good(&ca)).await;
    let ask = ask(&[ca.der()]);
    let https = observe(&ask, &target(&format!("{origin}/language?canary"), Some(PROVIDERS))).await;
    assert_eq!(https.ladder.failed(), None, "{https:#?}");
    let rungs: Vec<Rung> = https.ladder.steps().iter().map(|step| step.rung).collect();
    assert_eq!(rungs, [Rung::Resolve, Rung::Connect, Rung::Tls, Rung::Query]);
    assert_eq!((&https.origin, &https.status), (&origin, &Fact::Known(200)));
    assert_eq!(https.certificate.get().unwrap().as_ref().unwrap().cause, None);
    let origins = ["http://localhost:3000", &origin, "null"].map(str::to_owned).to_vec();
    assert_eq!(https.callbacks, Fact::Known(Some(origins)));
    assert!(!serde_json::to_string(&https).unwrap().contains("canary"));
}

#[tokio::test]
async fn an_answer_is_timed_to_its_first_byte() {
    let ca = Ca::new("Sandbox CA");
    let origin = serve(site, good(&ca)).await;
    let ask = ask(&[ca.der()]);
    let slow = *observe(&ask, &target(&format!("{origin}/slow"), None)).await.first_byte_ms.get().unwrap();
    assert!(slow >= 300, "{slow}");
}

#[tokio::test]
async fn what_a_browser_refuses_fails_the_tls_rung_and_is_still_read() {
    let ca = Ca::new("Sandbox CA");
    for (leaf, trusted, cause) in [
        (ca.leaf(&["localhost"], -90, -1), true, Cause::TlsExpired),
        (ca.leaf(&["localhost"], 1, 90), true, Cause::TlsNotYet),
        (ca.leaf(&["other.example"], -10, 80), true, Cause::TlsHostname),
        (ca.leaf(&["localhost"], -10, 80), false, Cause::TlsUntrusted),
    ] {
        let origin = serve(site, Some(leaf)).await;
        let extra = if trusted { vec![ca.der()] } else { Vec::new() };
        let https = observe(&ask(&extra), &target(&origin, Some(PROVIDERS))).await;
        assert_eq!(failed(&https), (Rung::Tls, cause, None));
        assert_eq!(https.ladder.attempts.len(), 2);
        assert_eq!(https.certificate.get().unwrap().as_ref().unwrap().cause, Some(cause));
        assert!(matches!(https.callbacks, Fact::Gap(Gap { cause: same, .. }) if same == cause));
    }
}

#[tokio::test]
async fn redirects_and_statuses() {
    let ca = Ca::new("Sandbox CA");
    let origin = serve(site, good(&ca)).await;
    let ask = ask(&[ca.der()]);
    for (path, cause, code) in [
        ("/loop", Cause::RedirectLoop, None),
        ("/a", Cause::RedirectLoop, None),
        ("/metadata", Cause::AddressRefused, None),
        ("/nowhere", Cause::Protocol, Some("302")),
        ("/broken", Cause::BadStatus, Some("503")),
    ] {
        let https = observe(&ask, &target(&format!("{origin}{path}"), None)).await;
        assert_eq!(failed(&https), (Rung::Query, cause, code), "{path}");
    }
    for path in ["/", "/missing", "/abbbb"] {
        assert_eq!(observe(&ask, &target(&format!("{origin}{path}"), None)).await.ladder.failed(), None, "{path}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_host() {
    fn away(_: &str) -> (&'static str, String) {
        ("302 Found\r\nlocation: {self}/there", String::new())
    }
    fn there(path: &str) -> (&'static str, String) {
        if path == "/there" { ("200 OK", String::new()) } else { away(path) }
    }
    let origin = serve(there, None).await;
    // 127.0.0.1 and localhost are two hosts.
    let https = observe(&ask(&[]), &target(&origin.replace("localhost", "127.0.0.1"), None)).await;
    assert_eq!(failed(&https), (Rung::Query, Cause::OtherHost, None));
    assert_eq!(https.status, Fact::Known(200));
    assert_eq!(observe(&ask(&[]), &target(&origin, None)).await.ladder.failed(), None);
}

#[tokio::test]
async fn plain_http_has_no_tls_rung_and_no_certificate() {
    let origin = serve(site, None).await;
    let https = observe(&ask(&[]), &target(&origin, None)).await;
    let rungs: Vec<Rung> = https.ladder.steps().iter().map(|step| step.rung).collect();
    assert_eq!(rungs, [Rung::Resolve, Rung::Connect, Rung::Query]);
    assert_eq!((https.certificate, https.callbacks), (Fact::Known(None), Fact::Known(None)));
}

#[tokio::test]
async fn sign_in_routes_that_are_not_there_or_not_json_are_unknown() {
    fn html(_: &str) -> (&'static str, String) {
        ("200 OK", "<html>".to_owned())
    }
    fn huge(path: &str) -> (&'static str, String) {
        ("200 OK", if path == "/" { String::new() } else { format!("{{\"x\":\"{}\"}}", "x".repeat(300_000)) })
    }
    fn error(path: &str) -> (&'static str, String) {
        (if path == "/" { "200 OK" } else { "500 Internal Server Error" }, String::new())
    }
    fn absent(path: &str) -> (&'static str, String) {
        (if path == "/" { "200 OK" } else { "404 Not Found" }, "{}".to_owned())
    }
    for (site, cause) in
        [(html as Site, Cause::Protocol), (huge, Cause::TooLarge), (error, Cause::BadStatus), (absent, Cause::Protocol)]
    {
        let origin = serve(site, None).await;
        let https = observe(&ask(&[]), &target(&origin, Some(PROVIDERS))).await;
        assert_eq!(https.ladder.failed(), None);
        assert!(matches!(https.callbacks, Fact::Gap(Gap { cause: same, .. }) if same == cause), "{cause}");
    }
}

#[tokio::test]
async fn what_is_no_address_or_leads_nowhere() {
    for url in ["canary", "ftp://canary.example", "https://", ""] {
        let https = observe(&ask(&[]), &target(url, Some(PROVIDERS))).await;
        assert_eq!(failed(&https), (Rung::Resolve, Cause::Malformed, None));
        assert!(!serde_json::to_string(&https).unwrap().contains("canary"));
    }
    let https = observe(&ask(&[]), &target("http://169.254.169.254/latest/", None)).await;
    assert_eq!(failed(&https), (Rung::Resolve, Cause::AddressRefused, None));
    let https = observe(&ask(&[]), &target(&format!("https://127.0.0.1:{}", port()), None)).await;
    assert_eq!(failed(&https), (Rung::Connect, Cause::Refused, None));
    assert!(matches!(https.certificate, Fact::Gap(Gap { cause: Cause::Refused, .. })));
}

#[tokio::test]
async fn without_a_way_to_public_addresses_only_private_ones_are_asked() {
    let ca = Ca::new("Sandbox CA");
    let origin = serve(site, good(&ca)).await;
    let mut ask = ask(&[ca.der()]);
    ask.net.public = false;
    assert_eq!(observe(&ask, &target(&origin, None)).await.ladder.failed(), None, "it is private");
    // TEST-NET-1 (RFC 5737): nothing is sent there.
    let https = observe(&ask, &target("https://192.0.2.1/", None)).await;
    assert_eq!(failed(&https), (Rung::Resolve, Cause::NoPublicRoute, None));
    assert_eq!(https.ladder.attempts.len(), 1);
    assert!(matches!(https.certificate, Fact::Gap(Gap { cause: Cause::NoPublicRoute, .. })));
}
