//! What to do, in three horizons, from what was found: one advice, wherever it is to be followed.

use super::input::HORIZON_DAYS;
use super::readiness;
use super::view::{
    Advice, Expires, Horizon, Item, LineState, Note, Place, Readiness, ReadinessLine, Recommendation, Report, Standing,
};
use crate::cause::Cause;
use crate::check::{Severity, unreached};
use crate::facts::Gap;
use crate::run::{ExpiryKind, Outcome};

const DAY: i64 = 86_400;
/// What ends within so many days is of the short horizon.
const SOON_DAYS: i64 = 14;
/// A certificate is of no horizon before: a service renews it a third of its life ahead, of 90 days that is 30.
///
/// Sources: Let's Encrypt, "Why ninety-day lifetimes for certificates?" (renew every sixty days); Security Hub ACM.1.
const RENEWED_DAYS: i64 = 30;

/// Short: what is critical or high, what ends soon, what is not audited. Medium: what is medium, what keeps something from
/// being known, what ends later. Long: the rest, mutes that end, advisory lines.
pub(super) fn of(report: &Report) -> Vec<Recommendation> {
    let mut made = Made { out: Vec::new(), at: report.at.as_second() };
    audits(report, &mut made);
    for item in open(report) {
        let finding = &item.finding;
        let place = place(&item.environment, &finding.subject, &finding.target);
        let unreached = finding.fault.as_deref().and_then(|fault| unreached(&finding.check, fault)).is_some();
        let advice = match finding.cause {
            // The network is to be mended, not what lies beyond it.
            Some(cause) if unreached => Advice::Learn { cause },
            _ => Advice::Fix { check: finding.check.clone() },
        };
        made.add(of_severity(finding.severity), advice, finding.severity, place);
    }
    unknowns(report, &mut made);
    for expires in &report.expires {
        renewal(expires, report, &mut made);
    }
    mutes(report, &mut made);
    for of in &report.readiness {
        of.lines.iter().filter(|line| waits(line)).for_each(|line| prepare(of, line, &mut made));
    }
    made.out.sort_by_key(|r| (r.horizon, std::cmp::Reverse(r.severity)));
    made.out
}

struct Made {
    out: Vec<Recommendation>,
    /// Of the report, in seconds.
    at: i64,
}

impl Made {
    fn add(&mut self, horizon: Horizon, advice: Advice, severity: Severity, place: Place) {
        match self.out.iter_mut().find(|r| r.horizon == horizon && r.advice == advice) {
            Some(same) => {
                same.severity = same.severity.max(severity);
                if !same.places.contains(&place) {
                    same.places.push(place);
                }
            }
            None => self.out.push(Recommendation { horizon, advice, severity, places: vec![place] }),
        }
    }

    /// Whether somebody is told to mend a check in an environment.
    fn fixes(&self, environment: &str, check: &str) -> bool {
        let of = |r: &&Recommendation| matches!(&r.advice, Advice::Fix { check: fixed } if fixed == check);
        self.out.iter().filter(of).any(|r| r.places.iter().any(|place| place.environment == environment))
    }
}

fn place(environment: &str, subject: &str, target: &str) -> Place {
    let subject = if subject.is_empty() { target } else { subject };
    Place { environment: environment.to_owned(), subject: subject.to_owned() }
}

fn of_severity(severity: Severity) -> Horizon {
    match severity {
        Severity::Critical | Severity::High => Horizon::Short,
        Severity::Medium => Horizon::Medium,
        Severity::Low | Severity::Info => Horizon::Long,
    }
}

fn open(report: &Report) -> impl Iterator<Item = &Item> {
    report.new.iter().chain(&report.stays).filter(|item| item.finding.mute.is_none())
}

/// What keeps the report itself from knowing.
fn audits(report: &Report, made: &mut Made) {
    for view in &report.environments {
        let here = || place(&view.name, "", "");
        match &view.standing {
            Standing::Unreadable { gap } => made.unread(Horizon::Short, gap, Severity::High, here()),
            Standing::Stale { .. } | Standing::Never => made.add(Horizon::Short, Advice::Audit, Severity::High, here()),
            Standing::Judged { .. } => {}
        }
        for note in &view.notes {
            match note {
                Note::SuiteNeverRan { .. } => made.add(Horizon::Medium, Advice::Audit, Severity::Medium, here()),
                Note::HeadUnreadable { gap } => made.unread(Horizon::Medium, gap, Severity::Medium, here()),
                // Its standing says so; maintenance is meant.
                Note::RunUnreadable { .. } | Note::Maintenance { .. } => {}
                Note::SinkFailed { failure } => {
                    let mut gap = Gap::new(failure.cause, crate::facts::Identity::Auditor);
                    gap.action.clone_from(&failure.action);
                    made.unread(Horizon::Medium, &gap, Severity::Medium, place(&view.name, &failure.sink, ""));
                }
            }
        }
    }
}

