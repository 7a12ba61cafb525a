//! An issuer on loopback that behaves like a Kubernetes API server: discovery and a JWKS over TLS.

mod response;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

pub use response::ServerResponse;

use super::authority::Authority;
use super::keys::SigningKey;
use super::port;
use super::server::{Request, Server};

/// An endpoint of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/.well-known/openid-configuration`.
    Discovery,
    /// `/openid/v1/jwks`.
    Keys,
    /// `/oauth2/mirror/<trust>` of a companion. It responds 404 until a response is set.
    Mirror,
}

/// A request that an issuer received.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its path.
    pub path: String,
    /// Its `Host`.
    pub host: Option<String>,
    /// Its `Authorization`.
    pub authorization: Option<String>,
}

/// A running issuer. It gives correct responses unless others are set. Stopped when dropped.
#[derive(Debug)]
pub struct Issuer {
    name: String,
    handler: Arc<Handler>,
    server: Server,
}

/// State shared by the connections and the test.
#[derive(Debug)]
struct Handler {
    discovery: Value,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: Vec<Value>,
    discovery: Option<ServerResponse>,
    jwks: Option<ServerResponse>,
    mirror: Option<ServerResponse>,
    /// The tokens that it accepts, if anonymous clients may not read its keys.
    accepted: Option<Vec<String>>,
    requests: Vec<ReceivedRequest>,
}

impl Issuer {
    /// Starts an issuer whose `iss` is `name` (such as
    /// `https://kubernetes.default.svc.cluster.local`, which several issuers may share) and
    /// publishes `keys`. Its certificate is valid for the host of `name` and for 127.0.0.1, which
    /// its `jwks_uri` uses.
    ///
    /// # Panics
    /// If `name` is not an `https://` URL.
    pub async fn start(authority: &Authority, name: &str, keys: &[&SigningKey]) -> Self {
        let mut issuer = Self::start_down(authority, name, keys);
        issuer.up().await;
        issuer
    }

    /// The same for clients that resolve its name themselves: `iss` is its URL at localhost.
    pub async fn on_loopback(authority: &Authority, keys: &[&SigningKey]) -> Self {
        let address = port::free();
        let mut issuer = Self::at(
            authority,
            &format!("https://localhost:{}", address.port()),
            address,
            keys,
        );
        issuer.up().await;
        issuer
    }

    /// Like [`Issuer::start`], not reachable yet.
    ///
    /// # Panics
    /// If `name` is not an `https://` URL.
    #[must_use]
    pub fn start_down(authority: &Authority, name: &str, keys: &[&SigningKey]) -> Self {
        Self::at(authority, name, port::free(), keys)
    }

    fn at(authority: &Authority, name: &str, address: SocketAddr, keys: &[&SigningKey]) -> Self {
        let discovery = json!({
            "issuer": name,
            "jwks_uri": format!("https://{address}/openid/v1/jwks"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        let handler = Arc::new(Handler {
            discovery,
            state: Mutex::default(),
        });
        let identity = authority.server(&[host(name), "127.0.0.1"]);
        let issuer = Self {
            name: name.to_owned(),
            server: Server::down(address, identity, {
                let handler = Arc::clone(&handler);
                move |request| handler.respond(&request)
            }),
            handler,
        };
        issuer.set_keys(keys);
        issuer
    }

    /// The value of its `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host of `name`, which its certificate is valid for.
    #[must_use]
    pub fn host(&self) -> &str {
        host(&self.name)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Publishes only these keys from now on.
    pub fn set_keys(&self, keys: &[&SigningKey]) {
        self.set_jwks(keys.iter().map(|key| key.jwk()).collect());
    }

    /// Publishes these JWKs, which may be invalid.
    pub fn set_jwks(&self, jwks: Vec<Value>) {
        self.handler.state().keys = jwks;
    }

    /// Gives this response at an endpoint from now on.
    pub fn set_response(&self, endpoint: Endpoint, response: ServerResponse) {
        *self.handler.state().at(endpoint) = Some(response);
    }

    /// Requires one of these bearer tokens from now on, and responds 401 without, as an API server does by default.
    pub fn require_token(&self, accepted: &[&str]) {
        let accepted = accepted.iter().map(|token| format!("Bearer {token}"));
        self.handler.state().accepted = Some(accepted.collect());
    }

    /// Gives the correct response at an endpoint again.
    pub fn reset(&self, endpoint: Endpoint) {
        *self.handler.state().at(endpoint) = None;
    }

    /// The requests received so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.handler.state().requests.clone()
    }

    /// The number of requests that an endpoint received so far.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.handler
            .state()
            .requests
            .iter()
            .filter(|request| request.endpoint == endpoint)
            .count()
    }

    /// Goes down: closes its connections and refuses new ones.
    pub async fn down(&mut self) {
        self.server.go_down().await;
    }

    /// Comes up again on the same port.
    pub async fn up(&mut self) {
        self.server.come_up().await;
    }
}

impl Handler {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it is held")
    }

    /// Records a request and returns the response.
    fn respond(&self, request: &Request) -> ServerResponse {
        let path = request.path();
        let Some(endpoint) = endpoint(path) else {
            return ServerResponse::status(404);
        };
        let mut state = self.state();
        let authorization = request.header("authorization");
        state.requests.push(ReceivedRequest {
            endpoint,
            path: path.to_owned(),
            host: request.header("host"),
            authorization: authorization.clone(),
        });
        if let Some(accepted) = &state.accepted
            && !authorization.is_some_and(|shown| accepted.contains(&shown))
        {
            return ServerResponse::status(401);
        }
        if let Some(response) = state.at(endpoint) {
            return response.clone();
        }
        match endpoint {
            Endpoint::Discovery => ServerResponse::json("application/json", &self.discovery),
            Endpoint::Keys => {
                ServerResponse::json("application/jwk-set+json", &json!({"keys": state.keys}))
            }
            Endpoint::Mirror => ServerResponse::status(404),
        }
    }
}

impl State {
    fn at(&mut self, endpoint: Endpoint) -> &mut Option<ServerResponse> {
        match endpoint {
            Endpoint::Discovery => &mut self.discovery,
            Endpoint::Keys => &mut self.jwks,
            Endpoint::Mirror => &mut self.mirror,
        }
    }
}

fn endpoint(path: &str) -> Option<Endpoint> {
    if path.ends_with("/.well-known/openid-configuration") {
        Some(Endpoint::Discovery)
    } else if path == "/openid/v1/jwks" {
        Some(Endpoint::Keys)
    } else if path.starts_with("/oauth2/mirror/") {
        Some(Endpoint::Mirror)
    } else {
        None
    }
}

fn host(name: &str) -> &str {
    let rest = name
        .strip_prefix("https://")
        .unwrap_or_else(|| panic!("{name}: not https"));
    rest.split(['/', ':']).next().unwrap_or(rest)
}
