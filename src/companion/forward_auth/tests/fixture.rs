//! A companion, and proxies that send it requests.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::to_bytes;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse as _;
use portcullis_core::decision::Reason;
use portcullis_core::keys::KeySet;
use portcullis_core::policy::Policy;
use portcullis_core::session::{Revocations, TOKEN_TYPE};
use portcullis_core::timestamp::Timestamp;
use portcullis_tests::lab::{SigningKey, Token};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::forward_auth::{
    self, AuthResponse, Evaluator, ProxyPeer, SessionRefresh, SessionSource,
};
use crate::issuers::Issuers;

pub(super) const BLUE: &str = "https://blue.example.com";

pub(super) const AUTH: &str = "https://auth.example.com";

pub(super) const SID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// A companion, whose policy has a cluster, an OpenID issuer and sign-in.
pub(super) struct Companion {
    evaluator: Evaluator,
    sessions: TestSessions,
    pub(super) blue: SigningKey,
    pub(super) gitlab: SigningKey,
    pub(super) own: SigningKey,
}

/// A session source with a set outcome, which records its calls.
pub(super) struct TestSessions {
    pub(super) outcome: Mutex<SessionRefresh>,
    pub(super) revocations: Arc<Revocations>,
    /// The cookies of each refresh.
    refreshed_with: Mutex<Vec<String>>,
    lookups: AtomicUsize,
}

impl SessionSource for TestSessions {
    async fn revocations(&self) -> Arc<Revocations> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&self.revocations)
    }

    async fn refresh(&self, cookies: &str) -> SessionRefresh {
        self.refreshed_with.lock().unwrap().push(cookies.to_owned());
        self.outcome.lock().unwrap().clone()
    }
}

/// The response to a proxy.
#[derive(Debug)]
pub(super) struct ProxyResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    pub(super) reason: Reason,
}

fn policy(blue: &SigningKey, gitlab: &SigningKey) -> Policy {
    let inline = |key: &SigningKey| json!({"inline": {"keys": [key.jwk()]}});
    let document = json!({
        "trust": [
            {"name": "blue", "kind": "kubernetes", "issuer": BLUE, "audiences": ["gate"],
             "keys": inline(blue)},
            {"name": "gitlab", "kind": "oidc", "issuer": "https://gitlab.example.com",
             "audiences": ["gate"], "keys": inline(gitlab)},
            {"name": "down", "kind": "kubernetes", "issuer": "https://down.example.com",
             "audiences": ["gate"],
             "keys": {"envoy_cluster": "down", "jwks": "https://127.0.0.1:1/keys"}},
        ],
        "sso": {"url": AUTH, "envoy_cluster": "portcullis"},
        "apps": [
            {"name": "app", "hosts": ["app.example.com"], "strip_headers": ["x-webauth-user"],
             "rules": [
                {"name": "karma", "methods": ["GET"], "paths": ["/api/**"],
                 "allow": [{"service_account": "*/monitoring/karma"}]},
                {"name": "users", "allow": [{"from": "sso", "group": "sre"}]},
                {"name": "gitlab", "allow": [{"from": "gitlab", "anyone": true}]},
                {"name": "probes", "paths": ["/-/healthy"], "public": true},
             ]},
            {"name": "trusting", "hosts": ["trusting.example.com"], "forward_authorization": true,
             "rules": [{"name": "all", "allow": [
                {"service_account": "blue/*/*"}, {"from": "sso", "anyone": true},
             ]}]},
            {"name": "open", "hosts": ["open.example.com"], "report_until": "2999-01-01T00:00:00Z",
             "identity_headers": {"X-WEBAUTH-USER": "caller"},
             "shadow_rules": [{"name": "all", "allow": [{"service_account": "blue/*/*"}]}],
             "rules": [{"name": "api", "paths": ["/api/**"], "allow": [
                {"service_account": "blue/*/*"}, {"from": "gitlab", "anyone": true},
             ]}]},
        ],
    });
    Policy::from_json(&document.to_string()).unwrap()
}

