//! An OpenID provider that signs users in without a prompt. Every part of its responses can be
//! overridden, to test a relying party against a faulty or malicious provider.
//!
//! By default it behaves correctly and checks what a provider must check: the client's secret,
//! single use of codes, PKCE and the redirect URI. Each case of the conformance plan for relying
//! parties is one override.

mod claims;
mod form;
mod grants;
mod overrides;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::authority::Authority;
use super::issuer::ServerResponse;
use super::keys::SigningKey;
use super::port;
use super::server::{Request, Server};
use super::token::Token;
use grants::Grants;

pub use claims::{LOGOUT_EVENT, TokenSigner};
pub use overrides::{Edit, Overrides, set};

/// An endpoint of the provider.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Endpoint {
    /// `/.well-known/openid-configuration`, and the same at any other path.
    Discovery,
    /// `/jwks`.
    Keys,
    /// `/token`.
    Token,
    /// `/userinfo`.
    UserInfo,
}

/// A request that the provider received.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The path and query of the request.
    pub target: String,
    /// Its `Authorization`.
    pub authorization: Option<String>,
    /// The fields of its form.
    pub form: Vec<(String, String)>,
}

/// A running provider. Stopped when dropped.
#[derive(Debug)]
pub struct RogueProvider {
    issuer: String,
    key: SigningKey,
    handler: Arc<Handler>,
    server: Server,
}

struct Handler {
    issuer: String,
    state: Mutex<State>,
}

struct State {
    overrides: Overrides,
    grants: Grants,
    requests: Vec<ReceivedRequest>,
}

// === impl RogueProvider ===

impl RogueProvider {
    /// The OAuth client ID of its one client.
    pub const CLIENT_ID: &str = "gate keeper";

    /// The client's secret, with characters that must be form-encoded.
    pub const CLIENT_SECRET: &str = "s3cr%t +&=:";

    /// The user that it signs in.
    pub const SUBJECT: &str = "alice";

    /// Starts a provider on loopback, with a certificate from `authority`.
    pub async fn start(authority: &Authority) -> Self {
        let mut provider = Self::start_down(authority);
        provider.up().await;
        provider
    }

    /// The same, not reachable yet.
    #[must_use]
    pub fn start_down(authority: &Authority) -> Self {
        let address = port::free();
        let issuer = format!("https://{address}");
        let key = SigningKey::rsa("rogue");
        let handler = Arc::new(Handler {
            issuer: issuer.clone(),
            state: Mutex::new(State {
                overrides: Overrides::none(&key),
                grants: Grants::default(),
                requests: Vec::new(),
            }),
        });
        let server = Server::down(address, authority.server(&["127.0.0.1"]), {
            let handler = Arc::clone(&handler);
            move |request| handler.respond(&request)
        });
        Self {
            issuer,
            key,
            handler,
            server,
        }
    }

    /// The value of its `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its default signing key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Goes down: closes its connections and refuses new ones.
    pub async fn down(&mut self) {
        self.server.go_down().await;
    }

    /// Comes up again on the same port.
    pub async fn up(&mut self) {
        self.server.come_up().await;
    }

    /// Changes its responses from now on.
    pub fn override_with(&self, change: impl FnOnce(&mut Overrides)) {
        change(&mut self.handler.state().overrides);
    }

    /// Gives correct responses again.
    pub fn reset(&self) {
        self.handler.state().overrides = Overrides::none(&self.key);
    }

    /// The requests that an endpoint received so far, in order.
    #[must_use]
    pub fn requests(&self, endpoint: Endpoint) -> Vec<ReceivedRequest> {
        let state = self.handler.state();
        let received = state
            .requests
            .iter()
            .filter(|received| received.endpoint == endpoint);
        received.cloned().collect()
    }

    /// Acts as the browser at the authorization endpoint: the user is signed in at once. Returns
    /// the query of the redirect back.
    ///
    /// # Panics
    /// If the authorization request is invalid.
    #[must_use]
    pub fn authorize(&self, url: &str) -> String {
        let start = format!("{}/authorize?", self.issuer);
        let query = url
            .strip_prefix(&start)
            .unwrap_or_else(|| panic!("{url}: not {start}"));
        let received = form::read(query);
        let state = &mut *self.handler.state();
        let code = state
            .grants
            .authorize(&received)
            .unwrap_or_else(|why| panic!("{url}: {why}"));
        let mut back = vec![
            ("code".to_owned(), code),
            ("iss".to_owned(), self.issuer.clone()),
        ];
        back.extend(
            form::get(&received, "state").map(|state| ("state".to_owned(), state.to_owned())),
        );
        form::write(&(state.overrides.callback)(back))
    }

