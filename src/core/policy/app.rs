//! Apps: what is protected, and which rule applies.

use crate::caller::Caller;
use crate::timestamp::Timestamp;

use super::host::HostPattern;
use super::rule::Rule;

#[cfg(test)]
mod tests;

/// An app that the policy protects.
#[derive(Clone, Debug)]
pub struct App {
    pub(super) name: String,
    pub(super) hosts: Vec<HostPattern>,
    pub(super) rules: Vec<Rule>,
    pub(super) shadow_rules: Vec<Rule>,
    pub(super) report_until: Option<ReportUntil>,
    pub(super) audiences: Vec<String>,
    pub(super) origins: Vec<Origin>,
    pub(super) forward_authorization: bool,
    pub(super) has_own_bearer: bool,
    pub(super) passes_encoded_paths: bool,
    pub(super) strip_headers: Vec<String>,
    pub(super) identity_headers: Vec<IdentityHeader>,
    pub(super) preflight: bool,
    pub(super) contact: Option<String>,
}

/// A header that tells an app who the caller is, in addition to those of every app.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentityHeader {
    /// Its name, in lower case.
    pub(crate) name: String,
    /// The header of every app that has its value.
    pub(crate) source: &'static str,
}

/// Until when refusals of an app are only reported.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReportUntil {
    /// The time.
    pub time: Timestamp,
    /// The time as the policy has it, by RFC 3339.
    pub text: String,
}

/// A web origin by RFC 6454, in the form of browsers: scheme, host in lower case, and the port
/// unless it is the default.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin(pub(super) String);

// === impl App ===

impl App {
    /// Its name, unique in the policy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its hosts. Empty if it has any host.
    pub fn hosts(&self) -> &[HostPattern] {
        &self.hosts
    }

    /// Whether it has any host (`hosts: any`). Then it is the only app of the policy.
    pub const fn has_any_host(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Its rules, in the policy's order. Never empty.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Rules that are evaluated beside [`App::rules`] and never enforced.
    pub fn shadow_rules(&self) -> &[Rule] {
        &self.shadow_rules
    }

    /// All rules, with those that are never enforced.
    pub fn all_rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().chain(&self.shadow_rules)
    }

    /// Until when refusals are only reported.
    pub const fn report_until(&self) -> Option<&ReportUntil> {
        self.report_until.as_ref()
    }

    /// Whether refusals are only reported now.
    pub fn is_report_only(&self, now: Timestamp) -> bool {
        self.report_until
            .as_ref()
            .is_some_and(|until| now < until.time)
    }

    /// A bearer token needs one of these in `aud`, in addition to an audience of its trust entry;
    /// empty for no further requirement.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// Other origins whose pages may call this app with a user's session.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// Whether `Authorization` is forwarded to the app.
    pub const fn forward_authorization(&self) -> bool {
        self.forward_authorization
    }

    /// Whether a bearer token of another issuer, or of another form than a JWT, is the app's own if the
    /// request has a session too (`bearer: app`).
    pub const fn has_own_bearer(&self) -> bool {
        self.has_own_bearer
    }

    /// Whether paths with encoded separators are forwarded unchanged (`encoded_paths: pass`). No rule of the
    /// app matches paths then, except public ones, which do not match such a path.
    pub const fn passes_encoded_paths(&self) -> bool {
        self.passes_encoded_paths
    }

    /// More identity headers that this app trusts, in lower case: removed from every request. Those of
    /// [`App::identity_headers`] are among them.
    pub fn strip_headers(&self) -> &[String] {
        &self.strip_headers
    }

    /// The headers that tell this app who the caller is, in addition to those of every app.
    pub fn identity_headers(&self) -> &[IdentityHeader] {
        &self.identity_headers
    }

    /// Whom a user without access can ask.
    pub fn contact(&self) -> Option<&str> {
        self.contact.as_deref()
    }

    /// Whether a genuine CORS preflight is allowed.
    pub const fn preflight(&self) -> bool {
        self.preflight
    }

    /// Whether a rule or a shadow rule lists callers of the trust entry or the provider that authenticated this
    /// one.
    pub(crate) fn names(&self, caller: &Caller) -> bool {
        let mut entries = self.all_rules().flat_map(Rule::allow);
        entries.any(|entry| entry.names_source(caller))
    }

    /// The first public rule that matches the request.
    pub fn public_rule(&self, method: &str, path: &str) -> Option<&Rule> {
        Rule::public_of(&self.rules, method, path)
    }

    /// The first rule that matches the request and lists the caller.
    pub fn rule_for(&self, method: &str, path: &str, caller: &Caller) -> Option<&Rule> {
        Rule::allowing_of(&self.rules, method, path, caller)
    }
}

// === impl Origin ===

impl Origin {
    /// The text, in the form of an `Origin` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
