//! The Redis client: connects at the first command, reconnects when the connection breaks, and
//! bounds how long a command takes.

mod connection;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Cmd, FromRedisValue};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::settings::RedisSettings;
use crate::session::unavailable::Unavailable;
use connection::{Connection, unavailable};

/// How long a command may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long an attempt to connect may take. Sentinels and the nodes of a cluster are tried in turn.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The first and the longest pause between attempts to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

const TIMED_OUT: &str = "Redis: timed out";

/// A Redis client with one shared connection.
pub(super) struct Client(Arc<Shared>);

struct Shared {
    settings: RedisSettings,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the connection, so that a task whose connection broke does not close the next one.
    number: u64,
    connection: Option<Connection>,
    /// The attempt to connect, if there is one, and its result.
    attempt: Option<Attempt>,
    backoff: Option<Backoff>,
}

type Attempt = watch::Receiver<Option<Result<(), Unavailable>>>;

/// The pause after a failed attempt to connect, until one succeeds.
struct Backoff {
    until: Instant,
    pause: Duration,
    /// Why the attempt failed. Commands during the pause fail with the same error.
    error: Unavailable,
}

/// What a command can use.
enum Found {
    Connection(u64, Connection),
    Attempt(Attempt),
}

impl Client {
    /// A client without a connection yet.
    pub(super) fn new(settings: RedisSettings) -> Self {
        Self(Arc::new(Shared {
            settings,
            state: Mutex::default(),
        }))
    }

    /// Sends a command. If the connection breaks, the command is sent once more, so it must be
    /// harmless to run twice.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        let mut used = None;
        match timeout(TIMEOUT, self.try_twice(command, &mut used)).await {
            Ok(reply) => reply,
            Err(_) => {
                if let Some(number) = used {
                    self.0.close(number);
                }
                Err(Unavailable::new(TIMED_OUT))
            }
        }
    }

    /// Sets `used` to the number of the connection.
    async fn try_twice<T: FromRedisValue>(
        &self,
        command: &Cmd,
        used: &mut Option<u64>,
    ) -> Result<T, Unavailable> {
        let mut retry = true;
        loop {
            let (number, mut connection) = self.connection().await?;
            *used = Some(number);
            let error = match command.query_async(&mut connection).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            self.0.close(number);
            // The server was restarted, or is no longer the master.
            let is_transient = error.is_io_error() || error.code() == Some("READONLY");
            if !(retry && is_transient) {
                return Err(unavailable(&error));
            }
            retry = false;
        }
    }

    async fn connection(&self) -> Result<(u64, Connection), Unavailable> {
        loop {
            let mut attempt = match self.0.find()? {
                Found::Connection(number, connection) => return Ok((number, connection)),
                Found::Attempt(attempt) => attempt,
            };
            // It fails if the attempt has panicked.
            let result = attempt.wait_for(Option::is_some).await;
            let result = result.ok().and_then(|result| result.clone());
            result.unwrap_or_else(|| Err(Unavailable::new("Redis: the client failed")))?;
        }
    }
}

impl Shared {
    /// The connection, or the attempt to connect, which all commands share. It runs in a task of its own: a
    /// client that disconnects must not cancel it for the others.
    fn find(self: &Arc<Self>) -> Result<Found, Unavailable> {
        let mut state = self.state();
        if let Some(connection) = &state.connection {
            return Ok(Found::Connection(state.number, connection.clone()));
        }
        // After a panic there is no result.
        if let Some(attempt) = &state.attempt
            && attempt.has_changed().is_ok()
        {
            return Ok(Found::Attempt(attempt.clone()));
        }
        if let Some(backoff) = &state.backoff
            && Instant::now() < backoff.until
        {
            return Err(Unavailable::new(format!(
                "{} (next attempt to connect after a back-off)",
                backoff.error
            )));
        }
        let (sender, attempt) = watch::channel(None);
        state.attempt = Some(attempt.clone());
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let connecting = timeout(CONNECT_TIMEOUT, Connection::open(&shared.settings)).await;
            let connected = connecting.unwrap_or_else(|_| Err(Unavailable::new(TIMED_OUT)));
            let result = connected.as_ref().map(drop).map_err(Clone::clone);
            shared.state().connected(connected);
            sender.send_replace(Some(result));
        });
        Ok(Found::Attempt(attempt))
    }

    /// Closes the connection of this number.
    fn close(&self, number: u64) {
        let mut state = self.state();
        if number == state.number {
            state.connection = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The end of an attempt to connect.
    fn connected(&mut self, connected: Result<Connection, Unavailable>) {
        self.attempt = None;
        match connected {
            Ok(connection) => {
                self.number += 1;
                self.connection = Some(connection);
                self.backoff = None;
            }
            Err(error) => {
                let (first, longest) = BACKOFF;
                let last = self.backoff.as_ref().map(|backoff| backoff.pause);
                let pause = last.map_or(first, |pause| pause.saturating_mul(2));
                let pause = pause.min(longest);
                self.backoff = Some(Backoff {
                    until: Instant::now() + pause,
                    pause,
                    error,
                });
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}
