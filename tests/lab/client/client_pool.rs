//! Many clients at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::task::JoinSet;

use super::{Call, Connection, Reply};

/// Clients, each with a connection of its own, of which a few dozen reach every worker of a gateway.
#[derive(Debug)]
pub struct ClientPool(Vec<Connection>);

impl ClientPool {
    /// As many clients, connected.
    ///
    /// # Panics
    /// When nobody listens there.
    pub async fn connect(address: SocketAddr, clients: usize) -> Self {
        let mut connections = Vec::new();
        for _ in 0..clients {
            connections.push(Connection::open(address).await.expect("a connection"));
        }
        Self(connections)
    }

    /// Lets each send one of these calls, the first client the first call, all at once. Those for whom there is
    /// no call leave. Dropping what is returned makes the clients leave that still wait.
    pub fn send(self, calls: impl IntoIterator<Item = Call>) -> JoinSet<Reply> {
        let mut replies = JoinSet::new();
        for (mut connection, call) in self.0.into_iter().zip(calls) {
            replies.spawn(async move { connection.send(&call).await });
        }
        replies
    }

    /// Lets each send calls, one after the other, as long as `next` gives any, and returns how often each verdict
    /// was counts.
    ///
    /// # Panics
    /// When no whole answer comes.
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
