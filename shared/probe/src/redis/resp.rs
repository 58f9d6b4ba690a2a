//! Redis over TCP: `redis://` and `rediss://`, on a stream of our own, so that each rung is timed and nothing is sent over
//! a session that a client would have refused.

use std::pin::pin;

use futures::future::{Either, select};
use percent_encoding::percent_decode_str;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError, Value};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use url::Url;
use vigie_core::cause::Cause;
use vigie_core::facts::{Climb, Rung};

use super::{ANSWER, Place, Refusal, Said, Seen, Stream, reach, refusal, roundtrip};
use crate::ask::{Ask, RUNG};
use crate::net::{Fall, io_cause, rung};

pub(super) async fn climb(ask: &Ask, place: &Place, climb: &mut Climb, seen: &mut Seen) -> Result<(), Cause> {
    let Some(login) = Login::read(&place.url) else {
        climb.fell(Rung::Resolve, 0, Cause::Malformed, None);
        return Err(Cause::Malformed);
    };
    match reach(ask, place, climb, seen).await? {
        Stream::Plain(stream) => speak(ask, stream, &login, climb, seen).await,
        Stream::Tls(stream) => speak(ask, *stream, &login, climb, seen).await,
    }
}

/// What the URL says beside the place: user, password, database.
struct Login {
    user: Option<String>,
    password: Option<SecretString>,
    database: u32,
}

impl Login {
    /// `None`: the percent-encoding is not UTF-8, or the database is not a number.
    fn read(url: &Url) -> Option<Login> {
        let decode = |text: &str| percent_decode_str(text).decode_utf8().ok().map(String::from);
        let user = decode(url.username())?;
        let password = url.password().map(decode);
        let path = url.path().trim_matches('/');
        Some(Login {
            user: (!user.is_empty()).then_some(user),
            password: match password {
                Some(password) => Some(password?).filter(|p| !p.is_empty()).map(SecretString::from),
                None => None,
            },
            database: if path.is_empty() { 0 } else { path.parse().ok()? },
        })
    }

    /// `AUTH [user] password`; none without a password.
    fn command(&self) -> Option<Vec<String>> {
        let password = self.password.as_ref()?.expose_secret().to_owned();
        Some(["AUTH".to_owned()].into_iter().chain(self.user.clone()).chain([password]).collect())
    }
}

/// Authenticate, PING, and the roundtrip, while the connection's driver runs beside; it ends with us.
async fn speak<S>(ask: &Ask, stream: S, login: &Login, climb: &mut Climb, seen: &mut Seen) -> Result<(), Cause>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (read, write) = tokio::io::split(stream);
    let bounded = tokio::io::join(read.take(ANSWER as u64), write);
    // No user, password, database or library name: what is sent is sent below, where its answer is read.
    let info = RedisConnectionInfo::default().set_skip_set_lib_name();
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
    let opened = MultiplexedConnection::new_with_config(&info, bounded, config).await;
    let (connection, driver) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let Fall { cause, code } = fall(&error);
            climb.fell(Rung::Authenticate, 0, cause, code);
            return Err(cause);
        }
    };
    let work = pin!(talk(ask, connection, login, climb, seen));
    match select(work, pin!(driver)).await {
        Either::Left((result, _)) => result,
        // The connection is gone; what waits for an answer hears of it.
        Either::Right(((), work)) => work.await,
    }
}

async fn talk(
    ask: &Ask,
    connection: MultiplexedConnection,
    login: &Login,
    climb: &mut Climb,
    seen: &mut Seen,
) -> Result<(), Cause> {
    rung(ask, climb, Rung::Authenticate, async {
        let Some(auth) = login.command() else {
            // Without a password the server says at the first command whether it wants one.
            return match say(connection.clone(), vec!["PING".to_owned()]).await {
                Ok(Said::Refused(refusal)) if refusal.cause == Cause::Auth => Err(Fall::from(refusal)),
                Ok(_) => Ok(()),
                Err(fall) => Err(fall),
            };
        };
        match say(connection.clone(), auth).await? {
            Said::Text(_) => Ok(()),
            Said::Refused(refusal) => Err(Fall::from(refusal)),
        }
    })
    .await?;
    rung(ask, climb, Rung::Query, async {
        if login.database != 0 {
            let select = vec!["SELECT".to_owned(), login.database.to_string()];
            if let Said::Refused(refusal) = say(connection.clone(), select).await? {
                return Err(Fall::from(refusal));
            }
        }
        match say(connection.clone(), vec!["PING".to_owned()]).await? {
            Said::Text(Some(text)) if text == "PONG" => Ok(()),
            Said::Text(_) => Err(Fall::from(Cause::Protocol)),
            Said::Refused(refusal) => Err(Fall::from(refusal)),
        }
    })
    .await?;
    let roundtrip = roundtrip(ask, |command| {
        let connection = connection.clone();
        async move { ask.deadline.run(RUNG, say(connection, command)).await?.map_err(|fall| fall.cause) }
    });
    seen.roundtrip = Some(roundtrip.await);
    Ok(())
}

async fn say(mut connection: MultiplexedConnection, words: Vec<String>) -> Result<Said, Fall> {
    let mut command = redis::Cmd::new();
    for word in &words {
        command.arg(word);
    }
    match connection.req_packed_command(&command).await {
        Ok(Value::SimpleString(text)) => Ok(Said::Text(Some(text))),
        Ok(Value::BulkString(bytes)) => Ok(Said::Text(String::from_utf8(bytes).ok())),
        Ok(Value::Int(number)) => Ok(Said::Text(Some(number.to_string()))),
        Ok(Value::Okay) => Ok(Said::Text(Some("OK".to_owned()))),
        Ok(Value::Nil) => Ok(Said::Text(None)),
        Ok(Value::ServerError(error)) => Ok(Said::Refused(refused(error.code(), error.details()))),
        Ok(_) => Err(Fall::from(Cause::Protocol)),
        Err(error) => match error.code() {
            Some(code) => Ok(Said::Refused(refused(code, error.detail()))),
            None => Err(fall(&error)),
        },
    }
}

fn refused(code: &str, detail: Option<&str>) -> Refusal {
    refusal::read(&format!("{code} {}", detail.unwrap_or_default()))
}

impl From<Refusal> for Fall {
    fn from(Refusal { cause, code }: Refusal) -> Self {
        Fall::coded(cause, code)
    }
}

/// An error that is not the server's answer.
fn fall(error: &RedisError) -> Fall {
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    Fall::from(match io {
        Some(io) => io_cause(io),
        None if error.is_timeout() => Cause::Timeout,
        None if error.is_connection_dropped() || error.is_io_error() => Cause::Reset,
        None => Cause::Protocol,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(url: &str) -> Option<(Option<String>, Option<String>, u32)> {
        let login = Login::read(&Url::parse(url).unwrap())?;
        Some((login.user, login.password.map(|p| p.expose_secret().to_owned()), login.database))
    }

    #[test]
    fn user_password_and_database_are_decoded() {
        let text = |s: &str| Some(s.to_owned());
        assert_eq!(login("redis://h"), Some((None, None, 0)));
        assert_eq!(login("redis://:p%40ss%2F@h/3"), Some((None, text("p@ss/"), 3)));
        assert_eq!(login("rediss://us%3Aer:%C3%A9@h:1/"), Some((text("us:er"), text("é"), 0)));
        assert_eq!(login("redis://default:@h"), Some((text("default"), None, 0)));
        assert_eq!(login("redis://:%ff@h"), None);
        assert_eq!(login("redis://h/db"), None);
    }
}
