//! Calls of AWS: every one within a limit, every failure a cause and a stable code. A service's own text is never kept.
//!
//! A call that succeeds is one step of the ladder: to time its lower rungs would take a connection of its own, and CPU is
//! the bill. Only when the transport fails is the failing rung named.

use std::error::Error;
use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use vigie_core::cause::Cause;
use vigie_core::evidence::clean;
use vigie_core::facts::{Climb, Gap, Identity, Ladder, Rung};

use crate::ask::{Ask, ms};
use crate::{net, tls};

/// The longest that one call may take, the SDK's own retries included.
pub const LIMIT: Duration = Duration::from_secs(10);
/// The longest error code that is kept.
const CODE: usize = 64;

/// A call that brought no answer, or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    pub gap: Gap,
    /// Where it failed.
    pub rung: Rung,
    /// AWS's error code, such as `AccessDenied`.
    pub code: Option<String>,
}

impl Missed {
    /// Whether the service works, and this is its answer about the thing asked for: what [`reached`] says, and codes that
    /// nobody has told us of.
    #[must_use]
    pub fn answered(&self) -> bool {
        reached(self.gap.cause) || (self.gap.cause == Cause::Unexpected && self.code.is_some())
    }
}

impl From<Missed> for Gap {
    fn from(missed: Missed) -> Self {
        missed.gap
    }
}

/// A gap alone: the rung follows from the cause.
impl From<Gap> for Missed {
    fn from(gap: Gap) -> Self {
        Missed { rung: rung_of(gap.cause), gap, code: None }
    }
}

/// Who really asks: the app's questions are the auditor's where the app has no identity of its own.
#[must_use]
pub fn asked_as(ask: &Ask, identity: Identity) -> Identity {
    if identity == Identity::App { ask.app_identity } else { identity }
}

/// One call, within [`LIMIT`] and the deadline: `call(ask, "sqs:GetQueueAttributes", Identity::App, request.send())`.
///
/// # Errors
/// The gap that it leaves; it names `action` when the cause is a refusal.
pub async fn call<T, E>(
    ask: &Ask,
    action: &str,
    identity: Identity,
    question: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, Gap>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    coded(ask, action, identity, question).await.map_err(Gap::from)
}

/// [`call`], with the failing rung and AWS's error code.
///
/// # Errors
/// What was missed.
pub async fn coded<T, E>(
    ask: &Ask,
    action: &str,
    identity: Identity,
    question: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, Missed>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let identity = asked_as(ask, identity);
    // The SDK's futures are large: many are joined, and a stack is small.
    match ask.deadline.run(LIMIT, Box::pin(question)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(missed(&error, action, identity)),
        Err(cause) => Err(Gap::new(cause, identity).into()),
    }
}

/// Asks the first question of a service, and once more after a pause when the service could not be used at all. The
/// ladder has one `query` step, or the rung that failed. A service that answers with a refusal or "no such thing" was
/// reached: its ladder holds, and the answer is a gap.
pub async fn climb<T, F, Fut>(ask: &Ask, identity: Identity, question: F) -> (Ladder, Result<T, Gap>)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Gap>>,
{
    rung(ask, Rung::Query, identity, question).await
}

/// [`climb`], for another rung than `query` (STS's is `authenticate`), and for errors that know their rung and code.
pub async fn rung<T, E, F, Fut>(ask: &Ask, rung: Rung, identity: Identity, mut question: F) -> (Ladder, Result<T, Gap>)
where
    E: Into<Missed>,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let whole = LIMIT * 2; // a question may be a few calls, each within its own limit
    net::twice(ask, || {
        let question = question();
        async move {
            let start = Instant::now();
            let mut climb = Climb::default();
            let answer = match ask.deadline.run(whole, question).await {
                Ok(answer) => answer.map_err(Into::into),
                Err(cause) => Err(Missed::from(Gap::new(cause, asked_as(ask, identity)))),
            };
            match &answer {
                Err(missed) if !missed.answered() => {
                    climb.fell(missed.rung, ms(start), missed.gap.cause, missed.code.clone());
                }
                _ => climb.held(rung, ms(start)),
            }
            (climb, answer.map_err(Gap::from))
        }
    })
    .await
}

