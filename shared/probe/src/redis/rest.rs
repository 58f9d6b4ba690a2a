//! Upstash's REST: `POST` of a command as a JSON array, answered with `{"result": ...}` or `{"error": ...}`.
//! Source: Upstash documentation, "REST API".

use std::time::Instant;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use vigie_core::cause::Cause;
use vigie_core::facts::{Climb, Rung};
use vigie_core::targets::RedisTarget;

use super::{ANSWER, Place, Refusal, Said, Seen, reach, refusal, roundtrip};
use crate::ask::{Ask, RUNG, ms};
use crate::net::{Fall, http_cause};

pub(super) async fn climb(
    ask: &Ask,
    target: &RedisTarget,
    place: &Place,
    climb: &mut Climb,
    seen: &mut Seen,
) -> Result<(), Cause> {
    // Climbed for its own sake: the client below makes a connection of its own, verified against the same roots.
    drop(reach(ask, place, climb, seen).await?);
    let Some(token) = &target.token else {
        climb.fell(Rung::Authenticate, 0, Cause::NotGiven, None);
        return Err(Cause::NotGiven);
    };
    let rest = Rest { ask, url: &place.url, token };
    rest.ping(climb).await?;
    seen.roundtrip = Some(roundtrip(ask, |command| rest.say(command)).await);
    Ok(())
}

#[derive(Clone, Copy)]
struct Rest<'a> {
    ask: &'a Ask,
    url: &'a Url,
    token: &'a SecretString,
}

impl Rest<'_> {
    /// One request, two rungs: a refused token fails `authenticate`, anything else but PONG `query`.
    async fn ping(self, climb: &mut Climb) -> Result<(), Cause> {
        let start = Instant::now();
        let answer = self.ask.deadline.run(RUNG, self.post(&["PING".to_owned()])).await.map_err(Fall::from);
        let fall = match answer.and_then(|answer| answer) {
            Ok(Said::Text(Some(text))) if text == "PONG" => None,
            Ok(Said::Text(_)) => Some(Fall::from(Cause::Protocol)),
            Ok(Said::Refused(Refusal { cause, code })) => Some(Fall::coded(cause, code)),
            Err(fall) => Some(fall),
        };
        match fall {
            // A token that no header can carry is malformed.
            Some(Fall { cause: cause @ (Cause::Auth | Cause::Malformed), code }) => {
                climb.fell(Rung::Authenticate, ms(start), cause, code);
                Err(cause)
            }
            Some(Fall { cause, code }) => {
                climb.fell(Rung::Query, ms(start), cause, code);
                Err(cause)
            }
            None => {
                climb.held(Rung::Authenticate, ms(start));
                climb.held(Rung::Query, 0);
                Ok(())
            }
        }
    }

    async fn say(self, command: Vec<String>) -> Result<Said, Cause> {
        let answer = self.ask.deadline.run(RUNG, self.post(&command)).await?;
        answer.map_err(|fall| fall.cause)
    }

    async fn post(self, command: &[String]) -> Result<Said, Fall> {
        let request = self.ask.net.http.post(self.url.clone()).bearer_auth(self.token.expose_secret()).json(command);
        let mut answer = request.send().await.map_err(|error| Fall::from(http_cause(&error)))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| Fall::from(http_cause(&error)))? {
            if body.len() + chunk.len() > ANSWER {
                return Err(Fall::from(Cause::TooLarge));
            }
            body.extend_from_slice(&chunk);
        }
        said(status, &body)
    }
}

/// What an answer says. Its JSON counts before its status: Upstash sends errors of Redis with 400, and a spent quota may
/// come with 429.
fn said(status: StatusCode, body: &[u8]) -> Result<Said, Fall> {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let error = json.as_ref().and_then(|j| j.get("error")).and_then(|e| e.as_str()).map(refusal::read);
    let by_status = |cause| Fall::coded(cause, status.as_str());
    match (status, error) {
        (StatusCode::UNAUTHORIZED, _) => Err(by_status(Cause::Auth)),
        (StatusCode::TOO_MANY_REQUESTS, Some(refusal)) if refusal.cause == Cause::QuotaSpent => {
            Ok(Said::Refused(refusal))
        }
        (StatusCode::TOO_MANY_REQUESTS, _) => Err(by_status(Cause::Throttled)),
        (_, Some(refusal)) => Ok(Said::Refused(refusal)),
        (StatusCode::FORBIDDEN, None) => Err(by_status(Cause::Denied)),
        (StatusCode::NOT_FOUND, None) => Err(by_status(Cause::NotFound)),
        (status, None) if status.is_server_error() => Err(by_status(Cause::ServerError)),
        (status, None) if !status.is_success() => Err(by_status(Cause::Protocol)),
        (_, None) => match json.as_ref().and_then(|j| j.get("result")) {
            Some(serde_json::Value::String(text)) => Ok(Said::Text(Some(text.clone()))),
            Some(serde_json::Value::Number(number)) => Ok(Said::Text(Some(number.to_string()))),
            Some(serde_json::Value::Null) => Ok(Said::Text(None)),
            _ => Err(Fall::from(Cause::Protocol)),
        },
    }
}
