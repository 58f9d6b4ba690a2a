//! Which environments are late, from the age of their heads. Pure. An environment that is not audited cannot say so
//! itself; whoever dispatches says it, under the id of `SELF-STALE`.

use crate::Named;
use crate::check::{Class, Severity, Suite};
use crate::evidence::{Evidence, Value, duration};
use crate::head::{ALERT_SCHEMA, Alert, AlertKind, incident, opaque, reminds, stale_after, stamp, summary};
use crate::run::{Outcome, key};
use crate::text::Language;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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
    /// Of the alert that named it beside others; absent: it has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
}

impl Episode {
    fn incident(&self, name: &str) -> String {
        self.incident.clone().unwrap_or_else(|| incident(name, &key(CHECK, name), self.since))
    }
}

/// What is late now, and what there is to say: one alert for all that became late; of each such incident one for all that
/// still are, and one for all that no longer are. `heads`: when each environment's head last moved.
#[must_use]
pub fn look(before: &Late, declared: &[String], heads: &Named<Timestamp>, now: Timestamp) -> (Late, Vec<Alert>) {
    let limit = SignedDuration::from_secs(stale_after(Suite::Connections));
    let paused = before.at.is_none_or(|at| now.duration_since(at) >= limit);
    let since = if paused { now } else { before.since.unwrap_or(now) };
    let mut after = Late { at: Some(now), since: Some(since), ..Late::default() };
    let mut said: Named<Vec<(AlertKind, String)>> = Named::new();
    let mut first: Option<String> = None;
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
        let fresh = Episode { since: seen, notified_at: now, notices: 0, incident: first.clone() };
        let mut episode = known.cloned().unwrap_or(fresh);
        if episode.notices == 0 || reminds(episode.notices, episode.notified_at, now) {
            episode.notices = episode.notices.saturating_add(1);
            episode.notified_at = now;
            let kind = if episode.notices == 1 { AlertKind::Fired } else { AlertKind::Reminder };
            let incident = episode.incident(name);
            said.entry(incident.clone()).or_default().push((kind, name.clone()));
            if kind == AlertKind::Fired {
                first.get_or_insert(incident);
            }
        }
        after.late.insert(name.clone(), episode);
    }
    let open: BTreeSet<String> = after.late.iter().map(|(name, episode)| episode.incident(name)).collect();
    for (name, episode) in before.late.iter().filter(|(name, _)| !after.late.contains_key(*name)) {
        let incident = episode.incident(name);
        let kind = if open.contains(&incident) { AlertKind::PartlyResolved } else { AlertKind::Resolved };
        said.entry(incident).or_default().push((kind, name.clone()));
    }
    let mut alerts = Vec::new();
    for (incident, said) in said {
        for kind in [AlertKind::Fired, AlertKind::Reminder, AlertKind::PartlyResolved, AlertKind::Resolved] {
            let episode = |name: &String| after.late.get(name).or_else(|| before.late.get(name));
            let names = said.iter().filter(|(of, _)| *of == kind);
            let names: Vec<(&str, &Episode)> =
                names.filter_map(|(_, name)| Some((name.as_str(), episode(name)?))).collect();
            alerts.extend(alert(kind, &incident, &names, now));
        }
    }
    (after, alerts)
}

/// One alert of several environments, under the first one's name. A look that is repeated says the same under the same id.
fn alert(kind: AlertKind, incident: &str, names: &[(&str, &Episode)], now: Timestamp) -> Option<Alert> {
    let (first, episode) = names.first()?;
    let since = names.iter().map(|(_, episode)| episode.since).min()?;
    let shown: Vec<&str> = names.iter().take(NAMED).map(|(name, _)| *name).collect();
    let others = match names.len() - shown.len() {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let list = format!("{}{others}", shown.join(", "));
    let lasted = now.duration_since(since).as_secs();
    let title = if kind.closes() {
        format!("Audited again, after {}: {list}", duration(lasted, Language::En))
    } else {
        format!("Not audited since {}: {list}", since.strftime("%Y-%m-%d %H:%M UTC"))
    };
    let evidence: Evidence =
        [("environments".to_owned(), Value::Count(names.len() as u64)), ("since".to_owned(), Value::At(since))].into();
    Some(Alert {
        schema: ALERT_SCHEMA.to_owned(),
        id: format!("{first}/{CHECK}/{first}/{}/{}/{}", stamp(episode.since), kind.name(), episode.notices),
        incident: opaque(incident),
        kind,
        outcome: if kind.closes() { Outcome::Pass } else { Outcome::Fail },
        environment: (*first).to_owned(),
        class: Class::Production,
        severity: Severity::High,
        check: CHECK.to_owned(),
        fault: Some(Suite::Connections.name().to_owned()),
        target: "vigie".to_owned(),
        subject: (*first).to_owned(),
        cause: None,
        action: None,
        failing_since: since,
        unknown_since: None,
        lasted: kind.closes().then_some(lasted),
        run: String::new(),
        at: now,
        summary: summary(first, &title, first, names.len() - 1),
        title,
        evidence,
        with: names.iter().skip(1).map(|(name, _)| key(CHECK, name)).collect(),
        explains: Vec::new(),
    })
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
    fn one_that_is_back_while_others_are_not_leaves_the_incident_open() {
        let (state, _) = looks(0..=30, &["a", "b", "c"], Default::default());
        let (state, fired) = looks(35..=60, &["a"], state);
        let (state, partly) = looks(65..=65, &["a", "b"], state);
        let (_, over) = looks(70..=70, &["a", "b", "c"], state);
        let said: Vec<&Alert> = [&fired, &partly, &over].into_iter().flatten().collect();
        let kinds: Vec<AlertKind> = said.iter().map(|alert| alert.kind).collect();
        assert_eq!(kinds, [AlertKind::Fired, AlertKind::PartlyResolved, AlertKind::Resolved]);
        assert!(said.iter().all(|alert| alert.incident == said[0].incident), "{said:#?}");
        assert_eq!((said[1].subject.as_str(), said[2].subject.as_str()), ("b", "c"));
        assert_eq!(said[2].title, "Audited again, after 40 min: c");
    }

    /// What an earlier version remembered.
    #[test]
    fn a_memory_without_incidents_is_read() {
        let old = r#"{"at":"2026-11-22T10:00:00Z","since":null,"late":{"a":{"since":"2026-11-22T09:00:00Z","notified_at":"2026-11-22T09:15:00Z","notices":1}}}"#;
        let old: Late = serde_json::from_str(old).expect("an old memory");
        assert_eq!(old.late["a"].incident("a"), "a/SELF-STALE/a/20261122T090000Z");
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
