//! Notices -> alerts: one root cause in a run is one alert, and what one alert opened is closed together.

use super::Chain;
use super::alert::{Alert, AlertKind, SCHEMA, Said, Tone, incident, notice, opaque, stamp, title};
use super::summary::summary;
use super::transitions::By;
use crate::Named;
use crate::cause::Cause;
use crate::evidence::Evidence;
use crate::run::{Finding, Outcome, Run};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Findings that one alert names. An event may have 256 KB, and a key a few hundred bytes.
const MOST: usize = 500;
/// Findings that one alert explains.
const MOST_EXPLAINED: usize = 50;

/// What there is to say of one finding.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Notice {
    pub kind: AlertKind,
    tone: Tone,
    key: String,
    /// As it is now, or was when it was closed.
    chain: Chain,
    pub outcome: Outcome,
    pub cause: Option<Cause>,
    pub action: Option<String>,
    evidence: Evidence,
    explains: Vec<String>,
    /// Findings of its incident that stay open.
    left: usize,
}

impl Notice {
    pub fn new(run: &Run, kind: AlertKind, tone: Tone, key: &str, chain: Chain, finding: Option<&Finding>) -> Self {
        let failing = finding.filter(|finding| finding.outcome == Outcome::Fail);
        Notice {
            kind,
            tone,
            key: key.to_owned(),
            chain,
            outcome: finding.map_or(Outcome::NotApplicable, |finding| finding.outcome),
            cause: finding.and_then(|finding| finding.cause),
            action: None,
            evidence: finding.map(|finding| finding.evidence.clone()).unwrap_or_default(),
            explains: failing.map(|finding| explained(run, finding)).unwrap_or_default(),
            left: 0,
        }
    }

    /// Of an opening notice, the cause that others may share.
    pub fn root(&self) -> Option<Cause> {
        if self.kind.opens() { shared(self.cause) } else { None }
    }

    /// As [`Alert::notices`].
    pub fn name(&self) -> String {
        notice(self.kind, &self.key)
    }

    fn subject(&self) -> &str {
        self.key.split_once('/').map_or("", |(_, subject)| subject)
    }

    /// The gravest first, then the oldest.
    fn rank(&self) -> (Reverse<crate::check::Severity>, Timestamp, &str) {
        (Reverse(self.chain.severity), self.chain.failing_since, &self.key)
    }
}

/// A cause that lies in what targets have in common, the name server, the network or the credentials: what fails for it
/// in one run fails for one reason. Others, such as a refused port, say nothing of a second target.
pub(super) fn shared(cause: Option<Cause>) -> Option<Cause> {
    cause.filter(|cause| {
        matches!(
            cause,
            Cause::Dns
                | Cause::DnsTimeout
                | Cause::Unreachable
                | Cause::Timeout
                | Cause::ExpiredToken
                | Cause::InvalidKey
                | Cause::Signature
                | Cause::ClockSkew
                | Cause::NoCredentials
        )
    })
}

/// What a dead target or credential explains: keys, in order.
fn explained(run: &Run, parent: &Finding) -> Vec<String> {
    let reach = Some(parent.check.as_str());
    run.findings
        .iter()
        .filter(|f| f.parent.as_deref() == reach && (f.target == parent.target || parent.check == "CRED-INVALID"))
        .map(Finding::key)
        .take(MOST_EXPLAINED)
        .collect()
}

/// Gives one incident to what fires for one cause in this run, and, with `first`, to all that fires.
pub(super) fn group(notices: &mut [Notice], chains: &mut Named<Chain>, environment: &str, first: bool) {
    let mut groups: BTreeMap<(AlertKind, Option<Cause>), Vec<usize>> = BTreeMap::new();
    for (i, notice) in notices.iter().enumerate().filter(|(_, notice)| notice.kind.opens()) {
        let root = notice.root();
        if first || root.is_some() {
            groups.entry((notice.kind, root.filter(|_| !first))).or_default().push(i);
        }
    }
    for mut members in groups.into_values() {
        let subjects: BTreeSet<&str> = members.iter().map(|i| notices[*i].subject()).collect();
        if !first && subjects.len() < 2 {
            continue;
        }
        members.sort_by(|a, b| notices[*a].rank().cmp(&notices[*b].rank()));
        for members in members.chunks(MOST) {
            let leader = &notices[members[0]];
            let incident = incident(environment, &leader.key, leader.chain.failing_since);
            for (n, i) in members.iter().enumerate() {
                let notice = &mut notices[*i];
                if first {
                    notice.tone = Tone::First;
                }
                notice.chain.incident = (n > 0).then(|| incident.clone());
                if let Some(chain) = chains.get_mut(&notice.key) {
                    chain.incident.clone_from(&notice.chain.incident);
                }
            }
        }
    }
}

