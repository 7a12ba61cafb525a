//! How a decision is enforced, for the filter, the module and forward auth: the request is
//! forwarded with changed header fields, or gets a local reply. Both have an audit record.

mod connection;
mod forwarding;

use crate::caller::headers::{is_own, same};
use crate::decision::{Decision, Recorded, Shadow, ShadowOutcome};
use crate::local_reply::LocalReply;
use crate::policy::{App, Level, Policy};
use crate::reason::Reason;
use crate::request::Headers;
use crate::session::Cookies;
use crate::timestamp::Timestamp;

use connection::ConnectionFields;
use forwarding::{is_forwarded, is_forwarded_to_companion, is_trailer_forwarded};

#[cfg(test)]
mod tests;

/// How a decision is enforced.
#[derive(Debug)]
#[must_use]
pub enum Outcome<'d> {
    /// Change the header fields as the verdict says, then forward the request.
    Forward(Verdict<'d>),
    /// Send this local reply; nothing of the request is forwarded.
    Reply(LocalReply, Verdict<'d>),
}

/// A decision on a request with these headers, and the changes that follow from it. The values are
/// computed on demand.
#[derive(Debug)]
pub struct Verdict<'d> {
    decision: Decision<'d>,
    headers: &'d Headers<'d>,
    policy: &'d Policy,
    time: Timestamp,
}

impl<'d> Decision<'d> {
    /// How the decision on a request with these headers is enforced. It was made now, by this policy.
    pub fn outcome(
        self,
        headers: &'d Headers<'d>,
        policy: &'d Policy,
        now: Timestamp,
    ) -> Outcome<'d> {
        let reply = LocalReply::refusal(&self, headers);
        let verdict = Verdict {
            decision: self,
            headers,
            policy,
            time: now,
        };
        match reply {
            Some(reply) => Outcome::Reply(reply, verdict),
            None => Outcome::Forward(verdict),
        }
    }
}

// === impl Outcome ===

impl<'d> Outcome<'d> {
    /// The verdict, for both outcomes.
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

    /// Whether a header field of the client is forwarded. [`Verdict::cookies`] has the rest of the
    /// Cookie fields.
    pub fn forwards(&self, name: &[u8]) -> bool {
        self.decision.forwards(name)
    }

