//! The file of a token, which is read again when it changes.
//!
//! The file is read several times a second and its content compared, as other files are (see [`crate::watch`]). New
//! content counts after two equal reads, so that no half-written token is sent; the second one follows soon. A file that has no token keeps the last
//! one for [`GRACE`], because a file may be absent or empty for a moment while it is replaced. After that there is no
//! token: an operator who removes the file withdraws it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::http::HeaderValue;
use portcullis_core::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tracing::{error, info, warn};
use zeroize::Zeroizing;

use super::metrics::TokenMetrics;
use super::token::{self, BearerToken, InvalidToken};
use crate::clock;
use crate::files;

#[cfg(test)]
mod tests;

/// How often the file is read.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// When changed content is read again, which takes less than this to write.
const CONFIRM_AFTER: Duration = Duration::from_millis(50);

/// How long the last token stays in use while the file has none.
const GRACE: Duration = Duration::from_secs(10);

/// The file of a token. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    current: Arc<ArcSwap<Current>>,
    observed: Arc<Mutex<Observed>>,
    metrics: TokenMetrics,
}

/// What the file has.
#[derive(Debug)]
enum Current {
    Token(BearerToken),
    Nothing(NoToken),
}

/// What was read so far.
#[derive(Debug, Default)]
struct Observed {
    /// What was read last.
    read: Option<Content>,
    /// What is in use.
    used: Option<Content>,
    /// Why the file has had no token, and since when.
    failed: Option<(Instant, NoToken)>,
    /// Whether the log has a warning that the token in use is overdue, or an error that it has expired.
    is_reported: Reported,
}

#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Reported {
    #[default]
    Nothing,
    Overdue,
    Expired,
}

/// The digest of a content, because the content is secret.
type Content = [u8; 32];

/// Why the file has no token.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum NoToken {
    #[error("can't be read: {0}")]
    Unreadable(String),
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
}

/// Why there is no token that can be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Unusable {
    /// The file has none.
    NoToken(NoToken),
    /// It has expired.
    Expired(Timestamp),
}

impl TokenFile {
    /// Reads the file for the first time. It need not have a token yet.
    pub(crate) fn open(path: &Path, metrics: TokenMetrics) -> Self {
        let file = Self {
            path: path.to_owned(),
            current: Arc::new(ArcSwap::from_pointee(Current::Nothing(NoToken::Invalid(
                InvalidToken::Empty,
            )))),
            observed: Arc::default(),
            metrics,
        };
        let content = file.read();
        // Nothing is in use that a half-written file could replace.
        if let Ok(content) = &content {
            file.observed().read = Some(digest(content));
        }
        file.observe(content, Instant::now(), clock::now());
        file
    }

    /// Follows the file for as long as this future is polled.
    ///
    /// On a thread of its own, because lookups of names that hang may occupy those of the runtime.
    pub(crate) async fn follow(self) {
        let guard = Arc::new(());
        let followed = Arc::downgrade(&guard);
        let reader = thread::Builder::new().name("token file".to_owned());
        let reader = reader.spawn(move || {
            while followed.strong_count() > 0 {
                let pause = if self.has_unconfirmed_content() {
                    CONFIRM_AFTER
                } else {
                    POLL_INTERVAL
                };
                thread::park_timeout(pause);
                self.observe(self.read(), Instant::now(), clock::now());
            }
        });
        match reader {
            Ok(_) => std::future::pending().await,
            Err(error) => error!(%error, "file watching can't start"),
        }
        drop(guard);
    }

    /// Whether the content of the last read differs from the one before.
    fn has_unconfirmed_content(&self) -> bool {
        let observed = self.observed();
        observed.read.is_some() && observed.read != observed.used && observed.failed.is_none()
    }

    /// The value of `Authorization`, and when the token expires, unless there is no token or it has expired.
    pub(super) fn authorization(
        &self,
        now: Timestamp,
    ) -> Result<(HeaderValue, Option<Timestamp>), Unusable> {
        match &**self.current.load() {
            Current::Token(token) => match token.times().expires_at {
                Some(expires_at) if expires_at <= now => Err(Unusable::Expired(expires_at)),
                expires_at => Ok((token.authorization(), expires_at)),
            },
            Current::Nothing(why) => Err(Unusable::NoToken(why.clone())),
        }
    }

    /// Whether there is a token that has not expired.
    pub(crate) fn is_usable(&self) -> bool {
        self.authorization(clock::now()).is_ok()
    }

    /// Its path in messages: only if something is there, because the value could be the token itself.
    pub(crate) fn shown(&self) -> String {
        files::shown(&self.path)
    }

