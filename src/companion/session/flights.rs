//! One redemption for all who ask for it at once, or shortly after.
//!
//! A provider that rotates refresh tokens takes one that comes back for a theft and ends the whole
//! grant. But a browser sends several requests at once, each with the same sealed session, and the
//! new one has not come back to it yet.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::time::Instant;

use super::bytes;
use super::record::Session;
use crate::provider::Secret;

#[cfg(test)]
mod tests;

/// For how long late callers get what the others got.
const KEPT: Duration = Duration::from_secs(60);

/// For how long a failure that may pass is not tried again.
const SPARED: Duration = Duration::from_secs(1);

/// How many results are kept. A session has a few kilobytes.
const MAX_KEPT: usize = 4096;

/// How many spent tokens are remembered. Each has 32 bytes and two times.
const MAX_SPENT: usize = 1 << 16;

/// What came of a redemption.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Landing {
    /// The session with the provider's new tokens.
    Renewed(Arc<Session>),
    /// The session is over.
    Ended,
    /// Another has the new tokens for this one, and has had them for longer than anybody who is late
    /// takes: two hold the session, and one of them is a thief (RFC 9700 section 4.14.2).
    Replayed,
    /// Nobody can tell just now.
    Unavailable,
}

/// Redemptions under way, and what came of the last ones.
#[derive(Debug, Default)]
pub(super) struct Flights {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    tokens: HashMap<TokenHash, Fate>,
    /// What has landed, in that order, with the end of its being kept.
    kept: VecDeque<(Timestamp, TokenHash)>,
    /// What is remembered as spent, in that order, with the end of that.
    spent: VecDeque<(Timestamp, TokenHash)>,
}

/// What has become of a refresh token.
#[derive(Debug)]
enum Fate {
    /// It is being redeemed.
    Flying(watch::Receiver<Option<Landing>>),
    /// It has been, and late callers get what came of it.
    Landed {
        landing: Landing,
        until: Timestamp,
        /// If the token is no good any more: until when a session could still hold it.
        spent: Option<Timestamp>,
    },
    /// It has been, and must not be sent again.
    Spent {
        until: Timestamp,
        /// If it was renewed: from when on nobody is late any more who shows it. What is forgotten
        /// because there was too much ends before that.
        replayed_from: Option<Timestamp>,
    },
}

type TokenHash = [u8; 32];

/// Takes its entry out again where a redemption dies without a landing.
struct Pilot {
    flights: Arc<Flights>,
    hash: TokenHash,
    tell: watch::Sender<Option<Landing>>,
    /// Until when the session could hold the token.
    ends: Timestamp,
    landed: bool,
}

impl Flights {
    /// What came of redeeming the refresh token of this session: by `redeem`, or by another call
    /// with the same token. The redemption goes on when the caller does not, because once it has
    /// begun its result must not be lost.
    pub(super) async fn join<F>(
        self: &Arc<Self>,
        token: &Secret,
        session: &Session,
        now: Timestamp,
        redeem: impl FnOnce() -> F,
    ) -> Landing
    where
        F: Future<Output = Landing> + Send + 'static,
    {
        let hash = hash_of(session, token);
        let mut landing = match self.board(hash, session, now) {
            Boarded::Landed(landing) => return landing,
            Boarded::Flying(landing) => landing,
            Boarded::Pilot(pilot) => {
                let landing = pilot.tell.subscribe();
                let (redemption, began) = (redeem(), Instant::now());
                tokio::spawn(async move {
                    let landing = redemption.await;
                    pilot.land(landing, now.after(began.elapsed()));
                });
                landing
            }
        };
        let landed = landing.wait_for(Option::is_some).await;
        landed
            .ok()
            .and_then(|landing| landing.clone())
            .unwrap_or(Landing::Unavailable)
    }

    /// How many results are kept and how many spent tokens are remembered.
    pub(super) fn counts(&self) -> (usize, usize) {
        let known = self.known();
        (known.kept.len(), known.spent.len())
    }

