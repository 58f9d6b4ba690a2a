//! Today's mail of one list: claimed, sent, recorded.

use std::time::Duration;

use jiff::civil::Date;
use tokio::time::Instant;
use vigie_aws::store::{ETag, Put, Store};
use vigie_core::cause::Cause;
use vigie_core::facts::{Gap, Identity};
use vigie_core::head::AlertKind;
use vigie_core::plan;
use vigie_core::report::{Report, mail, page};

use crate::claim::{Before, Claim, Left, Refusal, State, Step, step};
use crate::keep::keep;
use crate::lists::List;
use crate::outbox::{About, Letter, Outbox, REFUSED, UNCERTAIN, Unsent, alert};
use crate::read;
use crate::{Deps, Done, ListError, World};

/// How long sending may take: one attempt, no retries. A little longer than the SDK's own limit, which tells more.
const SENDING: Duration = Duration::from_secs(18);
/// What must be left to begin: keeping the page, sending, and recording what came of it.
const NEEDED: Duration = Duration::from_secs(30);

/// Does with today's mail of a list what its claim allows.
pub(crate) async fn today<O: Outbox>(
    deps: &Deps<O>,
    list: &List,
    date: Date,
    world: &mut World<'_>,
    force: bool,
    until: Instant,
) -> Result<Done, ListError> {
    let store = &deps.store;
    let in_time = || match until.saturating_duration_since(Instant::now()) < NEEDED {
        true => Err(ListError::NoTime(list.id.clone())),
        false => Ok(()),
    };
    let found = read::claim(store, &list.id, date).await.map_err(|gap| unclaimed(list, gap))?;
    let now = world.now;
    match (step(found.as_ref().map(|(claim, _)| claim), now, force), found) {
        (Step::Leave(why), _) => Ok(Done::Left { why }),
        (Step::Doubt | Step::Tell, Some((claim, tag))) => {
            doubt(deps, list, claim, &tag, Cause::Unexpected, world).await?;
            Ok(Done::Uncertain)
        }
        (step, found) => {
            let repeat = step == Step::Repeat;
            in_time()?;
            // Read and made before the claim: a crash in between leaves nothing behind.
            let (report, before) = world.report(&deps.config, list, date, repeat).await?;
            let made = Made::new(report, before);
            in_time()?;
            let (claim, tag) = match found {
                None => (Claim::after(&made.before, &list.id, date, now), None),
                Some((claim, tag)) if repeat => {
                    (Claim { repeats: claim.repeats.saturating_add(1), ..claim }, Some(tag))
                }
                Some((claim, tag)) => (claim.again(now), Some(tag)),
            };
            let Some(tag) = put(store, list, &claim, tag.as_ref()).await? else {
                return Ok(Done::Left { why: Left::BeingSent });
            };
            send(deps, list, made, claim, tag, world).await
        }
    }
}

/// What is sent, and what it is compared with.
struct Made {
    report: Report,
    mail: mail::Mail,
    page: String,
    before: Before,
}

impl Made {
    fn new(report: Report, before: Before) -> Self {
        let mail = mail::mail(&report);
        let page = mail.whole.clone().unwrap_or_else(|| page::page(&report));
        Made { report, mail, page, before }
    }
}

async fn send<O: Outbox>(
    deps: &Deps<O>,
    list: &List,
    made: Made,
    claim: Claim,
    tag: ETag,
    world: &World<'_>,
) -> Result<Done, ListError> {
    let Made { report, mail, page, before } = made;
    let claim = keep(deps, page, claim, world).await;
    let letter = Letter {
        from: deps.config.report.as_ref().map(|report| report.from.clone()).unwrap_or_default(),
        to: list.addresses.clone(),
        mail,
        list: list.id.clone(),
        at: world.now,
        copy: claim.attempts.saturating_add(claim.repeats),
    };
    let answer = tokio::time::timeout(SENDING, deps.outbox.send(&letter)).await;
    match answer.unwrap_or(Err(Unsent::Uncertain(Cause::Timeout))) {
        Ok(message_id) => {
            let page = claim.page.clone().filter(|_| claim.unkept.is_none());
            record(deps, list, &report, (claim, &before), tag, &message_id, world).await?;
            Ok(Done::Sent { message_id, subject: letter.mail.subject, repeat: report.repeat, page })
        }
        Err(Unsent::Refused { cause, reason }) => {
            if !report.repeat {
                refused(deps, list, claim, &tag, (cause, &reason), world).await;
            }
            Err(ListError::Refused { list: list.id.clone(), reason })
        }
        // Who sends again by hand sees the answer; the first mail's own state stays.
        Err(Unsent::Uncertain(_)) if report.repeat => Ok(Done::Uncertain),
        Err(Unsent::Uncertain(cause)) => {
            doubt(deps, list, claim, &tag, cause, world).await?;
            Ok(Done::Uncertain)
        }
    }
}