    /// The names of the client's header fields to remove, except Cookie: one for each field.
    pub fn removals(&self) -> impl Iterator<Item = &'d [u8]> {
        self.removals_with(self.connection_fields())
    }

    fn removals_with(
        &self,
        connection: Option<ConnectionFields<'d>>,
    ) -> impl Iterator<Item = &'d [u8]> {
        let names = self.headers.iter().map(|(name, _)| name);
        names.filter(move |name| {
            let removes = |connection: &ConnectionFields<'_>| connection.removes(name);
            !self.decision.forwards(name) || connection.as_ref().is_some_and(removes)
        })
    }

    /// `None` where they are forwarded unchanged.
    fn connection_fields(&self) -> Option<ConnectionFields<'d>> {
        (self.decision.reason != Reason::Ungated).then(|| ConnectionFields::of(self.headers))
    }

    /// The client's cookies to forward: an app never receives the session cookies.
    pub fn cookies(&self) -> Cookies {
        self.decision.forwarded_cookies(self.headers)
    }

    /// The identity headers to set: those of every app, then the app's own. They replace fields of the same
    /// name.
    pub fn identity(&self) -> impl Iterator<Item = (&str, &str)> {
        let set = self.all_apps_identity().iter();
        let set = set.map(|(name, value)| (*name, &**value));
        set.chain(self.own_identity())
    }

    /// The identity headers that every app gets.
    fn all_apps_identity(&self) -> &[(&'static str, String)] {
        let caller = self.decision.identified();
        caller.map_or_else(Default::default, |caller| caller.identity_headers())
    }

    /// The identity headers of the app's own.
    fn own_identity(&self) -> impl Iterator<Item = (&str, &str)> {
        let set = self.all_apps_identity();
        let own = self
            .decision
            .app()
            .map_or_else(Default::default, App::identity_headers);
        own.iter().filter_map(move |header| {
            let (_, value) = set.iter().find(|(name, _)| *name == header.source)?;
            Some((&*header.name, &**value))
        })
    }

    /// Passes each change of the request's header fields to `set`: a name, and the value that
    /// replaces all fields of that name, or `None` to remove them. Identity headers come last.
    ///
    /// # Errors
    /// The first error of `set`. The request must then be refused, because its headers are changed
    /// only in part.
    pub fn change_headers<E>(
        &self,
        mut set: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), E>,
    ) -> Result<(), E> {
        const COOKIE: &[u8] = b"cookie";

        let connection = self.connection_fields();
        if let Some(value) = connection.as_ref().and_then(ConnectionFields::replacement) {
            set(b"connection", Some(value.as_bytes()))?;
        }
        let mut removals = self.removals_with(connection);
        removals.try_for_each(|name| set(name, None))?;
        match self.cookies() {
            Cookies::Unchanged => {}
            Cookies::Removed => set(COOKIE, None)?,
            Cookies::Replaced(cookies) => set(COOKIE, Some(&cookies))?,
        }
        let mut identity = self.identity();
        identity.try_for_each(|(name, value)| set(name.as_bytes(), Some(value.as_bytes())))
    }

    /// Records the decision: passes each entry of the filter state to `set`, and the audit record with the
    /// `client`'s address to `log`. The record is built only if the policy and `is_logged` want one of that
    /// level, or if it is in the filter state too.
    pub fn record(
        &self,
        mut set: impl FnMut(&'static str, &str),
        is_logged: impl FnOnce(Level) -> bool,
        client: impl FnOnce() -> Option<String>,
        log: impl FnOnce(Level, &str),
    ) {
        self.filter_state()
            .for_each(|(name, value)| set(name, value));
        let level = self.audit_level().filter(|level| is_logged(*level));
        let has_access_log = self.policy.audit().access_log();
        if level.is_none() && !has_access_log {
            return;
        }
        let record = self.audit_record(client().as_deref());
        if has_access_log {
            set("portcullis.audit", &record);
        }
        if let Some(level) = level {
            log(level, &record);
        }
    }

    /// The names and values to set in filter state, for access logs and later filters.
    pub fn filter_state(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let decision = &self.decision;
        let entries = [
            (
                "portcullis.caller",
                decision.identified().map(|caller| caller.caller_name()),
            ),
            ("portcullis.app", decision.app().map(App::name)),
            ("portcullis.rule", decision.rule().map(|rule| rule.name())),
            ("portcullis.reason", Some(decision.reason().code())),
        ];
        let given = |(name, value): (&'static str, Option<_>)| value.map(|value| (name, value));
        entries.into_iter().filter_map(given)
    }

    /// The level at which the audit record is logged; `None` if it is not logged. That of a refusal, if the
    /// request would be refused, or shadow rules decide otherwise.
    pub fn audit_level(&self) -> Option<Level> {
        let decision = &self.decision;
        let differs = |shadow: &Shadow<'_>| shadow.outcome != ShadowOutcome::Unknown;
        let is_as_expected =
            decision.reported.is_none() && !decision.shadow.as_ref().is_some_and(differs);
        let audit = self.policy.audit();
        audit.level(decision.is_allowed() && is_as_expected)
    }

    /// The audit record: one line of JSON, with the client's address if it is known. It is built on demand,
    /// because most proxies do not log allowed requests.
    pub fn audit_record(&self, client: Option<&str>) -> String {
        let recorded = Recorded {
            policy: self.policy,
            time: self.time,
            client,
        };
        self.decision.audit_record(self.headers, recorded)
    }

    /// The refusal without a redirect, for forward auth, where the client is a proxy. `None` if the
    /// request is allowed.
    pub fn challenge(&self) -> Option<LocalReply> {
        LocalReply::refusal(&self.decision, &Headers::default())
    }
}

/// The names of the trailers to remove, whatever the app: some servers merge trailers into the header
/// fields, so no trailer may have a name that any app trusts.
pub fn removed_trailers<'t>(
    policy: &'t Policy,
    trailers: &'t Headers<'t>,
) -> impl Iterator<Item = &'t [u8]> {
    let names = trailers.iter().map(|(name, _)| name);
    names.filter(|name| !is_trailer_forwarded(name, policy))
}

impl Decision<'_> {
    /// Whether a header field of the client is forwarded, except Cookie.
    pub(crate) fn forwards(&self, name: &[u8]) -> bool {
        match self.reason {
            Reason::Companion => is_forwarded_to_companion(name),
            Reason::Ungated => !is_own(name),
            // A browser sends no credentials with a preflight, so these would be forged.
            Reason::Preflight => is_forwarded(name, None) && is_forwarded(name, self.app),
            _ if self.forwards_authorization() && same(name, b"authorization") => true,
            _ => is_forwarded(name, self.app),
        }
    }

    /// Whether `Authorization` is forwarded whatever the app's `forward_authorization` says.
    fn forwards_authorization(&self) -> bool {
        self.has_own_bearer || self.reason == Reason::ReportOnly
    }

    /// The client's cookies to forward.
    pub(crate) fn forwarded_cookies(&self, headers: &Headers<'_>) -> Cookies {
        match self.sso {
            Some(sso) if !self.is_for_companion() => sso.cookie_names().forwarded(headers),
            _ => Cookies::Unchanged,
        }
    }
}