impl Companion {
    /// Needs a runtime.
    pub(super) fn start() -> Self {
        let (blue, gitlab, own) = (SigningKey::p256(), SigningKey::p256(), SigningKey::p256());
        let policy = policy(&blue, &gitlab);
        let set = json!({"keys": [own.jwk()]}).to_string();
        let set = KeySet::parse(set.as_bytes(), None).unwrap();
        let clock = Arc::new(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            Timestamp::from_millis(now.as_millis() as u64)
        });
        let keys = watch::channel(Some(set)).1;
        let issuers = Issuers::start(&policy, BTreeMap::new(), keys, clock);
        Self {
            evaluator: Evaluator::new(policy, issuers),
            sessions: TestSessions {
                outcome: Mutex::new(SessionRefresh::Ended),
                revocations: Arc::default(),
                refreshed_with: Mutex::default(),
                lookups: AtomicUsize::new(0),
            },
            blue,
            gitlab,
            own,
        }
    }

    /// Sets the outcome of refreshes.
    pub(super) fn refreshes_to(&self, outcome: SessionRefresh) {
        *self.sessions.outcome.lock().unwrap() = outcome;
    }

    /// Revokes these sessions.
    pub(super) fn revoke(&mut self, revocations: Revocations) {
        self.sessions.revocations = Arc::new(revocations);
    }

    /// How often the revocations were read.
    pub(super) fn revocation_lookups(&self) -> usize {
        self.sessions.lookups.load(Ordering::Relaxed)
    }

    /// The cookies of the refreshes.
    pub(super) fn refreshed_with(&self) -> Vec<String> {
        self.sessions.refreshed_with.lock().unwrap().clone()
    }

    /// The response to a trusted proxy's request: `METHOD TARGET`, and headers.
    pub(super) async fn ask(&self, request: &str, headers: &[(&str, &str)]) -> ProxyResponse {
        let address = Some(IpAddr::from([10, 0, 0, 1]));
        let is_trusted = true;
        self.ask_as(
            ProxyPeer {
                address,
                is_trusted,
                client: None,
            },
            request,
            headers,
        )
        .await
    }

    pub(super) async fn ask_as(
        &self,
        peer: ProxyPeer,
        request: &str,
        headers: &[(&str, &str)],
    ) -> ProxyResponse {
        let (method, target) = request.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let response = forward_auth::authorize(&parts, peer, &self.evaluator, &self.sessions);
        ProxyResponse::read(response.await).await
    }

    /// The response to NGINX about a request `METHOD URL` with these headers of the client.
    pub(super) async fn nginx(&self, original: &str, headers: &[(&str, &str)]) -> ProxyResponse {
        self.nginx_at("/oauth2/auth", original, headers).await
    }

    /// The same, with this path and query of the proxy's request.
    pub(super) async fn nginx_at(
        &self,
        path: &str,
        original: &str,
        headers: &[(&str, &str)],
    ) -> ProxyResponse {
        let (method, url) = original.split_once(' ').unwrap();
        let mut all = vec![("X-Original-Method", method), ("X-Original-URL", url)];
        all.extend(headers);
        self.ask(&format!("GET {path}"), &all).await
    }

    /// The `Authorization` of Karma in the cluster blue.
    pub(super) fn karma(&self) -> String {
        let token = Token::service_account(BLUE, "gate", "monitoring", "karma");
        format!("Bearer {}", token.sign(&self.blue))
    }

    /// Alice's session token, issued minutes ago, which expires in this many seconds.
    pub(super) fn session(&self, expires_in: i64) -> String {
        session(expires_in).sign(&self.own)
    }
}

/// Alice's session token, unsigned.
pub(super) fn session(expires_in: i64) -> Token {
    let claims = json!({
        "iss": AUTH, "aud": AUTH, "sub": "alice", "idp": "sso",
        "sid": SID, "handle": "BBBBBBBBBBBBBBBBBBBBBA",
        "email": "alice@example.com", "email_verified": true,
        "groups": ["sre", "all, of us"], "preferred_username": "Alice",
    });
    let token = Token::new(claims).without("nbf").without("jti");
    let now = token.claims()["iat"].as_i64().unwrap();
    token
        .claim("began", now - 3600)
        .claim("iat", now - 250)
        .expires_in(expires_in)
        .header("typ", TOKEN_TYPE)
}

/// The cookies of a session with this token. The sealed session is not read here.
pub(super) fn cookies(token: &str) -> String {
    format!("theme=dark; __Secure-portcullis={token}; __Secure-portcullis-session=sealed")
}

impl ProxyResponse {
    async fn read(response: AuthResponse) -> Self {
        let reason = response.reason();
        let (parts, body) = response.into_response().into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
            reason,
        }
    }

    /// The status and the reason.
    pub(super) fn verdict(&self) -> (u16, Reason) {
        (self.status.as_u16(), self.reason)
    }

    /// The one value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} occurs twice");
        value
    }

    /// The identity headers.
    pub(super) fn identity(&self) -> Vec<(&str, &str)> {
        let mut identity: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| {
                name.as_str().starts_with("x-auth-request-") || *name == "x-portcullis-caller"
            })
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        identity.sort_unstable();
        identity
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
