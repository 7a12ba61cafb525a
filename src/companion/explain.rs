//! Explains the decision on one request, step by step and rule by rule.
//!
//! The decision is core's, and so is what the audit record says of it. This library adds nothing to it: it orders what the
//! decision, the outcome and [`portcullis_core::policy::RuleExplanation`] have.

mod audit_log;
mod headers;
mod keys;
mod render;
mod result;
mod steps;

#[cfg(test)]
mod tests;

use portcullis_core::decision::{AuthnError, Decision, Evidence};
use portcullis_core::local_reply::LocalReply;
use portcullis_core::outcome::Outcome;
use portcullis_core::policy::{App, Policy, Rule};
use portcullis_core::reason::Reason;
use portcullis_core::request::{Headers, Request};
use portcullis_core::timestamp::Timestamp;
use serde_json::Value;

pub(crate) use audit_log::{MAX_LINE, RecordedRequest, record_in};
pub(crate) use keys::{KeyFile, KeySupply, KnownKeys};

use headers::HeaderChanges;
use steps::Step;

/// The decision on one request, with what led to it.
pub(crate) struct Explanation {
    /// The request: method, host and path, without its query.
    request: String,
    is_allowed: bool,
    reason: Reason,
    /// The status of the gate's answer; that of a forwarded request is the app's, and here 200 stands for it, as in Envoy's
    /// external authorization.
    status: u16,
    app: Option<String>,
    rule: Option<String>,
    /// The entry of the rule that lists the caller: `allow[0]`.
    entry: Option<String>,
    caller: Option<String>,
    /// The exact error, as in the audit record.
    error: Option<String>,
    changes: HeaderChanges,
    /// The header fields of the gate's own answer.
    reply: Vec<(String, String)>,
    steps: Vec<Step>,
    rules: Vec<ExplainedRule>,
    digest: String,
    at: Timestamp,
    /// What else the reader should know.
    notes: Vec<String>,
}

/// Why a rule applies, or does not.
struct ExplainedRule {
    name: String,
    fits: bool,
    why: String,
}

/// Where the credential of a request comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// A caller was described, and the credential made for it.
    MadeUp,
    /// The request has it, if it has one.
    Given,
}

impl Explanation {
    /// Explains the decision on a request with these headers.
    pub(crate) fn of(
        policy: &Policy,
        headers: &Headers<'_>,
        decision: Decision<'_>,
        origin: Origin,
        at: Timestamp,
    ) -> Self {
        let outcome = decision.outcome(headers, policy, at);
        let verdict = outcome.verdict();
        let decision = verdict.decision();
        // It is core's own, so it can be parsed.
        let record: Value = serde_json::from_str(&verdict.audit_record(None)).unwrap_or_default();
        let text = |name: &str| record.get(name)?.as_str().map(str::to_owned);
        let request = Request::read(headers).ok();
        let rules = match (decision.app(), &request) {
            (Some(app), Some(request)) => explained_rules(app, request, decision),
            _ => Vec::new(),
        };
        let (status, reply) = match &outcome {
            Outcome::Forward(_) => (200, Vec::new()),
            Outcome::Reply(reply, _) => (reply.status, reply_headers(reply)),
        };
        Self {
            request: described(&record),
            is_allowed: decision.is_allowed(),
            reason: decision.reason(),
            status,
            app: decision.app().map(|app| app.name().to_owned()),
            rule: decision.rule().map(|rule| rule.name().to_owned()),
            entry: text("allow"),
            caller: text("caller"),
            error: text("error"),
            changes: HeaderChanges::of(&outcome),
            reply,
            steps: steps::of(headers, request.as_ref(), &outcome, &record, origin),
            rules,
            digest: policy.digest().to_string(),
            at,
            notes: notes(decision, request.as_ref()),
        }
    }

    /// Whether the request is forwarded.
    pub(crate) const fn is_allowed(&self) -> bool {
        self.is_allowed
    }

    /// Adds how the decision compares with a recorded one.
    pub(crate) fn compare(&mut self, recorded: &RecordedRequest) {
        let (decision, reason, error) = recorded.decided();
        let error = error.map_or_else(String::new, |error| format!(": {error}"));
        let same = (decision, reason) == (self.decision(), self.reason.code());
        let note = if same {
            format!("the record has the same decision and reason{error}")
        } else {
            format!(
                "the record has another decision: {decision}, {reason}{error}. The policy, the caller or the time has \
                 changed since, or it depends on what the record does not have"
            )
        };
        self.notes.insert(0, note);
    }

    /// Adds what the reader should know.
    pub(crate) fn add_notes(&mut self, notes: impl IntoIterator<Item = String>) {
        self.notes.extend(notes);
    }

    /// The decision: `allowed` or `refused`.
    pub(crate) const fn decision(&self) -> &'static str {
        if self.is_allowed {
            "allowed"
        } else {
            "refused"
        }
    }
}

fn explained_rules(
    app: &App,
    request: &Request<'_>,
    decision: &Decision<'_>,
) -> Vec<ExplainedRule> {
    let caller = decision.authenticated().map(|caller| caller.caller());
    let mut explained = app.explain_rules(request, caller);
    // The rule that decides comes first, also where others fit.
    let name = decision.rule().map(Rule::name);
    explained.sort_by_key(|one| name != Some(one.rule().name()));
    let explained = explained.iter().map(|one| ExplainedRule {
        name: one.rule().name().to_owned(),
        fits: one.fits(),
        why: one.why(),
    });
    explained.collect()
}

/// The header fields of the gate's own answer. The URL to return to, which is percent-encoded at the end of `location`, is
/// without the request's query: it may have a secret.
fn reply_headers(reply: &LocalReply) -> Vec<(String, String)> {
    let headers = reply.headers.iter();
    let shown = headers.map(|(name, value)| {
        let value = match value.split_once("%3F") {
            Some((before, _)) if *name == "location" => before,
            _ => value,
        };
        ((*name).to_owned(), value.to_owned())
    });
    shown.collect()
}

/// Method, host and path, as the audit record has them.
fn described(record: &Value) -> String {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or("?");
    format!("{} {}{}", text("method"), text("host"), text("path"))
}

fn notes(decision: &Decision<'_>, request: Option<&Request<'_>>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(until) = decision.app().and_then(App::report_until)
        && let Some(reported) = decision.reported()
    {
        notes.push(format!(
            "the app only reports refusals until {}; from then on the reason is {reported}",
            until.text
        ));
    }
    if let Some(shadow) = decision.shadow() {
        let rule = shadow.rule.map(Rule::name);
        let rule = rule.map_or_else(String::new, |rule| format!(", by {rule}"));
        notes.push(format!(
            "the app's shadow rules say: {}{rule}",
            shadow.outcome.text()
        ));
    }
    let error = decision.evidence().map(Evidence::error);
    if error == Some(AuthnError::RefreshUnavailable) {
        notes.push(
            "the session token has expired: the gate asks the companion for a new one and decides by its response, which \
             is not done here"
                .to_owned(),
        );
    }
    let is_unsafe = request.is_some_and(|request| {
        !matches!(request.method(), "GET" | "HEAD" | "OPTIONS") && decision.is_by_session()
    });
    if is_unsafe && decision.reason() != Reason::CrossSite {
        notes.push(
            "a browser sends `Sec-Fetch-Site`; with `--header 'sec-fetch-site: cross-site'` this is a request of a \
             page of another site"
                .to_owned(),
        );
    }
    notes
}
