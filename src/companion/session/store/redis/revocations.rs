//! The revocation list in Redis: read and changed by all replicas.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use portcullis_core::timestamp::Timestamp;
use tokio::sync::Mutex;

use super::{RedisStore, script};
use crate::session::bytes;
use crate::session::revocations::{RevocationBatch, RevocationState};
use crate::session::unavailable::Unavailable;

/// How often a change is tried if other replicas change the list at the same time.
const MAX_ATTEMPTS: usize = 20;

/// The maximum pause between two attempts. Pauses are random, so that no replica fails every time.
const MAX_PAUSE: Duration = Duration::from_millis(20);

/// Replaces the list and returns 1, if it still has this version.
const REPLACE: &str = "\
if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'state', ARGV[3])
return 1";

/// The list that was last read, and the lock for changing it.
#[derive(Debug, Default)]
pub(super) struct RevocationCache {
    last: ArcSwapOption<Versioned>,
    write_lock: Mutex<()>,
}

#[derive(Debug)]
struct Versioned {
    /// Random, so that a new list never has the version of an earlier one.
    version: String,
    state: Arc<RevocationState>,
}

impl RedisStore {
    /// The current list. Its version is read each time, because a revocation by another replica must take
    /// effect at once. The list itself is read only if it has changed.
    pub(super) async fn read_revocations(
        &self,
        now: Timestamp,
    ) -> Result<Arc<RevocationState>, Unavailable> {
        Ok(Arc::clone(&self.read_versioned(now).await?.state))
    }

    /// Adds revocations. They are in Redis when this returns `Ok`.
    pub(super) async fn add_revocations(
        &self,
        batch: &RevocationBatch,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        // Two changes of one replica would only conflict.
        let _guard = self.revocation_cache.write_lock.lock().await;
        for _ in 0..MAX_ATTEMPTS {
            let before = self.read_versioned(now).await?;
            let mut next = RevocationState::clone(&before.state);
            if !next.apply(batch, now) {
                return Ok(false);
            }
            if self.replace(&before.version, &next).await? {
                return Ok(true);
            }
            let [random] = bytes::random::<1>();
            tokio::time::sleep(MAX_PAUSE * u32::from(random) / u32::from(u8::MAX)).await;
        }
        Err(Unavailable::new(
            "Redis: too many conflicting changes of the revocation list by other replicas",
        ))
    }

    async fn read_versioned(&self, now: Timestamp) -> Result<Arc<Versioned>, Unavailable> {
        let mut command = redis::cmd("HGET");
        command.arg(self.names.revocations()).arg("version");
        let version: Option<String> = self.client.query(&command).await?;
        let last = self.revocation_cache.last.load_full();
        if let Some(last) = last.filter(|last| Some(&last.version) == version.as_ref()) {
            return Ok(last);
        }
        let mut command = redis::cmd("HMGET");
        command
            .arg(self.names.revocations())
            .arg("version")
            .arg("state");
        for _ in 0..MAX_ATTEMPTS {
            type Fields = (Option<String>, Option<Vec<u8>>);
            let (version, state): Fields = self.client.query(&command).await?;
            if let (Some(version), Some(state)) = (version, state) {
                let state = RevocationState::parse(&state).map_err(|error| self.invalid(&error))?;
                let state = Arc::new(state);
                let read = Arc::new(Versioned { version, state });
                self.revocation_cache.last.store(Some(Arc::clone(&read)));
                return Ok(read);
            }
            self.replace("", &RevocationState::new(now)).await?;
        }
        Err(Unavailable::new(
            "Redis: the revocation list was deleted again; help: set `maxmemory-policy noeviction`",
        ))
    }

    async fn replace(&self, version: &str, next: &RevocationState) -> Result<bool, Unavailable> {
        let mut command = script(REPLACE, &self.names.revocations());
        command
            .arg(version)
            .arg(bytes::encode(bytes::random::<12>()))
            .arg(next.to_json());
        self.client
            .query::<u64>(&command)
            .await
            .map(|done| done == 1)
    }

    fn invalid(&self, error: &str) -> Unavailable {
        let key = self.names.revocations();
        let help = "delete this key; then all present sessions must be refreshed at their provider";
        Unavailable::new(format!(
            "Redis: invalid revocation list in key `{key}`: {error}; help: {help}"
        ))
    }
}