    fn read(&self) -> Result<Zeroizing<Vec<u8>>, NoToken> {
        let unreadable = |error: io::Error| NoToken::Unreadable(error.to_string());
        let file = files::open(&self.path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        // A line break at the end is no part of the token.
        if length > token::MAX_BYTES as u64 + 2 {
            return Err(InvalidToken::TooLarge.into());
        }
        let content = files::read_bounded(file).map_err(unreadable)?;
        Ok(Zeroizing::new(content))
    }

    /// Reports what was read at a time.
    fn observe(&self, read: Result<Zeroizing<Vec<u8>>, NoToken>, at: Instant, now: Timestamp) {
        let mut observed = self.observed();
        let parsed = match read {
            Ok(content) => {
                let digest = digest(&content);
                let is_second = observed.read.replace(digest) == Some(digest);
                if observed.used == Some(digest) {
                    Ok(None)
                } else if is_second {
                    let token = BearerToken::parse(&content).map_err(NoToken::from);
                    token.map(|token| Some((digest, token)))
                } else {
                    // It may be half-written. What has failed before is still so.
                    return self.expire(&mut observed, at, now);
                }
            }
            Err(why) => {
                observed.read = None;
                Err(why)
            }
        };
        match parsed {
            Ok(found) => {
                if observed.failed.take().is_some() && found.is_none() {
                    info!(file = self.shown(), "the token file has its token again");
                }
                if let Some((digest, token)) = found {
                    self.accept(&mut observed, digest, token);
                }
            }
            Err(why) => self.fail(&mut observed, why, at),
        }
        self.expire(&mut observed, at, now);
    }

    fn accept(&self, observed: &mut Observed, digest: Content, token: BearerToken) {
        observed.used = Some(digest);
        observed.is_reported = Reported::Nothing;
        let expires_at = token.times().expires_at;
        self.metrics.loaded(expires_at);
        let file = self.shown();
        match expires_at {
            Some(expires_at) => {
                let expires = clock::http_date(expires_at);
                info!(file, expires, "token loaded");
            }
            None => warn!(
                file,
                "the token is not a JWT with `exp`, so it is sent without knowing whether it has expired"
            ),
        }
        self.current.store(Arc::new(Current::Token(token)));
    }

    /// Logs and counts each failure once, and not at each read.
    fn fail(&self, observed: &mut Observed, why: NoToken, at: Instant) {
        let since = observed.failed.as_ref().map_or(at, |(since, _)| *since);
        let is_new = observed
            .failed
            .as_ref()
            .is_none_or(|(_, earlier)| *earlier != why);
        if is_new {
            self.metrics.failed();
            let (file, consequence) = (
                self.shown(),
                match observed.used {
                    Some(_) => "the last token stays in use for a few seconds",
                    None => "requests are refused until it can",
                },
            );
            warn!(file, error = %why, "token file can't be used; {consequence}");
        }
        observed.failed = Some((since, why));
    }

    /// Withdraws a token whose file has had none for [`GRACE`], and reports one that is not replaced in time.
    fn expire(&self, observed: &mut Observed, at: Instant, now: Timestamp) {
        if let Some((since, why)) = &observed.failed
            && (observed.used.is_none() || at.duration_since(*since) >= GRACE)
        {
            if observed.used.take().is_some() {
                self.metrics.withdrawn();
                error!(file = self.shown(), error = %why, "there is no token; requests are refused");
            }
            self.current.store(Arc::new(Current::Nothing(why.clone())));
            return;
        }
        let Current::Token(token) = &**self.current.load() else {
            return;
        };
        let times = token.times();
        let Some(expires_at) = times.expires_at else {
            return;
        };
        let state = if times.has_expired(now) {
            Reported::Expired
        } else if times.is_overdue(now) {
            Reported::Overdue
        } else {
            Reported::Nothing
        };
        if state <= observed.is_reported {
            return;
        }
        observed.is_reported = state;
        let (file, expires) = (self.shown(), clock::http_date(expires_at));
        match state {
            Reported::Nothing => {}
            Reported::Overdue => warn!(
                file,
                expires, "the token expires soon and has not been replaced"
            ),
            Reported::Expired => {
                error!(file, expires, "the token has expired; requests are refused")
            }
        }
    }

    fn observed(&self) -> std::sync::MutexGuard<'_, Observed> {
        // No code panics while it holds the lock.
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(content: &[u8]) -> Content {
    Sha256::digest(content).into()
}

// === impl Unusable ===

impl Unusable {
    /// The reason in the response.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::NoToken(NoToken::Unreadable(_)) => "token-unreadable",
            Self::NoToken(NoToken::Invalid(InvalidToken::Empty)) => "token-empty",
            Self::NoToken(NoToken::Invalid(InvalidToken::TooLarge)) => "token-too-large",
            Self::NoToken(NoToken::Invalid(
                InvalidToken::SeveralLines | InvalidToken::WhiteSpace | InvalidToken::NotVisible,
            )) => "token-malformed",
            Self::Expired(_) => "token-expired",
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken(why) => write!(f, "the token file {why}"),
            Self::Expired(at) => {
                let (at, now) = (clock::http_date(*at), clock::http_date(clock::now()));
                write!(f, "the token expired at {at}; it is {now} now")
            }
        }
    }
}
