//! What one environment needs: its role, its sources, and a way to what its variables name. Values are read, used and
//! dropped: a line carries counts, hosts and names.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use vigie_core::cause::Cause;
use vigie_core::config::EnvironmentConfig;
use vigie_core::targets::{self, Targets};
use vigie_core::variables::Variables;
use vigie_core::{address, dsn};

use super::trials::Trial;
use super::{Doctor, Found, LIMIT, Line, trials};
use crate::Role;
use crate::error::{CallError, network};
use crate::source::{self, Context, Source};

/// The longest that one connection may take.
const CONNECT: Duration = Duration::from_secs(4);
/// Addresses of one name that are tried, at most.
const ADDRESSES: usize = 4;

/// Where a target is.
struct Place {
    trial: &'static Trial,
    subject: String,
    /// Any of them will do.
    hosts: Vec<(String, u16)>,
    /// Whether the host may be shown.
    shown: bool,
}

impl Doctor<'_> {
    pub(super) async fn environment(&self, name: &str, of: &EnvironmentConfig) -> Vec<Line> {
        let role = of.role.as_deref().map(|arn| Role { arn, external_id: of.external_id.as_deref() });
        let auditor = self.base.auditor(of.region.as_deref(), role, "vigie");
        let assumed = async {
            let arn = of.role.as_deref()?;
            let found = async {
                match self.credentials(&auditor).await {
                    // Refused as AssumeRole: who one is nobody is refused.
                    Found::Failed(call) if call.cause == Cause::Denied => {
                        CallError::new(Cause::Denied, "sts:AssumeRole").into()
                    }
                    Found::Holds(_) => Found::Holds(String::new()),
                    other => other,
                }
            };
            Some(self.line(&trials::ROLE, &format!("{name}: {arn}"), found).await)
        };
        let (assumed, (mut lines, variables)) = futures::join!(assumed, self.sources(name, of, &auditor));
        lines.extend(assumed);
        let targets = targets::derive(&variables, &of.contract);
        lines.extend(self.network(name, &targets).await);
        lines
    }

    async fn sources(
        &self,
        name: &str,
        of: &EnvironmentConfig,
        auditor: &aws_types::SdkConfig,
    ) -> (Vec<Line>, Variables) {
        let context = Context {
            inside_lambda: self.inside_lambda,
            process: self.variables,
            directory: self.folder,
            limit: LIMIT,
        };
        let context = &context;
        let read = of.variables.iter().map(|text| async move {
            let Ok(source) = text.parse::<Source>() else {
                return (Found::Lacks(Cause::Malformed, String::new()), None);
            };
            let all = source::read(auditor, std::slice::from_ref(&source), context);
            let variables = match self.within(all).await {
                Ok(variables) => variables,
                Err(cause) => return (CallError::new(cause, "source").into(), None),
            };
            let found = match variables.unread.first() {
                Some(unread) => {
                    let action = source
                        .actions()
                        .iter()
                        .map(|need| need.action)
                        .find(|action| unread.gap.action.as_deref().is_none_or(|refused| refused == *action));
                    CallError::new(unread.gap.cause, action.unwrap_or("file")).into()
                }
                None => Found::Holds(format!("{} names", variables.values.len())),
            };
            (found, Some(variables))
        });
        let (mut lines, mut merged) = (Vec::new(), Variables::default());
        for (text, (found, variables)) in of.variables.iter().zip(futures::future::join_all(read).await) {
            lines.push(Line::new(&trials::SOURCE, &format!("{name}: {text}"), found));
            merged.values.extend(variables.into_iter().flat_map(|variables| variables.values));
        }
        (lines, merged)
    }

    /// Connects, and says nothing: whether TLS and the login hold is what an audit is for.
    async fn network(&self, name: &str, targets: &Targets) -> Vec<Line> {
        let mut places = Vec::new();
        for (target, postgres) in &targets.postgres {
            let parsed = dsn::parse(&postgres.url, postgres.sslmode.as_deref());
            let hosts = parsed.facts.hosts.iter().filter_map(|host| Some((host.host.clone()?, host.port))).collect();
            places.push(Place { trial: &trials::DATABASE, subject: format!("{name}: {target}"), hosts, shown: true });
        }
        if self.config.network.public {
            let https = targets.https.iter().map(|(target, of)| (target, &of.url));
            let rest = targets.redis.iter().filter(|(_, of)| of.rest).map(|(target, of)| (target, &of.url));
            for (target, url) in https.chain(rest) {
                let parsed = url::Url::parse(url.expose_secret()).ok();
                let host = parsed.and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)));
                // A variable that should hold an address may hold anything: its host is not shown.
                let (subject, hosts) = (format!("{name}: {target}"), host.into_iter().collect());
                places.push(Place { trial: &trials::PUBLIC, subject, hosts, shown: false });
            }
        }
        let asked = places.iter().map(|place| self.line(place.trial, &place.subject, self.reach(place)));
        let dns = async {
            let place = places.iter().find(|place| !place.hosts.is_empty())?;
            let (host, port) = place.hosts.first()?;
            let found = async {
                match self.resolve(host, *port).await {
                    Ok(addresses) => Found::Holds(format!("{} addresses", addresses.len())),
                    Err(cause) => Found::Failed(CallError::new(cause, "dns")),
                }
            };
            Some(self.line(&trials::DNS, &place.subject, found).await)
        };
        let (mut lines, dns) = futures::join!(futures::future::join_all(asked), dns);
        lines.extend(dns);
        lines
    }

    /// Any host of several is enough.
    async fn reach(&self, place: &Place) -> Found {
        let said = |host: &str, port: u16| if place.shown { format!("{host}:{port}") } else { String::new() };
        let mut last = Cause::Malformed;
        for (host, port) in &place.hosts {
            match self.connect(host, *port).await {
                Ok(()) => return Found::Holds(said(host, *port)),
                Err(cause) => last = cause,
            }
        }
        Found::Lacks(last, place.hosts.first().map(|(host, port)| said(host, *port)).unwrap_or_default())
    }

    async fn connect(&self, host: &str, port: u16) -> Result<(), Cause> {
        let mut last = Cause::Dns;
        for address in self.resolve(host, port).await? {
            match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => last = network(&error).unwrap_or(Cause::Unreachable),
                Err(_) => last = Cause::Timeout,
            }
        }
        Err(last)
    }

    /// The addresses of a name that may be connected to.
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Cause> {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let ips = match bare.parse() {
            Ok(ip) => vec![ip],
            Err(_) => {
                let resolver = self.base.resolver().map_err(|_| Cause::DnsTimeout)?;
                let found = tokio::time::timeout(CONNECT, resolver.lookup_ip(bare)).await;
                let found = found.map_err(|_| Cause::DnsTimeout)?.map_err(|_| Cause::Dns)?;
                found.iter().take(ADDRESSES).collect()
            }
        };
        let refused = self.base.refused();
        let addresses: Vec<SocketAddr> = ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        let safe: Vec<SocketAddr> =
            addresses.iter().copied().filter(|a| !address::refused(a.ip()) && !refused.contains(a)).collect();
        match (addresses.is_empty(), safe.is_empty()) {
            (true, _) => Err(Cause::Dns),
            (_, true) => Err(Cause::AddressRefused),
            _ => Ok(safe),
        }
    }
}