/// Sent: the next mail is compared with what this one said, and what was wrong with earlier ones is over. A repeat leaves
/// the first one's record.
async fn record<O: Outbox>(
    deps: &Deps<O>,
    list: &List,
    made: &Report,
    (claim, before): (Claim, &Before),
    tag: ETag,
    message_id: &str,
    world: &World<'_>,
) -> Result<(), ListError> {
    if claim.state == State::Sent {
        return Ok(());
    }
    let was_refused = claim.refused.clone();
    let uncertain = before.unsent.iter().chain([&claim]).filter(|claim| claim.told).cloned().collect::<Vec<_>>();
    let sent = Claim {
        state: State::Sent,
        message_id: Some(message_id.to_owned()),
        sent_at: Some(world.now),
        refused: None,
        told: false,
        open: made.environments.iter().map(|view| (view.name.clone(), view.open.clone())).collect(),
        ..claim
    };
    match put(&deps.store, list, &sent, Some(&tag)).await {
        Ok(Some(_)) => {}
        Ok(None) | Err(_) => {
            return Err(ListError::Unrecorded { list: list.id.clone(), message_id: message_id.to_owned() });
        }
    }
    let kind = AlertKind::Resolved;
    if let Some(Refusal { cause, reason, since }) = &was_refused {
        tell(deps, About { check: REFUSED, kind, since: *since, cause: *cause, reason }, &sent, world).await;
    }
    for claim in uncertain {
        let (cause, reason) = (Cause::Unexpected, "a later mail was sent, and says what is open");
        let about = About { check: UNCERTAIN, kind, since: claim.at, cause, reason };
        tell(deps, about, &claim, world).await;
    }
    Ok(())
}

/// Refused: the claim is released, so that the next hour tries again, and an alert gives SES's reason. It is said at the
/// first refusal, then at the second, fourth, eighth, so that an hourly retry is not an hourly alarm.
async fn refused<O: Outbox>(
    deps: &Deps<O>,
    list: &List,
    claim: Claim,
    tag: &ETag,
    (cause, reason): (Cause, &str),
    world: &World<'_>,
) {
    let since = claim.refused.as_ref().map_or(world.now, |before| before.since);
    let reason = vigie_core::evidence::clean(reason);
    let claim = Claim { state: State::Refused, refused: Some(Refusal { cause, reason, since }), ..claim };
    if put(&deps.store, list, &claim, Some(tag)).await.ok().flatten().is_none() {
        tracing::error!(list = list.id, "a refused mail's claim was not released; it will be called uncertain");
    }
    let kind = if claim.attempts == 1 { AlertKind::Fired } else { AlertKind::Reminder };
    if claim.attempts.is_power_of_two() {
        let reason = claim.refused.as_ref().map_or("", |refusal| refusal.reason.as_str());
        tell(deps, About { check: REFUSED, kind, since, cause, reason }, &claim, world).await;
    }
}

/// Uncertain: never sent twice, and said once. The state comes first: an alert that fails is tried again next hour.
async fn doubt<O: Outbox>(
    deps: &Deps<O>,
    list: &List,
    claim: Claim,
    tag: &ETag,
    cause: Cause,
    world: &World<'_>,
) -> Result<(), ListError> {
    let mut claim = Claim { state: State::Uncertain, ..claim };
    let Some(tag) = put(&deps.store, list, &claim, Some(tag)).await? else { return Ok(()) };
    let reason = "SES gave no answer, or the function ended while sending; look for the mail, then send it with force";
    let about = About { check: UNCERTAIN, kind: AlertKind::Fired, since: claim.at, cause, reason };
    if tell(deps, about, &claim, world).await {
        claim.told = true;
        put(&deps.store, list, &claim, Some(&tag)).await?;
    }
    Ok(())
}

/// Sends an alert about a mail. `false`: it did not go out, which is logged.
pub(crate) async fn tell<O: Outbox>(deps: &Deps<O>, about: About<'_>, claim: &Claim, world: &World<'_>) -> bool {
    let check = about.check;
    let alert = alert(about, claim, world.now);
    let told = tokio::time::timeout(read::LIMIT, deps.outbox.alert(alert)).await.unwrap_or(Err(Cause::Timeout));
    if let Err(cause) = told {
        tracing::error!(list = claim.list, check, cause = cause.code(), "an alert about a mail was not sent");
    }
    told.is_ok()
}

/// Writes the claim; `None`: another invocation was faster.
async fn put(store: &Store, list: &List, claim: &Claim, tag: Option<&ETag>) -> Result<Option<ETag>, ListError> {
    let error = |cause| unclaimed(list, Gap::new(cause, Identity::Auditor));
    let key = plan::report_key(claim.date, &claim.list);
    let bytes = serde_json::to_vec(claim).map_err(|_| error(Cause::Unexpected))?;
    for _ in 0..4 {
        let put = async {
            match tag {
                None => store.put_if_absent(&key, bytes.clone()).await,
                Some(tag) => store.put_if_match(&key, bytes.clone(), tag).await,
            }
        };
        match tokio::time::timeout(read::LIMIT, put).await {
            Err(_) => return Err(error(Cause::Timeout)),
            Ok(Err(e)) => return Err(unclaimed(list, e.gap())),
            Ok(Ok(Put::Done(tag))) => return Ok(Some(tag)),
            Ok(Ok(Put::Precondition)) => return Ok(None),
            Ok(Ok(Put::Conflict)) => tokio::time::sleep(Duration::from_millis(150)).await,
        }
    }
    Ok(None)
}

fn unclaimed(list: &List, gap: Gap) -> ListError {
    ListError::Claim { list: list.id.clone(), gap }
}
