//! Heads, newest runs and the last mail, out of the store. What cannot be read is a gap, never "none".

use std::future::Future;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::de::DeserializeOwned;
use vigie_aws::store::{ETag, Store, StoreError};
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::facts::{Fact, Gap, Identity};
use vigie_core::head::{self, Head};
use vigie_core::plan;
use vigie_core::run::{self, Run};

use crate::claim::{self, Before, Claim, State};

/// How long one read may take.
pub const LIMIT: Duration = Duration::from_secs(5);
/// How many days back the last mail is looked for.
const DAYS: i64 = 31;

/// What the store holds of one environment.
#[derive(Clone)]
pub struct Stored {
    pub head: Fact<Option<Head>>,
    pub connections: Fact<Option<Run>>,
    pub full: Fact<Option<Run>>,
}

/// Reads one environment: the head, then the runs that it names. Without a readable head the newest runs are listed.
pub async fn environment(store: &Store, name: &str, now: Timestamp) -> Stored {
    let head: Fact<Option<Head>> = object(store, &plan::head_key(name)).await.map(|found| found.map(|(h, _)| h)).into();
    let head = checked(head, |head| head.schema == head::SCHEMA && head.environment == name);
    let (connections, full) = futures::join!(
        newest(store, name, Suite::Connections, &head, now),
        newest(store, name, Suite::Full, &head, now)
    );
    Stored { head, connections, full }
}

async fn newest(
    store: &Store,
    name: &str,
    suite: Suite,
    head: &Fact<Option<Head>>,
    now: Timestamp,
) -> Fact<Option<Run>> {
    let key = match head {
        Fact::Known(None) => return Fact::Known(None),
        Fact::Known(Some(head)) => match head.newest.get(suite.name()) {
            Some(newest) => newest.key.clone(),
            None => return Fact::Known(None),
        },
        Fact::Gap(_) => match listed(store, name, suite, now).await {
            Ok(Some(key)) => key,
            Ok(None) => return Fact::Known(None),
            Err(gap) => return Fact::Gap(gap),
        },
    };
    match object::<Run>(store, &key).await {
        // The head says that it is there.
        Ok(None) => Fact::gap(Cause::NotFound, Identity::Auditor),
        Ok(Some((run, _))) => checked(Fact::Known(Some(run)), |r| r.schema == run::SCHEMA && r.environment == name),
        Err(gap) => Fact::Gap(gap),
    }
}

/// The newest run of today or yesterday, by its key.
async fn listed(store: &Store, name: &str, suite: Suite, now: Timestamp) -> Result<Option<String>, Gap> {
    let today = now.to_zoned(TimeZone::UTC).date();
    for day in [today, back(today, 1)] {
        let prefix = format!("runs/{name}/{}/{}/", suite.name(), day.strftime("%Y/%m/%d"));
        let keys = within(store.list(&prefix, vigie_aws::store::MOST_KEYS)).await?;
        if let Some(key) = keys.into_iter().rfind(|key| !key.ends_with(".snapshot.json")) {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// The last mail of a list that was sent before `today`, and the claims since.
///
/// # Errors
/// The store does not answer: then it is not known what is new. A single claim that is not ours is passed over.
pub async fn before(store: &Store, list: &str, today: Date) -> Result<Before, Gap> {
    let mut before = Before::default();
    for days in 1..=DAYS {
        let found = match claim(store, list, back(today, days)).await {
            Err(gap) if gap.cause == Cause::Malformed => {
                tracing::warn!(list, days, "an earlier claim cannot be read: it is not compared with");
                continue;
            }
            found => found?,
        };
        match found {
            Some((claim, _)) if claim.state == State::Sent => {
                before.sent = Some(claim);
                break;
            }
            Some((claim, _)) => before.unsent.push(claim),
            None => {}
        }
    }
    Ok(before)
}

/// The claim of a day.
///
/// # Errors
/// It cannot be read, or is none of ours: then nothing is sent, for it may have been sent already.
pub async fn claim(store: &Store, list: &str, date: Date) -> Result<Option<(Claim, ETag)>, Gap> {
    let found = object::<Claim>(store, &plan::report_key(date, list)).await?;
    match found {
        Some((claim, _)) if claim.schema != claim::SCHEMA => Err(Gap::new(Cause::Malformed, Identity::Auditor)),
        found => Ok(found),
    }
}

fn back(date: Date, days: i64) -> Date {
    date.checked_sub(days.days()).unwrap_or(date)
}

async fn object<T: DeserializeOwned>(store: &Store, key: &str) -> Result<Option<(T, ETag)>, Gap> {
    let Some((bytes, tag)) = within(store.get(key)).await? else { return Ok(None) };
    let read = serde_json::from_slice(&bytes).map_err(|_| Gap::new(Cause::Malformed, Identity::Auditor))?;
    Ok(Some((read, tag)))
}

pub(crate) async fn within<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, Gap> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(done) => done.map_err(|e| e.gap()),
        Err(_) => Err(Gap::new(Cause::Timeout, Identity::Auditor)),
    }
}

fn checked<T>(fact: Fact<Option<T>>, ours: impl Fn(&T) -> bool) -> Fact<Option<T>> {
    match fact {
        Fact::Known(Some(value)) if !ours(&value) => Fact::gap(Cause::Malformed, Identity::Auditor),
        fact => fact,
    }
}
