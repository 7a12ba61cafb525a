//! Evaluates a request, from its headers to the decision, with the other modules.
//!
//! [`Gate`] is the policy decision point (PDP, RFC 2904). [`crate::outcome`] says how its
//! decisions are enforced.

mod authenticate;
mod identify;
mod same_origin;
mod session;
mod token_cache;

use std::sync::Arc;

use crate::caller::AuthenticatedCaller;
use crate::credential::Credential;
use crate::decision::{AuthnError, Decision, Evidence};
use crate::json::Json;
use crate::keys::{Keyring, Signatures};
use crate::policy::{App, Policy};
use crate::reason::Reason;
use crate::request::{self, Ambiguity, Headers, Request};
use crate::session::Revocations;
use crate::timestamp::Timestamp;
use crate::token::unverified_parts;
use crate::trust::KeySourceId;

pub use identify::Identification;
pub use session::{RefreshOutcome, RefreshRequest};
pub use token_cache::TokenCache;

use authenticate::AuthnFailure;
use session::SessionState;

/// The policy decision point: evaluates requests by a policy.
#[derive(Clone, Debug)]
pub struct Gate {
    policy: Policy,
}

/// What a request is evaluated with besides the policy.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The keys that are known now.
    pub keyring: &'a Keyring,
    /// The verification of signatures.
    pub signatures: &'a dyn Signatures,
    /// The revoked sessions, as far as they are known. Before the first successful fetch the list
    /// is empty, and a session is evaluated by its token only.
    pub revocations: &'a Revocations,
    /// When the request arrived.
    pub arrived: Timestamp,
    /// The time.
    pub now: Timestamp,
}

