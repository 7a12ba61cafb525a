//! The judgement of a request, from its headers to the verdict: the sentence that the other modules
//! are the words of.

mod authenticate;
mod memory;

use crate::credential::Credential;
use crate::decision::Decision;
use crate::keys::{Keyring, Signatures};
use crate::policy::{App, Policy};
use crate::reason::Reason;
use crate::request::{Headers, Request};
use crate::timestamp::Timestamp;

pub use memory::Memory;

use authenticate::Unproven;

/// A gate: a policy, ready to judge.
#[derive(Clone, Debug)]
pub struct Gate {
    policy: Policy,
}

/// What a request is judged by besides the policy.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The keys as they are known now.
    pub keyring: &'a Keyring,
    /// What checks signatures.
    pub signatures: &'a dyn Signatures,
    /// When the request came.
    pub arrived: Timestamp,
    /// The time.
    pub now: Timestamp,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Judgement<'g> {
    /// It is decided.
    Decided(Decision<'g>),
    /// The keys of the trust entries at these places of the policy should be read first: the
    /// request waits, not for long, and is then judged again.
    AwaitKeys {
        /// The app that is asked for.
        app: &'g App,
        /// The places.
        trusts: Vec<usize>,
    },
}

impl Gate {
    /// A gate that judges by this policy.
    pub const fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// The policy that it judges by.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Judges a request. `memory` only saves work: what it holds never changes a verdict.
    pub fn judge(
        &self,
        headers: &Headers<'_>,
        circumstances: Circumstances<'_>,
        memory: &mut Memory,
    ) -> Judgement<'_> {
        let request = match Request::read(headers) {
            Ok(request) => request,
            Err(ambiguity) => {
                return Judgement::Decided(Decision {
                    ambiguity: Some(ambiguity),
                    ..Decision::new(Reason::RequestAmbiguous)
                });
            }
        };
        let Some(app) = self.policy.app_for(request.host()) else {
            return Judgement::Decided(Decision::new(Reason::AppUnknown));
        };
        let decide = |reason| Decision {
            app: Some(app),
            ..Decision::new(reason)
        };
        if app.preflight() && headers.is_preflight() {
            return Judgement::Decided(decide(Reason::Preflight));
        }
        if let Some(rule) = app.public_rule(request.method(), request.path()) {
            return Judgement::Decided(Decision {
                rule: Some(rule),
                ..decide(Reason::Public)
            });
        }
        let token = match Credential::read(headers, self.policy.max_token()) {
            Ok(Credential::Bearer(token)) => token,
            Ok(Credential::Nothing) => return Judgement::Decided(decide(Reason::NoCredentials)),
            Err(reason) => return Judgement::Decided(decide(reason)),
        };
        let known = match self.authenticate(token, circumstances, memory) {
            Ok(known) => known,
            Err(Unproven::Refused(reason)) => return Judgement::Decided(decide(reason)),
            Err(Unproven::AwaitKeys(trusts)) => return Judgement::AwaitKeys { app, trusts },
        };
        if !app.audiences().is_empty() && !known.is_for(app.audiences()) {
            return Judgement::Decided(Decision {
                known: Some(known),
                ..decide(Reason::AudienceMismatch)
            });
        }
        let rule = app.rule_for(request.method(), request.path(), known.caller());
        let reason = if rule.is_some() {
            Reason::Rule
        } else {
            Reason::CallerNotAllowed
        };
        Judgement::Decided(Decision {
            rule,
            known: Some(known),
            ..decide(reason)
        })
    }

    /// The verdict on a request that waited for keys as long as it may.
    pub fn give_up<'g>(&'g self, app: &'g App) -> Decision<'g> {
        Decision {
            app: Some(app),
            ..Decision::new(Reason::KeysUnavailable)
        }
    }
}

#[cfg(test)]
mod tests;
