//! Which environments are late, from the age of their heads. Pure. An environment that is not audited cannot say so
//! itself; whoever dispatches says it, under the id of `SELF-STALE`.

use crate::Named;
use crate::check::{Class, Severity, Suite};
use crate::evidence::{Evidence, Value};
use crate::head::{Alert, AlertKind, reminds, stale_after};
use crate::run::key;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const CHECK: &str = "SELF-STALE";

/// Environments that an alert names in its sentence.
const NAMED: usize = 5;

/// What is remembered from one look to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// Of the last look.
    pub at: Option<Timestamp>,
    /// Since when looks have come without a longer pause: after one, every environment has the whole time again.
    pub since: Option<Timestamp>,
    /// Declared environments that have no head yet: when each was first seen.
    #[serde(default)]
    pub waiting: Named<Timestamp>,
    /// By environment.
    #[serde(default)]
    pub late: Named<Episode>,
}

/// One environment's lateness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// When it was last audited, or first seen.
    pub since: Timestamp,
    pub notified_at: Timestamp,
    pub notices: u32,
}

/// What is late now, and what there is to say: one alert for all that became late, one for all that still are, one for all
/// that no longer are. `heads`: when each environment's head last moved.
#[must_use]
pub fn look(before: &Late, declared: &[String], heads: &Named<Timestamp>, now: Timestamp) -> (Late, Vec<Alert>) {
    let limit = SignedDuration::from_secs(stale_after(Suite::Connections));
    let paused = before.at.is_none_or(|at| now.duration_since(at) >= limit);
    let since = if paused { now } else { before.since.unwrap_or(now) };
    let mut after = Late { at: Some(now), since: Some(since), ..Late::default() };
    let (mut fired, mut again) = (Vec::new(), Vec::new());
    for name in declared {
        let seen = heads.get(name).copied().unwrap_or_else(|| {
            let first = before.waiting.get(name).copied().unwrap_or(now);
            after.waiting.insert(name.clone(), first);
            first
        });
        let known = before.late.get(name);
        if now.duration_since(seen) < limit || (known.is_none() && now.duration_since(since) < limit) {
            continue;
        }
        let mut episode = known.cloned().unwrap_or(Episode { since: seen, notified_at: now, notices: 0 });
        if episode.notices == 0 || reminds(episode.notices, episode.notified_at, now) {
            episode.notices = episode.notices.saturating_add(1);
            episode.notified_at = now;
            if episode.notices == 1 { &mut fired } else { &mut again }.push((name.as_str(), episode.clone()));
        }
        after.late.insert(name.clone(), episode);
    }
    let over = before.late.iter().filter(|(name, _)| !after.late.contains_key(*name));
    let over = over.map(|(name, episode)| (name.as_str(), episode.clone())).collect();
    let said = [(AlertKind::Fired, fired), (AlertKind::Reminder, again), (AlertKind::Resolved, over)];
    let alerts = said.into_iter().filter_map(|(kind, names)| alert(kind, &names, now)).collect();
    (after, alerts)
}

