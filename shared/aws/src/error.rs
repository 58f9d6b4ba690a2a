//! What went wrong with a call of AWS: a cause, a stable code and the action. Never the service's own text.

use std::error::Error;
use std::io::ErrorKind as Io;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use vigie_core::cause::Cause;
use vigie_core::facts::{Gap, Identity};

const ASSUME: &str = "sts:AssumeRole";

/// One failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action}: {}{}", cause.says().en, code.as_ref().map(|c| format!(" ({c})")).unwrap_or_default())]
pub struct CallError {
    pub cause: Cause,
    /// AWS's error code, such as `AccessDenied`.
    pub code: Option<String>,
    /// The IAM action, `service:Operation`; or what was read, for what is not a call of AWS.
    pub action: &'static str,
}

impl CallError {
    #[must_use]
    pub const fn new(cause: Cause, action: &'static str) -> Self {
        CallError { cause, code: None, action }
    }

    /// The gap in a fact that this leaves; it names the action when the cause is a refusal.
    #[must_use]
    pub fn gap(&self, asked_as: Identity) -> Gap {
        let action = (self.cause == Cause::Denied).then(|| self.action.to_owned());
        Gap { cause: self.cause, action, asked_as }
    }
}

/// Reads an SDK error.
#[must_use]
pub fn call<E>(error: &SdkError<E, HttpResponse>, action: &'static str) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(vigie_core::evidence::clean);
    let cause = match error {
        SdkError::TimeoutError(_) => Cause::Timeout,
        SdkError::ServiceError(of) => service(code.as_deref(), of.raw().status().as_u16()),
        SdkError::ResponseError(_) => Cause::Protocol,
        SdkError::DispatchFailure(of) if of.is_timeout() => Cause::Timeout,
        other => chain(other),
    };
    // Refused before the service was asked: the role that it would have been asked with.
    let before = cause == Cause::Denied && error.as_service_error().is_none();
    CallError { cause, code, action: if before { ASSUME } else { action } }
}

/// AWS's error codes are the same words in every service, give or take a suffix.
pub(crate) fn service(code: Option<&str>, status: u16) -> Cause {
    let code = code.unwrap_or_default();
    match code.strip_suffix("Exception").unwrap_or(code) {
        "AccessDenied" | "UnauthorizedOperation" | "AuthorizationError" | "NotAuthorized" | "Forbidden" => {
            Cause::Denied
        }
        "ExpiredToken" | "RequestExpired" | "TokenRefreshRequired" => Cause::ExpiredToken,
        "InvalidClientTokenId" | "InvalidAccessKeyId" | "UnrecognizedClient" => Cause::InvalidKey,
        "SignatureDoesNotMatch" | "InvalidSignature" | "IncompleteSignature" => Cause::Signature,
        "RequestTimeTooSkewed" => Cause::ClockSkew,
        "KMSAccessDenied" | "KMS.AccessDenied" | "DecryptionFailure" | "InvalidKeyId" | "KMSDisabled" => Cause::Kms,
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraint" => Cause::WrongRegion,
        "RequestTimeout" => Cause::Timeout,
        code if throttled(code) => Cause::Throttled,
        code if code.starts_with("NoSuch") || code.contains("NotFound") || code == "NonExistentQueue" => {
            Cause::NotFound
        }
        "InternalFailure" | "InternalError" | "ServiceUnavailable" | "InternalServerError" => Cause::ServerError,
        code if code.starts_with("KMS") || code.starts_with("Kms") => Cause::Kms,
        _ => match status {
            401 | 403 => Cause::Denied,
            404 => Cause::NotFound,
            429 => Cause::Throttled,
            // Success, and an answer that cannot be read.
            200..300 => Cause::Protocol,
            500.. => Cause::ServerError,
            _ => Cause::Unexpected,
        },
    }
}

