//! A small HTTPS app with NextAuth's routes.

use crate::serve::{self, Serving};
use hyper::StatusCode;
use serde_json::json;
use std::io;
use std::sync::{Arc, Mutex};

pub struct Site {
    pub serving: Serving,
    callbacks: Arc<Mutex<String>>,
}

impl Site {
    /// Callbacks point nowhere until [`Site::callbacks`] says where.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(tls: Arc<rustls::ServerConfig>) -> io::Result<Site> {
        let callbacks = Arc::new(Mutex::new(String::new()));
        let origin = callbacks.clone();
        let serving = serve::serve(Some(tls), move |asked| {
            let origin = origin.lock().map(|origin| origin.clone()).unwrap_or_default();
            async move {
                match asked.path() {
                    "/" => {
                        serve::answer(StatusCode::OK, "text/html; charset=utf-8", "<!doctype html><title>Shop</title>")
                    }
                    "/api/auth/providers" => serve::json(StatusCode::OK, &providers(&origin)),
                    _ => serve::text(StatusCode::NOT_FOUND, "not found"),
                }
            }
        })
        .await?;
        Ok(Site { serving, callbacks })
    }

    /// The origin that the providers' addresses carry: `https://app.shop.internal:8443`.
    pub fn callbacks(&self, origin: &str) {
        if let Ok(mut callbacks) = self.callbacks.lock() {
            origin.clone_into(&mut callbacks);
        }
    }
}

fn providers(origin: &str) -> serde_json::Value {
    let of = |id: &str, name: &str, kind: &str| {
        json!({"id": id, "name": name, "type": kind,
            "signinUrl": format!("{origin}/api/auth/signin/{id}"),
            "callbackUrl": format!("{origin}/api/auth/callback/{id}")})
    };
    json!({"google": of("google", "Google", "oauth"), "email": of("email", "Email", "email")})
}
