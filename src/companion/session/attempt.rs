//! Sign-in attempts, which last from `/oauth2/start` to the callback. Each has its own cookie, so that several
//! tabs can sign in at once, and no attempt can be completed in another browser. A long redirect target needs
//! several cookies, with the numbers of chunks behind the name.

use std::cmp::Reverse;
use std::time::Duration;

use portcullis_core::session::split_cookie;
use portcullis_core::timestamp::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::bytes;
use super::cookies::{Attributes, Cookies, SetCookie, delete_chunks};
use super::keys::{Keys, Purpose};
use super::record::seconds;
use super::settings::{SameSite, SessionSettings};

#[cfg(test)]
mod tests;

/// How long a sign-in attempt may take.
pub(super) const ATTEMPT_TTL: Duration = Duration::from_secs(600);

/// The maximum number of attempts of one browser, including the new one. The oldest are deleted.
const MAX_ATTEMPTS: usize = 8;

/// The maximum size of their cookies together, in bytes: proxies limit the headers of a request. One
/// attempt with the longest `rd`, 8 KiB, has about 11,600.
const MAX_BYTES: usize = 16_000;

/// The maximum number of cookies of attempts that one response deletes. The next one deletes more.
const MAX_DELETED: usize = 16;

/// A second sign-in for the same `rd` within this time is a loop.
const LOOP_WINDOW: Duration = Duration::from_secs(10);

/// The id of the cookie that records a completed sign-in. Ids of attempts are longer.
const COMPLETED: &str = "done";

/// The maximum difference between the clocks of replicas.
pub(super) const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The attributes of their cookies, which only the companion's host receives. `Lax`, because the callback
/// comes from another site.
const ATTRIBUTES: Attributes<'static> = Attributes {
    domain: None,
    same_site: SameSite::Lax,
};

/// A sign-in attempt. A sign-out at the provider is stored in the same way, without data.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct SignInAttempt<T> {
    #[serde(rename = "made", with = "seconds")]
    created: Timestamp,
    /// The redirect target, which was checked.
    pub(crate) rd: String,
    /// What the provider needs to complete the sign-in.
    #[serde(rename = "attempt")]
    pub(crate) data: T,
}

/// The sign-in attempts of one browser.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignInAttempts<'a> {
    pub(super) settings: &'a SessionSettings,
    pub(super) keys: &'a Keys,
    pub(super) cookies: &'a Cookies<'a>,
    pub(super) now: Timestamp,
}

// === impl SignInAttempts ===

