//! The requests, and the expected responses.

mod users;
mod workloads;

use portcullis_core::decision::Reason;
use serde_json::Value;

use crate::demo::callers::Clusters;
use crate::demo::gateway::DemoGateway;

/// A request: method, app and path.
#[derive(Clone, Copy, Debug)]
struct Request(&'static str, &'static str, &'static str);

/// The expected decision.
#[derive(Clone, Copy, Debug)]
struct Expected {
    status: u16,
    reason: Reason,
    /// The rule that allows it.
    rule: Option<&'static str>,
}

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The caller.
    pub caller: String,
    /// The request.
    pub request: String,
    /// The status of the response.
    pub status: String,
    /// The reason, and the rule that allows it.
    pub reason: String,
    /// The expected decision, if it is not the actual one.
    pub differs: Option<String>,
    /// What `portcullis explain` needs to explain the refusal. It knows no revoked sessions.
    pub explain: Option<Vec<String>>,
}

const READ_ALERTS: Request = Request("GET", "alertmanager", "/api/v2/alerts");
const SEND_ALERT: Request = Request("POST", "alertmanager", "/api/v2/alerts");

/// The body of every POST.
const ALERT: &str = r#"[{"labels": {"alertname": "Demo", "cluster": "green"}}]"#;

/// Sends all requests and returns the rows of the table.
pub async fn run(gateway: &DemoGateway, clusters: &Clusters) -> Vec<Row> {
    let mut rows = workloads::run(gateway, clusters).await;
    rows.extend(users::run(gateway).await);
    rows
}

const fn allowed(reason: Reason, rule: &'static str) -> Expected {
    Expected {
        status: 200,
        reason,
        rule: Some(rule),
    }
}

const fn refused(status: u16, reason: Reason) -> Expected {
    Expected {
        status,
        reason,
        rule: None,
    }
}

impl Row {
    /// Adds how to explain the refusal of a request of this caller, as options of `portcullis explain` describe it.
    fn explained_as(mut self, gateway: &DemoGateway, request: Request, caller: &[String]) -> Self {
        let Request(method, app, path) = request;
        let mut options = vec!["--url".to_owned(), gateway.url(app, path)];
        if method != "GET" {
            options.extend(["--method".to_owned(), method.to_owned()]);
        }
        options.extend_from_slice(caller);
        self.explain = Some(options);
        self
    }
}

impl Expected {
    /// Whether the request is refused.
    const fn is_refused(self) -> bool {
        self.rule.is_none()
    }

    /// Compares a response, and its line of the access log, with the expected ones. `caller` is the
    /// expected caller.
    fn compare(
        self,
        title: &str,
        caller: Option<&str>,
        request: Request,
        (status, line): (u16, &Value),
    ) -> Row {
        let Request(method, app, path) = request;
        let as_expected = status == self.status
            && line["reason"] == self.reason.code()
            && line["rule"].as_str() == self.rule
            && line["caller"].as_str() == caller;
        let field = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        Row {
            caller: title.to_owned(),
            request: format!("{method:4} {app} {path}"),
            status: status.to_string(),
            reason: match &line["rule"] {
                Value::String(rule) => format!("{} {rule}", field("reason")),
                _ => field("reason"),
            },
            explain: None,
            differs: (!as_expected).then(|| {
                let rule = self.rule.unwrap_or("-");
                let caller = caller.unwrap_or("-");
                format!(
                    "{} {} {rule}, as {caller} (was {})",
                    self.status,
                    self.reason,
                    field("caller")
                )
            }),
        }
    }
}
