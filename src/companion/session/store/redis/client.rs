//! The Redis client: connects at the first command, reconnects when the connection breaks, and
//! bounds how long a command takes.

mod connection;

use std::fmt;
use std::time::Duration;

use redis::{Cmd, FromRedisValue};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::settings::RedisSettings;
use crate::session::unavailable::Unavailable;
use connection::{Connection, unavailable};

/// How long a command may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The first and the longest pause between attempts to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

const TIMED_OUT: &str = "Redis: timed out";

/// A Redis client with one shared connection.
pub(super) struct Client {
    settings: RedisSettings,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the connection, so that a task whose connection broke does not close the next one.
    number: u64,
    connection: Option<Connection>,
    backoff: Option<Backoff>,
}

/// The pause after an attempt to connect, until one succeeds.
struct Backoff {
    until: Instant,
    pause: Duration,
    /// Why the attempt failed. Commands during the pause fail with the same error.
    error: Unavailable,
}

impl Client {
    /// A client without a connection yet.
    pub(super) fn new(settings: RedisSettings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    /// Sends a command. If the connection breaks, the command is sent once more, so it must be
    /// harmless to run twice.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        match timeout(TIMEOUT, self.try_twice(command)).await {
            Ok(reply) => reply,
            Err(_) => {
                // While another call connects, there is no connection to close.
                if let Ok(mut state) = self.state.try_lock() {
                    state.connection = None;
                }
                Err(Unavailable::new(TIMED_OUT))
            }
        }
    }

    async fn try_twice<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        let mut retry = true;
        loop {
            let (number, mut connection) = self.connection().await?;
            let error = match command.query_async(&mut connection).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            self.close(number).await;
            // The server was restarted, or is no longer the master.
            let is_transient = error.is_io_error() || error.code() == Some("READONLY");
            if !(retry && is_transient) {
                return Err(unavailable(&error));
            }
            retry = false;
        }
    }

    async fn connection(&self) -> Result<(u64, Connection), Unavailable> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((state.number, connection.clone()));
        }
        if let Some(backoff) = &state.backoff
            && Instant::now() < backoff.until
        {
            return Err(Unavailable::new(format!(
                "{} (next attempt to connect after a back-off)",
                backoff.error
            )));
        }
        let (first, longest) = BACKOFF;
        let last = state.backoff.as_ref().map(|backoff| backoff.pause);
        let pause = last.map_or(first, |pause| pause.saturating_mul(2));
        let pause = pause.min(longest);
        // Set before connecting, because the caller may time out meanwhile.
        let backoff = state.backoff.insert(Backoff {
            until: Instant::now() + pause,
            pause,
            error: Unavailable::new(TIMED_OUT),
        });
        let connection = match Connection::open(&self.settings).await {
            Ok(connection) => connection,
            Err(error) => {
                backoff.error = error.clone();
                return Err(error);
            }
        };
        state.number += 1;
        state.backoff = None;
        state.connection = Some(connection.clone());
        Ok((state.number, connection))
    }

    /// Closes the connection of this number.
    async fn close(&self, number: u64) {
        let mut state = self.state.lock().await;
        if number == state.number {
            state.connection = None;
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
