//! The state of ended sessions in Redis, for several replicas.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use portcullis_core::timestamp::Timestamp;
use tokio::sync::Mutex;

use super::{Redis, script};
use crate::session::bytes;
use crate::session::ended::{Ending, State};
use crate::session::unavailable::Unavailable;

/// How often a change is tried again that another replica came before.
const ATTEMPTS: usize = 20;

/// The longest pause before that. Each is random, so that the same replica is not late every time.
const PAUSE: Duration = Duration::from_millis(20);

/// Changes the state, if it has this version still: 1.
const REPLACE: &str = "\
if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'state', ARGV[3])
return 1";

/// What was last read, and who is changing it.
#[derive(Debug, Default)]
pub(super) struct Cache {
    last: ArcSwapOption<Versioned>,
    writing: Mutex<()>,
}

#[derive(Debug)]
struct Versioned {
    /// Random, so that a state which begins anew never looks like the one before.
    version: String,
    state: Arc<State>,
}

impl Redis {
    /// The state of this moment. Where there is none, it begins now, and says so.
    pub(in crate::session) async fn ended(
        &self,
        now: Timestamp,
    ) -> Result<Arc<State>, Unavailable> {
        Ok(Arc::clone(&self.read_ended(now).await?.state))
    }

    /// Notes that something ends. When this returns well, Redis has it.
    pub(in crate::session) async fn end(
        &self,
        ending: &Ending,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        // Others of this replica would only come before it.
        let _alone = self.ended.writing.lock().await;
        for _ in 0..ATTEMPTS {
            let before = self.read_ended(now).await?;
            let mut next = State::clone(&before.state);
            if !next.end(ending, now) {
                return Ok(false);
            }
            if self.replace_ended(&before.version, next).await? {
                return Ok(true);
            }
            let [chance] = bytes::random::<1>();
            tokio::time::sleep(PAUSE * u32::from(chance) / u32::from(u8::MAX)).await;
        }
        Err(Unavailable::new(
            "other replicas change the ended sessions all the time",
        ))
    }

    async fn read_ended(&self, now: Timestamp) -> Result<Arc<Versioned>, Unavailable> {
        let mut command = redis::cmd("HGET");
        command.arg(self.names.ended()).arg("version");
        let version: Option<String> = self.link.query(&command).await?;
        let last = self.ended.last.load_full();
        if let Some(last) = last.filter(|last| Some(&last.version) == version.as_ref()) {
            return Ok(last);
        }
        let mut command = redis::cmd("HMGET");
        command.arg(self.names.ended()).arg("version").arg("state");
        for _ in 0..ATTEMPTS {
            type Fields = (Option<String>, Option<Vec<u8>>);
            let (version, state): Fields = self.link.query(&command).await?;
            if let (Some(version), Some(state)) = (version, state) {
                let state = State::parse(&state).map_err(|error| {
                    let key = self.names.ended();
                    let help = "after `DEL` of it, all sessions prove themselves at their provider";
                    Unavailable::new(format!("Redis: `{key}` cannot be read: {error}; {help}"))
                })?;
                let state = Arc::new(state);
                let read = Arc::new(Versioned { version, state });
                self.ended.last.store(Some(Arc::clone(&read)));
                return Ok(read);
            }
            self.replace_ended("", State::begin(now)).await?;
        }
        Err(Unavailable::new("Redis forgets the ended sessions at once"))
    }

    async fn replace_ended(&self, version: &str, next: State) -> Result<bool, Unavailable> {
        let mut command = script(REPLACE, &self.names.ended());
        command
            .arg(version)
            .arg(bytes::encode(bytes::random::<12>()))
            .arg(next.to_json());
        self.link.query::<u64>(&command).await.map(|done| done == 1)
    }
}
