//! Answers about a whole account, kept for a minute: the environments of one account, region and identity ask once. SES holds
//! each of its reads to one a second, DescribeAlarms to a few: without this a batch of environments would throttle itself.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::ask::Ask;

/// How long an answer is good for.
const GOOD: Duration = Duration::from_secs(60);

/// One question: who asks holds it, who comes meanwhile waits.
type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Box<dyn Any + Send>)>>>;

/// Cheap to clone: all clones share what was answered.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<BTreeMap<String, Slot>>>);

/// Asks `question` of the account that `ask` audits, unless it was answered within a minute. Who comes while it is asked
/// waits for that answer. What does not hold is nobody else's: the next one asks again.
///
/// # Errors
/// As the question's.
pub async fn once<T, E>(ask: &Ask, question: &str, answer: impl Future<Output = Result<T, E>>) -> Result<T, E>
where
    T: Clone + Send + 'static,
{
    let region = ask.app.region().or(ask.auditor.region());
    let slot = {
        let mut slots = ask.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(format!("{} {region:?} {question}", ask.account)).or_default().clone()
    };
    let mut kept = slot.lock().await;
    if let Some((at, value)) = &*kept
        && good(*at, Instant::now())
        && let Some(value) = value.downcast_ref::<T>()
    {
        return Ok(value.clone());
    }
    let value = answer.await?;
    *kept = Some((Instant::now(), Box::new(value.clone())));
    Ok(value)
}

fn good(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < GOOD
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Deadline;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Nothing of it is asked here.
    fn ask(shared: &Shared, account: &str) -> Ask {
        let sdk = aws_types::SdkConfig::builder().build();
        Ask {
            deadline: Deadline::within(Duration::from_secs(5)),
            now: jiff::Timestamp::UNIX_EPOCH,
            suite: vigie_core::check::Suite::Full,
            net: crate::ask::Net {
                public: true,
                resolver: hickory_resolver::TokioResolver::builder_tokio().unwrap().build().unwrap(),
                roots: Arc::new(rustls::RootCertStore::empty()),
                extra_ca: Arc::default(),
                http: reqwest::Client::builder().tls_backend_preconfigured(tls()).build().unwrap(),
                refused: Arc::default(),
                pause: Duration::ZERO,
            },
            app: sdk.clone(),
            app_identity: vigie_core::facts::Identity::Auditor,
            auditor: sdk,
            key: None,
            writes: false,
            shared: shared.clone(),
            account: account.to_owned(),
        }
    }

    fn tls() -> rustls::ClientConfig {
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth()
    }

    /// Counts how often it is really asked; `None` fails.
    async fn asked(ask: &Ask, question: &str, count: &AtomicU32, answer: Option<u32>) -> Result<u32, ()> {
        once(ask, question, async {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(50)).await;
            answer.ok_or(())
        })
        .await
    }

    #[tokio::test]
    async fn environments_of_one_account_ask_once() {
        let (shared, count) = (Shared::default(), AtomicU32::new(0));
        let (one, two, other) = (ask(&shared, "a"), ask(&shared, "a"), ask(&shared, "b"));
        let both = futures::join!(asked(&one, "alarms", &count, Some(7)), asked(&two, "alarms", &count, Some(8)));
        assert_eq!((both, count.load(Ordering::Relaxed)), ((Ok(7), Ok(7)), 1), "who comes meanwhile waits");
        assert_eq!(asked(&other, "alarms", &count, Some(9)).await, Ok(9), "another account is asked itself");
        assert_eq!(asked(&two, "quota", &count, Some(1)).await, Ok(1), "and so is another question");
        assert_eq!(asked(&two, "alarms", &count, Some(8)).await, Ok(7), "it is still good");
        assert_eq!(count.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn an_answer_is_good_for_a_minute() {
        let at = Instant::now();
        assert!(good(at, at + Duration::from_secs(59)) && !good(at, at + Duration::from_secs(60)));
    }

    #[tokio::test]
    async fn what_failed_is_asked_again_by_the_next() {
        let (shared, count) = (Shared::default(), AtomicU32::new(0));
        let one = ask(&shared, "a");
        let both = futures::join!(asked(&one, "alarms", &count, None), asked(&one, "alarms", &count, Some(8)));
        assert_eq!((both, count.load(Ordering::Relaxed)), ((Err(()), Ok(8)), 2));
    }
}