/// Whether a failure with this cause is an answer about the thing asked for, from a service that works.
#[must_use]
pub const fn reached(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Denied
            | Cause::NotFound
            | Cause::WrongRegion
            | Cause::Foreign
            | Cause::Kms
            | Cause::Unsupported
            | Cause::TooLarge
            | Cause::NoData
            | Cause::NotAsked
    )
}

/// The gap that a failed call leaves; it names `action` when the cause is a refusal.
#[must_use]
pub fn gap<E>(error: &SdkError<E, HttpResponse>, action: &str, asked_as: Identity) -> Gap
where
    E: ProvideErrorMetadata + Error + 'static,
{
    missed(error, action, asked_as).gap
}

/// Cause and AWS error code of a failed call.
#[must_use]
pub fn cause_of<E>(error: &SdkError<E, HttpResponse>) -> (Cause, Option<String>)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (cause, _, code) = classify(error);
    (cause, code)
}

/// All that is kept of a failed call.
#[must_use]
pub fn missed<E>(error: &SdkError<E, HttpResponse>, action: &str, asked_as: Identity) -> Missed
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (cause, rung, code) = classify(error);
    // Refused before the service was asked: the role that it would have been asked with.
    let action = if error.as_service_error().is_some() { action } else { "sts:AssumeRole" };
    let action = (cause == Cause::Denied).then(|| action.to_owned());
    Missed { gap: Gap { cause, action, asked_as }, rung, code }
}

/// AWS's instants as ours; one that is out of range is absent.
#[must_use]
pub fn timestamp(at: Option<&aws_smithy_types::DateTime>) -> Option<Timestamp> {
    let at = at?;
    Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok()
}

fn classify<E>(error: &SdkError<E, HttpResponse>) -> (Cause, Rung, Option<String>)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(of) => {
            let code = of.err().code().filter(|code| !code.is_empty());
            let cause = answered(code, of.err().message(), of.raw().status().as_u16());
            (cause, rung_of(cause), code.map(|code| clean(&code.chars().take(CODE).collect::<String>())))
        }
        SdkError::ResponseError(_) => (Cause::Protocol, Rung::Query, None),
        SdkError::TimeoutError(_) => (Cause::Timeout, Rung::Query, None),
        other => {
            let (cause, rung) = transport(other);
            (cause, rung, None)
        }
    }
}

/// What an error answer means. The codes are AWS's common errors and those of STS, IAM, S3, SQS and EventBridge; they are
/// the same words in every service, give or take a suffix. `message` only tells clock skew from a wrong secret, and is dropped.
#[must_use]
pub fn answered(code: Option<&str>, message: Option<&str>, status: u16) -> Cause {
    let code = code.unwrap_or_default();
    let bare = code.strip_suffix("Exception").unwrap_or(code);
    match bare {
        "UnauthorizedOperation" | "AuthorizationError" | "NotAuthorized" | "Forbidden" | "AllAccessDisabled" => {
            Cause::Denied
        }
        "RequestExpired" | "TokenRefreshRequired" => Cause::ExpiredToken,
        "InvalidClientTokenId" | "InvalidAccessKeyId" | "UnrecognizedClient" | "InvalidToken" | "AuthFailure" => {
            Cause::InvalidKey
        }
        "SignatureDoesNotMatch" | "InvalidSignature" | "IncompleteSignature" => match message {
            Some(text) if text.starts_with("Signature expired") || text.starts_with("Signature not yet") => {
                Cause::ClockSkew
            }
            _ => Cause::Signature,
        },
        "RequestTimeTooSkewed" | "RequestInTheFuture" => Cause::ClockSkew,
        "MissingAuthenticationToken" | "MissingSecurityHeader" => Cause::NoCredentials,
        "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraint" => {
            Cause::WrongRegion
        }
        "RequestTimeout" => Cause::Timeout,
        "NotImplemented" | "UnsupportedOperation" | "UnknownOperation" | "MethodNotAllowed" | "InvalidAction" => {
            Cause::Unsupported
        }
        "SlowDown" | "RequestLimitExceeded" | "BandwidthLimitExceeded" | "LimitExceeded" | "RequestThrottled" => {
            Cause::Throttled
        }
        _ if bare.starts_with("AccessDenied") => Cause::Denied,
        _ if bare.starts_with("ExpiredToken") => Cause::ExpiredToken,
        _ if bare.starts_with("Throttling") || bare.starts_with("TooManyRequests") => Cause::Throttled,
        _ if bare.starts_with("KMS") || bare.starts_with("Kms") => Cause::Kms,
        _ if bare.starts_with("NoSuch") || bare.contains("NotFound") || missing_queue(bare) => Cause::NotFound,
        _ => by_status(status),
    }
}