/// What closes while others of its incident stay open closes only a part of it. What is gone closes with what passes.
pub(super) fn close(notices: &mut [Notice], chains: &Named<Chain>, environment: &str) {
    if !notices.iter().any(|notice| notice.kind.closes()) {
        return;
    }
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    for (key, chain) in chains.iter().filter(|(_, chain)| chain.open()) {
        *open.entry(chain.incident(environment, key)).or_default() += 1;
    }
    let mut resolved = BTreeSet::new();
    for notice in notices.iter_mut().filter(|notice| notice.kind.closes()) {
        let incident = notice.chain.incident(environment, &notice.key);
        notice.left = open.get(&incident).copied().unwrap_or_default();
        if notice.left > 0 {
            notice.kind = AlertKind::PartlyResolved;
        }
        if notice.kind != AlertKind::Gone {
            resolved.insert(incident);
        }
    }
    for notice in notices.iter_mut().filter(|notice| notice.kind == AlertKind::Gone) {
        if resolved.contains(&notice.chain.incident(environment, &notice.key)) {
            notice.kind = AlertKind::Resolved;
        }
    }
}

/// One alert for all that says the same of the same incident.
pub(super) fn alerts(notices: &[&Notice], by: &By) -> Vec<Alert> {
    let mut groups: BTreeMap<(AlertKind, Tone, String), Vec<&Notice>> = BTreeMap::new();
    for &notice in notices {
        let tone = if notice.kind.closes() { Tone::Plain } else { notice.tone };
        let incident = notice.chain.incident(&by.environment, &notice.key);
        groups.entry((notice.kind, tone, incident)).or_default().push(notice);
    }
    let one = |((_, _, incident), members)| alert(incident, members, by);
    groups.into_iter().filter_map(one).collect()
}

fn alert(incident: String, mut members: Vec<&Notice>, by: &By) -> Option<Alert> {
    members.sort_by(|a, b| a.rank().cmp(&b.rank()));
    let leader = *members.first()?;
    let (check, subject) = leader.key.split_once('/').unwrap_or((&leader.key, ""));
    let failing_since = members.iter().map(|notice| notice.chain.failing_since).min()?;
    let lasted = by.at.duration_since(failing_since).as_secs();
    let said = Said {
        kind: leader.kind,
        tone: leader.tone,
        at: by.at,
        check,
        chain: &leader.chain,
        cause: leader.cause,
        action: leader.action.as_deref(),
        count: members.len(),
        lasted,
        left: leader.left,
    };
    let title = title(&said);
    Some(Alert {
        schema: SCHEMA.to_owned(),
        id: format!(
            "{}/{}/{}/{}/{}",
            by.environment,
            leader.key,
            stamp(leader.chain.failing_since),
            leader.kind.name(),
            leader.chain.notices
        ),
        incident: opaque(&incident),
        kind: leader.kind,
        outcome: leader.outcome,
        environment: by.environment.clone(),
        class: by.class,
        severity: leader.chain.severity,
        check: check.to_owned(),
        fault: Some(leader.chain.fault.clone()),
        target: leader.chain.target.clone(),
        subject: subject.to_owned(),
        cause: leader.cause,
        action: leader.action.clone(),
        failing_since,
        unknown_since: leader.chain.unknown_since.filter(|_| leader.outcome == Outcome::Unknown),
        lasted: leader.kind.closes().then_some(lasted),
        run: by.run.clone(),
        at: by.at,
        summary: summary(&by.environment, &title, subject, members.len() - 1),
        title,
        evidence: leader.evidence.clone(),
        with: members.iter().skip(1).map(|notice| notice.key.clone()).collect(),
        explains: leader.explains.clone(),
    })
}
