//! What leaves the function: mails and alerts.

use std::future::Future;

use jiff::Timestamp;
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Severity};
use vigie_core::evidence::{Evidence, Value};
use vigie_core::head::{Alert, AlertKind};

use crate::claim::Claim;

/// One mail to one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub html: String,
    pub text: String,
    /// The list's id: for `List-Id` and threads.
    pub list: String,
}

/// Why a mail was not sent, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// Proved: SES did not take it. `reason` is SES's code, and what it stands for.
    Refused { cause: Cause, reason: String },
    /// No answer: it may have been taken.
    Uncertain(Cause),
}

/// Where mails and alerts go. In production SES and EventBridge; tests keep them in memory.
pub trait Outbox: Sync {
    /// The message id.
    fn send(&self, letter: &Letter) -> impl Future<Output = Result<String, Unsent>> + Send;
    /// # Errors
    /// The alert did not go out.
    fn alert(&self, alert: Alert) -> impl Future<Output = Result<(), Cause>> + Send;
}

/// Alerts of the report itself: their check ids, which no audit judges.
pub const REFUSED: &str = "REPORT-REFUSED";
pub const UNCERTAIN: &str = "REPORT-UNCERTAIN";

/// The alert about a day's mail. Its id is stable: delivery is at least once.
#[must_use]
pub fn alert(check: &str, kind: AlertKind, claim: &Claim, cause: Cause, reason: &str, now: Timestamp) -> Alert {
    let since = claim.refused.as_ref().map_or(claim.at, |refused| refused.since);
    let title = match (check, kind) {
        (REFUSED, AlertKind::Resolved) => "The daily report is sent again",
        (REFUSED, _) => "SES refuses the daily report",
        _ => "The daily report may not have been sent",
    };
    let evidence: Evidence = [
        ("list", Value::name(&claim.list)),
        ("date", Value::name(claim.date.to_string())),
        ("reason", Value::name(reason)),
        ("attempts", Value::Count(u64::from(claim.attempts))),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    Alert {
        schema: "vigie.alert/v1".to_owned(),
        id: format!(
            "report/{check}/{}/{}/{}/{}",
            claim.list,
            since.strftime("%Y%m%dT%H%M%SZ"),
            kind.name(),
            claim.attempts
        ),
        kind,
        environment: "report".to_owned(),
        class: Class::Production,
        severity: Severity::High,
        check: check.to_owned(),
        fault: None,
        target: "vigie".to_owned(),
        subject: claim.list.clone(),
        cause: Some(cause),
        failing_since: since,
        run: String::new(),
        at: now,
        title: title.to_owned(),
        evidence,
        with: Vec::new(),
    }
}
