//! What a run did not find any more: gone, or out of sight.

use super::follow::Following;
use crate::cause::Cause;
use crate::check::Suite;
use crate::checks;
use crate::run::{Finding, Outcome};
use std::collections::{BTreeMap, BTreeSet};

/// Follows the chains of subjects that judged checks no longer name: gone if the run saw all that there is (`complete`)
/// and the check's listing is known; else unknown. A check that Vigie no longer has is gone, too.
pub(super) fn follow(following: &mut Following<'_>, complete: bool) {
    let run = following.run;
    let mut judged: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut blind: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in &run.findings {
        judged.entry(finding.check.as_str()).or_default().insert(finding.subject.as_str());
        if finding.outcome == Outcome::Unknown && finding.subject == finding.target {
            blind.insert(finding.check.as_str(), finding);
        }
    }
    let keys: Vec<String> = following.chains.keys().cloned().collect();
    for key in keys {
        let (check, subject) = key.split_once('/').unwrap_or((&key, ""));
        if run.suite == Suite::Full && checks::find(check).is_none() {
            following.gone(&key);
            continue;
        }
        if judged.get(check).is_none_or(|subjects| subjects.contains(subject)) {
            continue;
        }
        match blind.get(check) {
            Some(listing) => {
                let why = (listing.cause, listing.action.clone());
                following.unknown(&key, why, listing.parent.is_some());
            }
            None if complete => following.gone(&key),
            None => following.unknown(&key, (Some(Cause::SourceUnread), None), false),
        }
    }
}
