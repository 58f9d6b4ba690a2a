//! A public address, as a browser meets it: name, connection, certificate, redirects, status, first byte; and the sign-in
//! routes of NextAuth, where the contract says that there are some.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use secrecy::ExposeSecret;
use url::{Host, Url};
use vigie_core::cause::Cause;
use vigie_core::facts::https::Https;
use vigie_core::facts::postgres::Certificate;
use vigie_core::facts::{Climb, Fact, Identity, Rung};
use vigie_core::targets::HttpsTarget;

use crate::ask::{Ask, ms};
use crate::net::{Fall, http_cause};
use crate::{net, tls};

const REDIRECTS: usize = 5;
/// One answer, and all of them together: a page that takes 6 s is slow, not gone.
const ANSWER: Duration = Duration::from_secs(10);
const ANSWERS: Duration = Duration::from_secs(20);
/// Of the list of providers.
const BODY: usize = 256 * 1024;
const ORIGINS: usize = 50;

/// Climbs to a final answer below 500 on the same site, then reads the sign-in routes.
pub async fn observe(ask: &Ask, target: &HttpsTarget) -> Https {
    let url = Url::parse(target.url.expose_secret().trim()).ok().filter(web);
    let (ladder, seen) = net::twice(ask, || attempt(ask, url.as_ref())).await;
    let failed = ladder.failed().and_then(|step| step.cause);
    let missing = failed.unwrap_or(Cause::Unexpected);
    let callbacks = match (&target.providers, &url, failed) {
        (None, ..) => Fact::Known(None),
        (Some(path), Some(url), None) => match callbacks(ask, url, path).await {
            Ok(origins) => Fact::Known(Some(origins)),
            Err(cause) => Fact::gap(cause, Identity::Nobody),
        },
        _ => Fact::gap(missing, Identity::Nobody),
    };
    Https {
        variable: target.variable.clone(),
        origin: url.as_ref().map(origin).unwrap_or_default(),
        ladder,
        certificate: seen.certificate.map_or(Fact::gap(missing, Identity::Nobody), Fact::Known),
        status: seen.status.map_or(Fact::gap(missing, Identity::Nobody), Fact::Known),
        first_byte_ms: seen.first_byte_ms.map_or(Fact::gap(missing, Identity::Nobody), Fact::Known),
        callbacks,
    }
}

#[derive(Default)]
struct Seen {
    certificate: Option<Option<Certificate>>,
    status: Option<u16>,
    first_byte_ms: Option<u64>,
}

async fn attempt(ask: &Ask, url: Option<&Url>) -> (Climb, Seen) {
    let (mut climb, mut seen) = (Climb::default(), Seen::default());
    match url {
        None => climb.fell(Rung::Resolve, 0, Cause::Malformed, None),
        Some(url) => {
            // The failing rung is in `climb`.
            let _ = reach(ask, url, &mut climb, &mut seen).await;
        }
    }
    (climb, seen)
}

async fn reach(ask: &Ask, url: &Url, climb: &mut Climb, seen: &mut Seen) -> Result<(), Cause> {
    let (host, port) = place(url)?;
    let addrs = net::rung(ask, climb, Rung::Resolve, net::resolve(ask, &host, port)).await?;
    let stream = net::rung(ask, climb, Rung::Connect, net::connect(ask, &addrs)).await?;
    if url.scheme() == "https" {
        net::rung(ask, climb, Rung::Tls, async {
            let (_, chain) = tls::handshake(ask, stream, &host).await?;
            let judged = tls::judge(&chain, &host, &ask.net.roots, ask.now);
            let refused = judged.cause;
            seen.certificate = Some(Some(judged));
            refused.map_or(Ok(()), Err)
        })
        .await?;
    } else {
        drop(stream);
        seen.certificate = Some(None);
    }
    let start = Instant::now();
    let landed = ask.deadline.run(ANSWERS, follow(ask, url)).await.map_err(Fall::from);
    match landed.and_then(|landed| landed).and_then(|landed| {
        seen.first_byte_ms = Some(landed.first_byte_ms);
        seen.status = Some(landed.answer.status().as_u16());
        landed.judge(url)
    }) {
        Ok(()) => {
            climb.held(Rung::Query, ms(start));
            Ok(())
        }
        Err(Fall { cause, code }) => {
            climb.fell(Rung::Query, ms(start), cause, code);
            Err(cause)
        }
    }
}

/// Where the redirects end.
struct Landed {
    /// Of the first answer, its connection included.
    first_byte_ms: u64,
    url: Url,
    answer: Response,
}

impl Landed {
    /// # Errors
    /// [`Cause::OtherHost`]: not on the site of `asked`; [`Cause::BadStatus`]: 5xx, with the status as code.
    fn judge(&self, asked: &Url) -> Result<(), Fall> {
        if !same_site(asked, &self.url) {
            return Err(Fall::from(Cause::OtherHost));
        }
        let status = self.answer.status();
        if status.is_server_error() { Err(Fall::coded(Cause::BadStatus, status.as_str())) } else { Ok(()) }
    }
}

