//! What leaves the function: mails and alerts.

use std::future::Future;

use aws_types::SdkConfig;
use jiff::Timestamp;
use vigie_aws::mail::{self, Refusal};
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Severity};
use vigie_core::evidence::{Evidence, Value};
use vigie_core::head::{self, Alert, AlertKind};
use vigie_core::report::mail as content;
use vigie_core::run::{self, Outcome};

use crate::claim::Claim;

/// One mail to one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub from: String,
    pub to: Vec<String>,
    pub mail: content::Mail,
    /// The list's id: for `List-Id`, threads, and who wants to leave it.
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

/// The bytes of a letter: one synthetic reference a list, so that a reader may show its reports as one thread; the charts
/// inside the HTML, and what did not fit there attached as `report.html`.
///
/// # Errors
/// An address that is none, a header that could add another.
pub fn compose(letter: &Letter) -> Result<Vec<u8>, mail::MailError> {
    let domain = mail::bare(&letter.from).rsplit('@').next().unwrap_or_default();
    let (list, at) = (&letter.list, letter.at.strftime("%Y%m%dT%H%M%SZ"));
    mail::compose(&mail::Mail {
        from: &letter.from,
        to: &letter.to,
        subject: &letter.mail.subject,
        text: &letter.mail.text,
        html: &letter.mail.html,
        date: letter.at,
        message_id: &format!("{list}.{at}.{}@vigie.{domain}", letter.copy),
        list_id: Some(&format!("{list}.vigie.{domain}")),
        unsubscribe: Some(&format!("unsubscribe {list}")),
        references: &[format!("{list}@vigie.{domain}")],
        parts: &parts(&letter.mail),
    })
}

fn parts(mail: &content::Mail) -> Vec<mail::Part> {
    let chart = |(n, chart): (usize, &content::Chart)| mail::Part {
        name: format!("chart-{}.png", n + 1),
        content_type: "image/png".to_owned(),
        bytes: chart.png.clone(),
        cid: Some(chart.cid.clone()),
    };
    let whole = mail.whole.as_ref().map(|page| mail::Part {
        name: "report.html".to_owned(),
        content_type: "text/html; charset=utf-8".to_owned(),
        bytes: page.clone().into_bytes(),
        cid: None,
    });
    mail.charts.iter().enumerate().map(chart).chain(whole).collect()
}

/// Alerts of the report itself: their check ids, which no audit judges.
pub const REFUSED: &str = "REPORT-REFUSED";
pub const UNCERTAIN: &str = "REPORT-UNCERTAIN";
pub const UNKEPT: &str = "REPORT-UNKEPT";

/// What an alert about a day's mail says.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub check: &'static str,
    pub kind: AlertKind,
    /// Since when it is so.
    pub since: Timestamp,
    pub cause: Cause,
    pub reason: &'a str,
}

/// The alert about a day's mail. Its id is stable: delivery is at least once. It names where the report lies, and is no
/// way to it: who may read the bucket can.
#[must_use]
pub fn alert(about: About<'_>, claim: &Claim, now: Timestamp) -> Alert {
    let About { check, kind, since, cause, reason } = about;
    let title = match (check, kind) {
        (REFUSED, AlertKind::Resolved) => "The daily report is sent again",
        (REFUSED, _) => "SES refuses the daily report",
        (UNKEPT, AlertKind::Resolved) => "The daily report is kept again",
        (UNKEPT, _) => "The daily report could not be kept in the runs bucket",
        (_, AlertKind::Resolved) => "A later daily report was sent",
        _ => "The daily report may not have been sent",
    };
    let mut said = vec![
        ("list", Value::name(&claim.list)),
        ("date", Value::name(claim.date.to_string())),
        ("reason", Value::name(reason)),
        ("attempts", Value::Count(u64::from(claim.attempts))),
    ];
    match (&claim.page, &claim.unkept) {
        (Some(page), None) => said.push(("report", Value::name(page))),
        (_, Some(unkept)) => said.push(("unkept", Value::name(unkept.cause.code()))),
        (None, None) => {}
    }
    let evidence: Evidence = said.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let incident = head::incident("report", &run::key(check, &claim.list), since);
    Alert {
        schema: head::ALERT_SCHEMA.to_owned(),
        id: format!("{incident}/{}/{}", kind.name(), claim.attempts),
        incident: head::opaque(&incident),
        kind,
        outcome: if kind == AlertKind::Resolved { Outcome::Pass } else { Outcome::Fail },
        environment: "report".to_owned(),
        class: Class::Production,
        // A mail that went out is read, whether or not a copy was kept.
        severity: if check == UNKEPT { Severity::Medium } else { Severity::High },
        check: check.to_owned(),
        fault: None,
        target: "vigie".to_owned(),
        subject: claim.list.clone(),
        cause: Some(cause),
        action: None,
        failing_since: since,
        unknown_since: None,
        lasted: (kind == AlertKind::Resolved).then(|| now.duration_since(since).as_secs()),
        run: String::new(),
        at: now,
        title: title.to_owned(),
        summary: head::summary("report", title, &claim.list, 0),
        evidence,
        with: Vec::new(),
        explains: Vec::new(),
    }
}
