//! The decision on one request, its reason, and its audit record.

mod audit;
mod evidence;
mod unenforced;

use std::sync::Arc;

pub use crate::reason::{Class, Reason};
pub use evidence::{AuthnError, Evidence};
pub use unenforced::{Shadow, ShadowOutcome};

pub(crate) use audit::Recorded;

use crate::caller::{AuthenticatedCaller, Caller};
use crate::policy::{App, Rule, Sso};
use crate::request::Ambiguity;
use crate::timestamp::Timestamp;

/// The decision on one request. It carries what it was made from, so that responses, logs and metrics
/// agree.
#[derive(Clone, Debug)]
pub struct Decision<'g> {
    pub(crate) reason: Reason,
    pub(crate) app: Option<&'g App>,
    pub(crate) rule: Option<&'g Rule>,
    pub(crate) authenticated: Option<Arc<AuthenticatedCaller>>,
    pub(crate) ambiguity: Option<Ambiguity>,
    /// Why a token or a session was refused.
    pub(crate) evidence: Option<Box<Evidence>>,
    /// How users sign in; `None` in a policy without `sso`.
    pub(crate) sso: Option<&'g Sso>,
    /// Whether the decision is about a session, valid or not.
    pub(crate) by_session: bool,
    /// Whether the request has a bearer token of the app's own beside its session.
    pub(crate) has_own_bearer: bool,
    /// The reason of the refusal that is only reported.
    pub(crate) reported: Option<Reason>,
    /// What the app's shadow rules say, if it differs.
    pub(crate) shadow: Option<Shadow<'g>>,
}

impl<'g> Decision<'g> {
    /// A decision on a request for no particular app.
    pub(crate) const fn new(reason: Reason) -> Self {
        Self {
            reason,
            app: None,
            rule: None,
            authenticated: None,
            ambiguity: None,
            evidence: None,
            sso: None,
            by_session: false,
            has_own_bearer: false,
            reported: None,
            shadow: None,
        }
    }

    /// A refusal with this evidence.
    pub(crate) fn refused(evidence: Evidence) -> Self {
        let reason = evidence.reason();
        Self {
            evidence: Some(Box::new(evidence)),
            ..Self::new(reason)
        }
    }

    /// The refusal of a forward-auth request whose peer is not a trusted proxy.
    pub const fn proxy_untrusted() -> Self {
        Self::new(Reason::ProxyUntrusted)
    }

    /// The refusal of a request that was not evaluated, because the proxy's description of it is
    /// incomplete or contradictory.
    pub const fn request_ambiguous() -> Self {
        Self::new(Reason::RequestAmbiguous)
    }

    /// The same, with the caller refused by the restrictions that a proxy adds to the policy.
    #[must_use]
    pub fn narrowed(self, now: Timestamp) -> Self {
        let mut narrowed = Self {
            reason: Reason::CallerNotAllowed,
            rule: None,
            shadow: None,
            ..self
        };
        if let Some(app) = narrowed.app {
            narrowed.report_only(app, now);
        }
        narrowed
    }

    /// Whether the request is forwarded.
    pub const fn is_allowed(&self) -> bool {
        matches!(self.reason.class(), Class::Allowed)
    }

    /// The class of the response. A failed session counts as no credentials: the user should sign
    /// in again, and has no token to correct.
    pub const fn class(&self) -> Class {
        match self.reason.class() {
            Class::InvalidToken if self.by_session => Class::Unauthenticated,
            class => class,
        }
    }

    /// The reason.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The reason of the refusal, if it is only reported ([`Reason::ReportOnly`]).
    pub const fn reported(&self) -> Option<Reason> {
        self.reported
    }

    /// The reason of the decision as it would be enforced: of the refusal, if that is only reported.
    pub fn enforced_reason(&self) -> Reason {
        self.reported.unwrap_or(self.reason)
    }

    /// What the app's shadow rules say, if it differs from what its rules say.
    pub const fn shadow(&self) -> Option<&Shadow<'g>> {
        self.shadow.as_ref()
    }

    /// The requested app; `None` where no app has the host, or the host is ambiguous.
    pub const fn app(&self) -> Option<&'g App> {
        self.app
    }

    /// The rule that allows the request.
    pub const fn rule(&self) -> Option<&'g Rule> {
        self.rule
    }

    /// Whether the decision is about a session, valid or not.
    pub const fn is_by_session(&self) -> bool {
        self.by_session
    }

    /// How users sign in; `None` in a policy without `sso`.
    pub const fn sso(&self) -> Option<&'g Sso> {
        self.sso
    }

    /// Whether the request is for the companion, on its own host.
    pub const fn is_for_companion(&self) -> bool {
        matches!(self.reason, Reason::Companion)
    }

    /// The caller, where a token was verified.
    pub fn authenticated(&self) -> Option<&AuthenticatedCaller> {
        self.authenticated.as_deref()
    }

    /// Whether the caller is refused and has an e-mail address that no rule counted, because the issuer
    /// has not verified it.
    pub(crate) fn is_refused_with_unverified_email(&self) -> bool {
        let caller = self.authenticated().map(AuthenticatedCaller::caller);
        self.enforced_reason() == Reason::CallerNotAllowed
            && caller.is_some_and(Caller::has_unverified_email)
    }

    /// Why the request has no canonical form, if it is refused for that.
    pub const fn ambiguity(&self) -> Option<Ambiguity> {
        self.ambiguity
    }

    /// Why a token or a session was refused: for operators, never for the client.
    pub fn evidence(&self) -> Option<&Evidence> {
        self.evidence.as_deref()
    }
}
