//! The report as a page in the runs bucket, beside its claim, before anything is sent: what SES refuses is not lost.

use vigie_core::head::AlertKind;
use vigie_core::plan;

use crate::claim::{Claim, State, Unkept};
use crate::outbox::{About, Outbox, UNKEPT};
use crate::read;
use crate::send::tell;
use crate::{Deps, World};

/// Writes the page; the day's later ones take its place. When that fails the mail goes out all the same: the claim and an
/// alert say so, once, until a page is written again.
pub(crate) async fn keep<O: Outbox>(deps: &Deps<O>, page: String, claim: Claim, world: &World<'_>) -> Claim {
    let key = plan::page_key(claim.date, &claim.list);
    let done = read::within(deps.store.put_over(&key, page.into_bytes())).await;
    let before = claim.unkept.clone();
    let since = before.as_ref().map_or(world.now, |unkept| unkept.since);
    // A repeat is asked for by a person, who reads the answer; the day's own record stays as it is.
    let silent = claim.state == State::Sent;
    match done {
        Ok(()) => {
            let claim = Claim { page: Some(key), unkept: None, ..claim };
            if let Some(Unkept { cause, .. }) = before.filter(|_| !silent) {
                let reason = "the runs bucket takes it";
                tell(deps, About { check: UNKEPT, kind: AlertKind::Resolved, since, cause, reason }, &claim, world)
                    .await;
            }
            claim
        }
        Err(gap) => {
            tracing::error!(list = claim.list, key, cause = gap.cause.code(), "the report was not kept as a page");
            let cause = gap.cause;
            let claim = Claim { unkept: Some(Unkept { cause, since }), ..claim };
            if before.is_none() && !silent {
                let reason = cause.says().en;
                tell(deps, About { check: UNKEPT, kind: AlertKind::Fired, since, cause, reason }, &claim, world).await;
            }
            claim
        }
    }
}
