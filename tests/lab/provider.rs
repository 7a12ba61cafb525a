//! A real OpenID provider: npm's `oidc-provider`, over TLS.

mod client;
mod settings;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

pub use client::Client;
pub use settings::Settings;

use super::client::{Call, Response};
use super::keys::SigningKey;
use super::process::Process;

/// A running provider. Users sign in on its own pages with any password. Stopped when dropped.
#[derive(Debug)]
pub struct Provider {
    issuer: String,
    address: SocketAddr,
    control: SocketAddr,
    keys: Vec<SigningKey>,
    process: Process,
}

/// An endpoint of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The authorization endpoint.
    Authorization,
    /// `/.well-known/openid-configuration`.
    Discovery,
    /// The end session endpoint.
    EndSession,
    /// The key set.
    Keys,
    /// The token endpoint.
    Token,
    /// The userinfo endpoint.
    UserInfo,
}

/// A fault of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A request whose header of this name lacks this text gets this status.
    Expects(&'static str, &'static str, u16),
    /// The request is processed, but the connection breaks before the response.
    Lost,
    /// The request is processed, and the response has these members in its JSON; `null` removes one.
    Members(Value),
    /// A refresh token is redeemed, and the response has this status and this JSON. Other requests
    /// are not affected.
    RefreshResponse(u16, Value),
    /// A request with a header of this name gets this status and this JSON.
    Refuses(&'static str, u16, Value),
    /// The request is processed, and the response has this status, content type and body.
    Response(u16, &'static str, &'static str),
    /// It responds with this status at once.
    Status(u16),
}

/// A request that the provider has processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The endpoint.
    pub route: String,
    /// The `grant_type` of the request.
    pub grant: Option<String>,
    /// The status of the response.
    pub status: u16,
}

/// A logout token that the provider has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// The client it was sent to.
    pub client: String,
    /// The user.
    pub subject: String,
    /// The session, by the `sid` of the ID token.
    pub sid: String,
    /// Why the delivery failed, if it did.
    pub error: Option<String>,
}

impl Provider {
    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value of its `iss`, and its URL.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The requests so far, in order.
    ///
    /// # Panics
    /// If the provider is down.
    pub async fn requests(&self) -> Vec<RecordedRequest> {
        let request = |request: &Value| RecordedRequest {
            route: text(&request["route"]),
            grant: request["grant"].as_str().map(str::to_owned),
            status: request["status"]
                .as_u64()
                .and_then(|status| status.try_into().ok())
                .expect("a status"),
        };
        self.list("/requests").await.iter().map(request).collect()
    }

    /// The number of requests to an endpoint so far.
    pub async fn count(&self, route: Route) -> usize {
        let mut requests = self.requests().await;
        requests.retain(|request| request.route == route.name());
        requests.len()
    }

    /// The number of token requests with this `grant_type`, including failed ones.
    pub async fn grants(&self, kind: &str) -> usize {
        let mut requests = self.requests().await;
        requests.retain(|request| request.grant.as_deref() == Some(kind));
        requests.len()
    }

    /// The logout tokens sent so far, in order.
    pub async fn logout_tokens(&self) -> Vec<LogoutToken> {
        let sent = |sent: &Value| LogoutToken {
            client: text(&sent["client"]),
            subject: text(&sent["sub"]),
            sid: text(&sent["sid"]),
            error: sent["error"].as_str().map(str::to_owned),
        };
        self.list("/logout_tokens").await.iter().map(sent).collect()
    }

    /// Changes a user's claims from now on; `null` removes the user.
    pub async fn set_account(&self, login: &str, claims: Value) {
        self.command("/accounts", &json!({login: claims})).await;
    }

    /// The private keys that it signs with and publishes: for RS256 and ES256, newest first.
    #[must_use]
    pub fn keys(&self) -> &[SigningKey] {
        &self.keys
    }

    /// Signs with new keys from now on. The old ones are no longer published unless `keep`.
    /// Sessions are kept.
    pub async fn rotate(&mut self, keep: bool) {
        let old = std::mem::replace(&mut self.keys, new_keys());
        if keep {
            self.keys.extend(old);
        }
        self.command("/keys", &jwks(&self.keys)).await;
    }

    /// Makes an endpoint fail from now on.
    pub async fn fail(&self, route: Route, fault: Fault) {
        let fault = match fault {
            Fault::Expects(header, text, status) => json!({
                "unless": {"header": header, "text": text}, "status": status, "body": {},
            }),
            Fault::Lost => json!("lost"),
            Fault::Members(members) => json!({"members": members}),
            Fault::RefreshResponse(status, body) => json!({
                "grant": "refresh_token", "status": status, "type": "json", "body": body,
            }),
            Fault::Refuses(header, status, body) => json!({
                "if": {"header": header}, "status": status, "body": body,
            }),
            Fault::Response(status, content_type, body) => {
                json!({"status": status, "type": content_type, "body": body})
            }
            Fault::Status(status) => json!(status),
        };
        self.command("/faults", &json!({route.name(): fault})).await;
    }

    /// Removes the fault of an endpoint.
    pub async fn recover(&self, route: Route) {
        self.command("/faults", &json!({route.name(): null})).await;
    }

    /// Closes all connections, and every new one.
    pub async fn down(&self) {
        self.command("/down", &json!({})).await;
    }

    /// Accepts connections again. Its state is kept.
    pub async fn up(&self) {
        self.command("/up", &json!({})).await;
    }

    /// Suspends it: connections are accepted, but get no response.
    pub async fn pause(&self) {
        self.process.pause().await;
    }

    /// Resumes it after [`Provider::pause`].
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Restarts it on the same ports with its initial accounts. Sessions and recorded requests are
    /// lost.
    pub async fn restart(&mut self) {
        self.process.restart();
        self.process.ready_at(self.control, "/requests").await;
        self.command("/keys", &jwks(&self.keys)).await;
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        let response = Call::get("control", path).send(self.control).await;
        response.json().as_array().expect("a list").clone()
    }

    async fn command(&self, path: &str, what: &Value) -> Response {
        let call = Call::post("control", path).body(what.to_string());
        let response = call.send(self.control).await;
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        response
    }
}

impl Route {
    fn name(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Discovery => "discovery",
            Self::EndSession => "end_session",
            Self::Keys => "jwks",
            Self::Token => "token",
            Self::UserInfo => "userinfo",
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// One key for each algorithm that it offers.
fn new_keys() -> Vec<SigningKey> {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    vec![
        SigningKey::rsa(&format!("provider-{number}")),
        SigningKey::p256(),
    ]
}

fn jwks(keys: &[SigningKey]) -> Value {
    keys.iter().map(SigningKey::private_jwk).collect()
}
