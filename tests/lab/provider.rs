//! A real OpenID provider: npm `oidc-provider`, over TLS.

mod client;
mod settings;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

pub use client::Client;
pub use settings::Settings;

use super::client::{Call, Reply};
use super::keys::SigningKey;
use super::process::Process;

/// A running provider. People sign in on its own pages with any password. It ends when dropped.
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
    /// Where a browser begins to sign in.
    Authorization,
    /// `/.well-known/openid-configuration`.
    Discovery,
    /// Where a browser signs out.
    EndSession,
    /// The key set.
    Keys,
    /// Where a code or a refresh token is redeemed.
    Token,
    /// Who somebody is.
    UserInfo,
}

/// What an endpoint does in place of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It works, but the answer never arrives: the connection breaks.
    Lost,
    /// It answers with this status at once.
    Status(u16),
}

/// A request that the provider has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// Which endpoint.
    pub route: String,
    /// The `grant_type` that it named.
    pub grant: Option<String>,
    /// The answer's status.
    pub status: u16,
}

/// A logout token that the provider has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// To which client.
    pub client: String,
    /// Whose session it was.
    pub subject: String,
    /// The session, by the `sid` of the ID token.
    pub sid: String,
    /// Why it did not arrive, if so.
    pub error: Option<String>,
}

impl Provider {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it calls itself in `iss`, and where it is reached.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What has been asked so far, in order.
    ///
    /// # Panics
    /// When the provider is down.
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

    /// How often an endpoint has been asked so far.
    pub async fn count(&self, route: Route) -> usize {
        let mut requests = self.requests().await;
        requests.retain(|request| request.route == route.name());
        requests.len()
    }

    /// How often this kind of grant has been redeemed, or was to be.
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

    /// Changes a person's claims from now on; `null` takes the person away.
    pub async fn set_account(&self, login: &str, claims: Value) {
        self.command("/accounts", &json!({login: claims})).await;
    }

    /// The private keys it signs with and publishes: for RS256 and ES256, the newest first.
    #[must_use]
    pub fn keys(&self) -> &[SigningKey] {
        &self.keys
    }

    /// Signs with new keys from now on, and no longer publishes the old ones unless `keep`. The
    /// sessions stay.
    pub async fn rotate(&mut self, keep: bool) {
        let old = std::mem::replace(&mut self.keys, new_keys());
        if keep {
            self.keys.extend(old);
        }
        self.command("/keys", &jwks(&self.keys)).await;
    }

    /// Lets an endpoint fail from now on.
    pub async fn fail(&self, route: Route, fault: Fault) {
        let fault = match fault {
            Fault::Lost => json!("lost"),
            Fault::Status(status) => json!(status),
        };
        self.command("/faults", &json!({route.name(): fault})).await;
    }

    /// Lets an endpoint work again.
    pub async fn work(&self, route: Route) {
        self.command("/faults", &json!({route.name(): null})).await;
    }

    /// Breaks the connections there are and every new one.
    pub async fn down(&self) {
        self.command("/down", &json!({})).await;
    }

    /// Takes connections again; nothing is forgotten.
    pub async fn up(&self) {
        self.command("/up", &json!({})).await;
    }

    /// Stands still: connections are taken, and nobody answers.
    pub async fn pause(&self) {
        self.process.pause().await;
    }

    /// Goes on after [`Provider::pause`].
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Ends and starts again on the same ports, with the accounts it had at first. All sessions are
    /// forgotten, and so is what was asked.
    pub async fn restart(&mut self) {
        self.process.restart();
        self.process.ready_at(self.control, "/requests").await;
        self.command("/keys", &jwks(&self.keys)).await;
    }

    /// All it has said.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        let reply = Call::get("control", path).send(self.control).await;
        reply.json().as_array().expect("a list").clone()
    }

    async fn command(&self, path: &str, what: &Value) -> Reply {
        let call = Call::post("control", path).body(what.to_string());
        let reply = call.send(self.control).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply
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

/// One for each algorithm that it offers.
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
