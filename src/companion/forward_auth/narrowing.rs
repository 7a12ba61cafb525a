//! What a proxy asks of callers at one place, besides the policy.

use axum::http::Uri;
use portcullis_core::caller::Caller;
use portcullis_core::decision::Decision;
use url::form_urlencoded;

use super::{Form, Unclear};

#[cfg(test)]
mod tests;

/// What parameters begin with that narrow a verdict.
const START: &str = "allowed_";

/// What a proxy asks of callers at one place, besides the policy: oauth2-proxy's `allowed_groups`,
/// `allowed_emails` and `allowed_email_domains`. Each may stand there several times and is a list with
/// commas; a caller needs something of every list that is there, an empty one included.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Narrowing {
    groups: Option<Vec<String>>,
    emails: Option<Vec<String>>,
    domains: Option<Vec<String>>,
}

impl Narrowing {
    /// Reads it from the query. In the form with a path the query is the original request's, and
    /// narrows nothing.
    pub(super) fn read(uri: &Uri, form: Form) -> Result<Self, Unclear> {
        let mut narrowing = Self::default();
        if form == Form::WithPath {
            return Ok(narrowing);
        }
        for (name, list) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let Some(kind) = name.strip_prefix(START) else {
                continue;
            };
            let allowed = match kind {
                "groups" => &mut narrowing.groups,
                "emails" => &mut narrowing.emails,
                "email_domains" => &mut narrowing.domains,
                // A slip of the pen must not let more through.
                _ => return Err(Unclear::Narrowing),
            };
            let listed = list.split(',').filter(|one| !one.is_empty());
            allowed
                .get_or_insert_default()
                .extend(listed.map(str::to_owned));
        }
        Ok(narrowing)
    }

    /// Narrows a verdict. What goes on whoever asks, such as a public path, is left as it is: there
    /// no caller was looked for, and signing in would help nobody.
    pub(super) fn apply<'g>(&self, decision: Decision<'g>) -> Decision<'g> {
        let refused = decision.is_allowed()
            && decision
                .authenticated()
                .is_some_and(|known| !self.fits(known.caller()));
        if refused {
            decision.narrowed()
        } else {
            decision
        }
    }

    fn fits(&self, caller: &Caller) -> bool {
        let group = |allowed: &Vec<String>| {
            let mut own = caller.groups().iter();
            own.any(|group| allowed.contains(group))
        };
        // Core knows of an address only where it is verified.
        let (email, domain) = caller.email().and_then(address).unzip();
        let is_email = |allowed: &Vec<String>| {
            email.is_some_and(|own| allowed.iter().any(|one| one.eq_ignore_ascii_case(own)))
        };
        let is_domain = |allowed: &Vec<String>| {
            domain.is_some_and(|own| allowed.iter().any(|one| is_in(own, one)))
        };
        self.groups.as_ref().is_none_or(group)
            && self.emails.as_ref().is_none_or(is_email)
            && self.domains.as_ref().is_none_or(is_domain)
    }
}

/// An e-mail address and its domain, if it has exactly one `@` (GHSA-c5c4-8r6x-56w3).
fn address(email: &str) -> Option<(&str, &str)> {
    let (name, domain) = email.split_once('@')?;
    let plain = !name.is_empty() && !domain.is_empty() && !domain.contains('@');
    plain.then_some((email, domain))
}

/// Whether a domain is the one that is allowed or, where `.` or `*.` stands in front of that, below
/// it.
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
