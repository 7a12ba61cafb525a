//! What a case expects, and what differs from it.

use axum::http::HeaderName;
use portcullis_core::policy::suggestion;
use portcullis_core::reason::Reason;
use portcullis_core::request::Headers;

use super::field::Field;
use crate::document::{Report, Value};
use crate::explain::Explanation;

const EXPECT: &str =
    "write what is decided, like `{decision: refused, reason: caller-not-allowed, status: 403}`";

/// The fields of `expect`.
pub(super) const FIELDS: [&str; 5] = ["decision", "reason", "rule", "status", "headers"];

/// The decisions.
pub(super) const DECISIONS: [&str; 2] = ["allowed", "refused"];

/// Header fields whose values are not printed.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// What a case expects. What is `None` may be anything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Expectation {
    decision: Option<String>,
    reason: Option<Reason>,
    /// `Some(None)`: no rule.
    rule: Option<Option<String>>,
    status: Option<u16>,
    /// `None`: the header field must not be there.
    headers: Vec<(String, Option<String>)>,
}

/// What is not as expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Mismatch {
    /// The field of `expect`.
    pub(super) field: String,
    pub(super) expected: String,
    pub(super) actual: String,
}

impl Expectation {
    /// Reads `expect`.
    pub(super) fn read(field: &Field<'_>) -> Result<Self, Report> {
        field.only(&FIELDS)?;
        if field.members(EXPECT)?.is_empty() {
            return Err(field.error("nothing is expected", EXPECT));
        }
        Ok(Self {
            decision: field.member("decision").map(decision).transpose()?,
            reason: field.member("reason").map(reason).transpose()?,
            rule: field.member("rule").map(rule).transpose()?,
            status: field.member("status").map(status).transpose()?,
            headers: match field.member("headers") {
                Some(headers) => read_headers(&headers)?,
                None => Vec::new(),
            },
        })
    }

    /// What differs. `headers` are those of the request as it arrives.
    pub(super) fn mismatches(
        &self,
        explanation: &Explanation,
        headers: &Headers<'_>,
    ) -> Vec<Mismatch> {
        let none = |text: Option<&str>| text.unwrap_or("none").to_owned();
        let rule = self.rule.as_ref().map(|rule| none(rule.as_deref()));
        let compared = [
            (
                "decision",
                self.decision.clone(),
                explanation.decision().to_owned(),
            ),
            (
                "reason",
                self.reason.map(|reason| reason.code().to_owned()),
                explanation.reason().code().to_owned(),
            ),
            ("rule", rule, none(explanation.rule())),
            (
                "status",
                self.status.map(|status| status.to_string()),
                explanation.status().to_string(),
            ),
        ];
        let mut mismatches = Vec::new();
        for (field, expected, actual) in compared {
            if let Some(expected) = expected.filter(|expected| *expected != actual) {
                mismatches.push(Mismatch {
                    field: field.to_owned(),
                    expected,
                    actual,
                });
            }
        }
        for (name, expected) in &self.headers {
            let actual = explanation.header(name, headers);
            if actual != *expected {
                mismatches.push(Mismatch {
                    field: format!("headers.{name}"),
                    expected: shown(name, expected.as_deref()),
                    actual: shown(name, actual.as_deref()),
                });
            }
        }
        mismatches
    }
}

// === impl Mismatch ===

impl Mismatch {
    /// In words.
    pub(super) fn text(&self) -> String {
        let Self {
            field,
            expected,
            actual,
        } = self;
        format!("{field}: expected {expected}, got {actual}")
    }
}

/// A value for messages.
fn shown(name: &str, value: Option<&str>) -> String {
    match value {
        None => "none".to_owned(),
        Some(_) if CREDENTIALS.contains(&name) => "a value that is not printed".to_owned(),
        Some(value) => format!("`{value}`"),
    }
}

fn decision(field: Field<'_>) -> Result<String, Report> {
    let help = "write `allowed` or `refused`";
    let text = field.text(help)?;
    if DECISIONS.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(field.error(&format!("`{text}` is not a decision"), help))
}

fn reason(field: Field<'_>) -> Result<Reason, Report> {
    let text = field.text("write a reason, like `caller-not-allowed`")?;
    let found = Reason::ALL.into_iter().find(|reason| reason.code() == text);
    found.ok_or_else(|| {
        let known = Reason::ALL.map(Reason::code);
        field.error(
            &format!("`{text}` is not a reason"),
            &suggestion(text, &known),
        )
    })
}

fn rule(field: Field<'_>) -> Result<Option<String>, Report> {
    match field.node().value {
        Value::Null => Ok(None),
        _ => {
            let help = "write the name of a rule, or `null` for a decision without one";
            Ok(Some(field.text(help)?.to_owned()))
        }
    }
}

fn status(field: Field<'_>) -> Result<u16, Report> {
    let status = match &field.node().value {
        Value::Number(text) => text.parse().ok(),
        _ => None,
    };
    let status = status.filter(|status| (100..600).contains(status));
    status.ok_or_else(|| {
        let help =
            "write the status of the gate's answer, or `200` for a request that is forwarded";
        field.error("expected a number from 100 to 599", help)
    })
}

fn read_headers(field: &Field<'_>) -> Result<Vec<(String, Option<String>)>, Report> {
    let help = "write names and values, like `{x-auth-request-user: ada, authorization: null}`";
    let members = field.members(help)?.into_iter();
    let headers = members.map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| value.error("is not the name of a header field", help))?;
        let value = match value.node().value {
            Value::Null => None,
            _ => Some(value.text(help)?.to_owned()),
        };
        Ok((name.as_str().to_owned(), value))
    });
    headers.collect()
}
