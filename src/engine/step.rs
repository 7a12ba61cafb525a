//! What becomes of a request.

use log::Level;
use portcullis_core::answer::LocalReply;
use portcullis_core::decision::Decision;
use portcullis_core::policy::{self, Audit};
use portcullis_core::request::Headers;
use portcullis_core::session::Cookies;

/// What becomes of a request now.
#[derive(Debug)]
#[must_use]
pub enum Step<'e> {
    /// It is forwarded, once everything that an app must not see is off it.
    Forward(Verdict<'e>),
    /// It is answered here, and nothing of it is forwarded.
    Answer(LocalReply, Verdict<'e>),
    /// It waits: nothing of it is forwarded until [`crate::Engine::due`] or
    /// [`crate::Engine::due_by_refresh`] names it and it is judged again.
    Wait,
}

/// A verdict, and what follows from it for the request and for those who look on.
#[derive(Debug)]
pub struct Verdict<'e> {
    decision: Decision<'e>,
    headers: &'e Headers<'e>,
    audit: Audit,
}

impl<'e> Step<'e> {
    pub(crate) fn of(decision: Decision<'e>, headers: &'e Headers<'e>, audit: Audit) -> Self {
        let reply = LocalReply::refusal(&decision, headers);
        let verdict = Verdict {
            decision,
            headers,
            audit,
        };
        match reply {
            Some(reply) => Self::Answer(reply, verdict),
            None => Self::Forward(verdict),
        }
    }
}

impl Verdict<'_> {
    /// The names of the header fields to remove, Cookie aside.
    pub fn removals(&self) -> impl Iterator<Item = &[u8]> {
        let names = self.headers.iter().map(|(name, _)| name);
        names.filter(|name| !self.decision.forwards(name))
    }

    /// What of the client's cookies is forwarded.
    #[must_use]
    pub fn cookies(&self) -> Cookies {
        self.decision.forwarded_cookies(self.headers)
    }

    /// The header fields to set, which say who calls.
    #[must_use]
    pub fn identity(&self) -> &[(&'static str, String)] {
        let known = self.decision.known();
        known.map_or_else(Default::default, |known| known.identity_headers())
    }

    /// What is kept in filter state for access logs and later filters: a name and a value each.
    pub fn filter_state(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let decision = &self.decision;
        let caller = decision.known().map(|known| known.caller_name());
        let entries = [
            ("portcullis.caller", caller),
            ("portcullis.app", decision.app().map(|app| app.name())),
            ("portcullis.rule", decision.rule().map(|rule| rule.name())),
            ("portcullis.reason", Some(decision.reason().code())),
        ];
        let given = |(name, value): (&'static str, Option<_>)| value.map(|value| (name, value));
        entries.into_iter().filter_map(given)
    }

    /// At which level the audit record is logged; `None` where it is not.
    #[must_use]
    pub fn audit_level(&self) -> Option<Level> {
        let level = if self.decision.is_allowed() {
            self.audit.allowed()
        } else {
            self.audit.refused()
        };
        match level {
            policy::Level::Debug => Some(Level::Debug),
            policy::Level::Error => Some(Level::Error),
            policy::Level::Info => Some(Level::Info),
            policy::Level::Warn => Some(Level::Warn),
            policy::Level::Off => None,
        }
    }

    /// The audit record: one line of JSON. It is made when it is asked for, because most proxies log
    /// no allowed request.
    #[must_use]
    pub fn audit_record(&self) -> String {
        self.decision.audit_record(self.headers)
    }
}

/// The answer to a request whose headers or trailers can't be read or changed.
#[must_use]
pub fn internal_error() -> LocalReply {
    LocalReply {
        status: 500,
        grpc_status: 13,
        headers: Vec::new(),
        body: String::new(),
        details: "portcullis{internal}".to_owned(),
    }
}
