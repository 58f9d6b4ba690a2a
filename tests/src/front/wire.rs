//! Errors in the exact shapes that AWS's SDKs read.

use super::operation::Wire;
use crate::serve::{self, Answer};
use hyper::StatusCode;
use hyper::header::HeaderValue;

/// What an operation is made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers this late.
    Late(std::time::Duration),
    /// Never answers.
    Hangs,
    Throttled,
    Denied,
    ServerError,
    /// Half of the answer.
    Truncated,
    /// An error of the service's own: HTTP status and code.
    Refused(u16, &'static str),
}

/// The answer of a fault that answers at once.
pub fn refuse(wire: Wire, fault: Fault) -> Option<Answer> {
    let (status, code) = match fault {
        Fault::Late(_) | Fault::Hangs | Fault::Truncated => return None,
        Fault::Throttled => match wire {
            Wire::S3 => (503, "SlowDown"),
            Wire::Query | Wire::Cbor => (400, "Throttling"),
            Wire::Json => (400, "ThrottlingException"),
            Wire::Rest => (429, "TooManyRequestsException"),
        },
        Fault::Denied => match wire {
            Wire::S3 | Wire::Query | Wire::Cbor => (403, "AccessDenied"),
            Wire::Json => (400, "AccessDeniedException"),
            Wire::Rest => (403, "AccessDeniedException"),
        },
        Fault::ServerError => match wire {
            Wire::S3 => (500, "InternalError"),
            Wire::Query | Wire::Json | Wire::Cbor => (500, "InternalFailure"),
            Wire::Rest => (500, "InternalServiceErrorException"),
        },
        Fault::Refused(status, code) => (status, code),
    };
    Some(error(wire, status, code, "injected by the sandbox"))
}

pub fn error(wire: Wire, status: u16, code: &str, message: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = match wire {
        Wire::Query => xml(
            status,
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>sandbox</RequestId></ErrorResponse>"
            ),
        ),
        Wire::S3 => xml(
            status,
            format!("<Error><Code>{code}</Code><Message>{message}</Message><RequestId>sandbox</RequestId></Error>"),
        ),
        Wire::Json => serve::answer(
            status,
            "application/x-amz-json-1.0",
            serde_json::json!({"__type": format!("com.amazonaws#{code}"), "message": message}).to_string(),
        ),
        Wire::Rest => serve::json(status, &serde_json::json!({"message": message})),
        Wire::Cbor => serve::answer(status, "application/cbor", cbor(&[("__type", code), ("message", message)])),
    };
    let headers = answer.headers_mut();
    if wire == Wire::Cbor {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    if wire == Wire::Rest
        && let Ok(code) = HeaderValue::from_str(code)
    {
        headers.insert("x-amzn-errortype", code);
    }
    answer
}

/// CloudWatch's answer to what it has nothing to say of.
pub fn taken() -> Answer {
    let mut answer = serve::answer(StatusCode::OK, "application/cbor", cbor(&[]));
    answer.headers_mut().insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    answer
}

pub fn xml(status: StatusCode, body: impl std::fmt::Display) -> Answer {
    serve::answer(status, "text/xml", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}"))
}

/// A CBOR map of short texts (RFC 8949: major types 5 and 3).
fn cbor(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = vec![0xa0 | fields.len() as u8];
    for text in fields.iter().flat_map(|(name, value)| [name, value]) {
        match text.len() {
            short @ 0..24 => out.push(0x60 | short as u8),
            long => out.extend([0x78, long.min(255) as u8]),
        }
        out.extend(text.bytes().take(255));
    }
    out
}
