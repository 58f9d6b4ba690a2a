//! What happens at the shop on an ordinary day: each environment is audited by the schedule, then the report is mailed.

use crate::front::{ACCOUNT, Mail};
use crate::mail;
use crate::runtime::{Function, FunctionError};
use crate::shop::{Shop, TIMEOUT, scheduled};
use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value, json};
use std::error::Error;
use vigie_core::run::Run;

pub struct Told {
    pub production: Run,
    pub staging: Run,
    pub mail: Mail,
    /// The same report as a page, out of the runs bucket.
    pub page: Vec<u8>,
    /// And as a document.
    pub markdown: String,
}

/// Audits staging and production, staging once more (now it has a neighbour to be compared with), and reports.
///
/// # Errors
/// A function failed, or what it should have written is not there.
pub async fn tell(
    shop: &Shop,
    audit: &mut Function,
    report: &mut Function,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Told, Box<dyn Error + Send + Sync>> {
    let now = now().round(Unit::Minute)?;
    for (environment, minutes) in [("staging", 3), ("production", 2), ("staging", 1)] {
        let at = now - SignedDuration::from_mins(minutes);
        scheduled(audit, environment, at).await.map_err(|e| said(&e, audit))?;
        progress(&format!("audited: {environment}"));
    }
    let production = newest(shop, "production").await?;
    let staging = newest(shop, "staging").await?;
    let rendered = report.invoke(&json!({"dry_run": true}), TIMEOUT).await.map_err(|e| said(&e, report))?;
    let markdown = rendered["lists"][0]["markdown"].as_str().ok_or("the dry run has no page")?.to_owned();
    report.invoke(&json!({}), TIMEOUT).await.map_err(|e| said(&e, report))?;
    let mail = shop.sandbox.aws.front.mails().pop().ok_or("SES was given no mail")?;
    kept(shop, &mail).await?;
    let pages = shop.keys("reports/").await?;
    let page = pages.iter().find(|key| key.ends_with(".html")).ok_or("no page is kept beside the mail's claim")?;
    let page = shop.bytes(page).await?;
    progress(&format!("mailed to {}", mail.destinations.join(", ")));
    Ok(Told { production, staging, mail, page, markdown })
}

/// Reads the mail back from the emulator's SES, which keeps its parts: subject, recipients and both bodies.
///
/// # Errors
/// It keeps none, or another.
pub async fn kept(shop: &Shop, mail: &Mail) -> Result<(), Box<dyn Error + Send + Sync>> {
    let url = format!("{}/_ministack/ses/messages", shop.sandbox.aws.front.url());
    let client = crate::client::http(&shop.sandbox.ca, &[])?;
    let answer: Value = serde_json::from_str(&client.get(url).send().await?.text().await?)?;
    let last = answer["messages"][ACCOUNT].as_array().and_then(|all| all.last()).ok_or("the emulator keeps no mail")?;
    let raw = String::from_utf8_lossy(&mail.raw);
    let same = |field: &str, sent: Option<String>| {
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        sent.is_some_and(|sent| plain(last[field].as_str().unwrap_or_default()) == plain(&sent))
    };
    // Of several parts of HTML the emulator keeps the last: the attached report, when there is one.
    let html = mail::parts(&raw).into_iter().rfind(|part| part.kind.to_ascii_lowercase().starts_with("text/html"));
    let bodies = same("BodyText", mail::part(&raw, "text/plain")) && same("BodyHtml", html.map(|part| part.text));
    if bodies && same("Subject", mail::header(&raw, "Subject")) {
        return Ok(());
    }
    Err(format!("the emulator's SES keeps another mail than was sent: {}", last["Subject"]).into())
}

/// The newest run that an environment's head names.
///
/// # Errors
/// There is no head, or it names nothing.
pub async fn newest(shop: &Shop, environment: &str) -> Result<Run, Box<dyn Error + Send + Sync>> {
    let head = shop.object(&format!("heads/{environment}.json")).await?;
    let key = head["newest"]["full"]["key"].as_str().ok_or("the head names no full run")?;
    Ok(serde_json::from_value(shop.object(key).await?)?)
}

fn said(error: &FunctionError, function: &Function) -> String {
    let output = function.output();
    let tail: Vec<&str> = output.lines().rev().take(6).collect();
    format!("{error}\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"))
}

/// The story happens today.
#[allow(clippy::disallowed_methods)]
fn now() -> Timestamp {
    Timestamp::now()
}
