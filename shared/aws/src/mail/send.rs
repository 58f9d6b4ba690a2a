//! SendRawEmail, once: a mail is not sent twice because an answer was lost.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ses::Client;
use aws_sdk_ses::error::SdkError;
use aws_sdk_ses::operation::send_raw_email::SendRawEmailError;
use aws_sdk_ses::primitives::Blob;
use aws_sdk_ses::types::RawMessage;
use aws_types::SdkConfig;
use vigie_core::cause::Cause;

use super::bare;
use crate::base::CONNECT;
use crate::error::call;
use crate::{Need, need_if};

const ACTION: &str = "ses:SendRawEmail";
/// The longest that SES may take: a report with its pictures is some hundred kilobytes.
const LIMIT: Duration = Duration::from_secs(15);

/// Why SES did not say that it took the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The message was certainly not sent: it may be sent later.
    #[error("the mail was refused: {}{}", cause.says().en, code.as_ref().map(|c| format!(" ({c})")).unwrap_or_default())]
    Refused { code: Option<String>, cause: Cause },
    /// It may or may not have been sent: it must not be sent again by itself.
    #[error("nobody knows whether the mail was sent: {}", cause.says().en)]
    Uncertain { cause: Cause },
}

impl Refusal {
    #[must_use]
    pub const fn cause(&self) -> Cause {
        match self {
            Refusal::Refused { cause, .. } | Refusal::Uncertain { cause } => *cause,
        }
    }
}

/// What the sink needs. The sender's identity may be its address, its domain or one above, and in the SES sandbox the
/// recipients' identities are asked for as well: so any identity, with this sender alone. Source: Amazon SES developer
/// guide, "Controlling access to Amazon SES", condition key `ses:FromAddress`.
#[must_use]
pub fn actions(from: &str) -> Vec<Need> {
    vec![need_if(ACTION, "arn:*:ses:*:*:identity/*".to_owned(), "ses:FromAddress", bare(from))]
}

/// Sends what [`super::compose`] wrote. Returns SES's message id. The envelope has the addresses alone: SES takes a name
/// that is not ASCII only in encoded words. Source: Amazon SES API reference, SendRawEmail, "Source" and Destination.
///
/// # Errors
/// A refusal, proven or not.
pub async fn send(config: &SdkConfig, from: &str, to: &[String], raw: Vec<u8>) -> Result<String, Refusal> {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(LIMIT).build();
    let own = aws_sdk_ses::config::Builder::from(config).retry_config(RetryConfig::disabled()).timeout_config(timeouts);
    let client = Client::from_conf(own.build());
    let message = RawMessage::builder()
        .data(Blob::new(raw))
        .build()
        .map_err(|_| Refusal::Refused { code: None, cause: Cause::Malformed })?;
    let to = to.iter().map(|to| bare(to).to_owned()).collect();
    let request = client.send_raw_email().source(bare(from)).set_destinations(Some(to)).raw_message(message);
    match request.send().await {
        Ok(sent) => Ok(sent.message_id),
        Err(error) => Err(refusal(&error)),
    }
}

fn refusal(error: &SdkError<SendRawEmailError>) -> Refusal {
    let failed = call(error, ACTION);
    let proven = match error {
        // SES has answered, and with a fault of ours: it took nothing. After a fault of its own nobody knows.
        SdkError::ServiceError(of) => of.raw().status().is_client_error(),
        // No request was ever written: no credentials, or no connection.
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(_) => never_connected(failed.cause),
        _ => false,
    };
    if !proven {
        return Refusal::Uncertain { cause: failed.cause };
    }
    Refusal::Refused { cause: reason(failed.code.as_deref()).unwrap_or(failed.cause), code: failed.code }
}

const fn never_connected(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Dns
            | Cause::Refused
            | Cause::Unreachable
            | Cause::NoCredentials
            | Cause::TlsExpired
            | Cause::TlsHostname
            | Cause::TlsNotYet
            | Cause::TlsUntrusted
    )
}

/// SES's own codes. Source: Amazon SES API reference, SendRawEmail, "Errors".
fn reason(code: Option<&str>) -> Option<Cause> {
    let code = code?;
    match code.strip_suffix("Exception").unwrap_or(code) {
        "MessageRejected" | "MailFromDomainNotVerified" => Some(Cause::Rejected),
        "AccountSendingPaused" | "ConfigurationSetSendingPaused" => Some(Cause::Paused),
        "ConfigurationSetDoesNotExist" => Some(Cause::NotFound),
        _ => None,
    }
}
