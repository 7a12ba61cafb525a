//! The audit record of a decision.

use std::borrow::Cow;

use super::Decision;
use super::evidence::claimed;
use crate::caller::{AuthenticatedCaller, Caller};
use crate::credential::Credential;
use crate::escape;
use crate::json::ObjectWriter;
use crate::policy::{App, Policy, Rule};
use crate::reason::Reason;
use crate::request::Headers;
use crate::timestamp::Timestamp;
use crate::token::Token;

/// The maximum length of a text from the request, in bytes.
const MAX_TEXT: usize = 1024;

/// Says in the record why no entry with the user's e-mail address fits.
const UNVERIFIED_EMAIL: &str =
    "the issuer has not verified the caller's email address, so rules don't count it";

/// What is recorded besides a decision and its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded<'a> {
    /// The policy by which it was decided.
    pub(crate) policy: &'a Policy,
    /// When it was decided.
    pub(crate) time: Timestamp,
    /// The client's address, as far as the adapter knows it.
    pub(crate) client: Option<&'a str>,
}

impl Decision<'_> {
    /// The audit record: one line of JSON, without the token, the query or any other header. Texts of
    /// the client are bounded and escaped.
    pub(crate) fn audit_record(&self, headers: &Headers<'_>, recorded: Recorded<'_>) -> String {
        let Recorded {
            policy,
            time,
            client,
        } = recorded;
        let (time, digest) = (time.to_rfc3339_millis(), policy.digest().to_string());
        let (caller, evidence) = (self.authenticated(), self.evidence());
        let detail = self.ambiguity.map(|ambiguity| ambiguity.to_string());
        let error = match evidence {
            Some(evidence) => Some(evidence.error().to_string()),
            None if self.is_refused_with_unverified_email() => Some(UNVERIFIED_EMAIL.to_owned()),
            None => None,
        };
        let audit = policy.audit();
        let attributes = caller.map(AuthenticatedCaller::caller);
        let email = attributes.filter(|_| audit.has_email());
        let username = attributes.filter(|_| audit.has_preferred_username());
        let allow = self.entry();
        let trust = caller.map(AuthenticatedCaller::trust);
        let kid = caller.and_then(AuthenticatedCaller::kid);
        let [method, host, path] =
            [":method", ":authority", ":path"].map(|name| text(headers, name));
        let outcome = if self.is_allowed() {
            "allowed"
        } else {
            "refused"
        };
        // A member that does not apply is absent.
        let texts = [
            // Identifies the line as an audit record in the proxy's log.
            ("audit", Some("portcullis.decision.v1")),
            ("time", Some(&time)),
            ("decision", Some(outcome)),
            ("reason", Some(self.reason.code())),
            ("enforced", self.reported.map(Reason::code)),
            ("shadow", self.shadow.map(|shadow| shadow.outcome.text())),
            (
                "shadow_rule",
                self.shadow.and_then(|shadow| shadow.rule).map(Rule::name),
            ),
            ("detail", detail.as_deref()),
            // The exact error, if there is one.
            ("error", error.as_deref().or(detail.as_deref())),
            ("app", self.app.map(App::name)),
            ("rule", self.rule.map(Rule::name)),
            ("allow", allow.as_deref()),
            ("caller", caller.map(AuthenticatedCaller::caller_name)),
            ("email", email.and_then(Caller::email)),
            (
                "preferred_username",
                username.and_then(Caller::preferred_username),
            ),
            ("trust", trust.or_else(|| evidence?.trust())),
            ("kid", kid.or_else(|| evidence?.kid())),
            ("token", caller.map(AuthenticatedCaller::token_id)),
            ("id", headers.request_id()),
            ("client", client),
            ("method", method.as_deref()),
            ("host", host.as_deref()),
            ("path", path.as_deref()),
            ("policy", Some(&digest)),
            ("revision", policy.revision()),
        ];
        let mut record = ObjectWriter::default();
        for (name, text) in texts {
            record.text(name, text);
        }
        if let Some(claimed) = evidence.and_then(|evidence| claimed(evidence, self.bearer(headers)))
        {
            record.json("claimed", &claimed);
        }
        let record = record.finish();
        match escape::json(&record) {
            Cow::Borrowed(_) => record,
            Cow::Owned(escaped) => escaped,
        }
    }
}

impl Decision<'_> {
    /// The entry of the rule that lists the caller, as its place in the rule: `allow[0]`.
    fn entry(&self) -> Option<String> {
        let caller = self.authenticated()?.caller();
        let mut entries = self.rule?.allow().iter();
        let index = entries.position(|entry| entry.matches(caller))?;
        Some(["allow[", &index.to_string(), "]"].concat())
    }

    /// The bearer token of the request, if the decision is about it.
    pub(super) fn bearer<'h>(&self, headers: &Headers<'h>) -> Option<&'h str> {
        match Credential::read(headers, Token::MAX_BYTES) {
            Ok(Credential::Bearer(token)) if !self.by_session => Some(token),
            _ => None,
        }
    }
}

/// The value of a header field without a query, truncated for the audit record.
fn text<'h>(headers: &Headers<'h>, name: &str) -> Option<Cow<'h, str>> {
    let value = headers.all(name).next()?;
    let value = value.split(|byte| *byte == b'?').next().unwrap_or_default();
    let value = value.get(..MAX_TEXT).unwrap_or(value);
    Some(String::from_utf8_lossy(value))
}

#[cfg(test)]
mod tests;
