//! What is decided and not enforced: refusals that are only reported, and what shadow rules say.

use super::{Class, Decision, Reason};
use crate::caller::AuthenticatedCaller;
use crate::policy::{App, Rule};
use crate::request::{Headers, Request};
use crate::timestamp::Timestamp;

/// What the shadow rules of an app say about a request, where it differs from what its rules say.
#[derive(Clone, Copy, Debug)]
pub struct Shadow<'g> {
    /// Whether the rules of the app allow the request.
    pub is_allowed_by_rules: bool,
    /// What the shadow rules say.
    pub outcome: ShadowOutcome,
    /// The shadow rule that allows the request.
    pub rule: Option<&'g Rule>,
}

/// What shadow rules say about a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ShadowOutcome {
    /// A shadow rule allows it.
    Allowed,
    /// No shadow rule allows it.
    Refused,
    /// It depends on the caller, which the app's own rules do not need.
    Unknown,
}

impl ShadowOutcome {
    /// Its name in audit records and metrics.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl<'g> Decision<'g> {
    /// Adds what the app does not enforce.
    pub(crate) fn add_unenforced(&mut self, headers: &Headers<'_>, now: Timestamp) {
        if let Some(app) = self.app {
            if !app.shadow_rules().is_empty() {
                self.shadow = self.shadow_of(app, headers);
            }
            self.report_only(app, now);
        }
    }

    /// Turns a refusal into [`Reason::ReportOnly`] if the app only reports refusals now. A request that is
    /// ambiguous, or that can't be decided now, is refused all the same, and so is a caller that the policy
    /// refuses.
    pub(super) fn report_only(&mut self, app: &App, now: Timestamp) {
        let class = self.reason.class();
        if matches!(
            class,
            Class::Unauthenticated | Class::InvalidToken | Class::Forbidden
        ) && self.reason != Reason::CallerRefused
            && app.is_report_only(now)
        {
            self.reported = Some(self.reason);
            self.reason = Reason::ReportOnly;
        }
    }

    /// The caller that the identity headers name. If the refusal is only reported, not that of a token for another
    /// app or of a page of another site, and none of an issuer that no rule of the app names: its e-mail
    /// addresses and groups are not those that the app knows.
    pub(crate) fn identified(&self) -> Option<&AuthenticatedCaller> {
        self.authenticated().filter(|caller| match self.reported {
            None => true,
            Some(Reason::AudienceMismatch | Reason::CrossSite) => false,
            Some(_) => self.app.is_some_and(|app| app.names(caller.caller())),
        })
    }

    /// By what is known of the request now. `None` if the rules of the app say the same, or if they do not
    /// decide.
    fn shadow_of(&self, app: &'g App, headers: &Headers<'_>) -> Option<Shadow<'g>> {
        let is_allowed_by_rules = matches!(self.reason, Reason::Rule | Reason::Public);
        match self.reason.class() {
            Class::Allowed if !is_allowed_by_rules => return None,
            Class::BadRequest | Class::Unavailable => return None,
            _ => {}
        }
        let request = Request::read(headers).ok()?;
        let (rules, method, path) = (app.shadow_rules(), request.method(), request.path());
        let public = Rule::public_of(rules, method, path);
        let caller = match self.reason {
            Reason::Rule | Reason::CallerNotAllowed => self.authenticated(),
            // Other refusals come before the rules.
            _ => None,
        };
        let (outcome, rule) =
            if let Some(rule) = public.filter(|_| !request.has_encoded_separator()) {
                (ShadowOutcome::Allowed, Some(rule))
            } else if let Some(caller) = caller {
                match Rule::allowing_of(rules, method, path, caller.caller()) {
                    Some(rule) => (ShadowOutcome::Allowed, Some(rule)),
                    None => (ShadowOutcome::Refused, None),
                }
            } else if self.reason == Reason::Public
                && rules.iter().any(|rule| rule.matches(method, path))
                && self.has_credentials(headers)
            {
                (ShadowOutcome::Unknown, None)
            } else {
                (ShadowOutcome::Refused, None)
            };
        let same = if is_allowed_by_rules {
            ShadowOutcome::Allowed
        } else {
            ShadowOutcome::Refused
        };
        (outcome != same).then_some(Shadow {
            is_allowed_by_rules,
            outcome,
            rule,
        })
    }

    /// Whether a request that is decided without its credentials has some, valid or not.
    fn has_credentials(&self, headers: &Headers<'_>) -> bool {
        let has_cookie = || {
            self.sso
                .is_some_and(|sso| sso.cookie_names().is_presented_in(headers))
        };
        self.bearer(headers).is_some() || has_cookie()
    }
}
