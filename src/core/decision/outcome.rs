//! What becomes of a request, assembled once for the filter, the module and forward auth: it is
//! forwarded with changed header fields, or it is answered; and what operators see of it.

use super::Decision;
use crate::answer::LocalReply;
use crate::caller::headers::{is_forwarded, is_forwarded_late, reaches_companion};
use crate::policy::{App, Audit, Level};
use crate::reason::Reason;
use crate::request::Headers;
use crate::session::Cookies;

#[cfg(test)]
mod tests;

/// What becomes of a request.
#[derive(Debug)]
#[must_use]
pub enum Outcome<'d> {
    /// It is forwarded, once its header fields are changed as the verdict says.
    Forward(Verdict<'d>),
    /// It is answered here, and nothing of it is forwarded.
    Reply(LocalReply, Verdict<'d>),
}

/// A decision on a request with these headers, and what follows from it. Nothing here allocates
/// before it is asked for.
#[derive(Debug)]
pub struct Verdict<'d> {
    decision: Decision<'d>,
    headers: &'d Headers<'d>,
    audit: Audit,
}

impl<'d> Decision<'d> {
    /// What becomes of the request with these headers. `audit` is the policy's.
    pub fn outcome(self, headers: &'d Headers<'d>, audit: Audit) -> Outcome<'d> {
        let reply = LocalReply::refusal(&self, headers);
        let verdict = Verdict {
            decision: self,
            headers,
            audit,
        };
        match reply {
            Some(reply) => Outcome::Reply(reply, verdict),
            None => Outcome::Forward(verdict),
        }
    }
}

// === impl Outcome ===

impl<'d> Outcome<'d> {
    /// The verdict, however the request ends.
    pub const fn verdict(&self) -> &Verdict<'d> {
        match self {
            Self::Forward(verdict) | Self::Reply(_, verdict) => verdict,
        }
    }
}

// === impl Verdict ===

impl<'d> Verdict<'d> {
    /// The decision.
    pub const fn decision(&self) -> &Decision<'d> {
        &self.decision
    }

    /// Whether a header field of the client's is forwarded. Of Cookie fields, [`Verdict::cookies`]
    /// says what is left of them.
    pub fn forwards(&self, name: &[u8]) -> bool {
        self.decision.forwards(name)
    }

    /// The names of the client's header fields to remove, Cookie aside: one for each field.
    pub fn removals(&self) -> impl Iterator<Item = &'d [u8]> {
        let names = self.headers.iter().map(|(name, _)| name);
        names.filter(|name| !self.decision.forwards(name))
    }

    /// What of the client's cookies is forwarded: an app never sees the session's.
    pub fn cookies(&self) -> Cookies {
        self.decision.forwarded_cookies(self.headers)
    }

    /// The header fields to set, which say who calls, over those of the same name.
    pub fn identity(&self) -> &[(&'static str, String)] {
        let caller = self.decision.authenticated();
        caller.map_or_else(Default::default, |caller| caller.identity_headers())
    }

    /// What is kept in filter state for access logs and later filters: a name and a value each.
    pub fn filter_state(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let decision = &self.decision;
        let entries = [
            (
                "portcullis.caller",
                decision.authenticated().map(|caller| caller.caller_name()),
            ),
            ("portcullis.app", decision.app().map(App::name)),
            ("portcullis.rule", decision.rule().map(|rule| rule.name())),
            ("portcullis.reason", Some(decision.reason().code())),
        ];
        let given = |(name, value): (&'static str, Option<_>)| value.map(|value| (name, value));
        entries.into_iter().filter_map(given)
    }

    /// At which level the audit record is logged; `None` where it is not.
    pub const fn audit_level(&self) -> Option<Level> {
        self.audit.level(self.decision.is_allowed())
    }

    /// The audit record: one line of JSON. It is made when it is asked for, because most proxies log
    /// no allowed request.
    pub fn audit_record(&self) -> String {
        self.decision.audit_record(self.headers)
    }

    /// The refusal without a redirect, for a client that can't follow one: a proxy that asks what
    /// to do with a request. `None` where the request is forwarded.
    pub fn challenge(&self) -> Option<LocalReply> {
        LocalReply::refusal(&self.decision, &Headers::default())
    }
}

/// The names of the trailers to remove, whatever the app: some servers put trailers among the header
/// fields, so that none may have a name that any app trusts.
pub fn removed_trailers<'t>(
    apps: &'t [App],
    trailers: &'t Headers<'t>,
) -> impl Iterator<Item = &'t [u8]> {
    let names = trailers.iter().map(|(name, _)| name);
    names.filter(|name| !is_forwarded_late(name, apps))
}

impl Decision<'_> {
    /// Whether a header field of the client's is forwarded, Cookie aside.
    pub(crate) fn forwards(&self, name: &[u8]) -> bool {
        match self.reason {
            Reason::Companion => reaches_companion(name),
            // No browser puts credentials on one, so that these would be made up.
            Reason::Preflight => is_forwarded(name, None) && is_forwarded(name, self.app),
            _ => is_forwarded(name, self.app),
        }
    }

    /// What of the client's cookies is forwarded.
    pub(crate) fn forwarded_cookies(&self, headers: &Headers<'_>) -> Cookies {
        match self.sso {
            Some(sso) if !self.is_for_companion() => sso.cookies().forwarded(headers),
            _ => Cookies::AsTheyCame,
        }
    }
}
