//! Completed sign-in attempts in memory, for stores of a single replica. They need not survive a restart: the
//! provider accepts an authorization code only once. In a file, any client could make it grow.

use std::collections::{HashMap, VecDeque};

use portcullis_core::timestamp::Timestamp;

use crate::session::attempt;

#[cfg(test)]
mod tests;

/// The maximum number of attempts. The oldest are dropped.
const MAX_COMPLETED: usize = 1 << 16;

/// The completed attempts.
#[derive(Debug, Default)]
pub(super) struct CompletedAttempts {
    /// Until when the cookie of each is valid.
    until: HashMap<String, Timestamp>,
    order: VecDeque<String>,
}

impl CompletedAttempts {
    /// Records that an attempt is completed. `false` if it was completed before.
    pub(super) fn finish(&mut self, attempt: &str, now: Timestamp) -> bool {
        while let Some(oldest) = self.order.front() {
            let is_expired = self.until.get(oldest).is_none_or(|until| *until <= now);
            if !is_expired && self.until.len() < MAX_COMPLETED {
                break;
            }
            if let Some(oldest) = self.order.pop_front() {
                self.until.remove(&oldest);
            }
        }
        if self.until.contains_key(attempt) {
            return false;
        }
        let until = now.after(attempt::ATTEMPT_TTL + attempt::CLOCK_SKEW);
        self.until.insert(attempt.to_owned(), until);
        self.order.push_back(attempt.to_owned());
        true
    }
}
