//! What the gate is asked, and what it must answer.

use portcullis_core::decision::Reason;
use portcullis_tests::lab::Call;
use serde_json::Value;

use crate::callers::{Caller, Clusters};
use crate::gate::Gate;

/// A request, and what should come of it.
#[derive(Debug)]
pub(crate) struct Check {
    caller: Caller,
    request: Request,
    status: u16,
    reason: Reason,
    /// The rule that lets it through.
    rule: Option<&'static str>,
}

/// What is asked: a method, an app and a path.
#[derive(Clone, Copy, Debug)]
struct Request(&'static str, &'static str, &'static str);

/// What came of it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) caller: &'static str,
    pub(crate) request: String,
    pub(crate) answer: String,
    pub(crate) reason: String,
    /// What should have come of it, if that is something else.
    pub(crate) differs: Option<String>,
}

const READ_ALERTS: Request = Request("GET", "alertmanager", "/api/v2/alerts");
const SEND_ALERT: Request = Request("POST", "alertmanager", "/api/v2/alerts");
const RELOAD: Request = Request("POST", "alertmanager", "/-/reload");
const QUERY: Request = Request("GET", "prometheus", "/api/v1/query?query=up");
const PROBE: Request = Request("GET", "prometheus", "/-/healthy");

/// What every POST here brings along.
const ALERT: &str = r#"[{"labels": {"alertname": "Demo", "cluster": "green"}}]"#;

/// The rows of the table.
pub(crate) const CHECKS: &[Check] = &[
    // Who calls: one request, and only Karma of cluster blue may make it.
    let_through(Caller::Karma, READ_ALERTS, Reason::Rule, "karma-reads"),
    refused(
        Caller::GreenKarma,
        READ_ALERTS,
        403,
        Reason::CallerNotAllowed,
    ),
    refused(
        Caller::OtherNamespace,
        READ_ALERTS,
        403,
        Reason::CallerNotAllowed,
    ),
    refused(Caller::Expired, READ_ALERTS, 401, Reason::Expired),
    refused(
        Caller::WrongAudience,
        READ_ALERTS,
        401,
        Reason::AudienceMismatch,
    ),
    refused(Caller::Forger, READ_ALERTS, 401, Reason::SignatureInvalid),
    refused(Caller::Nobody, READ_ALERTS, 401, Reason::NoCredentials),
    // What else Karma may do with the token that opened the first row: nothing.
    refused(Caller::Karma, SEND_ALERT, 403, Reason::CallerNotAllowed),
    refused(Caller::Karma, RELOAD, 403, Reason::CallerNotAllowed),
    refused(Caller::Karma, QUERY, 403, Reason::CallerNotAllowed),
    // Others have rights of their own.
    let_through(
        Caller::GreenPrometheus,
        SEND_ALERT,
        Reason::Rule,
        "alerts-come-in",
    ),
    let_through(Caller::Grafana, QUERY, Reason::Rule, "grafana-queries"),
    let_through(Caller::Nobody, PROBE, Reason::Public, "probes"),
];

const fn let_through(
    caller: Caller,
    request: Request,
    reason: Reason,
    rule: &'static str,
) -> Check {
    Check {
        caller,
        request,
        status: 200,
        reason,
        rule: Some(rule),
    }
}

const fn refused(caller: Caller, request: Request, status: u16, reason: Reason) -> Check {
    Check {
        caller,
        request,
        status,
        reason,
        rule: None,
    }
}

impl Check {
    /// Asks, and compares the answer and what the access log says of it with what they should be.
    pub(crate) async fn run(&self, gate: &Gate, clusters: &Clusters) -> Row {
        let Request(method, app, path) = self.request;
        let mut call = Call::new(method, &gate.host(app), path);
        if let Some(token) = self.caller.token(clusters) {
            call = call.bearer(&token);
        }
        if method == "POST" {
            call = call.header("content-type", "application/json").body(ALERT);
        }
        let (reply, line) = gate.call(&call).await;
        let caller = self.caller.name();
        let as_expected = reply.status == self.status
            && line["reason"] == self.reason.code()
            && line["rule"].as_str() == self.rule
            && line["caller"].as_str() == caller;
        let told = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        Row {
            caller: self.caller.title(),
            request: format!("{method:4} {app} {path}"),
            answer: reply.status.to_string(),
            reason: match &line["rule"] {
                Value::String(rule) => format!("{} {rule}", told("reason")),
                _ => told("reason"),
            },
            differs: (!as_expected).then(|| {
                let rule = self.rule.unwrap_or("-");
                let caller = caller.unwrap_or("-");
                format!(
                    "{} {} {rule}, as {caller} (was {})",
                    self.status,
                    self.reason,
                    told("caller")
                )
            }),
        }
    }
}
