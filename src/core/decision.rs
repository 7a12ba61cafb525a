//! The verdict on one request, and its reason.

mod audit;

use std::sync::Arc;

pub use crate::reason::{Class, Reason};

use crate::caller::AuthenticatedCaller;
use crate::caller::headers::{is_forwarded, reaches_companion};
use crate::policy::{App, Rule, Sso};
use crate::request::{Ambiguity, Headers};
use crate::session::Cookies;

/// The verdict on one request. It carries what it was made from, so that answers, logs and metrics
/// all speak of the same thing.
#[derive(Clone, Debug)]
pub struct Decision<'g> {
    pub(crate) reason: Reason,
    pub(crate) app: Option<&'g App>,
    pub(crate) rule: Option<&'g Rule>,
    pub(crate) known: Option<Arc<AuthenticatedCaller>>,
    pub(crate) ambiguity: Option<Ambiguity>,
    /// How people sign in here.
    pub(crate) sso: Option<&'g Sso>,
    /// Whether a session was what was judged, good or bad.
    pub(crate) by_session: bool,
}

impl<'g> Decision<'g> {
    /// A verdict on a request for no app in particular.
    pub(crate) const fn new(reason: Reason) -> Self {
        Self {
            reason,
            app: None,
            rule: None,
            known: None,
            ambiguity: None,
            sso: None,
            by_session: false,
        }
    }

    /// The refusal of a request that was not judged, because whoever tells of it is no trusted proxy.
    pub const fn proxy_untrusted() -> Self {
        Self::new(Reason::ProxyUntrusted)
    }

    /// The refusal of a request that was not judged, because what is told of it is not all there, or
    /// not the same twice.
    pub const fn request_ambiguous() -> Self {
        Self::new(Reason::RequestAmbiguous)
    }

    /// The same, but the caller is refused by more than the policy: by what a proxy asks of callers
    /// at this place.
    #[must_use]
    pub fn narrowed(self) -> Self {
        Self {
            reason: Reason::CallerNotAllowed,
            rule: None,
            ..self
        }
    }

    /// Whether the request goes on.
    pub fn is_allowed(&self) -> bool {
        self.reason.class() == Class::Allowed
    }

    /// What kind of answer it leads to. A session that fails is as good as nothing shown: who has
    /// it should sign in again, and has no token to help.
    pub const fn class(&self) -> Class {
        match self.reason.class() {
            Class::InvalidToken if self.by_session => Class::Unauthenticated,
            class => class,
        }
    }

    /// Why.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The app that was asked for; `None` where the host is nobody's or can't be told.
    pub const fn app(&self) -> Option<&'g App> {
        self.app
    }

    /// The rule that lets the request through.
    pub const fn rule(&self) -> Option<&'g Rule> {
        self.rule
    }

    /// Whether a session was what was judged, good or bad.
    pub const fn is_by_session(&self) -> bool {
        self.by_session
    }

    /// How people sign in; `None` where nobody does.
    pub const fn sso(&self) -> Option<&'g Sso> {
        self.sso
    }

    /// Whether the request goes on to the companion, on its own host.
    pub fn is_for_companion(&self) -> bool {
        self.reason == Reason::Companion
    }

    /// Whether a header of the client's goes on with the request, Cookie aside.
    pub fn forwards(&self, name: &[u8]) -> bool {
        match self.reason {
            Reason::Companion => reaches_companion(name),
            // No browser puts credentials on one, so that these would be made up.
            Reason::Preflight => is_forwarded(name, None) && is_forwarded(name, self.app),
            _ => is_forwarded(name, self.app),
        }
    }

    /// What of the client's cookies goes on with the request: an app never sees the session's.
    pub fn forwarded_cookies(&self, headers: &Headers<'_>) -> Cookies {
        match self.sso {
            Some(sso) if !self.is_for_companion() => sso.cookies().forwarded(headers),
            _ => Cookies::AsTheyCame,
        }
    }

    /// Who calls, where a token was verified for it.
    pub fn known(&self) -> Option<&AuthenticatedCaller> {
        self.known.as_deref()
    }
}
