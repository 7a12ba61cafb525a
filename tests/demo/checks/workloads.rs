//! Workloads, each with its own token.

use crate::lab::Call;
use portcullis_core::decision::Reason;

use super::{ALERT, Expected, READ_ALERTS, Request, Row, SEND_ALERT, allowed, refused};
use crate::demo::callers::{Caller, Clusters};
use crate::demo::gateway::DemoGateway;

const RELOAD: Request = Request("POST", "alertmanager", "/-/reload");
const QUERY: Request = Request("GET", "prometheus", "/api/v1/query?query=up");
const PROBE: Request = Request("GET", "prometheus", "/-/healthy");

const NOT_ALLOWED: Expected = refused(403, Reason::CallerNotAllowed);

const CHECKS: &[(Caller, Request, Expected)] = &[
    // The same request by several callers: only Karma of cluster blue may send it.
    (
        Caller::Karma,
        READ_ALERTS,
        allowed(Reason::Rule, "karma-reads"),
    ),
    (Caller::GreenKarma, READ_ALERTS, NOT_ALLOWED),
    (Caller::OtherNamespace, READ_ALERTS, NOT_ALLOWED),
    (Caller::Expired, READ_ALERTS, refused(401, Reason::Expired)),
    (
        Caller::WrongAudience,
        READ_ALERTS,
        refused(401, Reason::AudienceMismatch),
    ),
    (
        Caller::Forged,
        READ_ALERTS,
        refused(401, Reason::SignatureInvalid),
    ),
    (
        Caller::Anonymous,
        READ_ALERTS,
        refused(401, Reason::NoCredentials),
    ),
    // Other requests with the token of the first row: none is allowed.
    (Caller::Karma, SEND_ALERT, NOT_ALLOWED),
    (Caller::Karma, RELOAD, NOT_ALLOWED),
    (Caller::Karma, QUERY, NOT_ALLOWED),
    // Other callers have access to other apps and paths.
    (
        Caller::GreenPrometheus,
        SEND_ALERT,
        allowed(Reason::Rule, "prometheus-alerts"),
    ),
    (
        Caller::Grafana,
        QUERY,
        allowed(Reason::Rule, "grafana-queries"),
    ),
    (Caller::Anonymous, PROBE, allowed(Reason::Public, "probes")),
];

pub(super) async fn run(gateway: &DemoGateway, clusters: &Clusters) -> Vec<Row> {
    let mut rows = Vec::new();
    for &(caller, request, expected) in CHECKS {
        let Request(method, app, path) = request;
        let mut call = Call::new(method, &gateway.host(app), path);
        if let Some(token) = caller.token(clusters) {
            call = call.bearer(&token);
        }
        if method == "POST" {
            call = call.header("content-type", "application/json").body(ALERT);
        }
        let (response, line) = gateway.call(&call).await;
        let actual = (response.status, &line);
        let row = expected.compare(caller.title(), caller.name(), request, actual);
        rows.push(if expected.is_refused() {
            row.explained_as(gateway, request, &caller.described())
        } else {
            row
        });
    }
    rows
}