/// One alert of several environments, under the first one's name. A look that is repeated says the same under the same id.
fn alert(kind: AlertKind, names: &[(&str, Episode)], now: Timestamp) -> Option<Alert> {
    let (first, episode) = names.first()?;
    let since = names.iter().map(|(_, episode)| episode.since).min()?;
    let shown: Vec<&str> = names.iter().take(NAMED).map(|(name, _)| *name).collect();
    let others = match names.len() - shown.len() {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let list = format!("{}{others}", shown.join(", "));
    let title = match kind {
        AlertKind::Resolved => format!("Audited again: {list}"),
        _ => format!("Not audited since {}: {list}", since.strftime("%Y-%m-%d %H:%M UTC")),
    };
    let evidence: Evidence =
        [("environments".to_owned(), Value::Count(names.len() as u64)), ("since".to_owned(), Value::At(since))].into();
    Some(Alert {
        schema: "vigie.alert/v1".to_owned(),
        id: format!("{first}/{CHECK}/{first}/{}/{}/{}", stamp(since), kind.name(), episode.notices),
        kind,
        environment: (*first).to_owned(),
        class: Class::Production,
        severity: Severity::High,
        check: CHECK.to_owned(),
        fault: Some(Suite::Connections.name().to_owned()),
        target: "vigie".to_owned(),
        subject: (*first).to_owned(),
        cause: None,
        failing_since: since,
        run: String::new(),
        at: now,
        title,
        evidence,
        with: names.iter().skip(1).map(|(name, _)| key(CHECK, name)).collect(),
    })
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        "2026-11-22T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
    }

    fn declared() -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    /// Looks every five minutes; `moved` says whose heads are as fresh as the look.
    fn looks(minutes: std::ops::RangeInclusive<i64>, moved: &[&str], mut state: (Late, Named<Timestamp>)) -> Looked {
        let mut said = Vec::new();
        for minute in minutes.step_by(5) {
            state.1.extend(moved.iter().map(|name| ((*name).to_owned(), at(minute))));
            let (after, alerts) = look(&state.0, &declared(), &state.1, at(minute));
            state.0 = after;
            said.extend(alerts);
        }
        (state, said)
    }

    type Looked = ((Late, Named<Timestamp>), Vec<Alert>);

    #[test]
    fn nothing_is_late_while_heads_move() {
        let ((late, _), said) = looks(0..=60, &["a", "b", "c"], Default::default());
        assert!(said.is_empty() && late.late.is_empty() && late.waiting.is_empty(), "{said:?}");
    }

    #[test]
    fn one_alert_names_all_that_became_late_and_one_all_that_are_back() {
        let (state, said) = looks(0..=30, &["a", "b", "c"], Default::default());
        assert!(said.is_empty());
        let (state, said) = looks(35..=60, &["a"], state);
        assert_eq!(said.len(), 1, "{said:#?}");
        assert_eq!((said[0].kind, said[0].environment.as_str()), (AlertKind::Fired, "b"));
        assert_eq!(said[0].with, ["SELF-STALE/c"]);
        assert_eq!(said[0].title, "Not audited since 2026-11-22 10:30 UTC: b, c");
        assert_eq!(state.0.late.len(), 2);
        let (state, said) = looks(65..=90, &["a", "b", "c"], state);
        assert_eq!(said.iter().map(|a| a.kind).collect::<Vec<_>>(), [AlertKind::Resolved], "{said:#?}");
        assert!(state.0.late.is_empty());
    }

    #[test]
    fn one_that_was_never_audited_is_late_too() {
        let (_, said) = looks(0..=30, &["a", "b"], Default::default());
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].title, "Not audited since 2026-11-22 10:00 UTC: c");
    }

    #[test]
    fn after_a_pause_of_all_everybody_has_the_whole_time_again() {
        let (state, _) = looks(0..=30, &["a", "b", "c"], Default::default());
        // Nothing was dispatched for ten hours; the heads move again five minutes later.
        let (state, said) = looks(630..=630, &[], state);
        assert!(said.is_empty() && state.0.late.is_empty(), "{said:?}");
        let (_, said) = looks(635..=660, &["a", "b", "c"], state);
        assert!(said.is_empty(), "{said:?}");
    }

    #[test]
    fn it_is_said_again_a_day_later_and_no_more_of_what_is_no_longer_declared() {
        let (state, _) = looks(0..=30, &["a", "b", "c"], Default::default());
        let (state, said) = looks(35..=35 + 25 * 60, &["a", "b"], state);
        assert_eq!(said.iter().map(|a| a.kind).collect::<Vec<_>>(), [AlertKind::Fired, AlertKind::Reminder]);
        let (late, said) = look(&state.0, &["a".to_owned(), "b".to_owned()], &state.1, at(35 + 25 * 60 + 5));
        assert_eq!(said.len(), 1, "its alert is closed");
        assert!(late.late.is_empty() && late.waiting.is_empty());
    }
}
