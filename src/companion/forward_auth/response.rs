//! The response to the proxy.

use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, SET_COOKIE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use portcullis_core::caller::headers::NAMES;
use portcullis_core::decision::ShadowOutcome;
use portcullis_core::local_reply::LocalReply;
use portcullis_core::outcome::{Outcome, Verdict};
use portcullis_core::reason::Reason;
use portcullis_core::request::Headers;
use portcullis_core::session::Cookies;

use super::RequestFormat;
use super::sign_in::{self, SIGN_IN};

/// The headers that Envoy removes from the original request, comma-separated.
const TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// The known identity headers of this and similar programs. A list, because Envoy can't remove headers
/// by prefix.
const IDENTITY: [&str; 7] = [
    "x-auth-request-access-token",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-auth-request-preferred-username",
    "x-auth-request-redirect",
    "x-auth-request-user",
    "x-portcullis-caller",
];

/// The response to the proxy: 202 or 200 with the headers to forward, or 401, 403 or 503. Never a
/// redirect or 400, which NGINX turns into 500.
#[derive(Debug)]
pub(crate) struct AuthResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    app: Option<String>,
    reason: Reason,
    reported: Option<Reason>,
    /// What the rules and the shadow rules say, if that differs.
    shadow: Option<(bool, ShadowOutcome)>,
}

impl AuthResponse {
    /// The response for this outcome of a request with these headers.
    pub(super) fn new(
        outcome: Outcome<'_>,
        headers: &Headers<'_>,
        format: RequestFormat,
        set_cookie: Option<&str>,
    ) -> Self {
        let decision = outcome.verdict().decision();
        let mut response = Self {
            status: StatusCode::ACCEPTED,
            headers: HeaderMap::new(),
            body: String::new(),
            app: decision.app().map(|app| app.name().to_owned()),
            reason: decision.reason(),
            reported: decision.reported(),
            shadow: decision
                .shadow()
                .map(|shadow| (shadow.is_allowed_by_rules, shadow.outcome)),
        };
        match outcome {
            Outcome::Reply(reply, verdict) => response.refuse(&verdict, reply),
            Outcome::Forward(verdict) => response.allow(&verdict, headers, format),
        }
        if let Some(line) = set_cookie {
            response.add(SET_COOKIE, line.as_bytes());
        }
        response
    }

    /// The name of the app that the request is for.
    pub(crate) fn app(&self) -> Option<&str> {
        self.app.as_deref()
    }

    /// The reason of the decision.
    pub(crate) const fn reason(&self) -> Reason {
        self.reason
    }

    /// The reason of the refusal, if it is only reported.
    pub(crate) const fn reported(&self) -> Option<Reason> {
        self.reported
    }

    /// Whether the app's rules allow the request, and what its shadow rules say, if that differs.
    pub(crate) const fn shadow(&self) -> Option<(bool, ShadowOutcome)> {
        self.shadow
    }

    /// A refusal. The sign-in URL is in a header and on the page, because proxies accept no redirect from
    /// forward auth.
    fn refuse(&mut self, verdict: &Verdict<'_>, mut refusal: LocalReply) {
        let location = refusal
            .headers
            .iter()
            .find(|(name, _)| *name == "location")
            .map(|(_, location)| location.clone());
        if let Some(location) = &location
            && let Some(challenge) = verdict.challenge()
        {
            refusal = challenge;
            refusal.body = sign_in::page(location);
        }
        self.status = match refusal.status {
            // NGINX turns 400 into 500.
            400 => StatusCode::FORBIDDEN,
            status => StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN),
        };
        self.body = refusal.body;
        for (name, value) in refusal.headers {
            self.add(HeaderName::from_static(name), value.as_bytes());
        }
        if let Some(location) = location {
            self.add(SIGN_IN, location.as_bytes());
            self.add(CONTENT_TYPE, b"text/html; charset=utf-8");
            self.add(
                CONTENT_SECURITY_POLICY,
                sign_in::content_security_policy().as_bytes(),
            );
        }
    }

    /// The headers to forward: the identity headers, and the remaining credentials of the client. The proxy
    /// copies these headers and removes those that are missing here.
    fn allow(&mut self, verdict: &Verdict<'_>, headers: &Headers<'_>, format: RequestFormat) {
        self.add(CACHE_CONTROL, b"no-store");
        for (name, value) in verdict.identity() {
            // The policy has checked the names.
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                self.add(name, value.as_bytes());
            }
        }
        if verdict.forwards(AUTHORIZATION.as_str().as_bytes())
            && let Some(value) = headers.only(AUTHORIZATION.as_str())
        {
            self.add(AUTHORIZATION, value);
        }
        let cookies = match verdict.cookies() {
            Cookies::Unchanged => headers
                .all(COOKIE.as_str())
                .collect::<Vec<_>>()
                .join(&b"; "[..]),
            Cookies::Replaced(cookies) => cookies,
            Cookies::Removed => Vec::new(),
        };
        if !cookies.is_empty() {
            self.add(COOKIE, &cookies);
        }
        if format == RequestFormat::InPath {
            self.status = StatusCode::OK;
            let names = self.to_remove(verdict).join(",");
            self.add(TO_REMOVE, names.as_bytes());
        }
    }

    /// The names of headers that are not forwarded.
    fn to_remove(&self, verdict: &Verdict<'_>) -> Vec<String> {
        let app = verdict.decision().app();
        let app = app.map_or(&[][..], |app| app.strip_headers());
        let known = IDENTITY.iter().chain(&NAMES).map(|name| (*name).to_owned());
        let removed = verdict
            .removals()
            .filter(|name| !name.starts_with(b":"))
            .map(|name| String::from_utf8_lossy(name).into_owned());
        let credentials = [AUTHORIZATION, COOKIE].map(|name| name.as_str().to_owned());
        let mut names: Vec<String> = known
            .chain(app.iter().cloned())
            .chain(credentials)
            .chain(removed)
            .filter(|name| !self.headers.contains_key(name))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Adds a header. Core writes visible ASCII, and cookies are from a header, so no value is invalid.
    fn add(&mut self, name: HeaderName, value: &[u8]) {
        if let Ok(mut value) = HeaderValue::from_bytes(value) {
            // It must not be logged.
            value.set_sensitive([AUTHORIZATION, COOKIE, SET_COOKIE].contains(&name));
            self.headers.insert(name, value);
        }
    }
}

impl IntoResponse for AuthResponse {
    fn into_response(self) -> Response {
        (self.status, self.headers, self.body).into_response()
    }
}
