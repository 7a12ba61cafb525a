//! Sign-in attempts: each has its own cookie, so that several tabs can sign in at once, and
//! none can be completed in another browser.

use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::bytes;
use super::cookies::{Attributes, Cookies, SetCookie};
use super::keys::{Keys, Purpose};
use super::record::seconds;
use super::settings::{SameSite, Settings};

#[cfg(test)]
mod tests;

/// How long a sign-in may take.
pub(super) const LOGIN_TTL: Duration = Duration::from_secs(600);

/// How many attempts one browser may have, the new one included. The oldest are dropped.
const MAX_ATTEMPTS: usize = 8;

/// The longest their cookies may be together, because proxies limit the headers of a request.
const MAX_BYTES: usize = 8000;

/// The longest value of one cookie.
const MAX_VALUE: usize = 4000;

/// A second sign-in for the same `rd` within this time is a loop.
const LOOP_WINDOW: Duration = Duration::from_secs(10);

/// The id of the cookie that records a completed sign-in. Ids of attempts are longer.
const COMPLETED: &str = "done";

/// How far the clocks of replicas may differ.
pub(super) const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The cookies are for the companion's host alone, and the callback comes from another site.
const ATTRIBUTES: Attributes<'static> = Attributes {
    domain: None,
    same_site: SameSite::Lax,
};

/// A sign-in attempt.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Login<T> {
    #[serde(rename = "made", with = "seconds")]
    created: Timestamp,
    /// The redirect target, which was validated.
    pub(crate) rd: String,
    /// What the provider needs to complete it.
    pub(crate) attempt: T,
}

/// An attempt does not fit into a cookie, because its `rd` is too long.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`rd` is too long for a cookie")]
pub(crate) struct TooLong;

/// The sign-in attempts of one browser.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logins<'a> {
    pub(super) settings: &'a Settings,
    pub(super) keys: &'a Keys,
    pub(super) cookies: &'a Cookies<'a>,
    pub(super) now: Timestamp,
}

// === impl Logins ===

impl Logins<'_> {
    /// The cookies for a new attempt.
    pub(super) fn begin<T: Serialize>(
        self,
        id: &str,
        rd: &str,
        attempt: &T,
    ) -> Result<Vec<SetCookie>, TooLong> {
        let name = self.settings.names.login(id);
        let login = Login {
            created: self.now,
            rd: rd.to_owned(),
            attempt,
        };
        let content = serde_json::to_vec(&login).map_err(|_| TooLong)?;
        let value = self.keys.seal(
            self.settings.binding(Purpose::Login, &name),
            &content,
            self.now,
        );
        if value.len() > MAX_VALUE {
            return Err(TooLong);
        }
        let mut lines = self.make_room(name.len() + value.len());
        lines.push(SetCookie::set(&name, &value, LOGIN_TTL, ATTRIBUTES));
        Ok(lines)
    }

    /// The attempt of this id, if this browser began it here and it has not expired.
    pub(super) fn find<T: DeserializeOwned>(self, id: &str) -> Option<Login<T>> {
        let name = self.settings.names.login(id);
        self.open(&name).map(|(login, _)| login)
    }

    /// The line that deletes the cookie of an attempt.
    pub(super) fn delete(settings: &Settings, id: &str) -> SetCookie {
        SetCookie::delete(&settings.names.login(id), ATTRIBUTES)
    }

    /// The cookie that records a completed sign-in for this `rd`.
    pub(super) fn completed(self, rd: &str) -> SetCookie {
        let name = self.settings.names.login(COMPLETED);
        let login = Login {
            created: self.now,
            rd: hash_of(rd),
            attempt: (),
        };
        // Text and numbers: serialization can't fail.
        let content = serde_json::to_vec(&login).unwrap_or_default();
        let value = self.keys.seal(
            self.settings.binding(Purpose::CompletedLogin, &name),
            &content,
            self.now,
        );
        SetCookie::set(&name, &value, LOOP_WINDOW, ATTRIBUTES)
    }

    /// Deletes the cookie of [`Logins::completed`], if the browser has it: signing in after a
    /// sign-out is no loop.
    pub(super) fn forget_completed(
        settings: &Settings,
        cookies: &Cookies<'_>,
    ) -> Option<SetCookie> {
        let name = settings.names.login(COMPLETED);
        let is_present = cookies.values(&name).next().is_some();
        is_present.then(|| SetCookie::delete(&name, ATTRIBUTES))
    }

    /// Whether a sign-in for this `rd` was completed so recently that another one would not help
    /// either.
    pub(super) fn is_loop(self, rd: &str) -> bool {
        let name = self.settings.names.login(COMPLETED);
        let hash = hash_of(rd);
        self.cookies.values(&name).any(|value| {
            let content = self
                .keys
                .open(self.settings.binding(Purpose::CompletedLogin, &name), value);
            let login = content.and_then(|content| serde_json::from_slice(&content).ok());
            login.is_some_and(|login: Login<()>| {
                login.rd == hash
                    && self.now.since(login.created) < LOOP_WINDOW
                    && login.created <= self.now
            })
        })
    }

    /// Deletes attempts that have expired or do not open, and the oldest ones that leave no room
    /// for `size` more bytes.
    fn make_room(self, size: usize) -> Vec<SetCookie> {
        let names = self.cookies.beginning_with(&self.settings.names.login(""));
        let completed = self.settings.names.login(COMPLETED);
        let mut attempts: Vec<(Timestamp, usize, &str)> = names
            .into_iter()
            .filter(|name| *name != completed)
            .map(|name| match self.open::<serde::de::IgnoredAny>(name) {
                Some((login, value)) => (login.created, name.len() + value.len(), name),
                None => (Timestamp::default(), 0, name),
            })
            .collect();
        attempts.sort_unstable_by(|one, other| other.cmp(one));
        let (mut count, mut total) = (1, size);
        let mut lines = Vec::new();
        for (created, size, name) in attempts {
            let stays = created != Timestamp::default()
                && count < MAX_ATTEMPTS
                && total + size <= MAX_BYTES;
            if stays {
                count += 1;
                total += size;
            } else {
                lines.push(SetCookie::delete(name, ATTRIBUTES));
            }
        }
        lines
    }

    /// The attempt of this cookie, and the value that holds it. Others are ignored.
    fn open<T: DeserializeOwned>(&self, name: &str) -> Option<(Login<T>, &str)> {
        self.cookies.values(name).find_map(|value| {
            let content = self
                .keys
                .open(self.settings.binding(Purpose::Login, name), value)?;
            let login: Login<T> = serde_json::from_slice(&content).ok()?;
            // Another replica's clock may be slightly ahead.
            let fresh = self.now < login.created.after(LOGIN_TTL)
                && login.created <= self.now.after(CLOCK_SKEW);
            fresh.then_some((login, value))
        })
    }
}

fn hash_of(rd: &str) -> String {
    bytes::encode(Sha256::digest(rd))
}