fn missing_queue(code: &str) -> bool {
    code.ends_with("NonExistentQueue") || code.ends_with("QueueDoesNotExist")
}

/// For answers without a body, such as HeadBucket's, and for codes that nobody has told us of.
fn by_status(status: u16) -> Cause {
    match status {
        // A success that is not this service's.
        200..=299 => Cause::Protocol,
        301 | 307 => Cause::WrongRegion,
        401 | 403 => Cause::Denied,
        404 => Cause::NotFound,
        429 => Cause::Throttled,
        501 => Cause::Unsupported,
        500.. => Cause::ServerError,
        _ => Cause::Unexpected,
    }
}

/// The rung on which a cause is met.
const fn rung_of(cause: Cause) -> Rung {
    match cause {
        Cause::Dns | Cause::DnsTimeout | Cause::AddressRefused | Cause::NotGiven => Rung::Resolve,
        Cause::Refused | Cause::Unreachable => Rung::Connect,
        Cause::TlsExpired
        | Cause::TlsNotYet
        | Cause::TlsHostname
        | Cause::TlsUntrusted
        | Cause::TlsRefused
        | Cause::TlsFailed => Rung::Tls,
        Cause::ExpiredToken | Cause::InvalidKey | Cause::Signature | Cause::ClockSkew | Cause::NoCredentials => {
            Rung::Authenticate
        }
        _ => Rung::Query,
    }
}

/// Walks an error's sources for the link that says why no answer came, and on which rung.
fn transport(error: &(dyn Error + 'static)) -> (Cause, Rung) {
    let mut rung = None;
    let mut at = Some(error);
    while let Some(link) = at {
        if link.is::<ResolveDnsError>() {
            return (Cause::Dns, Rung::Resolve);
        }
        if let Some(found) = link.downcast_ref::<CredentialsError>() {
            return (credentials(found), Rung::Authenticate);
        }
        if let Some(tls) = link.downcast_ref::<rustls::Error>() {
            return (tls::tls_cause(&io::Error::other(tls.clone())), Rung::Tls);
        }
        if let Some(io) = link.downcast_ref::<io::Error>() {
            let cause = tls::tls_cause(innermost(io));
            return (cause, rung.unwrap_or(rung_of(cause)));
        }
        // hyper-util and smithy keep these types to themselves; the words are constants of theirs.
        let text = link.to_string();
        match text.as_str() {
            "dns error" => return (Cause::Dns, Rung::Resolve),
            "connection closed before message completed" => return (Cause::Reset, Rung::Query),
            "tcp connect error" => rung = Some(Rung::Connect),
            _ if text.starts_with("HTTP connect timeout") => return (Cause::Timeout, Rung::Connect),
            _ if text.contains(" timeout occurred after ") => return (Cause::Timeout, rung.unwrap_or(Rung::Query)),
            _ if text.contains("Missing Region") || text.contains("region must be set") => {
                return (Cause::NotGiven, Rung::Resolve);
            }
            _ => {}
        }
        at = link.source();
    }
    (Cause::Unexpected, rung.unwrap_or(Rung::Query))
}

/// TLS libraries wrap one `io::Error` in another.
fn innermost(error: &io::Error) -> &io::Error {
    let mut at = error;
    while let Some(inner) = at.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>()) {
        at = inner;
    }
    at
}

fn credentials(error: &CredentialsError) -> Cause {
    match error {
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => Cause::NoCredentials,
        CredentialsError::ProviderTimedOut(_) => Cause::Timeout,
        // A role that could not be assumed, a socket that failed: a deeper link says which.
        other => other.source().map_or(Cause::NoCredentials, assumed),
    }
}

