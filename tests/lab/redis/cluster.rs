//! A Redis cluster.

use serde_json::{Value, json};

use super::Redis;
use crate::lab::{port, wait};

/// The number of hash slots of a cluster.
const SLOTS: u32 = 16_384;

/// A running cluster of three servers, each with a share of the hash slots. Stopped when dropped.
#[derive(Debug)]
pub struct Cluster {
    /// The servers.
    pub servers: Vec<Redis>,
}

impl Cluster {
    /// Starts the servers and waits until they form a cluster.
    ///
    /// # Panics
    /// If they do not within [`wait::LONG`].
    pub async fn start() -> Self {
        let mut servers = Vec::new();
        for _ in 0..3_u32 {
            let bus = port::free().port().to_string();
            let more = ["--cluster-enabled", "yes", "--cluster-port", &bus];
            servers.push((Redis::launch(None, &more).await, bus));
        }
        let (first, _) = &servers[0];
        for (number, (server, bus)) in (0..).zip(&servers) {
            let share = |number: u32| SLOTS * number / 3;
            let [from, to] = [share(number), share(number + 1) - 1].map(|slot| slot.to_string());
            assert_eq!(
                server.command(&["CLUSTER", "ADDSLOTSRANGE", &from, &to]),
                "OK"
            );
            // Servers with equal epochs would first have to resolve the conflict.
            let epoch = (number + 1).to_string();
            assert_eq!(
                server.command(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]),
                "OK"
            );
            let port = server.address.port().to_string();
            assert_eq!(
                first.command(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]),
                "OK"
            );
        }
        let servers: Vec<Redis> = servers.into_iter().map(|(server, _)| server).collect();
        wait::until_true("a formed cluster", wait::LONG, async || {
            servers.iter().all(|server| {
                let output = server.command(&["CLUSTER", "INFO"]);
                output.contains("cluster_state:ok") && output.contains("cluster_known_nodes:3")
            })
        })
        .await;
        Self { servers }
    }

    /// The settings for a companion's `session`.
    #[must_use]
    pub fn session(&self) -> Value {
        let addresses: Vec<String> = self.servers.iter().map(|s| s.address.to_string()).collect();
        let redis = json!({"password_file": self.servers[0].password_file});
        json!({"store": format!("redis-cluster://{}", addresses.join(",")), "redis": redis})
    }

    /// The keys that match a pattern, of all servers, sorted.
    #[must_use]
    pub fn keys(&self, pattern: &str) -> Vec<String> {
        let mut keys: Vec<String> = self.servers.iter().flat_map(|s| s.keys(pattern)).collect();
        keys.sort();
        keys
    }
}
