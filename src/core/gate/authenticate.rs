//! Authenticates tokens: a bearer token by a trust entry, a session token by the companion's keys.

mod key_search;
mod presented_token;

use std::sync::Arc;

use super::{Context, Gate, TokenCache};
use crate::caller::AuthenticatedCaller;
use crate::decision::{AuthnError, Evidence};
use crate::policy::Sso;
use crate::trust::{KeySourceId, TrustId};

use presented_token::{PresentedToken, Purpose};

/// Why a token authenticates no caller.
pub(super) enum AuthnFailure {
    /// The token is refused.
    Refused(Box<Evidence>),
    /// The keys of these sources must be fetched first.
    AwaitKeys(Vec<KeySourceId>),
}

impl From<Evidence> for AuthnFailure {
    fn from(evidence: Evidence) -> Self {
        Self::Refused(Box::new(evidence))
    }
}

impl Gate {
    /// Finds the trust entry for a token: the first, in policy order, whose key verifies it and
    /// whose audience matches.
    pub(super) fn authenticate(
        &self,
        text: &str,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Result<Arc<AuthenticatedCaller>, AuthnFailure> {
        let presented = PresentedToken::read(text, Purpose::Bearer, cache)?;
        let trusts = TrustId::enumerate(self.policy.trusts());
        let issuer = presented.token.claims().issuer();
        let mut candidates = trusts
            .filter(|(_, trust)| trust.accepts_issuer(issuer))
            .map(|(id, trust)| (KeySourceId::Trust(id), trust))
            .peekable();
        if candidates.peek().is_none() {
            let evidence = Evidence::new(AuthnError::UnknownIssuer);
            return Err(evidence.with_token(&presented.token).into());
        }
        presented.search(candidates, context, cache)
    }

    /// Authenticates a session token by the companion's keys. Everything but the expiry is checked:
    /// the calling code checks `exp`, because an expired token can be refreshed.
    pub(super) fn authenticate_session(
        &self,
        sso: &Sso,
        text: &str,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Result<Arc<AuthenticatedCaller>, AuthnFailure> {
        let presented = PresentedToken::read(text, Purpose::Session(sso), cache)?;
        let companion = (KeySourceId::Companion, sso.keys());
        presented.search(std::iter::once(companion), context, cache)
    }
}