    /// A logout token for the session that it issued, changed by `edit`.
    #[must_use]
    pub fn logout_token(&self, edit: impl FnOnce(Token) -> Token) -> String {
        let token = edit(claims::logout_token(&self.issuer));
        self.handler.state().overrides.signer.sign(&token)
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

// === impl Handler ===

impl Handler {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it is held")
    }

    fn respond(&self, request: &Request) -> ServerResponse {
        let endpoint = match request.path() {
            path if path.ends_with("/openid-configuration") => Endpoint::Discovery,
            "/jwks" => Endpoint::Keys,
            "/token" => Endpoint::Token,
            "/userinfo" => Endpoint::UserInfo,
            _ => return ServerResponse::status(404),
        };
        let received = ReceivedRequest {
            endpoint,
            target: request.target().to_owned(),
            authorization: request.header("authorization"),
            form: form::read(request.body()),
        };
        let state = &mut *self.state();
        state.requests.push(received.clone());
        if let Some(response) = state.overrides.endpoints.get(&endpoint) {
            return response.clone();
        }
        let response = self.correct_response(state, request, &received);
        match (state.overrides.drips.get(&endpoint), response) {
            (Some(pause), ServerResponse::Whole { body, .. }) => ServerResponse::Drip {
                body,
                pause: *pause,
            },
            (_, response) => response,
        }
    }

    fn correct_response(
        &self,
        state: &mut State,
        request: &Request,
        received: &ReceivedRequest,
    ) -> ServerResponse {
        match received.endpoint {
            Endpoint::Discovery => json_of(200, &(state.overrides.discovery)(self.discovery())),
            Endpoint::Keys => json_of(200, &json!({"keys": state.overrides.keys})),
            Endpoint::Token if request.method() == "POST" => {
                match state.redeem(&self.issuer, received) {
                    Ok(response) => json_of(200, &response),
                    Err((status, error)) => json_of(status, &json!({"error": error})),
                }
            }
            Endpoint::Token => ServerResponse::status(405),
            Endpoint::UserInfo => {
                let bearer = received.authorization.clone().unwrap_or_default();
                match state
                    .grants
                    .is_access_token(bearer.strip_prefix("Bearer ").unwrap_or(""))
                {
                    true => json_of(200, &(state.overrides.userinfo)(claims::userinfo())),
                    false => ServerResponse::status(401),
                }
            }
        }
    }

    fn discovery(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"),
            "jwks_uri": at("/jwks"),
            "end_session_endpoint": at("/end"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "ES384", "EdDSA"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": true,
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
        })
    }
}

// === impl State ===

impl State {
    fn redeem(
        &mut self,
        issuer: &str,
        received: &ReceivedRequest,
    ) -> Result<Value, (u16, &'static str)> {
        let is_authenticated = match &self.overrides.client_assertion {
            Some(assertion) => is_authenticated_by(assertion, received),
            None => is_authenticated_client(received),
        };
        if !is_authenticated {
            return Err((401, "invalid_client"));
        }
        let issued = self
            .grants
            .redeem(&received.form)
            .map_err(|error| (400, error))?;
        let token =
            (self.overrides.id_token)(claims::id_token(issuer, &issued, &self.overrides.signer));
        let response = json!({
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": issued.refresh_token,
            "id_token": self.overrides.signer.sign(&token),
        });
        Ok((self.overrides.token_response)(response))
    }
}

/// Whether a request authenticates the client in exactly one of the two ways of RFC 6749 section
/// 2.3.1.
fn is_authenticated_client(received: &ReceivedRequest) -> bool {
    let named = |name| form::get(&received.form, name);
    let credentials = match (&received.authorization, named("client_secret")) {
        (Some(basic), None) => basic.strip_prefix("Basic ").and_then(|text| {
            let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
            let (id, secret) = text.split_once(':')?;
            Some((form::decode(id), form::decode(secret)))
        }),
        (None, Some(secret)) => named("client_id").map(|id| (id.to_owned(), secret.to_owned())),
        _ => None,
    };
    credentials.is_some_and(|(id, secret)| {
        id == RogueProvider::CLIENT_ID && secret == RogueProvider::CLIENT_SECRET
    })
}

/// Whether a request authenticates the client by this assertion (RFC 7523 section 2.2) and nothing
/// else.
fn is_authenticated_by(assertion: &str, received: &ReceivedRequest) -> bool {
    let named = |name| form::get(&received.form, name);
    received.authorization.is_none()
        && named("client_secret").is_none()
        && named("client_id") == Some(RogueProvider::CLIENT_ID)
        && named("client_assertion_type")
            == Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        && named("client_assertion") == Some(assertion)
}

fn json_of(status: u16, body: &Value) -> ServerResponse {
    let headers = [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
    ];
    ServerResponse::whole(status, &headers, body.to_string())
}

/// RFC 7636 section 4.2.
fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}