/// GETs `url` and follows redirects by hand, so that each hop passes the guard.
async fn follow(ask: &Ask, url: &Url) -> Result<Landed, Fall> {
    let mut url = url.clone();
    let mut visited = BTreeSet::new();
    let mut first_byte_ms = None;
    while visited.len() <= REDIRECTS {
        if !visited.insert(url.as_str().to_owned()) {
            break;
        }
        let start = Instant::now();
        let answer = get(ask, &url).await?;
        let first_byte_ms = *first_byte_ms.get_or_insert(u64::from(ms(start)));
        let Some(next) = next(&url, &answer)? else { return Ok(Landed { first_byte_ms, url, answer }) };
        url = next;
    }
    Err(Fall::from(Cause::RedirectLoop))
}

async fn get(ask: &Ask, url: &Url) -> Result<Response, Fall> {
    let (host, port) = place(url)?;
    // The client's own resolver is guarded too, but it is not asked about addresses written as such.
    net::resolve(ask, &host, port).await?;
    let request = ask.net.http.get(url.clone()).header("user-agent", concat!("vigie/", env!("CARGO_PKG_VERSION")));
    let answer = ask.deadline.run(ANSWER, request.send()).await?;
    answer.map_err(|error| Fall::from(http_cause(&error)))
}

/// Where a redirect leads; `None`: the answer is none.
fn next(url: &Url, answer: &Response) -> Result<Option<Url>, Fall> {
    let redirects = matches!(
        answer.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    match answer.headers().get(LOCATION) {
        Some(location) if redirects => {
            let next = location.to_str().ok().and_then(|location| url.join(location).ok()).filter(web);
            next.map(Some).ok_or(Fall::coded(Cause::Protocol, answer.status().as_str()))
        }
        _ => Ok(None),
    }
}

/// The origins of every provider's signinUrl and callbackUrl, sorted; `null` for a value that is no URL.
///
/// Source: NextAuth.js REST API, `GET /api/auth/providers`.
async fn callbacks(ask: &Ask, site: &Url, path: &str) -> Result<Vec<String>, Cause> {
    let url = site.join(path).map_err(|_| Cause::Malformed)?;
    let landed = ask.deadline.run(ANSWERS, follow(ask, &url)).await?.map_err(|fall| fall.cause)?;
    landed.judge(site).map_err(|fall| fall.cause)?;
    if landed.answer.status() != StatusCode::OK {
        return Err(Cause::Protocol);
    }
    let body = ask.deadline.run(ANSWER, bounded(landed.answer)).await??;
    let providers: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&body).map_err(|_| Cause::Protocol)?;
    let urls = providers.values().flat_map(|provider| ["signinUrl", "callbackUrl"].map(|name| provider.get(name)));
    let origins: BTreeSet<String> = urls.flatten().filter_map(|url| url.as_str()).map(origin_of).collect();
    Ok(origins.into_iter().take(ORIGINS).collect())
}

async fn bounded(mut answer: Response) -> Result<Vec<u8>, Cause> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| http_cause(&error))? {
        if body.len() + chunk.len() > BODY {
            return Err(Cause::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn origin_of(text: &str) -> String {
    Url::parse(text).ok().filter(web).map_or_else(|| "null".to_owned(), |url| origin(&url))
}

fn web(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http") && url.has_host()
}

fn place(url: &Url) -> Result<(String, u16), Cause> {
    let host = match url.host().ok_or(Cause::Malformed)? {
        Host::Ipv6(ip) => ip.to_string(),
        other => other.to_string(),
    };
    Ok((host, url.port_or_known_default().ok_or(Cause::Malformed)?))
}

/// The same host, or `www.` put before it or taken off.
fn same_site(a: &Url, b: &Url) -> bool {
    let bare = |url: &Url| {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        host.strip_prefix("www.").map(str::to_owned).unwrap_or(host)
    };
    bare(a) == bare(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn www_is_the_same_site_and_nothing_else_is() {
        let same = |a: &str, b: &str| same_site(&Url::parse(a).unwrap(), &Url::parse(b).unwrap());
        assert!(same("https://shop.example", "https://www.shop.example/fr"));
        assert!(same("https://www.shop.example", "https://SHOP.example"));
        assert!(same("http://shop.example:8080", "https://shop.example./"));
        assert!(!same("https://shop.example", "https://app.shop.example"));
        assert!(!same("https://shop.example", "https://shop.example.evil.test"));
    }

    #[test]
    fn an_origin_is_shown_without_anything_else() {
        assert_eq!(origin_of("https://u:p@shop.example/api/auth/callback/x?y=z"), "https://shop.example");
        assert_eq!(origin_of("http://localhost:3000/api"), "http://localhost:3000");
        for not_a_url in ["undefined/api/auth", "javascript:alert(1)", ""] {
            assert_eq!(origin_of(not_a_url), "null");
        }
    }
}
