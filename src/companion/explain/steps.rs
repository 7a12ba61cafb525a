//! The steps from the request to the answer, in words.

use portcullis_core::caller::AuthenticatedCaller;
use portcullis_core::credential::Credential;
use portcullis_core::decision::Decision;
use portcullis_core::outcome::Outcome;
use portcullis_core::reason::Reason;
use portcullis_core::request::{Client, Headers, Request};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::Token;
use serde_json::Value;

use super::{Origin, reply_headers};

/// One step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) result: StepResult,
    pub(super) detail: String,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum StepResult {
    /// The request passes it.
    Ok,
    /// The request is refused here.
    Refused,
    /// The decision does not depend on it.
    Skipped,
}

/// What a decision is based on, in the order of the steps.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Basis {
    /// The request alone.
    Request,
    /// What the client presents.
    Credential,
    /// Whether that is genuine.
    Token,
    /// The rules, for the caller or for everybody.
    Rules,
}

impl StepResult {
    /// Its name in output.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Skipped => "skipped",
        }
    }
}

/// What a decision with this reason is based on.
const fn basis(reason: Reason) -> Basis {
    match reason {
        Reason::AppUnknown
        | Reason::Companion
        | Reason::ProxyUntrusted
        | Reason::RequestAmbiguous
        | Reason::Ungated => Basis::Request,
        Reason::AuthorizationAmbiguous
        | Reason::AuthorizationMalformed
        | Reason::NoCredentials
        | Reason::TokenTooLarge => Basis::Credential,
        Reason::AlgorithmRefused
        | Reason::AudienceMismatch
        | Reason::BindingUnproven
        | Reason::Expired
        | Reason::IssuerUnknown
        | Reason::KeyAmbiguous
        | Reason::KeyUnknown
        | Reason::KeysStale
        | Reason::KeysUnavailable
        | Reason::LifetimeTooLong
        | Reason::NotYetValid
        | Reason::Revoked
        | Reason::SessionExpired
        | Reason::SessionUnavailable
        | Reason::SignatureInvalid
        | Reason::SubjectInvalid
        | Reason::TokenMalformed => Basis::Token,
        Reason::CallerNotAllowed
        | Reason::CallerRefused
        | Reason::CrossSite
        | Reason::Preflight
        | Reason::Public
        | Reason::ReportOnly
        | Reason::Rule => Basis::Rules,
    }
}

/// The steps of a decision.
pub(super) fn of(
    headers: &Headers<'_>,
    request: Option<&Request<'_>>,
    outcome: &Outcome<'_>,
    record: &Value,
    origin: Origin,
) -> Vec<Step> {
    let decision = outcome.verdict().decision();
    let steps = Steps {
        headers,
        request,
        decision,
        record,
        origin,
        basis: basis(decision.enforced_reason()),
        is_refused: !decision.is_allowed() || decision.reported().is_some(),
    };
    vec![
        steps.request(),
        steps.credential(),
        steps.token(),
        steps.caller(),
        steps.rules(),
        answer(outcome, headers.client()),
    ]
}

struct Steps<'a> {
    headers: &'a Headers<'a>,
    request: Option<&'a Request<'a>>,
    decision: &'a Decision<'a>,
    record: &'a Value,
    origin: Origin,
    basis: Basis,
    is_refused: bool,
}