impl Made {
    fn unread(&mut self, horizon: Horizon, gap: &Gap, severity: Severity, place: Place) {
        self.add(horizon, missing(Some(gap.cause), gap.action.as_deref()), severity, place);
    }
}

/// One permission an advice; without one, the cause says what to do.
fn missing(cause: Option<Cause>, action: Option<&str>) -> Advice {
    match (cause, action) {
        (_, Some(action)) => Advice::Grant { action: action.to_owned() },
        (Some(Cause::NotAsked), None) => Advice::Audit,
        (cause, None) => Advice::Learn { cause: cause.unwrap_or(Cause::Unexpected) },
    }
}

fn unknowns(report: &Report, made: &mut Made) {
    let now_unknown = open(report).filter(|item| item.finding.outcome == Outcome::Unknown).map(|item| &item.finding);
    let after_failing = now_unknown.map(|f| (f.cause, f.action.as_deref(), f.severity, &f.target));
    let environments = open(report).filter(|item| item.finding.outcome == Outcome::Unknown).map(|i| &i.environment);
    let plain = report.unknown.iter().map(|u| ((u.cause, u.action.as_deref(), u.severity, &u.target), &u.environment));
    for ((cause, action, severity, target), environment) in plain.chain(after_failing.zip(environments)) {
        // Time alone mends these.
        if action.is_none() && matches!(cause, Some(Cause::NoHistory | Cause::NoData | Cause::Unsupported)) {
            continue;
        }
        let horizon = if action.is_some() || severity >= Severity::Medium { Horizon::Medium } else { Horizon::Long };
        made.add(horizon, missing(cause, action), severity, place(environment, target, ""));
    }
}

fn renewal(expires: &Expires, report: &Report, made: &mut Made) {
    let expiry = &expires.expiry;
    let told = |item: &Item| {
        let same = item.environment == expires.environment && item.finding.target == expiry.target;
        same && covers(&item.finding.check, item.finding.cause, expiry.kind)
    };
    if open(report).any(told) {
        return;
    }
    let left = expiry.at.as_second() - made.at;
    if expiry.kind == ExpiryKind::Certificate && left > RENEWED_DAYS * DAY {
        return;
    }
    let soon = left <= SOON_DAYS * DAY;
    let (horizon, severity) = if soon { (Horizon::Short, Severity::High) } else { (Horizon::Medium, Severity::Medium) };
    let place = place(&expires.environment, &expiry.subject, &expiry.target);
    made.add(horizon, Advice::Renew { kind: expiry.kind }, severity, place);
}

/// Whether the remedy of a failing check is the renewal already.
fn covers(check: &str, cause: Option<Cause>, kind: ExpiryKind) -> bool {
    match kind {
        ExpiryKind::Certificate => check.ends_with("-CERT-EXPIRY") || cause == Some(Cause::TlsExpired),
        ExpiryKind::Session => {
            matches!(check, "CRED-EXPIRY-NEAR" | "CRED-STATIC-SESSION") || cause == Some(Cause::ExpiredToken)
        }
        ExpiryKind::AccessKey => matches!(check, "CRED-LONG-LIVED" | "CRED-KEY-STALE"),
        ExpiryKind::Domain => matches!(check, "SES-FROM-UNVERIFIED" | "SES-DOMAIN-UNVERIFIED"),
        ExpiryKind::Server => check == "PG-VERSION-EOL",
    }
}

/// Mutes that end within the horizon, and what is decided again then.
fn mutes(report: &Report, made: &mut Made) {
    for item in report.new.iter().chain(&report.stays) {
        let Some(mute) = &item.finding.mute else { continue };
        let ends = mute.until.to_zoned(jiff::tz::TimeZone::UTC).map(|day| day.timestamp().as_second());
        if ends.is_ok_and(|ends| ends - made.at <= HORIZON_DAYS * DAY) {
            let place = place(&item.environment, &item.finding.subject, &item.finding.target);
            let advice = Advice::Decide { check: item.finding.check.clone() };
            made.add(Horizon::Long, advice, item.finding.severity, place);
        }
    }
}

fn waits(line: &ReadinessLine) -> bool {
    !line.blocking && matches!(line.state, LineState::Red | LineState::Amber)
}

fn prepare(of: &Readiness, line: &ReadinessLine, made: &mut Made) {
    // A line that stands on what is to be fixed anyway says nothing more.
    if readiness::find(&line.id).is_some() && !line.because.iter().any(|why| made.fixes(&of.environment, &why.check)) {
        let advice = Advice::Prepare { line: line.id.clone() };
        made.add(Horizon::Long, advice, Severity::Low, place(&of.environment, "", ""));
    }
}
