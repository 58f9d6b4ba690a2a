//! Everything that is configured, observed at once: as long as the slowest target, never longer than the deadline.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use vigie_core::Named;
use vigie_core::check::Kind;
use vigie_core::facts::{Facts, variables};
use vigie_core::targets::Targets;

use crate::ask::{Ask, Deadline};
use crate::{cloudwatch, credentials, eventbridge, https, postgres, rds, redis, s3, ses, sqs};

/// What a prober gets beyond the deadline, to record where it was. It keeps the deadline by itself: every question of it is
/// under [`Deadline::run`].
const GRACE: Duration = Duration::from_millis(250);

/// Asks all targets at once and calls `progress` as each is done. A target that has not answered by the deadline leaves
/// gaps with [`vigie_core::cause::Cause::Deadline`] and costs no other its facts; neither does a prober that breaks.
pub async fn observe(
    ask: &Ask,
    targets: &Targets,
    variables: variables::Variables,
    progress: &(dyn Fn(Kind, &str) + Sync),
) -> Facts {
    let all = Observer { ask, progress, lost: Mutex::default() };
    let region = targets.region.as_deref();
    let single = |there: bool| there.then_some(());
    let (credentials, postgres, redis, https, ses, s3, mut sqs, eventbridge, cloudwatch, rds) = futures::join!(
        all.one(Kind::Credentials, Some(()), async |ask, ()| credentials::observe(ask, &targets.app).await),
        all.each(Kind::Postgres, &targets.postgres, async |ask, target| postgres::observe(ask, target).await),
        all.each(Kind::Redis, &targets.redis, async |ask, target| redis::observe(ask, target).await),
        all.each(Kind::Https, &targets.https, async |ask, target| https::observe(ask, target).await),
        all.one(Kind::Ses, targets.ses.as_ref(), async |ask, target| ses::observe(ask, target).await),
        all.one(Kind::S3, single(!targets.buckets.is_empty()), async |ask, ()| {
            s3::observe(ask, &targets.buckets, region).await
        }),
        all.one(Kind::Sqs, single(!targets.queues.is_empty()), async |ask, ()| {
            sqs::observe(ask, &targets.queues, region).await
        }),
        all.one(Kind::EventBridge, single(!targets.buses.is_empty()), async |ask, ()| {
            eventbridge::observe(ask, &targets.buses).await
        }),
        all.one(Kind::CloudWatch, targets.alarms.as_ref(), async |ask, target| cloudwatch::observe(ask, target).await),
        all.one(Kind::Rds, targets.rds.as_ref(), async |ask, target| rds::observe(ask, target).await),
    );
    // The account is known by now, and nobody waited for it.
    if let Some(sqs) = &mut sqs {
        sqs::place_in_account(sqs, credentials.as_ref().map(|credentials| &credentials.caller));
    }
    let lost = all.lost.into_inner().unwrap_or_else(PoisonError::into_inner);
    Facts { variables, credentials, postgres, redis, https, ses, s3, sqs, eventbridge, cloudwatch, rds, lost }
}

struct Observer<'a> {
    ask: &'a Ask,
    progress: &'a (dyn Fn(Kind, &str) + Sync),
    /// Targets whose prober broke: a defect of Vigie, said and not passed over.
    lost: Mutex<Vec<String>>,
}

impl Observer<'_> {
    /// The only target of a kind. Nothing configured: no fact.
    async fn one<X: Copy, T>(&self, kind: Kind, target: Option<X>, probe: impl AsyncFn(&Ask, X) -> T) -> Option<T> {
        self.bounded(kind, kind.name(), target?, &probe).await
    }

    /// Each target of a kind that may have several.
    async fn each<X, T>(&self, kind: Kind, targets: &Named<X>, probe: impl AsyncFn(&Ask, &X) -> T) -> Named<T> {
        let probe = &probe;
        let asked = targets.iter().map(|(name, target)| async move {
            let fact = self.bounded(kind, name, target, &async |ask: &Ask, target: &X| probe(ask, target).await).await;
            fact.map(|fact| (name.clone(), fact))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// A prober that overruns or breaks is asked once more without any time left: then it only says what it did not get,
    /// in the shape of its own facts.
    async fn bounded<X: Copy, T>(
        &self,
        kind: Kind,
        name: &str,
        target: X,
        probe: &impl AsyncFn(&Ask, X) -> T,
    ) -> Option<T> {
        let late = Ask { deadline: Deadline::within(Duration::ZERO), writes: false, ..self.ask.clone() };
        let fact = match caught(self.ask.deadline.left() + GRACE, Box::pin(probe(self.ask, target))).await {
            Some(fact) => Some(fact),
            None => caught(GRACE, Box::pin(probe(&late, target))).await,
        };
        if fact.is_none() {
            tracing::error!(target_name = name, kind = kind.name(), "a prober broke; please report it");
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        }
        (self.progress)(kind, name);
        fact
    }
}

/// `None`: it did not end in time, or it panicked.
async fn caught<T>(limit: Duration, probe: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, AssertUnwindSafe(probe).catch_unwind()).await.ok()?.ok()
}