impl Steps<'_> {
    /// A step about this.
    fn step(&self, name: &'static str, basis: Basis, detail: String) -> Step {
        let result = if basis == self.basis && self.is_refused {
            StepResult::Refused
        } else {
            StepResult::Ok
        };
        Step {
            name,
            result,
            detail,
        }
    }

    fn request(&self) -> Step {
        let decision = self.decision;
        let detail = match (decision.ambiguity(), self.request) {
            (Some(ambiguity), _) => ambiguity.to_string(),
            (None, Some(request)) => {
                let what = match (decision.app(), decision.reason()) {
                    (Some(app), _) => format!("app {}", app.name()),
                    (None, Reason::Companion) => "an endpoint of the companion".to_owned(),
                    (None, Reason::Ungated) => "an ungated host".to_owned(),
                    (None, _) => "no app of the policy".to_owned(),
                };
                let (method, host) = (request.method(), request.host());
                format!("{method}, host {host}, path {}: {what}", request.path())
            }
            (None, None) => "not read, because nothing is decided".to_owned(),
        };
        self.step("request", Basis::Request, detail)
    }

    /// Whether a step is not reached, or does not matter, and why.
    fn skipped(&self, name: &'static str, basis: Basis) -> Option<Step> {
        let detail = match self.decision.enforced_reason() {
            Reason::Public => "not needed: a public rule matches",
            Reason::Preflight => "not needed: a CORS preflight has none",
            Reason::Companion => "not needed: the companion checks it",
            Reason::Ungated => "not needed: the host is ungated",
            _ if self.basis < basis => "not reached",
            _ => return None,
        };
        Some(Step {
            name,
            result: StepResult::Skipped,
            detail: detail.to_owned(),
        })
    }

    fn credential(&self) -> Step {
        let (name, basis) = ("credential", Basis::Credential);
        if let Some(step) = self.skipped(name, basis) {
            return step;
        }
        let sso = self.decision.sso();
        let has_session = sso.is_some_and(|sso| sso.cookie_names().is_presented_in(self.headers));
        let detail = match Credential::read(self.headers, Token::MAX_BYTES) {
            Ok(Credential::Bearer(_)) if self.decision.is_by_session() => {
                "a session cookie; the bearer token is the app's own"
            }
            Ok(Credential::Bearer(_)) if self.basis == basis => "a bearer token that is too large",
            Ok(Credential::Bearer(_)) => "a bearer token",
            Ok(Credential::Nothing) if has_session && self.basis == basis => {
                "no session token among the session cookies, or those of two sessions"
            }
            Ok(Credential::Nothing) if has_session => "a session cookie",
            Ok(Credential::Nothing) => "none: no bearer token and no session cookie",
            Err(Reason::AuthorizationAmbiguous) => {
                "several Authorization headers, or a bearer token beside other credentials"
            }
            Err(Reason::TokenTooLarge) => "a bearer token that is too large",
            Err(_) => "an Authorization header that is not of the form `Bearer <token>`",
        };
        let made_up = match self.origin {
            Origin::MadeUp if self.basis > basis => ", made up for the caller that was described",
            Origin::Given | Origin::MadeUp => "",
        };
        self.step(name, basis, format!("{detail}{made_up}"))
    }

    fn token(&self) -> Step {
        let (name, basis) = ("token", Basis::Token);
        if let Some(step) = self.skipped(name, basis) {
            return step;
        }
        let detail = match (self.decision.evidence(), self.decision.authenticated()) {
            (Some(evidence), _) => {
                let mut detail = evidence.error().to_string();
                if let Some(trust) = evidence.trust() {
                    detail = format!("{detail}; trust entry {trust}");
                }
                if let Some(kid) = evidence.kid().filter(|_| self.origin == Origin::Given) {
                    detail = format!("{detail}, key {kid}");
                }
                match self.record.get("claimed") {
                    Some(claimed) => format!("{detail}; {}", self.claimed(claimed)),
                    None => detail,
                }
            }
            (None, Some(caller)) => self.verified(caller),
            (None, None) => "none".to_owned(),
        };
        self.step(name, basis, detail)
    }

    /// What a refused token claims, from the audit record.
    fn claimed(&self, claimed: &Value) -> String {
        let mut parts = Vec::new();
        let mut texts = vec!["iss", "sub"];
        if self.origin == Origin::Given {
            texts.extend(["alg", "kid"]);
        }
        for name in texts {
            if let Some(value) = claimed.get(name).and_then(Value::as_str) {
                parts.push(format!("{name} {value}"));
            }
        }
        if let Some(audiences) = claimed.get("aud").and_then(Value::as_array) {
            let audiences: Vec<&str> = audiences.iter().filter_map(Value::as_str).collect();
            parts.push(format!("aud {}", audiences.join(" ")));
        }
        for name in ["iat", "nbf", "exp"] {
            if let Some(seconds) = claimed.get(name).and_then(Value::as_u64) {
                let time = Timestamp::from_secs(seconds).to_rfc3339();
                parts.push(format!("{name} {time}"));
            }
        }
        let is_verified = claimed.get("verified").and_then(Value::as_bool);
        let says = if is_verified == Some(true) {
            "it says"
        } else {
            "it says, not verified"
        };
        format!("{says}: {}", parts.join(", "))
    }

    fn verified(&self, caller: &AuthenticatedCaller) -> String {
        let from = caller.trust();
        let what = if self.decision.is_by_session() {
            format!("a session of the provider {from}")
        } else {
            format!("verified by the trust entry {from}")
        };
        let expires = caller.expires_at().to_rfc3339();
        match (self.origin, caller.kid()) {
            (Origin::Given, Some(kid)) => format!("{what}, key {kid}; expires {expires}"),
            (Origin::Given, None) => format!("{what}; expires {expires}"),
            (Origin::MadeUp, _) => what,
        }
    }

    fn caller(&self) -> Step {
        let (name, basis) = ("caller", Basis::Rules);
        let skipped = self.skipped(name, basis);
        let Some(authenticated) = self.decision.authenticated() else {
            return skipped.unwrap_or_else(|| Step {
                name,
                result: StepResult::Skipped,
                detail: "none".to_owned(),
            });
        };
        let caller = authenticated.caller();
        let mut detail = authenticated.caller_name().to_owned();
        if let Some(email) = caller.email() {
            detail = format!("{detail}, e-mail address {email}");
        } else if caller.has_unverified_email() {
            detail = format!("{detail}, with an e-mail address that the issuer has not verified");
        }
        if !caller.groups().is_empty() {
            detail = format!("{detail}, groups {}", caller.groups().join(", "));
        }
        Step {
            name,
            result: StepResult::Ok,
            detail,
        }
    }

    fn rules(&self) -> Step {
        let (name, basis) = ("rules", Basis::Rules);
        let reason = self.decision.enforced_reason();
        if self.basis < basis {
            let detail = match reason {
                Reason::Companion => "not needed: an endpoint of the companion",
                Reason::Ungated => "not needed: the host is ungated",
                _ => "not reached",
            };
            return Step {
                name,
                result: StepResult::Skipped,
                detail: detail.to_owned(),
            };
        }
        let rule = self.decision.rule().map(|rule| rule.name());
        let app = self.decision.app().map(|app| app.name());
        let app = app.unwrap_or_default();
        let detail = match (reason, rule) {
            (Reason::Public, Some(rule)) => format!("the public rule {rule} allows this"),
            (_, Some(rule)) => format!("the rule {rule} allows this"),
            (Reason::Preflight, None) => "a CORS preflight is allowed without a rule".to_owned(),
            (Reason::CrossSite, None) => {
                "not reached: a page of another site sent this with a user's session, and the app does not list its \
                 origin"
                    .to_owned()
            }
            (Reason::CallerRefused, None) => {
                "not reached: the policy has the caller in `refuse_callers`".to_owned()
            }
            (_, None) => format!("no rule of {app} allows this"),
        };
        self.step(name, basis, detail)
    }
}

fn answer(outcome: &Outcome<'_>, client: Client) -> Step {
    let name = "answer";
    match outcome {
        Outcome::Forward(verdict) => Step {
            name,
            result: StepResult::Ok,
            detail: if verdict.decision().reported().is_some() {
                "forwarded: refusals of this app are only reported".to_owned()
            } else {
                "forwarded".to_owned()
            },
        },
        Outcome::Reply(reply, _) => {
            let told = ["location", "www-authenticate", "retry-after"];
            let headers = reply_headers(reply).into_iter();
            let told = headers.filter(|(name, _)| told.contains(&&**name));
            let told = told.map(|(name, value)| format!("; {name}: {value}"));
            let told: String = told.collect();
            let (status, grpc_status) = (reply.status, reply.grpc_status);
            let status = match client {
                // Envoy turns local replies to gRPC clients into such responses.
                Client::Grpc => {
                    format!("status {status}, which gRPC clients get as grpc-status {grpc_status}")
                }
                Client::Browser | Client::Program => format!("status {status}"),
            };
            Step {
                name,
                result: StepResult::Refused,
                detail: format!("{status}{told}"),
            }
        }
    }
}
