//! Identifies the caller of a bearer token for no app: a client can check its own identity.

use std::sync::Arc;

use super::authenticate::AuthnFailure;
use super::{Context, Gate, TokenCache};
use crate::caller::AuthenticatedCaller;
use crate::credential::Credential;
use crate::decision::{AuthnError, Decision, Evidence};
use crate::request::Headers;
use crate::trust::KeySourceId;

/// Who a bearer token identifies.
#[derive(Clone, Debug)]
pub enum Identification<'g> {
    /// The caller.
    Caller(Arc<AuthenticatedCaller>),
    /// The token is refused, or can't be verified now.
    Refused(Decision<'g>),
    /// The keys of these sources must be fetched first.
    AwaitKeys(Vec<KeySourceId>),
}

impl Gate {
    /// Identifies the caller of a request's bearer token, as [`Gate::evaluate`] does. No rule applies.
    /// `None` if the request has no bearer token.
    pub fn identify(
        &self,
        headers: &Headers<'_>,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Option<Identification<'_>> {
        let refused = |decision| {
            Identification::Refused(Decision {
                sso: self.policy.sso(),
                ..decision
            })
        };
        Some(match Credential::read(headers, self.policy.max_token()) {
            Ok(Credential::Nothing) => return None,
            Ok(Credential::Bearer(token)) => match self.authenticate(token, context, cache) {
                Ok(caller) => Identification::Caller(caller),
                Err(AuthnFailure::Refused(evidence)) => refused(Decision::refused(*evidence)),
                Err(AuthnFailure::AwaitKeys(sources)) => Identification::AwaitKeys(sources),
            },
            Err(reason) => refused(Decision::new(reason)),
        })
    }

    /// The refusal of a token whose wait for keys timed out.
    pub fn give_up_identifying(&self) -> Decision<'_> {
        Decision {
            sso: self.policy.sso(),
            ..Decision::refused(Evidence::new(AuthnError::KeysUnavailable))
        }
    }
}
