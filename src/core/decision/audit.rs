//! The audit record of a decision.

use serde::Serialize;

use super::Decision;
use crate::request::Headers;

/// The longest text of a request that is recorded, in bytes.
const MAX_TEXT: usize = 1024;

/// One line of the audit trail. Absent members say that there was no such thing.
#[derive(Serialize)]
struct AuditRecord<'a> {
    /// Says what kind of line this is, for whoever reads the proxy's log.
    audit: &'static str,
    decision: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
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
    method: Option<String>,
    host: Option<String>,
    path: Option<String>,
}

impl Decision<'_> {
    /// The audit record: one line of JSON, without the token, the query or any other header. What
    /// the client wrote is bounded and escaped.
    pub fn audit_record(&self, headers: &Headers<'_>) -> String {
        let known = self.known();
        let record = AuditRecord {
            audit: "portcullis.decision.v1",
            decision: if self.is_allowed() {
                "allowed"
            } else {
                "refused"
            },
            reason: self.reason.code(),
            detail: self.ambiguity.map(|ambiguity| ambiguity.to_string()),
            app: self.app.map(crate::policy::App::name),
            rule: self.rule.map(crate::policy::Rule::name),
            caller: known.map(crate::caller::AuthenticatedCaller::caller_name),
            trust: known.map(crate::caller::AuthenticatedCaller::trust),
            kid: known.and_then(crate::caller::AuthenticatedCaller::kid),
            token: known.map(crate::caller::AuthenticatedCaller::token_id),
            method: text(headers, ":method"),
            host: text(headers, ":authority"),
            path: text(headers, ":path"),
        };
        serde_json::to_string(&record).unwrap_or_default()
    }
}

/// What the request says, up to its query, in the audit trail's terms.
fn text(headers: &Headers<'_>, name: &str) -> Option<String> {
    let value = headers.all(name).next()?;
    let value = value.split(|byte| *byte == b'?').next().unwrap_or_default();
    let value = value.get(..MAX_TEXT).unwrap_or(value);
    Some(String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests;