    fn board(self: &Arc<Self>, hash: TokenHash, session: &Session, now: Timestamp) -> Boarded {
        let mut known = self.known();
        known.forget(now);
        match known.fate(&hash, now) {
            Some(Fate::Flying(landing)) => return Boarded::Flying(landing.clone()),
            Some(Fate::Landed { landing, .. }) if !landing.is_had_by(session) => {
                return Boarded::Landed(landing.clone());
            }
            Some(Fate::Spent {
                replayed_from: Some(from),
                ..
            }) if *from <= now => return Boarded::Landed(Landing::Replayed),
            Some(Fate::Landed { spent: Some(_), .. } | Fate::Spent { .. }) => {
                return Boarded::Landed(Landing::Ended);
            }
            // The provider gave the same token again, and what it vouched for has run out again.
            Some(Fate::Landed { spent: None, .. }) | None => {}
        }
        let (tell, landing) = watch::channel(None);
        known.tokens.insert(hash, Fate::Flying(landing));
        Boarded::Pilot(Pilot {
            flights: Arc::clone(self),
            hash,
            tell,
            ends: session.ends,
            landed: false,
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing that panics is ever done while it is held.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Boarded {
    Flying(watch::Receiver<Option<Landing>>),
    Landed(Landing),
    Pilot(Pilot),
}

// === impl Landing ===

impl Landing {
    /// Whether a session already has what this is.
    fn is_had_by(&self, session: &Session) -> bool {
        match self {
            Self::Renewed(renewed) => renewed.vouched <= session.vouched,
            Self::Ended | Self::Replayed | Self::Unavailable => false,
        }
    }
}

// === impl Pilot ===

impl Pilot {
    fn land(mut self, landing: Landing, now: Timestamp) {
        let mut known = self.flights.known();
        known.land(self.hash, landing.clone(), self.ends, now);
        drop(known);
        self.landed = true;
        self.tell.send_replace(Some(landing));
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        if !self.landed {
            self.flights.known().tokens.remove(&self.hash);
        }
    }
}

// === impl Known ===

impl Known {
    fn fate(&mut self, hash: &TokenHash, now: Timestamp) -> Option<&Fate> {
        if let Some(Fate::Landed { until, .. }) = self.tokens.get(hash)
            && *until <= now
        {
            self.settle(*until, *hash);
        }
        self.tokens.get(hash)
    }

    fn land(&mut self, hash: TokenHash, landing: Landing, ends: Timestamp, now: Timestamp) {
        let (is_spent, kept) = match &landing {
            Landing::Renewed(session) => {
                let token = session.tokens.refresh_token.as_ref();
                (
                    token.is_none_or(|token| hash_of(session, token) != hash),
                    KEPT,
                )
            }
            Landing::Ended | Landing::Replayed => (true, KEPT),
            Landing::Unavailable => (false, SPARED),
        };
        let until = now.after(kept);
        let spent = is_spent.then_some(ends);
        self.tokens.insert(
            hash,
            Fate::Landed {
                landing,
                until,
                spent,
            },
        );
        self.kept.push_back((until, hash));
        self.forget(now);
    }

    /// Drops what nobody can ask for any more, and the oldest where there is too much.
    fn forget(&mut self, now: Timestamp) {
        while let Some((until, hash)) = over(&mut self.kept, MAX_KEPT, now) {
            self.settle(until, hash);
        }
        while let Some((end, hash)) = over(&mut self.spent, MAX_SPENT, now) {
            if matches!(self.tokens.get(&hash), Some(Fate::Spent { until, .. }) if *until == end) {
                self.tokens.remove(&hash);
            }
        }
    }

    /// Keeps of a landing what has to be remembered when nobody can be late for it any more.
    fn settle(&mut self, end: Timestamp, hash: TokenHash) {
        match self.tokens.get(&hash) {
            Some(Fate::Landed {
                landing,
                until,
                spent,
            }) if *until == end => match *spent {
                Some(until) => {
                    let renewed = matches!(landing, Landing::Renewed(_));
                    let fate = Fate::Spent {
                        until,
                        replayed_from: renewed.then_some(end),
                    };
                    self.tokens.insert(hash, fate);
                    self.spent.push_back((until, hash));
                }
                None => {
                    self.tokens.remove(&hash);
                }
            },
            // It has flown again since.
            _ => {}
        }
    }
}

/// Takes out the first of a queue, if its end has come or the queue is too long.
fn over(
    queue: &mut VecDeque<(Timestamp, TokenHash)>,
    most: usize,
    now: Timestamp,
) -> Option<(Timestamp, TokenHash)> {
    let too_long = queue.len() > most;
    queue.pop_front_if(|(until, _)| too_long || *until <= now)
}

/// What a person's token of a provider is known by: also where a provider gives the same to all, one
/// person's redemption is never another's.
fn hash_of(session: &Session, token: &Secret) -> TokenHash {
    let (idp, sub) = (session.idp.as_str(), session.person.sub.as_str());
    let fields = ["portcullis: a refresh token", idp, sub, token.expose()];
    let fields = bytes::fields(&fields.map(str::as_bytes));
    Sha256::digest(fields).into()
}
