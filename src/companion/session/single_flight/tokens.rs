//! The states of refresh tokens: in flight, redeemed, or spent.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::RedemptionOutcome;
use crate::provider::Secret;
use crate::session::bytes;
use crate::session::record::Session;

#[cfg(test)]
mod tests;

/// How long an outcome is stored for late requests.
pub(super) const OUTCOME_TTL: Duration = Duration::from_secs(60);

/// How long a transient failure is stored, during which the token is not redeemed again.
pub(super) const FAILURE_TTL: Duration = Duration::from_secs(1);

/// The maximum number of stored outcomes. Each has a session of a few kilobytes.
pub(super) const MAX_OUTCOMES: usize = 4096;

/// The maximum number of known spent tokens. Each takes 32 bytes and two timestamps.
pub(super) const MAX_SPENT: usize = 1 << 16;

/// The hash of a refresh token, see [`hash_of`].
pub(super) type TokenHash = [u8; 32];

/// The state of all refresh tokens that are known.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    states: HashMap<TokenHash, TokenState>,
    /// The tokens with an outcome, each with its expiry, in that order.
    outcomes: VecDeque<(Timestamp, TokenHash)>,
    /// The spent tokens, each with its expiry, in that order.
    spent: VecDeque<(Timestamp, TokenHash)>,
}

/// The state of a refresh token.
#[derive(Debug)]
pub(super) enum TokenState {
    /// It is being redeemed.
    InFlight(watch::Receiver<Option<RedemptionOutcome>>),
    /// It was redeemed, and late requests get the outcome.
    Redeemed {
        outcome: RedemptionOutcome,
        until: Timestamp,
        /// If the token is spent: when the session with the token expires.
        spent: Option<Timestamp>,
    },
    /// It was redeemed, and must not be sent again.
    Spent {
        until: Timestamp,
        /// If it was redeemed for a new token: from when on a use is not a late request but token reuse.
        /// That is later than now if the outcome was dropped for lack of room.
        reused_from: Option<Timestamp>,
    },
}

impl Tokens {
    /// The state of a token.
    pub(super) fn state(&mut self, hash: &TokenHash, now: Timestamp) -> Option<&TokenState> {
        if let Some(TokenState::Redeemed { until, .. }) = self.states.get(hash)
            && *until <= now
        {
            self.expire(*until, *hash);
        }
        self.states.get(hash)
    }

    pub(super) fn insert(&mut self, hash: TokenHash, state: TokenState) {
        self.states.insert(hash, state);
    }

    pub(super) fn remove(&mut self, hash: &TokenHash) {
        self.states.remove(hash);
    }

    /// How many outcomes and how many spent tokens there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.outcomes.len(), self.spent.len())
    }

    /// Stores the outcome of a redemption. `ends` is when the session with the token expires.
    pub(super) fn finish(
        &mut self,
        hash: TokenHash,
        outcome: RedemptionOutcome,
        ends: Timestamp,
        now: Timestamp,
    ) {
        let (is_spent, ttl) = match &outcome {
            RedemptionOutcome::Refreshed(session) => {
                let token = session.tokens.refresh_token.as_ref();
                let is_rotated = token.is_none_or(|token| hash_of(session, token) != hash);
                (is_rotated, OUTCOME_TTL)
            }
            RedemptionOutcome::Ended | RedemptionOutcome::TokenReused => (true, OUTCOME_TTL),
            RedemptionOutcome::Unavailable => (false, FAILURE_TTL),
        };
        let until = now.after(ttl);
        let state = TokenState::Redeemed {
            outcome,
            until,
            spent: is_spent.then_some(ends),
        };
        self.states.insert(hash, state);
        self.outcomes.push_back((until, hash));
        self.prune(now);
    }

    /// Drops expired entries, and entries above the limits.
    pub(super) fn prune(&mut self, now: Timestamp) {
        while let Some((until, hash)) = pop_expired(&mut self.outcomes, usize::MAX, now) {
            self.expire(until, hash);
        }
        while self.outcomes.len() > MAX_OUTCOMES
            && let Some((until, hash)) = self.outcomes.remove(self.surplus_outcome())
        {
            self.expire(until, hash);
        }
        while let Some((end, hash)) = pop_expired(&mut self.spent, MAX_SPENT, now) {
            let state = self.states.get(&hash);
            if matches!(state, Some(TokenState::Spent { until, .. }) if *until == end) {
                self.states.remove(&hash);
            }
        }
    }

    /// The outcome to drop if there are too many: the oldest without new tokens, which only shows that its
    /// token is spent, or else the oldest of the user who has most. So no late request of one user fails
    /// because of another user.
    fn surplus_outcome(&self) -> usize {
        let user = |hash: &TokenHash| match self.states.get(hash) {
            Some(TokenState::Redeemed {
                outcome: RedemptionOutcome::Refreshed(session),
                ..
            }) => Some((session.provider.as_str(), session.user.sub.as_str())),
            _ => None,
        };
        let mut counts: HashMap<_, usize> = HashMap::new();
        for (at, (_, hash)) in self.outcomes.iter().enumerate() {
            let Some(user) = user(hash) else {
                return at;
            };
            *counts.entry(user).or_default() += 1;
        }
        // Of several users with most, the one with the oldest outcome.
        let most = counts.values().max().copied();
        let mut outcomes = self.outcomes.iter();
        outcomes
            .position(|(_, hash)| user(hash).and_then(|user| counts.get(&user).copied()) == most)
            .unwrap_or(0)
    }

    /// Drops an outcome. If its token is spent, that stays known.
    fn expire(&mut self, end: Timestamp, hash: TokenHash) {
        let Some(TokenState::Redeemed {
            outcome,
            until,
            spent,
        }) = self.states.get(&hash)
        else {
            return;
        };
        // If they differ, the token was redeemed again.
        if *until != end {
            return;
        }
        let Some(until) = *spent else {
            self.states.remove(&hash);
            return;
        };
        let was_refreshed = matches!(outcome, RedemptionOutcome::Refreshed(_));
        let state = TokenState::Spent {
            until,
            reused_from: was_refreshed.then_some(end),
        };
        self.states.insert(hash, state);
        self.spent.push_back((until, hash));
    }
}

/// Removes the first entry of a queue, if it has expired or the queue is too long.
fn pop_expired(
    queue: &mut VecDeque<(Timestamp, TokenHash)>,
    longest: usize,
    now: Timestamp,
) -> Option<(Timestamp, TokenHash)> {
    let is_too_long = queue.len() > longest;
    queue.pop_front_if(|(until, _)| is_too_long || *until <= now)
}

/// The hash of a refresh token with its provider and user, so that a user never gets the tokens of another,
/// even if a provider issues the same token to all.
pub(super) fn hash_of(session: &Session, token: &Secret) -> TokenHash {
    let (provider, sub) = (session.provider.as_str(), session.user.sub.as_str());
    let fields = ["portcullis: a refresh token", provider, sub, token.expose()];
    let fields = bytes::fields(&fields.map(str::as_bytes));
    Sha256::digest(fields).into()
}
