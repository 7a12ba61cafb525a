//! Sign-out: a browser ends its session.

mod backchannel;

pub(crate) use backchannel::LogoutClaims;

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_core::session::{Id, SessionHandles};
use portcullis_core::timestamp::Timestamp;

use super::Sessions;
use crate::session::attempt::SignInAttempts;
use crate::session::cookies::Cookies;
use crate::session::outcome::{EndedSession, SignedOut};
use crate::session::revocations::{Revocation, RevocationBatch};
use crate::session::unavailable::Unavailable;

/// The maximum difference from the clocks of filters, and the time that a response may take.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// A session in the cookies of the request.
struct PresentedSession {
    handles: SessionHandles,
    provider: String,
    subject: String,
    /// When it expires.
    ends: Timestamp,
    /// When the last of the presented session tokens expires.
    token_ends: Timestamp,
}

impl PresentedSession {
    fn new(
        handles: SessionHandles,
        (provider, subject): (String, String),
        ends: Timestamp,
    ) -> Self {
        Self {
            handles,
            provider,
            subject,
            ends,
            token_ends: Timestamp::default(),
        }
    }
}

impl Sessions {
    /// Ends the session of this browser, or all of them if its cookies have several. After `Ok`, all filters
    /// refuse it within seconds, and copies of the cookies are invalid.
    ///
    /// # Errors
    /// If the store is unavailable. Then the cookies should not be deleted, so that the user can try again.
    pub(crate) async fn sign_out(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
    ) -> Result<SignedOut, Unavailable> {
        let keys = self.keys.load_full();
        let mut presented: BTreeMap<Id, PresentedSession> = BTreeMap::new();
        let mut sessions = Vec::new();
        for content in self.open_sealed(cookies) {
            // A ticket without a record is not valid.
            if let Some(stored) = self.store.load(content).await? {
                let (session, handles) = (&stored.session, keys.handles(&stored.session));
                let user = (session.provider.clone(), session.user.sub.clone());
                let own = PresentedSession::new(handles, user, session.ends);
                presented.insert(session.sid, own);
                sessions.push(stored.session);
            }
        }
        let session = sessions.into_iter().max_by_key(|own| own.last_used);
        // A session token is enough to end its session.
        for text in cookies.candidates(self.settings.names.token()) {
            if let Some(claims) = keys.verify_token(&self.settings.url, &text) {
                let handles = claims.handles;
                let latest_end = handles.began.after(self.settings.lifetime);
                let own = presented.entry(handles.sid).or_insert_with(|| {
                    let user = (claims.provider, claims.subject);
                    PresentedSession::new(handles, user, latest_end)
                });
                own.token_ends = own.token_ends.max(claims.expires_at);
            }
        }
        // First, because the revocation only lasts until the session tokens of the record expire.
        for sid in presented.keys() {
            self.store.delete(*sid).await?;
        }
        // The store may be unavailable, which must not keep a user without a session from signing out.
        if !presented.is_empty() {
            self.revoke(presented.values(), now).await?;
        }
        let mut set_cookies = self.settings.delete_session(cookies);
        set_cookies.extend(SignInAttempts::delete_completed(&self.settings, cookies));
        let is_one = presented.len() == 1;
        let ended = presented.into_iter().map(|(sid, own)| EndedSession {
            sid,
            provider: own.provider,
            subject: own.subject,
        });
        Ok(SignedOut {
            ended: ended.collect(),
            // With two sessions, no provider session is ended.
            session: session.filter(|_| is_one),
            set_cookies,
        })
    }

    /// Whether the request has a session cookie, valid or not.
    pub(crate) fn has_session_cookie(&self, cookies: &Cookies<'_>) -> bool {
        !self.settings.delete_session(cookies).is_empty()
    }

    /// Revokes the sessions that are still active. An expired or revoked one needs no revocation;
    /// otherwise a client with old cookies could fill the list by presenting them again and again.
    async fn revoke(
        &self,
        presented: impl Iterator<Item = &PresentedSession>,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let state = self.store.revocations(now).await?;
        // Every session that began by now has expired by then.
        let all_expired = now.after(self.settings.lifetime);
        let is_active =
            |own: &&PresentedSession| now < own.ends && !state.is_revoked(&own.handles, None, now);
        let revocations = presented.filter(is_active).map(|own| {
            let ends = if self.store.has_records() {
                // The record is deleted, so only its session tokens are left.
                let token_ends = own.token_ends.max(now.after(self.settings.token));
                token_ends.after(CLOCK_SKEW)
            } else {
                own.ends.max(all_expired)
            };
            let handles = &own.handles;
            Revocation::session(handles.sid, ends)
                .began(handles.began)
                .of(handles.handle)
        });
        let batch = RevocationBatch {
            revocations: revocations.collect(),
            ..RevocationBatch::default()
        };
        if !batch.revocations.is_empty() {
            self.store.revoke(&batch, now).await?;
        }
        Ok(())
    }
}
