//! What could not be sent.

use super::{Alert, Chain, Head};
use jiff::Timestamp;
use jiff::civil::Date;

/// Takes notices back that could not be sent: the next run says them again, under the same ids. `head`: moved from
/// `previous`.
pub fn take_back(head: &mut Head, previous: Option<&Head>, alerts: &[Alert]) {
    let first = previous.is_none_or(|head| head.first_unsaid);
    head.first_unsaid |= first && alerts.iter().any(|alert| alert.kind.opens());
    for (at, key) in alerts.iter().flat_map(|alert| alert.keys().map(|key| (alert.at, key))) {
        let before = previous.and_then(|head| head.chains.get(&key));
        match (before, head.chains.get_mut(&key)) {
            (Some(before), Some(chain)) => {
                chain.fired_at = before.fired_at;
                chain.notified_at = before.notified_at;
                chain.told = before.told;
                chain.notices = before.notices;
                chain.muted_until = over(before.muted_until, at);
                chain.incident.clone_from(&before.incident);
                chain.flapping = before.flapping;
            }
            (None, Some(chain)) => {
                (chain.fired_at, chain.notified_at, chain.notices) = (None, None, 0);
                (chain.incident, chain.flapping, chain.told) = (None, false, None);
            }
            (Some(before), None) => {
                let muted_until = over(before.muted_until, at);
                head.chains.insert(key.clone(), Chain { muted_until, ..before.clone() });
            }
            (None, None) => {}
        }
        match previous.and_then(|head| head.changes.get(&key)) {
            Some(times) => head.changes.insert(key, times.clone()),
            None => head.changes.remove(&key),
        };
    }
}

/// What had a notice was not muted any more. That it had been is to be said still.
fn over(muted_until: Option<Date>, at: Timestamp) -> Option<Date> {
    let yesterday = at.to_zoned(jiff::tz::TimeZone::UTC).date().yesterday().ok();
    muted_until.map(|until| yesterday.map_or(until, |yesterday| until.min(yesterday)))
}