/// The result of evaluating a request.
#[derive(Clone, Debug)]
pub enum Evaluation<'g> {
    /// The request is allowed or refused.
    Decided(Decision<'g>),
    /// The keys of these sources must be fetched first: the request waits for a short time and is
    /// then evaluated again.
    AwaitKeys {
        /// The requested app.
        app: &'g App,
        /// The sources, as [`Policy::key_sources`] has them.
        sources: Vec<KeySourceId>,
    },
    /// The session's token has expired: the companion should refresh the session first. The request
    /// waits for a short time and is then evaluated by [`Gate::evaluate_refreshed`].
    Refresh(RefreshRequest<'g>),
}

/// A request for an app, on which the decision depends on the caller.
struct AppRequest<'g, 'r> {
    request: Request<'r>,
    app: &'g App,
    policy: &'g Policy,
}

impl Gate {
    /// A gate with this policy.
    pub const fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// The policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Evaluates a request. `cache` only saves work: its content never changes a decision.
    pub fn evaluate(
        &self,
        headers: &Headers<'_>,
        context: Context<'_>,
        cache: &mut TokenCache,
    ) -> Evaluation<'_> {
        self.evaluate_by(headers, context, cache, None)
    }

    /// Evaluates a request again by the outcome of its session's refresh: never with another
    /// [`Evaluation::Refresh`]. If it has to wait for keys, it is evaluated by the same outcome
    /// later.
    pub fn evaluate_refreshed(
        &self,
        headers: &Headers<'_>,
        context: Context<'_>,
        cache: &mut TokenCache,
        refreshed: &RefreshOutcome,
    ) -> Evaluation<'_> {
        self.evaluate_by(headers, context, cache, Some(refreshed))
    }

    fn evaluate_by(
        &self,
        headers: &Headers<'_>,
        context: Context<'_>,
        cache: &mut TokenCache,
        refreshed: Option<&RefreshOutcome>,
    ) -> Evaluation<'_> {
        let mut evaluation = self.enforced(headers, context, cache, refreshed);
        if let Evaluation::Decided(decision) = &mut evaluation {
            decision.add_unenforced(headers, context.now);
        }
        evaluation
    }

    /// The evaluation as if all of it were enforced.
    fn enforced(
        &self,
        headers: &Headers<'_>,
        context: Context<'_>,
        cache: &mut TokenCache,
        refreshed: Option<&RefreshOutcome>,
    ) -> Evaluation<'_> {
        let requested = match self.app_request(headers) {
            Ok(requested) => requested,
            Err(decision) => return Evaluation::Decided(decision),
        };
        // A bearer token takes precedence, even if invalid; a session counts only without one
        // (H03).
        match Credential::read(headers, self.policy.max_token()) {
            Ok(Credential::Bearer(token)) => {
                if requested.app.has_own_bearer()
                    && !self.knows_issuer(token)
                    && let session = self.current_session(headers, context, cache, refreshed)
                    && !matches!(session, SessionState::Absent | SessionState::Invalid(_))
                {
                    return requested.evaluate_session(session, headers, true);
                }
                let caller = self.authenticate(token, context, cache);
                requested.evaluate_token(caller)
            }
            Ok(Credential::Nothing) => {
                let session = self.current_session(headers, context, cache, refreshed);
                requested.evaluate_session(session, headers, false)
            }
            Err(reason) => Evaluation::Decided(requested.decide(reason)),
        }
    }

    fn current_session(
        &self,
        headers: &Headers<'_>,
        context: Context<'_>,
        cache: &mut TokenCache,
        refreshed: Option<&RefreshOutcome>,
    ) -> SessionState {
        match refreshed {
            Some(refreshed) => self.refreshed(refreshed, context, cache),
            None => self.session(headers, context, cache),
        }
    }

    /// Whether a token claims to be of an issuer that this policy accepts: of a trust entry or the
    /// companion. An app's own token is none.
    fn knows_issuer(&self, token: &str) -> bool {
        let (_, payload) = unverified_parts(token);
        let issuer = payload.as_ref().and_then(|claims| claims.member("iss"));
        issuer.and_then(Json::as_str).is_some_and(|issuer| {
            let mut sources = self.policy.key_sources();
            sources.any(|(_, trust)| trust.accepts_issuer(issuer))
        })
    }

    /// The request for an app, or the decision if it does not depend on credentials.
    fn app_request<'r>(&self, headers: &Headers<'r>) -> Result<AppRequest<'_, 'r>, Decision<'_>> {
        let sso = self.policy.sso();
        let decide = |reason| Decision {
            sso,
            ..Decision::new(reason)
        };
        let ambiguous = |ambiguity| Decision {
            ambiguity: Some(ambiguity),
            ..decide(Reason::RequestAmbiguous)
        };
        // Before the rest of the request is read: on these hosts, nothing of it is refused.
        if self.is_ungated(headers) {
            return Err(decide(Reason::Ungated));
        }
        let request = Request::read(headers).map_err(ambiguous)?;
        let app = self.policy.app_for(request.host());
        let is_encoded = request.has_encoded_separator();
        if is_encoded && !app.is_some_and(App::passes_encoded_paths) {
            return Err(ambiguous(Ambiguity::PathEncoding));
        }
        if let Some(companion) = self.policy.companion_at(request.host()) {
            let serves = companion.serves(request.path());
            return Err(decide(if serves {
                Reason::Companion
            } else {
                Reason::AppUnknown
            }));
        }
        let app = app.ok_or_else(|| decide(Reason::AppUnknown))?;
        let requested = AppRequest {
            request,
            app,
            policy: &self.policy,
        };
        if app.preflight() && headers.is_preflight() {
            return Err(requested.decide(Reason::Preflight));
        }
        let request = &requested.request;
        match app.public_rule(request.method(), request.path()) {
            Some(rule) if !is_encoded => Err(Decision {
                rule: Some(rule),
                ..requested.decide(Reason::Public)
            }),
            _ => Ok(requested),
        }
    }

    fn is_ungated(&self, headers: &Headers<'_>) -> bool {
        self.policy.has_ungated_hosts()
            && request::host(headers).is_some_and(|host| self.policy.is_ungated(&host))
    }

    /// The decision on a request whose wait for keys timed out.
    pub fn give_up<'g>(&'g self, app: &'g App) -> Decision<'g> {
        Decision {
            app: Some(app),
            sso: self.policy.sso(),
            ..Decision::refused(Evidence::new(AuthnError::KeysUnavailable))
        }
    }
}

