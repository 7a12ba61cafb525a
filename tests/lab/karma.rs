//! A client that polls Alertmanagers as Karma does: with what it read from its configuration when it
//! started.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::{MissedTickBehavior, interval};

use super::background::{self, Task};
use super::client::{Call, Connection, Response};
use super::wait;

/// What Karma requests in each poll, in this order: the version of Alertmanager is in `/metrics`.
pub const PATHS: [&str; 4] = [
    "/metrics",
    "/api/v2/status",
    "/api/v2/silences",
    "/api/v2/alerts/groups",
];

/// An Alertmanager in the configuration.
#[derive(Clone, Debug)]
pub struct Upstream {
    host: String,
    address: SocketAddr,
    /// For `https://` URLs.
    trust: Option<Arc<ClientConfig>>,
    authorization: Option<String>,
}

/// A running client. Stopped when dropped.
#[derive(Debug)]
pub struct Karma {
    polls: Arc<Mutex<Polls>>,
    _task: Task,
}

/// What became of the polls so far.
#[derive(Clone, Debug, Default)]
pub struct Polls {
    /// The number of polls of all Alertmanagers that are complete.
    pub complete: usize,
    /// The requests that were not answered 200, in order, with the host, the path and the verdict (see
    /// [`super::Response::verdict`]), or why there is no response.
    pub failures: Vec<String>,
}

// === impl Upstream ===

impl Upstream {
    /// `http://host` at this address, which may be a proxy's.
    #[must_use]
    pub fn new(host: &str, address: SocketAddr) -> Self {
        Self {
            host: host.to_owned(),
            address,
            trust: None,
            authorization: None,
        }
    }

    /// `https://` instead, with these CAs.
    #[must_use]
    pub fn tls(mut self, trust: Arc<ClientConfig>) -> Self {
        self.trust = Some(trust);
        self
    }

    /// `headers: {Authorization: …}`, a copy that is sent for ever.
    #[must_use]
    pub fn authorization(mut self, value: &str) -> Self {
        self.authorization = Some(value.to_owned());
        self
    }

    /// Sends the requests of one poll, and returns what failed.
    async fn poll(&self) -> Vec<String> {
        let mut connection = None;
        let mut failures = Vec::new();
        for path in PATHS {
            let mut call = Call::get(&self.host, path);
            if let Some(value) = &self.authorization {
                call = call.header("authorization", value);
            }
            let verdict = match self.send(&call, &mut connection).await {
                Ok(response) => response.verdict(),
                Err(error) => error.to_string(),
            };
            if verdict != "200" {
                failures.push(format!("{}{path}: {verdict}", self.host));
            }
        }
        failures
    }

    /// Sends a request over the connection of the one before. As clients do, it opens another one if the
    /// server has closed that in between.
    async fn send(&self, call: &Call, connection: &mut Option<Connection>) -> io::Result<Response> {
        if let Some(mut used) = connection.take()
            && let Ok(response) = used.try_send(call).await
        {
            *connection = Some(used);
            return Ok(response);
        }
        let mut opened = self.connect().await?;
        let response = opened.try_send(call).await?;
        *connection = Some(opened);
        Ok(response)
    }

    async fn connect(&self) -> io::Result<Connection> {
        match &self.trust {
            Some(trust) => Connection::open_tls(self.address, &self.host, trust).await,
            None => Connection::open(self.address).await,
        }
    }
}

// === impl Karma ===

impl Karma {
    /// Starts to poll all of these Alertmanagers, each in every `pause`.
    #[must_use]
    pub fn start(upstreams: Vec<Upstream>, pause: Duration) -> Self {
        let polls = Arc::<Mutex<Polls>>::default();
        let task = background::spawn({
            let polls = Arc::clone(&polls);
            async move {
                let mut ticks = interval(pause);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    for upstream in &upstreams {
                        let failures = upstream.poll().await;
                        lock(&polls).failures.extend(failures);
                    }
                    lock(&polls).complete += 1;
                }
            }
        });
        Self { polls, _task: task }
    }

    /// What became of the polls so far.
    #[must_use]
    pub fn polls(&self) -> Polls {
        lock(&self.polls).clone()
    }

    /// Waits until this many more polls are complete.
    ///
    /// # Panics
    /// If they are not in [`wait::LONG`].
    pub async fn polled(&self, more: usize) {
        let enough = lock(&self.polls).complete + more;
        wait::until_true("Karma's polls", wait::LONG, async || {
            lock(&self.polls).complete >= enough
        })
        .await;
    }
}

fn lock(polls: &Mutex<Polls>) -> MutexGuard<'_, Polls> {
    polls.lock().expect("no panic while it is held")
}
