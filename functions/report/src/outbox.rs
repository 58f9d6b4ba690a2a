//! What leaves the function: mails and alerts.

use std::future::Future;

use aws_types::SdkConfig;
use jiff::Timestamp;
use vigie_aws::mail::{self, Refusal};
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
    pub at: Timestamp,
    /// Which attempt or repeat of the day this is.
    pub copy: u32,
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

/// SES and EventBridge, with Vigie's own credentials.
pub struct Aws {
    pub own: SdkConfig,
    /// Name or ARN of the alerts' bus.
    pub bus: String,
}

impl Outbox for Aws {
    async fn send(&self, letter: &Letter) -> Result<String, Unsent> {
        let raw = compose(letter).map_err(|e| Unsent::Refused { cause: Cause::Malformed, reason: e.to_string() })?;
        match mail::send(&self.own, &letter.from, &letter.to, raw).await {
            Ok(id) => Ok(id),
            Err(Refusal::Uncertain { cause }) => Err(Unsent::Uncertain(cause)),
            Err(Refusal::Refused { code, cause }) => {
                let code = code.map_or_else(String::new, |code| format!("{code}: "));
                Err(Unsent::Refused { cause, reason: format!("{code}{}", cause.says().en) })
            }
        }
    }

    async fn alert(&self, alert: Alert) -> Result<(), Cause> {
        vigie_aws::events::send(&self.own, &self.bus, &[alert]).await.map_err(|left| left.call.cause)
    }
}

/// The bytes of a letter: one synthetic reference a list, so that a reader shows its reports as one thread.
///
/// # Errors
/// An address that is none, a header that could add another.
pub fn compose(letter: &Letter) -> Result<Vec<u8>, mail::MailError> {
    let domain = letter.from.rsplit('@').next().unwrap_or_default().trim_end_matches('>').trim();
    let (list, at) = (&letter.list, letter.at.strftime("%Y%m%dT%H%M%SZ"));
    mail::compose(&mail::Mail {
        from: &letter.from,
        to: &letter.to,
        subject: &letter.subject,
        text: &letter.text,
        html: &letter.html,
        date: letter.at,
        message_id: &format!("{list}.{at}.{}@vigie.{domain}", letter.copy),
        list_id: Some(&format!("{list}.vigie.{domain}")),
        references: &[format!("{list}@vigie.{domain}")],
        parts: &[],
    })
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