impl<'g> AppRequest<'g, '_> {
    fn decide(&self, reason: Reason) -> Decision<'g> {
        Decision {
            app: Some(self.app),
            sso: self.policy.sso(),
            ..Decision::new(reason)
        }
    }

    fn refuse(&self, evidence: Box<Evidence>) -> Decision<'g> {
        let reason = evidence.reason();
        Decision {
            evidence: Some(evidence),
            ..self.decide(reason)
        }
    }

    /// Whether the policy refuses this caller, whatever the rules of the app say.
    fn refuses(&self, caller: &AuthenticatedCaller) -> bool {
        self.policy.refuses(caller.caller_name())
    }

    fn refuse_caller(&self, caller: Arc<AuthenticatedCaller>) -> Decision<'g> {
        Decision {
            authenticated: Some(caller),
            ..self.decide(Reason::CallerRefused)
        }
    }

    /// Evaluates a request with a bearer token.
    fn evaluate_token(
        &self,
        caller: Result<Arc<AuthenticatedCaller>, AuthnFailure>,
    ) -> Evaluation<'g> {
        let app = self.app;
        Evaluation::Decided(match caller {
            Ok(caller) if self.refuses(&caller) => self.refuse_caller(caller),
            Ok(caller) if !app.audiences().is_empty() && !caller.is_for(app.audiences()) => {
                let evidence = Evidence::of_caller(AuthnError::AppAudience, &caller);
                Decision {
                    authenticated: Some(caller),
                    ..self.refuse(Box::new(evidence))
                }
            }
            Ok(caller) => self.evaluate_caller(caller),
            Err(AuthnFailure::Refused(evidence)) => self.refuse(evidence),
            Err(AuthnFailure::AwaitKeys(sources)) => return Evaluation::AwaitKeys { app, sources },
        })
    }

    /// Evaluates a request by its session cookies. `has_own_bearer` says that it has a bearer token of the
    /// app's own too.
    fn evaluate_session(
        &self,
        session: SessionState,
        headers: &Headers<'_>,
        has_own_bearer: bool,
    ) -> Evaluation<'g> {
        let (app, sso) = (self.app, self.policy.sso());
        let cross_site = || same_origin::is_cross_site(&self.request, headers, app);
        let decision = match session {
            SessionState::Absent => return Evaluation::Decided(self.decide(Reason::NoCredentials)),
            SessionState::AwaitKeys(sources) => return Evaluation::AwaitKeys { app, sources },
            SessionState::Valid(caller) | SessionState::Expired(caller)
                if self.refuses(&caller) =>
            {
                self.refuse_caller(caller)
            }
            SessionState::Valid(caller) | SessionState::Expired(caller) if cross_site() => {
                Decision {
                    authenticated: Some(caller),
                    ..self.decide(Reason::CrossSite)
                }
            }
            SessionState::Valid(caller) => self.evaluate_caller(caller),
            SessionState::Expired(caller) => {
                match sso.and_then(|sso| RefreshRequest::of(&caller, sso, app, headers)) {
                    Some(refresh) => return Evaluation::Refresh(refresh),
                    None => {
                        let error = AuthnError::NoSealedSession;
                        self.refuse(Box::new(Evidence::of_caller(error, &caller)))
                    }
                }
            }
            SessionState::Invalid(evidence) => self.refuse(evidence),
        };
        Evaluation::Decided(Decision {
            by_session: true,
            has_own_bearer,
            ..decision
        })
    }

    /// The decision by the rules of the app.
    fn evaluate_caller(&self, caller: Arc<AuthenticatedCaller>) -> Decision<'g> {
        let (method, path) = (self.request.method(), self.request.path());
        let rule = self.app.rule_for(method, path, caller.caller());
        let reason = if rule.is_some() {
            Reason::Rule
        } else {
            Reason::CallerNotAllowed
        };
        Decision {
            rule,
            authenticated: Some(caller),
            ..self.decide(reason)
        }
    }
}

#[cfg(test)]
mod tests;