fn throttled(code: &str) -> bool {
    code.contains("Throttl")
        || code.contains("TooManyRequests")
        || matches!(code, "SlowDown" | "RequestLimitExceeded" | "BandwidthLimitExceeded" | "LimitExceeded")
}

/// Walks an error's sources for one that says why no answer came.
fn chain(error: &(dyn Error + 'static)) -> Cause {
    let mut at = Some(error);
    let mut found = None;
    while let Some(error) = at {
        if let Some(cause) = network(error).or_else(|| credentials(error)) {
            return cause;
        }
        // hyper-util keeps the type of its resolver's error to itself; the message is its own and constant.
        if error.to_string() == "dns error" {
            found = Some(Cause::Dns);
        }
        at = error.source();
    }
    found.unwrap_or(Cause::Unexpected)
}

/// The cause of one link, when it is a TLS or socket error.
#[must_use]
pub fn network(error: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls_cause(tls));
    }
    let io = error.downcast_ref::<std::io::Error>()?;
    // An io::Error hides what it wraps from source(), and a connector wraps one in another.
    if let Some(cause) = io.get_ref().and_then(|inner| network(inner)) {
        return Some(cause);
    }
    match io.kind() {
        Io::ConnectionRefused => Some(Cause::Refused),
        Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof => Some(Cause::Reset),
        Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown | Io::AddrNotAvailable => {
            Some(Cause::Unreachable)
        }
        Io::TimedOut => Some(Cause::Timeout),
        _ => None,
    }
}

fn tls_cause(error: &rustls::Error) -> Cause {
    use rustls::CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => Cause::TlsExpired,
        rustls::Error::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => Cause::TlsNotYet,
        rustls::Error::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => Cause::TlsHostname,
        rustls::Error::InvalidCertificate(_) => Cause::TlsUntrusted,
        _ => Cause::TlsFailed,
    }
}

fn credentials(error: &(dyn Error + 'static)) -> Option<Cause> {
    use aws_credential_types::provider::error::CredentialsError as C;
    match error.downcast_ref::<C>()? {
        C::CredentialsNotLoaded(_) | C::InvalidConfiguration(_) => Some(Cause::NoCredentials),
        C::ProviderTimedOut(_) => Some(Cause::Timeout),
        // An assumed role that was refused, a socket that failed: a deeper link says which.
        other => other.source().map(assumed),
    }
}

/// STS's own answer, when a role could not be assumed.
fn assumed(source: &(dyn Error + 'static)) -> Cause {
    use aws_sdk_sts::operation::assume_role::AssumeRoleError;
    let mut at = Some(source);
    while let Some(error) = at {
        if let Some(sts) = error.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>() {
            return call(sts, ASSUME).cause;
        }
        at = error.source();
    }
    chain(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_aws_have_causes() {
        for (code, status, cause) in [
            ("AccessDeniedException", 400, Cause::Denied),
            ("AccessDenied", 403, Cause::Denied),
            ("ExpiredToken", 400, Cause::ExpiredToken),
            ("ThrottlingException", 400, Cause::Throttled),
            ("SlowDown", 503, Cause::Throttled),
            ("NoSuchBucket", 404, Cause::NotFound),
            ("ResourceNotFoundException", 400, Cause::NotFound),
            ("ParameterNotFound", 400, Cause::NotFound),
            ("InternalFailure", 500, Cause::ServerError),
            ("SomethingNew", 400, Cause::Unexpected),
        ] {
            assert_eq!(service(Some(code), status), cause, "{code}");
        }
        assert_eq!(service(None, 403), Cause::Denied);
    }

    #[test]
    fn only_a_refusal_names_its_action() {
        let denied = CallError::new(Cause::Denied, "ssm:GetParametersByPath");
        assert_eq!(denied.gap(Identity::Auditor).action.as_deref(), Some("ssm:GetParametersByPath"));
        let slow = CallError::new(Cause::Throttled, "ssm:GetParametersByPath");
        assert_eq!(slow.gap(Identity::Auditor).action, None);
    }
}
