//! A small front that speaks Upstash's REST before a real Redis: `POST /` with a JSON array gives `{"result": ...}`,
//! `POST /pipeline` with an array of arrays a list of them. <https://upstash.com/docs/redis/features/restapi>

use crate::serve::{self, Answer, Asked, Serving};
use hyper::{Method, StatusCode};
use redis::Value as Reply;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;

/// # Errors
/// No port is free.
pub async fn start(tls: Arc<rustls::ServerConfig>, redis: MultiplexedConnection, token: &str) -> io::Result<Serving> {
    let expected = format!("Bearer {token}");
    serve::serve(Some(tls), move |asked| {
        let (redis, expected) = (redis.clone(), expected.clone());
        async move { handle(redis, &expected, &asked).await }
    })
    .await
}

async fn handle(mut redis: MultiplexedConnection, expected: &str, asked: &Asked) -> Answer {
    if asked.header("authorization") != expected {
        return error(StatusCode::UNAUTHORIZED, "WRONGPASS invalid or missing auth token");
    }
    if asked.parts.method != Method::POST {
        return error(StatusCode::METHOD_NOT_ALLOWED, "ERR only POST is spoken here");
    }
    let Ok(body) = serde_json::from_slice::<Value>(&asked.body) else {
        return error(StatusCode::BAD_REQUEST, "ERR failed to parse the request");
    };
    match asked.path() {
        "/" => {
            let (status, result) = run(&mut redis, &body).await;
            serve::json(status, &result)
        }
        "/pipeline" => {
            let mut results = Vec::new();
            for command in body.as_array().into_iter().flatten() {
                results.push(run(&mut redis, command).await.1);
            }
            serve::json(StatusCode::OK, &Value::Array(results))
        }
        _ => error(StatusCode::NOT_FOUND, "ERR no such path"),
    }
}

async fn run(redis: &mut MultiplexedConnection, command: &Value) -> (StatusCode, Value) {
    let words: Option<Vec<String>> = command
        .as_array()
        .filter(|words| !words.is_empty())
        .map(|words| words.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect());
    let Some(words) = words else {
        return (StatusCode::BAD_REQUEST, json!({"error": "ERR a command is an array"}));
    };
    let mut command = redis::cmd(&words[0]);
    command.arg(&words[1..]);
    match command.query_async::<Reply>(redis).await {
        Ok(reply) => (StatusCode::OK, json!({"result": result(&reply)})),
        Err(error) => {
            let said = format!("{} {}", error.code().unwrap_or("ERR"), error.detail().unwrap_or_default());
            (StatusCode::BAD_REQUEST, json!({"error": said.trim()}))
        }
    }
}

fn result(reply: &Reply) -> Value {
    match reply {
        Reply::Nil => Value::Null,
        Reply::Int(number) => json!(number),
        Reply::Okay => json!("OK"),
        Reply::SimpleString(text) => json!(text),
        Reply::BulkString(bytes) => json!(String::from_utf8_lossy(bytes)),
        Reply::Array(items) => Value::Array(items.iter().map(result).collect()),
        other => json!(format!("{other:?}")),
    }
}

fn error(status: StatusCode, said: &str) -> Answer {
    serve::json(status, &json!({"error": said}))
}
