//! Restrictions on callers for one location of a proxy, in addition to the policy.

use std::collections::HashSet;

use axum::http::Uri;
use portcullis_core::caller::Caller;
use portcullis_core::decision::Decision;
use portcullis_core::timestamp::Timestamp;
use url::form_urlencoded;

use super::host_check::HOST;
use super::{AmbiguousRequest, RequestFormat};

#[cfg(test)]
mod tests;

/// The longest name of an unknown parameter that is logged. A client's query may be anything.
const MAX_NAME: usize = 40;

/// Restrictions in addition to the policy: oauth2-proxy's `allowed_groups`, `allowed_emails` and
/// `allowed_email_domains`. Each is a comma-separated list and may be repeated; a caller must match each
/// list that is present. An empty list matches nobody.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Restrictions {
    groups: Option<HashSet<String>>,
    emails: Option<HashSet<String>>,
    domains: Option<HashSet<String>>,
}

impl Restrictions {
    /// Reads them from the query. In the format [`RequestFormat::InPath`] the query is that of the original
    /// request and has no restrictions.
    pub(super) fn read(uri: &Uri, format: RequestFormat) -> Result<Self, AmbiguousRequest> {
        let mut restrictions = Self::default();
        if format == RequestFormat::InPath {
            return Ok(restrictions);
        }
        for (name, list) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let allowed = match &*name {
                "allowed_groups" => &mut restrictions.groups,
                "allowed_emails" => &mut restrictions.emails,
                "allowed_email_domains" => &mut restrictions.domains,
                // oauth2-proxy ignores `rd` here, and URLs for it may have one.
                HOST | "rd" => continue,
                // A typo must not allow more.
                _ => return Err(AmbiguousRequest::Parameter(shown(&name))),
            };
            let listed = list.split(',').filter(|one| !one.is_empty());
            let listed = listed.map(str::to_owned);
            allowed.get_or_insert_default().extend(listed);
        }
        Ok(restrictions)
    }

    /// Applies them to a decision. A decision without a caller, such as that on a public path, does not
    /// change: a sign-in would not help.
    pub(super) fn apply<'g>(&self, decision: Decision<'g>, now: Timestamp) -> Decision<'g> {
        let refused = decision.is_allowed()
            && decision.reported().is_none()
            && decision
                .authenticated()
                .is_some_and(|authenticated| !self.match_caller(authenticated.caller()));
        if refused {
            decision.narrowed(now)
        } else {
            decision
        }
    }

    fn match_caller(&self, caller: &Caller) -> bool {
        let group = |allowed: &HashSet<String>| {
            let mut own = caller.groups().iter();
            own.any(|group| allowed.contains(group))
        };
        // Core has an e-mail address only if it is verified.
        let (email, domain) = caller.email().and_then(address).unzip();
        let is_email = |allowed: &HashSet<String>| {
            email.is_some_and(|own| allowed.iter().any(|one| one.eq_ignore_ascii_case(own)))
        };
        let is_domain = |allowed: &HashSet<String>| {
            domain.is_some_and(|own| allowed.iter().any(|one| is_in(own, one)))
        };
        self.groups.as_ref().is_none_or(group)
            && self.emails.as_ref().is_none_or(is_email)
            && self.domains.as_ref().is_none_or(is_domain)
    }
}

/// The name of an unknown parameter, if it can be logged.
fn shown(name: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_plain = !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(plain);
    is_plain.then(|| name.to_owned())
}

/// An e-mail address and its domain, if it has exactly one `@` (GHSA-c5c4-8r6x-56w3).
fn address(email: &str) -> Option<(&str, &str)> {
    let (name, domain) = email.split_once('@')?;
    let plain = !name.is_empty() && !domain.is_empty() && !domain.contains('@');
    plain.then_some((email, domain))
}

/// Whether a domain is the allowed one or, if that begins with `.` or `*.`, a subdomain of it.
fn is_in(domain: &str, allowed: &str) -> bool {
    let above = allowed.strip_prefix('*').unwrap_or(allowed);
    if !above.starts_with('.') {
        return domain.eq_ignore_ascii_case(allowed);
    }
    let start = domain.len().checked_sub(above.len()).filter(|at| *at > 0);
    start
        .and_then(|start| domain.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case(above))
}
