//! The configured session store. Stores are registered here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_core::timestamp::Timestamp;

use super::SessionStore;
use super::cookie::CookieStore;
use super::file::FileStore;
use super::redis::RedisStore;
use crate::session::revocations::StateFileError;
use crate::session::settings::SessionSettings;

#[cfg(test)]
pub(crate) use super::redis::RedisTopology;
pub(crate) use super::redis::{RedisOptions, RedisSettings};

/// The setting that names the store.
const STORE: &str = "session.store";

/// Where sessions are stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum StoreSettings {
    /// Sealed in the browser's cookies. A file has the revocation list, and a journal beside it the links to
    /// provider sessions.
    Cookie {
        /// The file with the revocation list.
        state_file: PathBuf,
    },
    /// In an embedded database, for a single replica. Cookies hold tickets.
    File {
        /// The database.
        path: PathBuf,
    },
    /// In Redis or Valkey. Cookies hold tickets.
    Redis(RedisSettings),
}

/// The settings in addition to `session.store`.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreOptions {
    /// The folder that relative paths in `session.store` are relative to.
    pub(crate) folder: PathBuf,
    /// `session.state_file`, or its default.
    pub(crate) state_file: PathBuf,
    /// `session.redis`.
    pub(crate) redis: RedisOptions,
}

/// Why the settings of the store are invalid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StoreSettingsError {
    /// The invalid setting.
    pub(crate) setting: &'static str,
    /// Whether the value may be quoted in front of the problem.
    pub(crate) value: ValueInError,
    pub(crate) problem: &'static str,
    pub(crate) help: &'static str,
}

/// What an error may show of the value that is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ValueInError {
    /// The value is not shown: the setting may not be set at all.
    Omitted,
    /// The value is quoted in front of the problem.
    Quoted,
    /// The value contains a secret, and no part of it is shown.
    Secret,
}

impl StoreSettings {
    /// Reads `session.store`, which is `cookie` by default, and its options.
    pub(crate) fn parse(
        store: Option<&str>,
        options: StoreOptions,
    ) -> Result<Self, StoreSettingsError> {
        let Some(store) = store.filter(|store| *store != "cookie") else {
            options.redis.check_unused()?;
            return Ok(Self::Cookie {
                state_file: options.state_file,
            });
        };
        let Some(path) = store.strip_prefix("file:") else {
            return RedisSettings::parse(store, options.redis).map(Self::Redis);
        };
        options.redis.check_unused()?;
        if path.is_empty() || path.ends_with('/') || path.starts_with("//") {
            return Err(StoreSettingsError::value(
                "is not the path of a file",
                "write `file:` and a path, such as `file:/var/lib/portcullis/sessions`",
            ));
        }
        Ok(Self::File {
            path: options.folder.join(Path::new(path)),
        })
    }

    /// The socket of the companion that has opened the store; `None` if several processes may use the store.
    pub(crate) fn admin_socket(&self) -> Option<PathBuf> {
        let file = match self {
            Self::Cookie { state_file } => state_file,
            Self::File { path } => path,
            Self::Redis(_) => return None,
        };
        let mut socket = file.as_os_str().to_owned();
        socket.push(".admin");
        Some(socket.into())
    }

    /// The store of the companion at this URL, beside processes that use it too; `None` if only one may use it.
    pub(in crate::session) fn shared(self, url: &str) -> Option<Arc<dyn SessionStore>> {
        match self {
            Self::Cookie { .. } | Self::File { .. } => None,
            Self::Redis(redis) => Some(Arc::new(RedisStore::new(redis, url))),
        }
    }

    /// Opens the store. Only local files are read: a server may be down when the companion starts.
    pub(in crate::session) fn open(
        self,
        settings: &SessionSettings,
        now: Timestamp,
    ) -> Result<Arc<dyn SessionStore>, StateFileError> {
        Ok(match self {
            Self::Cookie { state_file } => {
                let lifetimes = (settings.token, settings.idle);
                Arc::new(CookieStore::open(&state_file, lifetimes, now)?)
            }
            Self::File { path } => {
                Arc::new(FileStore::open(&path, &settings.url, settings.token, now)?)
            }
            Self::Redis(redis) => Arc::new(RedisStore::new(redis, &settings.url)),
        })
    }
}

impl StoreSettingsError {
    /// `session.store` has a value that can't be used.
    pub(super) const fn value(problem: &'static str, help: &'static str) -> Self {
        Self {
            setting: STORE,
            value: ValueInError::Quoted,
            problem,
            help,
        }
    }

    /// `session.store` contains a secret.
    pub(super) const fn secret(problem: &'static str, help: &'static str) -> Self {
        Self {
            setting: STORE,
            value: ValueInError::Secret,
            problem,
            help,
        }
    }

    /// A setting can't be used with this store.
    pub(super) const fn unusable(
        setting: &'static str,
        problem: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            setting,
            value: ValueInError::Omitted,
            problem,
            help,
        }
    }
}
