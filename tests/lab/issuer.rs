//! An issuer on loopback, shaped like a Kubernetes API server: discovery and a key set over TLS.

mod answer;
mod server;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

pub use answer::Answer;

use super::authority::Authority;
use super::background::Task;
use super::keys::SigningKey;
use super::port;

/// What an issuer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/.well-known/openid-configuration`.
    Discovery,
    /// `/openid/v1/jwks`.
    Keys,
    /// `/oauth2/mirror/<trust>`, where a companion would be. Nothing is there until an answer is set.
    Mirror,
}

/// A request that reached an issuer.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What for.
    pub endpoint: Endpoint,
    /// Its path.
    pub path: String,
    /// The `Host` it named.
    pub host: Option<String>,
    /// Its `Authorization`.
    pub authorization: Option<String>,
}

/// A running issuer. It answers truthfully until told otherwise, and ends when dropped.
#[derive(Debug)]
pub struct Issuer {
    name: String,
    address: SocketAddr,
    identity: Arc<ServerConfig>,
    script: Arc<Script>,
    state: State,
}

/// Up: accepting. Down: the port kept by a socket that refuses, so that nobody else gets it.
#[derive(Debug)]
enum State {
    Down(TcpSocket),
    Up { _task: Task },
    Between,
}

/// What the connections share with the controls.
#[derive(Debug)]
struct Script {
    discovery: Value,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    keys: Vec<Value>,
    discovery: Option<Answer>,
    jwks: Option<Answer>,
    mirror: Option<Answer>,
    seen: Vec<Seen>,
}

impl Issuer {
    /// Starts an issuer that calls itself `name` (an `iss`, such as
    /// `https://kubernetes.default.svc.cluster.local`, which several may share) and publishes
    /// `keys`. Its certificate is good for the host of `name` and for 127.0.0.1, where its
    /// `jwks_uri` lies.
    ///
    /// # Panics
    /// When `name` is no `https://` URL.
    pub async fn start(authority: &Authority, name: &str, keys: &[&SigningKey]) -> Self {
        let mut issuer = Self::start_down(authority, name, keys);
        issuer.up().await;
        issuer
    }

    /// The same, not reachable yet.
    ///
    /// # Panics
    /// When `name` is no `https://` URL.
    #[must_use]
    pub fn start_down(authority: &Authority, name: &str, keys: &[&SigningKey]) -> Self {
        let address = port::free();
        let discovery = json!({
            "issuer": name,
            "jwks_uri": format!("https://{address}/openid/v1/jwks"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        let issuer = Self {
            name: name.to_owned(),
            address,
            identity: authority.server(&[host(name), "127.0.0.1"]),
            script: Arc::new(Script {
                discovery,
                told: Mutex::default(),
            }),
            state: State::Down(bind(address)),
        };
        issuer.set_keys(keys);
        issuer
    }

    /// What it calls itself in `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host in its name, which its certificate is for.
    #[must_use]
    pub fn host(&self) -> &str {
        host(&self.name)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Publishes these keys from now on, and no others.
    pub fn set_keys(&self, keys: &[&SigningKey]) {
        self.set_jwks(keys.iter().map(|key| key.jwk()).collect());
    }

    /// Publishes these JWKs, be they keys or not.
    pub fn set_jwks(&self, jwks: Vec<Value>) {
        self.script.told().keys = jwks;
    }

    /// Gives this answer at an endpoint from now on.
    pub fn answer(&self, endpoint: Endpoint, answer: Answer) {
        *self.script.told().at(endpoint) = Some(answer);
    }

    /// Goes back to the truth at an endpoint.
    pub fn answer_truly(&self, endpoint: Endpoint) {
        *self.script.told().at(endpoint) = None;
    }

    /// What has been asked so far, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.script.told().seen.clone()
    }

    /// How often an endpoint has been asked so far.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.script
            .told()
            .seen
            .iter()
            .filter(|seen| seen.endpoint == endpoint)
            .count()
    }

    /// Goes down: breaks the connections there are and refuses new ones.
    pub async fn down(&mut self) {
        if let State::Up { _task: task } = std::mem::replace(&mut self.state, State::Between) {
            task.stop().await;
            self.state = State::Down(bind(self.address));
        }
    }

    /// Comes up again, on the same port.
    pub async fn up(&mut self) {
        if let State::Down(socket) = std::mem::replace(&mut self.state, State::Between) {
            let (task, listening) =
                server::run(socket, Arc::clone(&self.identity), Arc::clone(&self.script));
            listening.await.expect("it listens");
            self.state = State::Up { _task: task };
        }
    }
}

impl Script {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("no panic while it is held")
    }

    /// Takes a request down, and returns what to answer.
    fn answer(&self, seen: Seen) -> Answer {
        let mut told = self.told();
        let endpoint = seen.endpoint;
        told.seen.push(seen);
        if let Some(answer) = told.at(endpoint) {
            return answer.clone();
        }
        match endpoint {
            Endpoint::Discovery => Answer::json("application/json", &self.discovery),
            Endpoint::Keys => Answer::json("application/jwk-set+json", &json!({"keys": told.keys})),
            Endpoint::Mirror => Answer::status(404),
        }
    }
}

impl Told {
    fn at(&mut self, endpoint: Endpoint) -> &mut Option<Answer> {
        match endpoint {
            Endpoint::Discovery => &mut self.discovery,
            Endpoint::Keys => &mut self.jwks,
            Endpoint::Mirror => &mut self.mirror,
        }
    }
}

/// A socket that has the port and refuses connections until it listens.
fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .set_reuseaddr(true)
        .expect("a port can be had again at once");
    socket
        .bind(address)
        .unwrap_or_else(|error| panic!("{address}: {error}"));
    socket
}

fn host(name: &str) -> &str {
    let rest = name
        .strip_prefix("https://")
        .unwrap_or_else(|| panic!("{name}: not https"));
    rest.split(['/', ':']).next().unwrap_or(rest)
}
