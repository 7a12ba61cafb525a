//! Evaluates requests that nobody has sent, for the commands that ask what a policy decides.
//!
//! Nothing here decides: core's [`Gate`] evaluates the request by the policy as it is. A caller that is only
//! described gets a token that a key of this process has signed. Each key source of the policy has such a key, and the
//! keyring that the gate gets has these keys in place of the issuers'. So the request takes the same steps as in a
//! proxy: credential, token, caller, rules. Only what selects an issuer's keys has no effect (`keys`, `algorithms`),
//! because no key of an issuer is used.

mod caller;
mod claims;
mod known_user;
mod listed;
mod made_up_keys;
mod person;
mod request;

#[cfg(test)]
mod tests;

use portcullis_core::decision::Decision;
use portcullis_core::gate::{Context, Evaluation, Gate, TokenCache};
use portcullis_core::keys::{Keyring, PureRust};
use portcullis_core::policy::Policy;
use portcullis_core::request::Headers;
use portcullis_core::session::Revocations;
use portcullis_core::timestamp::Timestamp;

pub(crate) use caller::{CallerError, NamedCaller, SimulatedCaller};
pub(crate) use claims::service_account_of;
pub(crate) use known_user::KnownUser;
pub(crate) use listed::{ListedCallers, selects_tokens, unnamed};
pub(crate) use person::{HELP as PERSON_HELP, Person, report as person_report};
pub(crate) use request::SimulatedRequest;

use made_up_keys::MadeUpKeys;

/// A policy, and what evaluates simulated requests by it.
pub(crate) struct Simulator {
    gate: Gate,
    keys: MadeUpKeys,
}

impl Simulator {
    /// A simulator with this policy.
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            keys: MadeUpKeys::new(&policy),
            gate: Gate::new(policy),
        }
    }

    /// The policy.
    pub(crate) const fn policy(&self) -> &Policy {
        self.gate.policy()
    }

    /// The request with the caller's credential.
    ///
    /// # Errors
    /// A caller that the policy can't have.
    pub(crate) fn present(
        &self,
        request: SimulatedRequest,
        caller: &SimulatedCaller,
        now: Timestamp,
    ) -> Result<SimulatedRequest, CallerError> {
        caller::present(request, caller, self.policy(), &self.keys, now)
    }

    /// The decision on a request without a credential, or with that of a described caller.
    pub(crate) fn decide(&self, headers: &Headers<'_>, now: Timestamp) -> Decision<'_> {
        self.decide_with(headers, self.keys.keyring(), now)
    }

    /// The decision with the keys of issuers that are known. Where others are needed, they count as unavailable, and so
    /// does the companion where it would have to refresh a session.
    pub(crate) fn decide_with(
        &self,
        headers: &Headers<'_>,
        keyring: &Keyring,
        now: Timestamp,
    ) -> Decision<'_> {
        match self.evaluate(headers, keyring, now) {
            Evaluation::Decided(decision) => decision,
            Evaluation::AwaitKeys { app, .. } => self.gate.give_up(app),
            Evaluation::Refresh(refresh) => refresh.give_up(),
        }
    }

    /// The evaluation with these keys. It may need other keys.
    pub(crate) fn evaluate(
        &self,
        headers: &Headers<'_>,
        keyring: &Keyring,
        now: Timestamp,
    ) -> Evaluation<'_> {
        let context = Context {
            keyring,
            signatures: &PureRust,
            revocations: &Revocations::default(),
            arrived: now,
            now,
        };
        self.gate
            .evaluate(headers, context, &mut TokenCache::default())
    }
}
