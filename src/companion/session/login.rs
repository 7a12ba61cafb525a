//! Sign-ins under way: each in a cookie of its own, so that several tabs can sign in at once, and
//! none can be ended in a browser that did not begin it.

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
pub(super) const LIVES: Duration = Duration::from_secs(600);

/// How many may be under way in one browser, the newest counted in. The oldest go.
const MAX_ATTEMPTS: usize = 8;

/// How many bytes their cookies may have together, for the headers of a request have an end.
const MAX_BYTES: usize = 8000;

/// The longest value of one cookie.
const MAX_VALUE: usize = 4000;

/// How soon a second sign-in to the same place is no sign-in but a loop.
const LOOP: Duration = Duration::from_secs(10);

/// The attempt that stands for one that has just come to its end. Others have longer names.
const DONE: &str = "done";

/// How much clocks may differ.
pub(super) const SKEW: Duration = Duration::from_secs(60);

/// These cookies are for the companion's host alone, and a callback comes from another site.
const HOW: Attributes<'static> = Attributes {
    domain: None,
    same_site: SameSite::Lax,
};

/// A sign-in under way.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Login<T> {
    #[serde(with = "seconds")]
    made: Timestamp,
    /// Where it leads, as it was asked for and judged.
    pub(crate) rd: String,
    /// What the provider part needs to end it.
    pub(crate) attempt: T,
}

/// A sign-in has more to remember than a cookie holds: the return-to URL is too long.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the return-to URL is too long to be kept in a cookie")]
pub(crate) struct TooLong;

/// A browser's sign-ins, seen with the keys of this time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logins<'a> {
    pub(super) settings: &'a Settings,
    pub(super) keys: &'a Keys,
    pub(super) cookies: &'a Cookies<'a>,
    pub(super) now: Timestamp,
}

// === impl Logins ===

impl Logins<'_> {
    /// The cookies for a sign-in that begins now.
    pub(super) fn begin<T: Serialize>(
        self,
        id: &str,
        rd: &str,
        attempt: &T,
    ) -> Result<Vec<SetCookie>, TooLong> {
        let name = self.settings.names.login(id);
        let login = Login {
            made: self.now,
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
        lines.push(SetCookie::set(&name, &value, LIVES, HOW));
        Ok(lines)
    }

    /// The sign-in of this name, if this browser began it, here, and not too long ago.
    pub(super) fn find<T: DeserializeOwned>(self, id: &str) -> Option<Login<T>> {
        let name = self.settings.names.login(id);
        self.open(&name)
    }

    /// Deletes the cookie of a sign-in that has come to its end, well or not.
    pub(super) fn delete(settings: &Settings, id: &str) -> SetCookie {
        SetCookie::delete(&settings.names.login(id), HOW)
    }

    /// Notes that a sign-in to this place has just been made.
    pub(super) fn done(self, rd: &str) -> SetCookie {
        let name = self.settings.names.login(DONE);
        let login = Login {
            made: self.now,
            rd: hash_of(rd),
            attempt: (),
        };
        // Text and numbers: nothing in it can fail to be written.
        let content = serde_json::to_vec(&login).unwrap_or_default();
        let value = self.keys.seal(
            self.settings.binding(Purpose::Done, &name),
            &content,
            self.now,
        );
        SetCookie::set(&name, &value, LOOP, HOW)
    }

    /// Forgets the note that [`Logins::done`] leaves, where the browser has one: who has signed out
    /// and signs in again is in no loop.
    pub(super) fn forget_done(settings: &Settings, cookies: &Cookies<'_>) -> Option<SetCookie> {
        let name = settings.names.login(DONE);
        let carried = cookies.values(&name).next().is_some();
        carried.then(|| SetCookie::delete(&name, HOW))
    }

    /// Whether a sign-in to this place has been made so short a time ago that another one would not
    /// help either.
    pub(super) fn is_loop(self, rd: &str) -> bool {
        let name = self.settings.names.login(DONE);
        let hash = hash_of(rd);
        self.cookies.values(&name).any(|value| {
            let content = self
                .keys
                .open(self.settings.binding(Purpose::Done, &name), value);
            let login = content.and_then(|content| serde_json::from_slice(&content).ok());
            login.is_some_and(|login: Login<()>| {
                login.rd == hash && self.now.since(login.made) < LOOP && login.made <= self.now
            })
        })
    }

    /// Deletes what is over or not ours, and of the rest the oldest that leave no room for one of
    /// this size.
    fn make_room(self, size: usize) -> Vec<SetCookie> {
        let names = self.cookies.beginning_with(&self.settings.names.login(""));
        let done = self.settings.names.login(DONE);
        let mut attempts: Vec<(Timestamp, usize, &str)> = names
            .into_iter()
            .filter(|name| *name != done)
            .map(|name| {
                let login = self.open::<serde::de::IgnoredAny>(name);
                let made = login.map(|login| login.made).unwrap_or_default();
                let sizes = self
                    .cookies
                    .values(name)
                    .map(|value| name.len() + value.len());
                (made, sizes.sum(), name)
            })
            .collect();
        attempts.sort_unstable_by(|one, other| other.cmp(one));
        let (mut count, mut total) = (1, size);
        let mut lines = Vec::new();
        for (made, size, name) in attempts {
            let stays =
                made != Timestamp::default() && count < MAX_ATTEMPTS && total + size <= MAX_BYTES;
            if stays {
                count += 1;
                total += size;
            } else {
                lines.push(SetCookie::delete(name, HOW));
            }
        }
        lines
    }

    fn open<T: DeserializeOwned>(self, name: &str) -> Option<Login<T>> {
        self.cookies.values(name).find_map(|value| {
            let content = self
                .keys
                .open(self.settings.binding(Purpose::Login, name), value)?;
            let login: Login<T> = serde_json::from_slice(&content).ok()?;
            // A replica's clock may be ahead of ours by a little.
            let fresh = self.now < login.made.after(LIVES) && login.made <= self.now.after(SKEW);
            fresh.then_some(login)
        })
    }
}

fn hash_of(rd: &str) -> String {
    bytes::encode(Sha256::digest(rd))
}
