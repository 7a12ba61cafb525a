//! The audit record of a decision.

use std::borrow::Cow;

use serde::Serialize;

use super::Decision;
use super::evidence::Claimed;
use crate::caller::AuthenticatedCaller;
use crate::credential::Credential;
use crate::escape;
use crate::policy::{App, Rule};
use crate::request::Headers;
use crate::token::Token;

/// The maximum length of a text from the request, in bytes.
const MAX_TEXT: usize = 1024;

/// One audit record. A member that does not apply is absent.
#[derive(Serialize)]
struct AuditRecord<'a> {
    /// Identifies the line as an audit record in the proxy's log.
    audit: &'static str,
    decision: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    /// The exact error, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    /// What a refused token claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed: Option<Claimed>,
    method: Option<Cow<'a, str>>,
    host: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
}

impl Decision<'_> {
    /// The audit record: one line of JSON, without the token, the query or any other header. Texts of
    /// the client are bounded and escaped.
    pub(crate) fn audit_record(&self, headers: &Headers<'_>) -> String {
        let (caller, evidence) = (self.authenticated(), self.evidence());
        let detail = self.ambiguity.map(|ambiguity| ambiguity.to_string());
        let error = evidence.map(|evidence| evidence.error().to_string());
        let record = AuditRecord {
            audit: "portcullis.decision.v1",
            decision: if self.is_allowed() {
                "allowed"
            } else {
                "refused"
            },
            reason: self.reason.code(),
            error: error.as_deref().or(detail.as_deref()),
            detail: detail.as_deref(),
            app: self.app.map(App::name),
            rule: self.rule.map(Rule::name),
            caller: caller.map(AuthenticatedCaller::caller_name),
            trust: caller
                .map(AuthenticatedCaller::trust)
                .or_else(|| evidence?.trust()),
            kid: caller
                .and_then(AuthenticatedCaller::kid)
                .or_else(|| evidence?.kid()),
            token: caller.map(AuthenticatedCaller::token_id),
            claimed: evidence.and_then(|evidence| Claimed::of(evidence, self.bearer(headers))),
            method: text(headers, ":method"),
            host: text(headers, ":authority"),
            path: text(headers, ":path"),
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
    fn bearer<'h>(&self, headers: &Headers<'h>) -> Option<&'h str> {
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
