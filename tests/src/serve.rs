//! HTTP/1.1 servers of ours: one accept loop each; dropping the handle ends the listener and every connection.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};

use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// The longest body that a server of the sandbox reads.
pub const LARGEST: usize = 16 << 20;

pub type Answer = Response<Full<Bytes>>;

/// A listening server. Dropped = gone, its connections too.
pub struct Serving {
    pub port: u16,
    task: JoinHandle<()>,
}

impl Serving {
    pub fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request whose body has been read.
pub struct Asked {
    pub parts: hyper::http::request::Parts,
    pub body: Bytes,
}

impl Asked {
    /// The value of a header, when it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[must_use]
    pub fn path(&self) -> &str {
        self.parts.uri.path()
    }
}

/// Serves on a free port of 127.0.0.1, over TLS when `tls` is given.
///
/// # Errors
/// No port is free.
pub async fn serve<H, F>(tls: Option<Arc<rustls::ServerConfig>>, handler: H) -> io::Result<Serving>
where
    H: Fn(Asked) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let tls = tls.map(TlsAcceptor::from);
    let task = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            // Finished connections are let go here, so that the set does not grow.
            while connections.try_join_next().is_some() {}
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            let (tls, handler) = (tls.clone(), handler.clone());
            connections.spawn(async move {
                match tls {
                    None => connection(stream, handler).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            connection(stream, handler).await;
                        }
                    }
                }
            });
        }
    });
    Ok(Serving { port, task })
}

async fn connection<S, H, F>(stream: S, handler: H)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Asked) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let handler = handler.clone();
        async move {
            let (parts, body) = request.into_parts();
            Ok::<_, Infallible>(match Limited::new(body, LARGEST).collect().await {
                Ok(body) => handler(Asked { parts, body: body.to_bytes() }).await,
                Err(_) => text(StatusCode::PAYLOAD_TOO_LARGE, "too large"),
            })
        }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

#[must_use]
pub fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static(kind));
    answer
}

#[must_use]
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    answer(status, "text/plain; charset=utf-8", body)
}

#[must_use]
pub fn json(status: StatusCode, body: &serde_json::Value) -> Answer {
    answer(status, "application/json", body.to_string())
}
