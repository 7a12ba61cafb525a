//! Single-flight refreshes: one redemption for all concurrent requests, and for late ones.
//!
//! A provider that rotates refresh tokens treats a second use as theft and revokes the grant (RFC 9700
//! section 4.14.2). But a browser sends several requests at once, all with the same sealed session, before
//! it has received the new one.

mod tokens;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_core::timestamp::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::record::Session;
use crate::background::BackgroundTasks;
use crate::provider::Secret;
use tokens::{TokenHash, TokenState, Tokens, hash_of};

#[cfg(test)]
mod tests;

/// The outcome of redeeming a refresh token at the provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum RedemptionOutcome {
    /// The session with the provider's new tokens.
    Refreshed(Arc<Session>),
    /// The session has ended.
    Ended,
    /// The token was redeemed longer ago than any concurrent request takes, so there are two copies of the
    /// session (RFC 9700 section 4.14.2).
    TokenReused,
    /// The provider or the store is unavailable.
    Unavailable,
}

/// Refreshes in progress, and the outcomes of recent ones.
#[derive(Debug, Default)]
pub(super) struct SingleFlight {
    tokens: Mutex<Tokens>,
    /// The redemptions.
    background: BackgroundTasks,
}

/// How a request takes part in a refresh.
enum Joined {
    /// Another request has redeemed the token.
    Done(RedemptionOutcome),
    /// Another request redeems the token now.
    InFlight(watch::Receiver<Option<RedemptionOutcome>>),
    /// This request redeems the token.
    Leader(Leader),
}

/// The request that redeems a token. If it is dropped without an outcome, its entry is removed.
struct Leader {
    single_flight: Arc<SingleFlight>,
    hash: TokenHash,
    sender: watch::Sender<Option<RedemptionOutcome>>,
    /// When the session with the token expires.
    ends: Timestamp,
    finished: bool,
}

impl SingleFlight {
    /// The outcome of redeeming this session's refresh token: by `redeem`, or by another request with the
    /// same token. A redemption is completed even if the caller is dropped, because its result must not be
    /// lost. During a shutdown none is begun: another process does that.
    pub(super) async fn run<F>(
        self: &Arc<Self>,
        token: &Secret,
        session: &Session,
        now: Timestamp,
        redeem: impl FnOnce() -> F,
    ) -> RedemptionOutcome
    where
        F: Future<Output = RedemptionOutcome> + Send + 'static,
    {
        let hash = hash_of(session, token);
        let mut outcome = match self.join(hash, session, now) {
            Joined::Done(outcome) => return outcome,
            Joined::InFlight(outcome) => outcome,
            Joined::Leader(leader) => {
                let outcome = leader.sender.subscribe();
                let (redemption, began) = (redeem(), Instant::now());
                self.background.spawn_unless_stopping(async move {
                    let outcome = redemption.await;
                    leader.finish(outcome, now.after(began.elapsed()));
                });
                outcome
            }
        };
        let finished = outcome.wait_for(Option::is_some).await;
        finished
            .ok()
            .and_then(|outcome| outcome.clone())
            .unwrap_or(RedemptionOutcome::Unavailable)
    }

    /// The redemptions, and further work on sessions.
    pub(super) const fn background(&self) -> &BackgroundTasks {
        &self.background
    }

    /// The numbers of stored outcomes and of known spent tokens.
    pub(super) fn counts(&self) -> (usize, usize) {
        self.tokens().counts()
    }

    fn join(self: &Arc<Self>, hash: TokenHash, session: &Session, now: Timestamp) -> Joined {
        let mut tokens = self.tokens();
        tokens.prune(now);
        match tokens.state(&hash, now) {
            Some(TokenState::InFlight(outcome)) => return Joined::InFlight(outcome.clone()),
            Some(TokenState::Redeemed { outcome, .. }) if !outcome.is_applied_to(session) => {
                return Joined::Done(outcome.clone());
            }
            Some(TokenState::Spent {
                reused_from: Some(from),
                ..
            }) => {
                // A late request, whose outcome was dropped for lack of room. Its session continues with
                // the new token, so its cookies must stay.
                let is_late = now < *from;
                return Joined::Done(if is_late {
                    RedemptionOutcome::Unavailable
                } else {
                    RedemptionOutcome::TokenReused
                });
            }
            Some(TokenState::Redeemed { spent: Some(_), .. } | TokenState::Spent { .. }) => {
                return Joined::Done(RedemptionOutcome::Ended);
            }
            // The provider did not rotate the token, and the session is due again.
            Some(TokenState::Redeemed { spent: None, .. }) | None => {}
        }
        let (sender, outcome) = watch::channel(None);
        tokens.insert(hash, TokenState::InFlight(outcome));
        Joined::Leader(Leader {
            single_flight: Arc::clone(self),
            hash,
            sender,
            ends: session.ends,
            finished: false,
        })
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        // No code that can panic runs while the lock is held.
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl RedemptionOutcome ===

impl RedemptionOutcome {
    /// Whether a session already has this result.
    fn is_applied_to(&self, session: &Session) -> bool {
        match self {
            Self::Refreshed(refreshed) => refreshed.verified_at <= session.verified_at,
            Self::Ended | Self::TokenReused | Self::Unavailable => false,
        }
    }
}

// === impl Leader ===

impl Leader {
    fn finish(mut self, outcome: RedemptionOutcome, now: Timestamp) {
        let mut tokens = self.single_flight.tokens();
        tokens.finish(self.hash, outcome.clone(), self.ends, now);
        drop(tokens);
        self.finished = true;
        self.sender.send_replace(Some(outcome));
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.finished {
            self.single_flight.tokens().remove(&self.hash);
        }
    }
}
