//! Reads a session from cookies, and writes it to cookies.

use std::time::Duration;

use portcullis_core::session::{Id, MAX_COOKIE};
use portcullis_core::timestamp::Timestamp;

use super::{MIN_TOKEN_TTL, Sessions};
use crate::session::cookies::{Cookies, SetCookie};
use crate::session::outcome::{EndReason, NoSession};
use crate::session::policy_claims::KeptGroups;
use crate::session::record::Session;
use crate::session::store::{Lifetime, ProviderSession, SealedContent, StoredSession};

/// The maximum length of a sealed session that contains the provider's ID token, which is only a hint at
/// sign-out. Many proxies accept 8 KiB of cookies.
const ID_TOKEN_LIMIT: usize = 6_000;

/// Cookies of a session.
#[derive(Clone, Debug)]
pub(super) struct WrittenCookies {
    pub(super) set_cookies: Vec<SetCookie>,
    /// Whether groups were left out because all would be too large.
    pub(super) are_groups_left_out: bool,
}

impl Sessions {
    /// The session of the cookies. Values that do not open are ignored, and two sessions count as
    /// none (C04), also if one of them is that of the session token: a refresh of the other would be
    /// refused by the filter, and the new refresh token lost.
    pub(super) async fn load(&self, cookies: &Cookies<'_>) -> Result<StoredSession, NoSession> {
        let content = single(self.open_sealed(cookies))?;
        let used = self.token_issued_at(cookies, content.sid())?;
        let stored = self.store.load(content).await?;
        let mut stored = stored.ok_or(EndReason::RecordMissing)?;
        stored.session.last_used = stored.session.last_used.max(used);
        Ok(stored)
    }

    /// The contents of the sealed cookies of a request that open.
    pub(super) fn open_sealed(&self, cookies: &Cookies<'_>) -> Vec<SealedContent> {
        let keys = self.keys.load();
        let name = self.settings.names.sealed();
        let has_records = self.store.has_records();
        let purpose = SealedContent::purpose(has_records);
        let opened = cookies.candidates(name).into_iter().filter_map(|value| {
            let content = keys.open(self.settings.binding(purpose, name), &value)?;
            SealedContent::from_bytes(has_records, &content)
        });
        opened.collect()
    }

    /// When the session token of the request was issued; zero without one. It may have expired: it shows
    /// that the session was used then, which the sealed session does not record.
    fn token_issued_at(&self, cookies: &Cookies<'_>, sid: Id) -> Result<Timestamp, EndReason> {
        let keys = self.keys.load();
        let mut used = Timestamp::default();
        for text in cookies.candidates(self.settings.names.token()) {
            let Some(claims) = keys.verify_token(&self.settings.url, &text) else {
                continue;
            };
            if claims.handles.sid != sid {
                return Err(EndReason::Ambiguous);
            }
            used = used.max(claims.issued_at);
        }
        Ok(used)
    }

    /// When a session token that is issued now expires: never after the session, and soon after the
    /// provider's own tokens.
    fn token_expiry(&self, session: &Session, now: Timestamp) -> Timestamp {
        let provider_expiry = Timestamp::from_secs(session.tokens.expires_at);
        let latest = provider_expiry.max(now.after(MIN_TOKEN_TTL));
        now.after(self.settings.token).min(latest).min(session.ends)
    }

    /// The cookie of a new session token.
    ///
    /// The provider may end its session at the same time. A back-channel logout records the end and then
    /// looks up the linked sessions again. Here the session is linked first, which returns a recorded end,
    /// and the revocations are checked after that. So one of the two learns of the other.
    pub(super) async fn token_cookies(
        &self,
        cookies: &Cookies<'_>,
        session: &Session,
        now: Timestamp,
    ) -> Result<WrittenCookies, NoSession> {
        let (keys, expires_at) = (self.keys.load_full(), self.token_expiry(session, now));
        let of = ProviderSession {
            id: keys.provider_session(session),
            user: keys.handles(session).handle,
        };
        let unused_ends = session.ends.min(now.after(self.settings.idle));
        let lifetime = Lifetime {
            unused_ends: unused_ends.max(expires_at),
            session_ends: session.ends,
        };
        let linked = self.store.link_session(of, session.sid, lifetime, now);
        let has_ended = linked.await?.is_some_and(|ended| session.began <= ended);
        if has_ended || self.is_revoked(session, &*self.store.revocations(now).await?, now) {
            return Err(EndReason::Revoked.into());
        }
        let issue =
            |session: &Session| keys.issue_token(&self.settings.url, session, now, expires_at);
        let (token, are_groups_left_out) = self.with_groups_that_fit(session, issue);
        let ttl = session.ends.since(now);
        let set_cookies = self.set(cookies, self.settings.names.token(), &token, ttl)?;
        Ok(WrittenCookies {
            set_cookies,
            are_groups_left_out,
        })
    }

    /// Writes a session with all of its groups if that is configured and the value is not too large,
    /// otherwise with those that rules name. Whether groups were left out because of the size.
    fn with_groups_that_fit(
        &self,
        session: &Session,
        write: impl Fn(&Session) -> String,
    ) -> (String, bool) {
        let keeps_all = self.settings.groups == KeptGroups::All;
        if keeps_all {
            let value = write(session);
            if value.len() <= MAX_COOKIE {
                return (value, false);
            }
        }
        let kept = self.policy_claims.keep(session);
        let are_left_out = kept.user.groups.len() < session.user.groups.len();
        (write(&kept), keeps_all && are_left_out)
    }

    /// The cookie of the sealed session.
    pub(super) fn sealed_cookies(
        &self,
        cookies: &Cookies<'_>,
        stored: &StoredSession,
        now: Timestamp,
    ) -> Result<WrittenCookies, NoSession> {
        let name = self.settings.names.sealed();
        let purpose = SealedContent::purpose(self.store.has_records());
        let seal = |stored: &StoredSession| {
            let binding = self.settings.binding(purpose, name);
            self.keys.load().seal(binding, &stored.to_bytes(), now)
        };
        let write = |session: &Session| {
            let mut stored = stored.clone();
            stored.session = session.clone();
            let value = seal(&stored);
            if stored.is_in_cookie() && ID_TOKEN_LIMIT < value.len() {
                stored.session.tokens.id_token = None;
                return seal(&stored);
            }
            value
        };
        let (value, are_groups_left_out) = self.with_groups_that_fit(&stored.session, write);
        let set_cookies = self.set(cookies, name, &value, stored.session.ends.since(now))?;
        Ok(WrittenCookies {
            set_cookies,
            are_groups_left_out,
        })
    }

    fn set(
        &self,
        cookies: &Cookies<'_>,
        name: &str,
        value: &str,
        ttl: Duration,
    ) -> Result<Vec<SetCookie>, NoSession> {
        if MAX_COOKIE < value.len() {
            return Err(EndReason::TooLarge.into());
        }
        Ok(self.settings.set(cookies, name, value, ttl))
    }
}

/// The latest of several cookies of one session. Cookies of two sessions count as none, because
/// one of them may be an attacker's.
fn single(found: Vec<SealedContent>) -> Result<SealedContent, EndReason> {
    let first = found.first().ok_or(EndReason::NoCookie)?;
    if found.iter().any(|other| other.sid() != first.sid()) {
        return Err(EndReason::Ambiguous);
    }
    let latest = found.into_iter().max_by_key(SealedContent::order);
    latest.ok_or(EndReason::NoCookie)
}
