//! Two suites, one picture: for each check and subject, the newest run that judged it counts.

use crate::Named;
use crate::cause::Cause;
use crate::run::{Finding, Outcome, Run};
use jiff::Timestamp;
use std::collections::BTreeSet;

#[derive(Default)]
pub(super) struct Merged {
    pub findings: Vec<Finding>,
    /// When the run that judged each finding began; beside `findings`.
    at: Vec<Timestamp>,
}

impl Merged {
    pub fn of(&self, check: &str) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |f| f.check == check)
    }

    /// When a check was last judged.
    pub fn judged_at(&self, check: &str) -> Option<Timestamp> {
        self.findings.iter().zip(&self.at).filter(|(f, _)| f.check == check).map(|(_, at)| *at).max()
    }

    /// The same of every check.
    pub fn judged(&self) -> Named<Timestamp> {
        let mut out = Named::new();
        for (finding, at) in self.findings.iter().zip(&self.at) {
            let newest = out.entry(finding.check.clone()).or_insert(*at);
            *newest = (*newest).max(*at);
        }
        out
    }
}

/// `runs`: the newest first. The newest run that judged a check has all of its subjects, so that one that is gone does
/// not live on in an older run; only a subject that it did not ask about is taken from the older one.
pub(super) fn merge(runs: &[&Run]) -> Merged {
    let mut out = Merged::default();
    let checks: BTreeSet<&str> = runs.iter().flat_map(|run| run.findings.iter().map(|f| f.check.as_str())).collect();
    for check in checks {
        let of = |run: &'_ &Run| run.findings.iter().any(|f| f.check == check && asked(f));
        let newest = runs.iter().position(of).unwrap_or(0);
        let Some(run) = runs.get(newest) else { continue };
        for finding in run.findings.iter().filter(|f| f.check == check) {
            let older = runs[newest + 1..].iter().find_map(|run| {
                let same = |f: &&Finding| f.check == check && f.subject == finding.subject && asked(f);
                run.findings.iter().find(same).map(|f| (f, run.started_at))
            });
            let (finding, at) = older.filter(|_| !asked(finding)).unwrap_or((finding, run.started_at));
            out.findings.push(finding.clone());
            out.at.push(at);
        }
    }
    out
}

/// Whether a finding is an answer to its question. What the suite does not ask, where writes are off in it, and what did
/// not apply in it, the other suite may have asked.
fn asked(finding: &Finding) -> bool {
    match finding.outcome {
        Outcome::Pass | Outcome::Fail => true,
        Outcome::Unknown => !matches!(finding.cause, Some(Cause::NotAsked | Cause::WritesOff)),
        Outcome::NotApplicable => false,
    }
}
