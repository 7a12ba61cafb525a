//! Where it is kept what outlives a request: in this companion alone, or in Redis for several.

mod alone;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::ended::{Ending, State, StateFile, StateFileError};
use super::login;
use super::redis::{Redis, RedisSettings};
use super::settings::Settings;
use super::unavailable::Unavailable;
use alone::Alone;

/// How much clocks may differ.
const SKEW: Duration = Duration::from_secs(60);

/// Where sessions are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum StoreSettings {
    /// Sealed, in the browser's cookies. Beside them a file remembers which of them have ended.
    Cookie {
        /// That file.
        state_file: PathBuf,
    },
    /// In Redis or Valkey, under tickets that the cookies hold.
    Redis(RedisSettings),
}

/// Where it is kept what outlives a request.
#[derive(Debug)]
pub(super) enum Store {
    /// Sessions are in cookies.
    Cookie(Box<Alone>),
    /// Sessions are in Redis.
    Redis(Box<Redis>),
}

/// Our sessions that belong to one of a provider's.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct AtProvider {
    pub(super) sids: Vec<Id>,
    /// Whether there can be no other whose session token is good.
    pub(super) all: bool,
}

impl Store {
    /// Makes ready what is kept here. Redis is not asked yet: the companion starts without it.
    pub(super) fn open(
        store: StoreSettings,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Self, StateFileError> {
        Ok(match store {
            StoreSettings::Cookie { state_file } => {
                let file = StateFile::open(&state_file, now)?;
                Self::Cookie(Box::new(Alone::new(file, settings.token, now)))
            }
            StoreSettings::Redis(redis) => Self::Redis(Box::new(Redis::new(redis, &settings.url))),
        })
    }

    /// What has ended, as of this moment.
    pub(super) async fn ended(&self, now: Timestamp) -> Result<Arc<State>, Unavailable> {
        match self {
            Self::Cookie(alone) => Ok(alone.file.state()),
            Self::Redis(redis) => redis.ended(now).await,
        }
    }

    /// Notes that something ends. When this returns well, it is kept; `false` means that its logout
    /// token had been heeded before.
    pub(super) async fn end(&self, ending: &Ending, now: Timestamp) -> Result<bool, Unavailable> {
        match self {
            Self::Cookie(alone) => alone.file.end(ending, now).await,
            Self::Redis(redis) => redis.end(ending, now).await,
        }
    }

    /// Notes that a sign-in comes to its end. `false`: it had before.
    pub(super) async fn finish_login(
        &self,
        attempt: &str,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        match self {
            Self::Cookie(alone) => Ok(alone.finish_login(attempt, now)),
            Self::Redis(redis) => {
                redis
                    .finish_login(attempt, login::LIVES + login::SKEW)
                    .await
            }
        }
    }

    /// Notes that a session of ours belongs to one of a provider's. `token_ends` is when its session
    /// token ends, and `ends` when the session does.
    pub(super) async fn note_at_provider(
        &self,
        at_provider: Id,
        sid: Id,
        (token_ends, ends): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        match self {
            Self::Cookie(alone) => {
                alone.note_at_provider(at_provider, sid, token_ends, now);
                Ok(())
            }
            Self::Redis(redis) => {
                let until = ends.after(SKEW);
                redis.note_at_provider(at_provider, sid, until, now).await
            }
        }
    }

    /// Our sessions that belong to this one of a provider's.
    pub(super) async fn at_provider(
        &self,
        at_provider: Id,
        now: Timestamp,
    ) -> Result<AtProvider, Unavailable> {
        match self {
            Self::Cookie(alone) => Ok(alone.at_provider(at_provider, now)),
            Self::Redis(redis) => {
                let sids = redis.at_provider(at_provider, now).await?;
                Ok(AtProvider { sids, all: true })
            }
        }
    }
}
