//! The audit record of a decision.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::Decision;
use super::evidence::Claimed;
use crate::caller::AuthenticatedCaller;
use crate::credential::Credential;
use crate::escape;
use crate::policy::{App, Rule};
use crate::reason::Reason;
use crate::request::Headers;
use crate::token::Token;

/// The maximum length of a text from the request, in bytes.
const MAX_TEXT: usize = 1024;

/// Says in the record why no entry with the user's e-mail address fits.
const UNVERIFIED_EMAIL: &str =
    "the issuer has not verified the caller's email address, so rules don't count it";

/// One audit record. A member that does not apply is absent.
struct AuditRecord<'a> {
    texts: [(&'static str, Option<&'a str>); 18],
    /// What a refused token claimed.
    claimed: Option<Claimed>,
}

/// By hand, because derived code for so many optional members takes several kilobytes of the module.
impl Serialize for AuditRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for (name, text) in &self.texts {
            if let Some(text) = text {
                members.serialize_entry(name, text)?;
            }
        }
        if let Some(claimed) = &self.claimed {
            members.serialize_entry("claimed", claimed)?;
        }
        members.end()
    }
}

impl Decision<'_> {
    /// The audit record: one line of JSON, without the token, the query or any other header. Texts of
    /// the client are bounded and escaped.
    pub(crate) fn audit_record(&self, headers: &Headers<'_>) -> String {
        let (caller, evidence) = (self.authenticated(), self.evidence());
        let detail = self.ambiguity.map(|ambiguity| ambiguity.to_string());
        let error = match evidence {
            Some(evidence) => Some(evidence.error().to_string()),
            None if self.is_refused_with_unverified_email() => Some(UNVERIFIED_EMAIL.to_owned()),
            None => None,
        };
        let trust = caller.map(AuthenticatedCaller::trust);
        let kid = caller.and_then(AuthenticatedCaller::kid);
        let [method, host, path] =
            [":method", ":authority", ":path"].map(|name| text(headers, name));
        let outcome = if self.is_allowed() {
            "allowed"
        } else {
            "refused"
        };
        let record = AuditRecord {
            texts: [
                // Identifies the line as an audit record in the proxy's log.
                ("audit", Some("portcullis.decision.v1")),
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
                ("caller", caller.map(AuthenticatedCaller::caller_name)),
                ("trust", trust.or_else(|| evidence?.trust())),
                ("kid", kid.or_else(|| evidence?.kid())),
                ("token", caller.map(AuthenticatedCaller::token_id)),
                ("id", headers.request_id()),
                ("method", method.as_deref()),
                ("host", host.as_deref()),
                ("path", path.as_deref()),
            ],
            claimed: evidence.and_then(|evidence| Claimed::of(evidence, self.bearer(headers))),
        };
        let record = serde_json::to_string(&record).unwrap_or_default();
        match escape::json(&record) {
            Cow::Borrowed(_) => record,
            Cow::Owned(escaped) => escaped,
        }
    }
}

impl Decision<'_> {
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
