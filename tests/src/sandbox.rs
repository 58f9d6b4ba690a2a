//! Every server at once.

use crate::aws::Aws;
use crate::ca::{Ca, Validity};
use crate::dns::Dns;
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::serve::Serving;
use crate::site::Site;
use crate::upstash;
use std::io;
use tempfile::TempDir;

pub const REGION: &str = "eu-west-1";
pub const ZONE: &str = "shop.internal";

/// The invented SaaS's names, all of them on 127.0.0.1.
pub const NAMES: [&str; 6] = [
    "app.shop.internal",
    "staging.shop.internal",
    "db.shop.internal",
    "db-staging.shop.internal",
    "cache.shop.internal",
    "cache-staging.shop.internal",
];

/// The servers of both environments. Dropped = all of them gone.
pub struct Sandbox {
    pub ca: Ca,
    pub dns: Dns,
    pub postgres: Postgres,
    pub redis: Redis,
    pub upstash: Serving,
    pub upstash_token: String,
    pub aws: Aws,
    pub production: Site,
    pub staging: Site,
    /// Configuration, .env files and roots.
    pub folder: TempDir,
}

/// What may differ between sandboxes.
#[derive(Clone, Copy)]
pub struct Certificates {
    pub production: Validity,
    pub staging: Validity,
}

impl Sandbox {
    /// Starts everything side by side; `progress` hears of each server that is up.
    ///
    /// # Errors
    /// A server did not start; with the end of its log.
    pub async fn start(certificates: Certificates, progress: &(dyn Fn(&str) + Sync)) -> io::Result<Sandbox> {
        let ca = Ca::new("Shop internal CA").map_err(io::Error::other)?;
        let leaf = |names: &[&str], validity| ca.leaf(names, validity).map_err(io::Error::other);
        let database = leaf(&["db.shop.internal", "db-staging.shop.internal"], Validity::Healthy)?;
        let cache = leaf(&["cache.shop.internal", "cache-staging.shop.internal"], Validity::Healthy)?;
        let cache = cache.server().map_err(io::Error::other)?;
        let production = leaf(&["app.shop.internal"], certificates.production)?.server().map_err(io::Error::other)?;
        let staging = leaf(&["staging.shop.internal"], certificates.staging)?.server().map_err(io::Error::other)?;
        let upstash_token = secret(24);
        let token = upstash_token.as_str();
        let folder = TempDir::with_prefix("vigie-shop-")?;
        let roots = folder.path().join("ca.pem");
        std::fs::write(&roots, ca.pem())?;
        let up = |name: &'static str| move || progress(name);
        let dns = then(Dns::start(ZONE, &NAMES), up("DNS")).await?;
        // What a function finds in the shop's own network.
        let network = [("VIGIE_RESOLVER", dns.address()), ("VIGIE_EXTRA_CA", roots.display().to_string())];
        let (postgres, (redis, upstash), aws, production, staging) = tokio::try_join!(
            then(Postgres::start(&database), up("PostgreSQL")),
            then(
                async {
                    let redis = Redis::start(&secret(18)).await?;
                    let connection = redis.connection().await.map_err(io::Error::other)?;
                    let front = upstash::start(cache, connection, token).await?;
                    Ok((redis, front))
                },
                up("Redis and its REST front")
            ),
            then(Aws::start(REGION, &network), up("AWS")),
            Site::start(production),
            Site::start(staging),
        )?;
        Ok(Sandbox { ca, dns, postgres, redis, upstash, upstash_token, aws, production, staging, folder })
    }

    /// Every server goes, and the sandbox stays: what is asked of it from now on is refused.
    pub async fn stop(&mut self) {
        self.postgres.stop();
        self.redis.stop();
        self.upstash.stop();
        self.aws.stop();
        self.production.serving.stop();
        self.staging.serving.stop();
        self.dns.stop().await;
    }
}

async fn then<T>(server: impl Future<Output = io::Result<T>>, up: impl Fn()) -> io::Result<T> {
    let server = server.await?;
    up();
    Ok(server)
}

/// A secret of so many random bytes, in base64url.
#[must_use]
pub fn secret(bytes: usize) -> String {
    let random: Vec<u8> = (0..bytes).map(|_| rand::random::<u8>()).collect();
    aws_smithy_types::base64::encode(random).replace('+', "-").replace('/', "_").replace('=', "")
}
