//! Audit records in logs: behind the prefix of a proxy's log line, and in access logs, where a record may be a text in
//! JSON.

use std::path::Path;

use portcullis_core::json::Json;
use portcullis_core::policy::Policy;
use portcullis_core::reason::Reason;
use portcullis_core::trust::Kind;
use serde_json::Value;

use crate::document::{self, Report};
use crate::files;
use crate::simulation::{NamedCaller, SimulatedCaller, SimulatedRequest};

/// Identifies an audit record.
const MARK: &str = "portcullis.decision.v1";

/// How often a record may be a text in another document: a container's log may have access logs, which have records.
const MAX_NESTING: usize = 8;

/// The members of an object that may have a record: of access logs, of the companion's log, of what collects logs, and of
/// OpenTelemetry.
const MEMBERS: [&str; 10] = [
    "audit",
    "body",
    "fields",
    "log",
    "message",
    "msg",
    "portcullis",
    "stringValue",
    "textPayload",
    "wasm.portcullis.audit",
];

/// The longest line, in bytes. A record has a few kilobytes, and twice as many each time it is a text in JSON.
pub(crate) const MAX_LINE: u64 = 1 << 20;

/// What an audit record has of the request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordedRequest(Value);

impl RecordedRequest {
    /// Finds the record of this request id in a log or, without an id, the only record. Of several with one id, it is the
    /// last: a request can be evaluated again. The log may have any length, and is standard input for `-`.
    pub(crate) fn find(path: &Path, id: Option<&str>) -> Result<Self, Report> {
        let (mut all, mut found) = (0_usize, None);
        let read = files::each_line(path, MAX_LINE, |line| {
            if let Some(record) = record_in(line) {
                all += 1;
                if id.is_none() || record.get("id").and_then(Value::as_str) == id {
                    found = Some(Self(record));
                }
            }
        });
        read.map_err(|error| document::unreadable(path, &error))?;
        let (problem, help) = match (found, id) {
            (Some(found), Some(_)) => return Ok(found),
            (Some(found), None) if all == 1 => return Ok(found),
            (Some(_), None) => (
                format!("has {all} audit records"),
                "choose one with `--id`: the id that the page of a refusal shows, in `id` of the record".to_owned(),
            ),
            (None, _) if all == 0 => (
                "has no audit record".to_owned(),
                format!("name a log with `{MARK}` in its lines, of a proxy or of the companion"),
            ),
            (None, _) => (
                "has no audit record with this id".to_owned(),
                "check the id and the time of the log; allowed requests are logged at `info`".to_owned(),
            ),
        };
        Err(Report::of(&document::name_of(path), &problem, &help))
    }
}

impl RecordedRequest {
    /// The request of an audit record.
    pub(crate) const fn new(record: Value) -> Self {
        Self(record)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The decision, the reason and the error that were recorded. The reason is that of the refusal if it was only
    /// reported.
    pub(crate) fn decided(&self) -> (&str, &str, Option<&str>) {
        let text = |name: &str| self.text(name).unwrap_or("?");
        (text("decision"), text("reason"), self.text("error"))
    }

    /// The reason of the decision as it was enforced; `None` if it is not one of this version.
    pub(crate) fn reason(&self) -> Option<Reason> {
        let code = self.text("reason")?;
        Reason::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// Whether the request was forwarded.
    pub(crate) fn was_forwarded(&self) -> bool {
        self.text("decision") == Some("allowed")
    }

    /// The caller's verified e-mail address, if the policy had it recorded.
    pub(crate) fn email(&self) -> Option<&str> {
        self.text("email")
    }

    /// Method, host and path, without the query.
    pub(crate) fn method_host_path(&self) -> Option<(&str, &str, &str)> {
        Some((self.text("method")?, self.text("host")?, self.text("path")?))
    }

    /// The request, without its query and its other header fields, which are not recorded.
    pub(crate) fn request(&self) -> Option<SimulatedRequest> {
        let (method, host, path) = self.method_host_path()?;
        Some(SimulatedRequest::new(
            method,
            host.as_bytes(),
            path.as_bytes(),
        ))
    }

    /// Whether the caller is a service account, of which nothing else matters.
    pub(crate) fn is_of_service_account(&self, policy: &Policy) -> bool {
        let from = self.text("caller").and_then(|name| name.split_once('/'));
        let trust = from.and_then(|(from, _)| policy.trust(from));
        trust.is_some_and(|trust| trust.kind == Kind::Kubernetes)
    }

    /// The caller. A refused token of a trust entry is made up again with what it claimed.
    pub(crate) fn caller(
        &self,
        policy: &Policy,
        groups: &[String],
        email: Option<&String>,
    ) -> SimulatedCaller {
        let named = |name: String| {
            SimulatedCaller::Named(NamedCaller {
                name,
                groups: groups.to_vec(),
                email: email.cloned(),
            })
        };
        let claimed = self.0.get("claimed");
        let claim = |name: &str| claimed?.get(name)?.as_str();
        if let Some(claimed) = claimed {
            let name = self.text("trust");
            let mut trusts = policy.trusts().iter();
            let trust = trusts.find(|trust| match name {
                Some(name) => trust.name == name,
                None => claim("iss").is_some_and(|issuer| trust.accepts_issuer(issuer)),
            });
            // A token of an unknown issuer is refused before its signature is verified.
            let trust = trust.or_else(|| policy.trusts().first().filter(|_| name.is_none()));
            if let Some(trust) = trust {
                return SimulatedCaller::Claims {
                    trust: trust.name.clone(),
                    claims: claims(claimed),
                };
            }
        }
        // The claims of a refused session do not name the user as audit records do.
        let session = self.text("trust").zip(claim("sub"));
        let session = session.map(|(from, sub)| format!("{from}/{}", sub.replace('%', "%25")));
        match self.text("caller").map(str::to_owned).or(session) {
            Some(name) => named(name),
            None => SimulatedCaller::Anonymous,
        }
    }
}

/// The claims of a refused token that its record has.
fn claims(claimed: &Value) -> Json {
    let mut claims = claimed.clone();
    if let Some(members) = claims.as_object_mut() {
        for name in ["verified", "alg", "kid"] {
            members.remove(name);
        }
    }
    let text = claims.to_string();
    Json::parse(text.as_bytes()).unwrap_or(Json::Object(Vec::new()))
}

/// The audit record in a line of a log: the line itself, behind a prefix without quotes, or in one of [`MEMBERS`] of an
/// object, also as a text in JSON, and so on. What else is in an object may be a client's text, as its user agent.
pub(crate) fn record_in(line: &str) -> Option<Value> {
    record_within(line, MAX_NESTING)
}

fn record_within(text: &str, nesting: usize) -> Option<Value> {
    // Most lines have none, and need not be parsed.
    if !text.contains(MARK) {
        return None;
    }
    let start = text.find('{')?;
    let (prefix, rest) = text.split_at_checked(start)?;
    // A quote begins a text, such as the request in an access log.
    if prefix.contains('"') {
        return None;
    }
    record_of(serde_json::from_str(rest).ok()?, nesting)
}

fn record_of(value: Value, nesting: usize) -> Option<Value> {
    let nesting = nesting.checked_sub(1);
    let Value::Object(mut members) = value else {
        return match value {
            Value::String(text) => record_within(&text, nesting?),
            _ => None,
        };
    };
    if members.get("audit").and_then(Value::as_str) == Some(MARK) {
        return Some(Value::Object(members));
    }
    let nesting = nesting?;
    let mut inner = MEMBERS.iter().filter_map(|name| members.remove(*name));
    inner.find_map(|value| record_of(value, nesting))
}
