//! A real Redis with a password.

use crate::process::{self, Daemon, Signal};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub struct Redis {
    daemon: Daemon,
    pub port: u16,
    pub password: String,
}

impl Redis {
    /// # Errors
    /// redis-server is not installed, or did not start.
    pub async fn start(password: &str) -> io::Result<Redis> {
        let folder = process::folder("redis")?;
        let port = process::free_port()?;
        // The password is in a file: what is on a command line, every user of the machine can read.
        let config = format!("bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave \"\"\nappendonly no\n");
        let file = folder.join("redis.conf");
        std::fs::write(&file, config)?;
        let arguments = [file.display().to_string()];
        let mut daemon =
            Daemon::start("redis-server", &folder, &PathBuf::from("redis-server"), &arguments, &[], Signal::Kill)?;
        daemon.ready(Duration::from_secs(10), || process::listens(port)).await?;
        Ok(Redis { daemon, port, password: password.to_owned() })
    }

    /// A connection of the sandbox's own.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn connection(&self) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
        let url = format!("redis://:{}@127.0.0.1:{}/", self.password, self.port);
        redis::Client::open(url)?.get_multiplexed_async_connection().await
    }

    pub fn stop(&mut self) {
        self.daemon.stop();
    }
}
