//! A DNS server of our own: the names of the invented SaaS, all of them on 127.0.0.1, and nothing else.

use hickory_server::Server;
use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::proto::rr::rdata::{A, SOA};
use hickory_server::proto::rr::{Name, RData, Record};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use std::io;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;
use tokio::net::{TcpListener, UdpSocket};

/// Seconds that an answer may be kept.
const TTL: u32 = 1;

pub struct Dns {
    server: Server<Catalog>,
    pub port: u16,
}

impl Dns {
    /// Answers A for these names of the zone; any other name of it does not exist.
    ///
    /// # Errors
    /// A name is malformed, or no port is free.
    pub async fn start(zone: &str, names: &[&str]) -> io::Result<Dns> {
        let origin = absolute(zone)?;
        let handler =
            InMemoryZoneHandler::<TokioRuntimeProvider>::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
        let soa = SOA::new(origin.clone(), origin.clone(), 1, 60, 60, 60, TTL);
        handler.upsert(Record::from_rdata(origin.clone(), TTL, RData::SOA(soa)), 1).await;
        for name in names {
            let address = RData::A(A(Ipv4Addr::LOCALHOST));
            handler.upsert(Record::from_rdata(absolute(name)?, TTL, address), 1).await;
        }
        let mut catalog = Catalog::new();
        catalog.upsert(origin.into(), vec![Arc::new(handler)]);
        let mut server = Server::new(catalog);
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
        let port = socket.local_addr()?.port();
        server.register_socket(socket);
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            server.register_listener(listener, std::time::Duration::from_secs(5), 4096);
        }
        Ok(Dns { server, port })
    }

    /// As `[network] resolver` takes it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub async fn stop(&mut self) {
        let _ = self.server.shutdown_gracefully().await;
    }
}

fn absolute(name: &str) -> io::Result<Name> {
    let mut name = Name::from_str(name).map_err(io::Error::other)?;
    name.set_fqdn(true);
    Ok(name)
}
