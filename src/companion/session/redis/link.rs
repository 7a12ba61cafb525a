//! The connection to Redis: made when it is needed, made again when it breaks, and never waited for
//! longer than a request can wait.

mod connection;

use std::fmt;
use std::time::Duration;

use redis::{Cmd, FromRedisValue};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::settings::RedisSettings;
use crate::session::unavailable::Unavailable;
use connection::{Connection, unavailable};

/// How long a command may take, the connection included.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long nobody tries to connect after a failure: first, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

const LATE: &str = "Redis does not answer in time";

/// The connection to Redis.
pub(super) struct Link {
    settings: RedisSettings,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts connections, so that who finds one broken does not close the next.
    number: u64,
    connection: Option<Connection>,
    rest: Option<Rest>,
}

/// What the last attempt to connect has left, until one succeeds.
struct Rest {
    /// Until when nobody tries.
    until: Instant,
    /// How long that was.
    lasts: Duration,
    /// Why it failed: whoever is not let try says so too, or the reason would hardly ever be told.
    why: Unavailable,
}

impl Link {
    /// A link that nobody has used yet.
    pub(super) fn new(settings: RedisSettings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    /// Sends a command. One whose connection broke is sent again, once, so it must be one that does
    /// no harm twice.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        match timeout(PATIENCE, self.try_twice(command)).await {
            Ok(answer) => answer,
            Err(_) => {
                // Where somebody is connecting, there is none to close.
                if let Ok(mut state) = self.state.try_lock() {
                    state.connection = None;
                }
                Err(Unavailable::new(LATE))
            }
        }
    }

    async fn try_twice<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        let mut again = true;
        loop {
            let (number, mut connection) = self.connection().await?;
            let error = match command.query_async(&mut connection).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            self.close(number).await;
            // A server that was restarted, or one that is no master any more.
            let elsewhere = error.is_io_error() || error.code() == Some("READONLY");
            if !(again && elsewhere) {
                return Err(unavailable(&error));
            }
            again = false;
        }
    }

    async fn connection(&self) -> Result<(u64, Connection), Unavailable> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((state.number, connection.clone()));
        }
        if let Some(rest) = &state.rest
            && Instant::now() < rest.until
        {
            return Err(Unavailable::new(format!("a moment ago: {}", rest.why)));
        }
        let (first, most) = BACK_OFF;
        let rested = state.rest.as_ref().map(|rest| rest.lasts);
        let lasts = rested.map_or(first, |lasts| lasts.saturating_mul(2));
        let lasts = lasts.min(most);
        // Set before, because whoever waits may give up while this goes on.
        let rest = state.rest.insert(Rest {
            until: Instant::now() + lasts,
            lasts,
            why: Unavailable::new(LATE),
        });
        let connection = match Connection::open(&self.settings).await {
            Ok(connection) => connection,
            Err(why) => {
                rest.why = why.clone();
                return Err(why);
            }
        };
        state.number += 1;
        state.rest = None;
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

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
