//! What probing needs: who asks, over which network, until when.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_types::SdkConfig;
use hickory_resolver::TokioResolver;
use jiff::Timestamp;
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::facts::Identity;
use vigie_core::fingerprint::FingerprintKey;

use crate::shared::Shared;

/// The one deadline of an audit. All questions go through it.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    #[must_use]
    pub fn within(time: Duration) -> Self {
        Deadline(Instant::now() + time)
    }

    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Runs a question within `limit` and the deadline, whichever is first.
    ///
    /// # Errors
    /// [`Cause::Timeout`] when the limit was first, [`Cause::Deadline`] when the deadline was.
    pub async fn run<T>(self, limit: Duration, question: impl Future<Output = T>) -> Result<T, Cause> {
        let left = self.left();
        tokio::time::timeout(limit.min(left), question)
            .await
            .map_err(|_| if limit < left { Cause::Timeout } else { Cause::Deadline })
    }
}

/// Milliseconds since `start`, for a rung.
#[must_use]
pub fn ms(start: Instant) -> u32 {
    u32::try_from(start.elapsed().as_millis()).unwrap_or(u32::MAX)
}

/// The longest that one network rung may take.
pub const RUNG: Duration = Duration::from_secs(5);

/// Built in `vigie-aws`'s terms by whoever wires, and handed down.
#[derive(Clone)]
pub struct Ask {
    pub deadline: Deadline,
    /// The instant of the audit: certificates are judged at it.
    pub now: Timestamp,
    pub suite: Suite,
    pub net: Net,
    /// Calls as the app: with its own key, its `app_role`, or else as the auditor; see `app_identity`.
    pub app: SdkConfig,
    /// Who `app` really is.
    pub app_identity: Identity,
    pub auditor: SdkConfig,
    pub key: Option<Arc<FingerprintKey>>,
    /// Whether the self-cleaning writes may run now.
    pub writes: bool,
    /// What other environments have learned of the account.
    pub shared: Shared,
    /// Names the identity of the auditor's calls, and so the account.
    pub account: String,
}

impl Ask {
    /// The auditor in the app's region, where the app's queues, buses, alarms and databases are.
    #[must_use]
    pub fn auditor_at_app(&self) -> SdkConfig {
        let region = self.app.region().or(self.auditor.region()).cloned();
        self.auditor.to_builder().region(region).build()
    }
}

/// The network as configured: `[network] resolver` and `extra_ca` included.
#[derive(Clone)]
pub struct Net {
    pub resolver: TokioResolver,
    /// Public roots and `extra_ca`: what a public client trusts.
    pub roots: Arc<rustls::RootCertStore>,
    /// `extra_ca`, DER, for clients that keep roots of their own.
    pub extra_ca: Arc<Vec<rustls_pki_types::CertificateDer<'static>>>,
    /// HTTP with those roots and that resolver; follows no redirect by itself, at most 5 s to connect.
    pub http: reqwest::Client,
    /// Addresses that are never connected to, beside link-local, metadata, multicast and unspecified ones: Lambda's own
    /// Runtime API.
    pub refused: Arc<Vec<std::net::SocketAddr>>,
    /// `false`: declared without a way to public addresses; they are not connected to.
    pub public: bool,
    /// Pause before a failing ladder is climbed a second time.
    pub pause: Duration,
}