/// STS's own answer, when a role could not be assumed.
fn assumed(source: &(dyn Error + 'static)) -> Cause {
    let mut at = Some(source);
    while let Some(link) = at {
        if let Some(sts) = link.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>() {
            return cause_of(sts).0;
        }
        at = link.source();
    }
    match transport(source).0 {
        Cause::Unexpected => Cause::NoCredentials,
        cause => cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_aws_have_causes() {
        for (code, status, cause) in [
            ("AccessDenied", 403, Cause::Denied),
            ("AccessDeniedException", 400, Cause::Denied),
            ("UnauthorizedOperation", 403, Cause::Denied),
            ("Throttling", 400, Cause::Throttled),
            ("ThrottlingException", 400, Cause::Throttled),
            ("TooManyRequestsException", 429, Cause::Throttled),
            ("RequestLimitExceeded", 503, Cause::Throttled),
            ("SlowDown", 503, Cause::Throttled),
            ("ExpiredToken", 400, Cause::ExpiredToken),
            ("ExpiredTokenException", 400, Cause::ExpiredToken),
            ("InvalidClientTokenId", 403, Cause::InvalidKey),
            ("UnrecognizedClientException", 400, Cause::InvalidKey),
            ("InvalidAccessKeyId", 403, Cause::InvalidKey),
            ("SignatureDoesNotMatch", 403, Cause::Signature),
            ("InvalidSignatureException", 400, Cause::Signature),
            ("IncompleteSignature", 400, Cause::Signature),
            ("RequestTimeTooSkewed", 403, Cause::ClockSkew),
            ("NoSuchBucket", 404, Cause::NotFound),
            ("ResourceNotFoundException", 400, Cause::NotFound),
            ("QueueDoesNotExist", 400, Cause::NotFound),
            ("AWS.SimpleQueueService.NonExistentQueue", 400, Cause::NotFound),
            ("NotFound", 404, Cause::NotFound),
            ("PermanentRedirect", 301, Cause::WrongRegion),
            ("AuthorizationHeaderMalformed", 400, Cause::WrongRegion),
            ("KMS.DisabledException", 400, Cause::Kms),
            ("InvalidAction", 400, Cause::Unsupported),
            ("InternalError", 500, Cause::ServerError),
            ("ServiceUnavailable", 503, Cause::ServerError),
            ("SomethingNew", 400, Cause::Unexpected),
        ] {
            assert_eq!(answered(Some(code), None, status), cause, "{code}");
        }
        for (status, cause) in
            [(301, Cause::WrongRegion), (403, Cause::Denied), (404, Cause::NotFound), (503, Cause::ServerError)]
        {
            assert_eq!(answered(None, None, status), cause);
        }
    }

    #[test]
    fn an_expired_signature_is_the_clock() {
        let text =
            "Signature expired: 20261122T100500Z is now earlier than 20261122T100600Z (20261122T102100Z - 15 min.)";
        assert_eq!(answered(Some("SignatureDoesNotMatch"), Some(text), 403), Cause::ClockSkew);
    }

    #[test]
    fn a_gap_alone_has_its_rung() {
        for (cause, rung) in [
            (Cause::Dns, Rung::Resolve),
            (Cause::Refused, Rung::Connect),
            (Cause::TlsExpired, Rung::Tls),
            (Cause::InvalidKey, Rung::Authenticate),
            (Cause::ServerError, Rung::Query),
        ] {
            assert_eq!(Missed::from(Gap::new(cause, Identity::App)).rung, rung);
        }
    }

    #[test]
    fn a_new_code_is_an_answer_and_a_silence_is_none() {
        let missed = |cause, code: Option<&str>| {
            let code = code.map(str::to_owned);
            Missed { gap: Gap::new(cause, Identity::App), rung: Rung::Query, code }
        };
        assert!(missed(Cause::Unexpected, Some("SomethingNew")).answered());
        assert!(missed(Cause::Denied, None).answered());
        assert!(!missed(Cause::Unexpected, None).answered());
        assert!(!missed(Cause::Throttled, Some("Throttling")).answered());
    }
}
