//! Many clients at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::task::JoinSet;

use super::{Call, Connection, Response};

/// Clients, each with its own connection. A few dozen reach every worker of a gateway.
#[derive(Debug)]
pub struct ClientPool(Vec<Connection>);

impl ClientPool {
    /// Connects this many clients.
    ///
    /// # Panics
    /// If nothing listens there.
    pub async fn connect(address: SocketAddr, clients: usize) -> Self {
        let mut connections = Vec::new();
        for _ in 0..clients {
            connections.push(Connection::open(address).await.expect("a connection"));
        }
        Self(connections)
    }

    /// Each client sends one of these requests, all at once. Clients without a request disconnect.
    /// Dropping the returned set disconnects the clients that still wait.
    pub fn send(self, calls: impl IntoIterator<Item = Call>) -> JoinSet<Response> {
        let mut responses = JoinSet::new();
        for (mut connection, call) in self.0.into_iter().zip(calls) {
            responses.spawn(async move { connection.send(&call).await });
        }
        responses
    }

    /// Each client sends requests, one after the other, as long as `next` returns one. Returns the
    /// count of each verdict.
    ///
    /// # Panics
    /// If no complete response arrives.
    pub async fn send_all(
        self,
        next: impl Fn() -> Option<Call> + Clone + Send + 'static,
    ) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        let mut clients = JoinSet::new();
        for mut connection in self.0 {
            let next = next.clone();
            clients.spawn(async move {
                let mut verdicts = Vec::new();
                while let Some(call) = next() {
                    verdicts.push(connection.send(&call).await.verdict());
                }
                verdicts
            });
        }
        for verdict in clients.join_all().await.into_iter().flatten() {
            *counts.entry(verdict).or_default() += 1;
        }
        counts
    }
}