impl SignInAttempts<'_> {
    /// The cookies for a new attempt. `rd` is a checked redirect target, which has a maximum length, and
    /// `data` consists of texts and numbers.
    pub(super) fn begin<T: Serialize>(self, id: &str, rd: &str, data: &T) -> Vec<SetCookie> {
        let name = self.settings.names.login(id);
        let attempt = SignInAttempt {
            created: self.now,
            rd: rd.to_owned(),
            data,
        };
        // Texts and numbers: serialization can't fail.
        let content = serde_json::to_vec(&attempt).unwrap_or_default();
        let value = self.keys.seal(
            self.settings.binding(Purpose::Attempt, &name),
            &content,
            self.now,
        );
        let chunks = split_cookie(&name, &value);
        let size = chunks
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let mut lines = self.make_room(size);
        let set = chunks
            .iter()
            .map(|(name, value)| SetCookie::set(name, value, ATTEMPT_TTL, ATTRIBUTES));
        lines.extend(set);
        lines
    }

    /// The attempt with this id, if this browser started it and it has not expired.
    pub(super) fn find<T: DeserializeOwned>(self, id: &str) -> Option<SignInAttempt<T>> {
        let name = self.settings.names.login(id);
        self.open(&name)
    }

    /// Deletes the cookie of an attempt, and the chunks that are in the request. The first line does not
    /// depend on the request, so that the response does not show which cookies are known.
    pub(super) fn delete(
        settings: &SessionSettings,
        cookies: &Cookies<'_>,
        id: &str,
    ) -> Vec<SetCookie> {
        let name = settings.names.login(id);
        let mut lines = vec![SetCookie::delete(&name, ATTRIBUTES)];
        let mut chunks = delete_chunks(cookies, &name, ATTRIBUTES);
        chunks.retain(|line| !line.is_of(&name));
        lines.extend(chunks);
        lines
    }

    /// The cookie that records a completed sign-in for this `rd`.
    pub(super) fn completed(self, rd: &str) -> SetCookie {
        let name = self.settings.names.login(COMPLETED);
        let attempt = SignInAttempt {
            created: self.now,
            rd: hash_of(rd),
            data: (),
        };
        // Text and numbers: serialization can't fail.
        let content = serde_json::to_vec(&attempt).unwrap_or_default();
        let value = self.keys.seal(
            self.settings.binding(Purpose::CompletedSignIn, &name),
            &content,
            self.now,
        );
        SetCookie::set(&name, &value, LOOP_WINDOW, ATTRIBUTES)
    }

    /// Deletes the cookie of [`SignInAttempts::completed`], if the browser has it: a sign-in after a
    /// sign-out is not a loop.
    pub(super) fn delete_completed(
        settings: &SessionSettings,
        cookies: &Cookies<'_>,
    ) -> Option<SetCookie> {
        let name = settings.names.login(COMPLETED);
        let is_present = cookies.values(&name).next().is_some();
        is_present.then(|| SetCookie::delete(&name, ATTRIBUTES))
    }

    /// Whether a sign-in for this `rd` was completed so recently that another one would not help.
    pub(super) fn is_loop(self, rd: &str) -> bool {
        let name = self.settings.names.login(COMPLETED);
        let hash = hash_of(rd);
        self.cookies.values(&name).any(|value| {
            let content = self.keys.open(
                self.settings.binding(Purpose::CompletedSignIn, &name),
                value,
            );
            let attempt = content.and_then(|content| serde_json::from_slice(&content).ok());
            attempt.is_some_and(|attempt: SignInAttempt<()>| {
                attempt.rd == hash
                    && self.now.since(attempt.created) < LOOP_WINDOW
                    && attempt.created <= self.now
            })
        })
    }

    /// Deletes attempts that are expired or invalid, and the oldest ones until there is room for one more of
    /// `size` bytes.
    fn make_room(self, size: usize) -> Vec<SetCookie> {
        let prefix = self.settings.names.login("");
        let completed = self.settings.names.login(COMPLETED);
        let groups = self.cookies.with_prefix(&prefix);
        // Of attempts of one second, a browser sends the older ones first (RFC 6265 section 5.4).
        let mut attempts: Vec<(Timestamp, usize, &str, &Cookies<'_>)> = groups
            .iter()
            .filter(|(name, _)| *name != completed)
            .enumerate()
            .map(|(position, (name, cookies))| {
                // Only its own cookies, of the many that a client can send.
                let own = SignInAttempts { cookies, ..self };
                let attempt = own.open::<serde::de::IgnoredAny>(name);
                let created = attempt.map(|attempt| attempt.created).unwrap_or_default();
                (created, position, *name, cookies)
            })
            .collect();
        attempts.sort_unstable_by_key(|(created, position, ..)| Reverse((*created, *position)));
        let (mut count, mut total) = (1, size);
        let mut lines = Vec::new();
        for (created, _, name, cookies) in attempts {
            let size = cookies.size();
            let stays = created != Timestamp::default()
                && count < MAX_ATTEMPTS
                && total + size <= MAX_BYTES;
            if stays {
                count += 1;
                total += size;
            } else {
                lines.extend(delete_chunks(cookies, name, ATTRIBUTES));
            }
        }
        lines.truncate(MAX_DELETED);
        lines
    }

    /// The attempt in the cookies of this name. Invalid values are ignored.
    fn open<T: DeserializeOwned>(&self, name: &str) -> Option<SignInAttempt<T>> {
        self.cookies.candidates(name).iter().find_map(|value| {
            let content = self
                .keys
                .open(self.settings.binding(Purpose::Attempt, name), value)?;
            let attempt: SignInAttempt<T> = serde_json::from_slice(&content).ok()?;
            // Another replica's clock may be slightly ahead.
            let fresh = self.now < attempt.created.after(ATTEMPT_TTL)
                && attempt.created <= self.now.after(CLOCK_SKEW);
            fresh.then_some(attempt)
        })
    }
}

fn hash_of(rd: &str) -> String {
    bytes::encode(Sha256::digest(rd))
}
