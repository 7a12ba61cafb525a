//! The policy: read, validated and applied.
//!
//! Only [`Policy::from_json`] builds a policy. `document` holds the wire types, `build` validates it
//! as a whole, and everything after that is valid by construction: no rule without a caller
//! list, no reference to a missing name, no host of two apps.

mod app;
mod audit;
mod build;
mod claims;
mod digest;
mod document;
pub mod duration;
mod entry;
mod error;
mod explain;
mod host;
mod path;
mod refused_callers;
mod rule;
mod sso;
mod strip_headers;
mod suggestion;
mod warnings;

#[cfg(test)]
mod tests;

use crate::trust::{KeySourceId, Trust, TrustId};

use host::HostUse;

pub use app::{App, IdentityHeader, Origin, ReportUntil};
pub use audit::{Audit, Level};
pub use claims::RequestedClaims;
pub use digest::PolicyDigest;
pub use document::Shape;
pub use entry::{ClaimTest, Entry, Matcher, NamePart};
pub use error::PolicyError;
pub use explain::RuleExplanation;
pub use host::HostPattern;
pub use path::{Pattern, Uncovered};
pub use rule::Rule;
pub use sso::Sso;
pub use suggestion::suggestion;

/// A policy: the trust entries, how users sign in, and the apps with their rules.
#[derive(Clone, Debug)]
pub struct Policy {
    trusts: Vec<Trust>,
    sso: Option<Sso>,
    apps: Vec<App>,
    hosts: host::Table,
    has_ungated_hosts: bool,
    refused_callers: refused_callers::RefusedCallers,
    strip_headers: strip_headers::StripHeaders,
    audit: Audit,
    max_token: usize,
    revision: Option<String>,
    digest: PolicyDigest,
}

impl Policy {
    /// The fields of a policy and their types, from the types that read it.
    pub const SHAPE: Shape = document::SHAPE;

    /// Parses and validates a policy in JSON.
    ///
    /// The error names the first place that is wrong and how to fix it: an unknown field, a wrong
    /// type, a duplicate name, a reference to a missing name, a list that must not be empty, or
    /// a rule that could never match.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        let (document, digest) = document::read(text)?;
        build::policy(document, digest)
    }

    /// The trust entries, in the order in which they are tried.
    pub fn trusts(&self) -> &[Trust] {
        &self.trusts
    }

    /// The trust entry of this name.
    pub fn trust(&self, name: &str) -> Option<&Trust> {
        self.trusts.iter().find(|trust| trust.name == name)
    }

    /// How users sign in; `None` without `sso`.
    pub const fn sso(&self) -> Option<&Sso> {
        self.sso.as_ref()
    }

    /// The key sources, each with its id: the trust entries, in the order of [`Policy::trusts`],
    /// then the companion if there is `sso`.
    pub fn key_sources(&self) -> impl Iterator<Item = (KeySourceId, &Trust)> + Clone {
        let trusts = TrustId::enumerate(&self.trusts).map(|(id, trust)| (id.into(), trust));
        let companion = self.sso.as_ref().map(Sso::keys);
        trusts.chain(companion.map(|trust| (KeySourceId::Companion, trust)))
    }

    /// The companion, if `host` (lower-case, without a port) is its own host, even if an app's
    /// wildcard matches it.
    pub fn companion_at(&self, host: &str) -> Option<&Sso> {
        self.sso.as_ref().filter(|sso| sso.host() == host)
    }

    /// The apps, in the policy's order.
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// The app with this host (lower-case, without a port). An exact host takes precedence over a
    /// wildcard.
    pub fn app_for(&self, host: &str) -> Option<&App> {
        let any = self.apps.first().filter(|app| app.has_any_host());
        any.or_else(|| match self.hosts.find(host)? {
            HostUse::App(index) => self.apps.get(index),
            HostUse::Ungated => None,
        })
    }

    /// Whether requests for this host (lower-case, without a port) are forwarded without a decision about
    /// access. An app's exact host takes precedence over a wildcard of `ungated`, and the companion's host
    /// over all.
    pub fn is_ungated(&self, host: &str) -> bool {
        self.hosts.find(host) == Some(HostUse::Ungated) && self.companion_at(host).is_none()
    }

    /// The hosts of all apps, and those that are ungated. An app with any host has none.
    pub fn host_patterns(&self) -> impl Iterator<Item = &HostPattern> {
        self.hosts.patterns()
    }

    /// Whether there are ungated hosts.
    pub const fn has_ungated_hosts(&self) -> bool {
        self.has_ungated_hosts
    }

    /// Whether the caller of this name is refused, whatever the rules say.
    pub fn refuses(&self, caller_name: &str) -> bool {
        self.refused_callers.contains(caller_name)
    }

    /// The callers that are refused, by name.
    pub fn refused_callers(&self) -> impl Iterator<Item = &str> {
        self.refused_callers.iter()
    }

    /// Whether an app lists this name of a header field in `strip_headers`, in any spelling.
    pub fn strips(&self, name: &[u8]) -> bool {
        self.strip_headers.contains(name)
    }

    /// What its author calls this version of the policy, for example the commit of a repository: visible text.
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// The log levels of decisions, and what their records contain.
    pub const fn audit(&self) -> Audit {
        self.audit
    }

    /// The digest: two policies with the same one differ at most in names of Envoy's clusters.
    pub const fn digest(&self) -> &PolicyDigest {
        &self.digest
    }

    /// The longest bearer token that is parsed, in bytes.
    pub const fn max_token(&self) -> usize {
        self.max_token
    }
}
