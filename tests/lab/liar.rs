//! An OpenID provider that signs people in without asking, truthfully until it is told to lie.
//!
//! It checks what a provider must check (the client's secret, the code's use, PKCE, the redirect
//! URI), so that whoever leaves one out is not served. Every part of what it says can be changed:
//! each situation of a relying party's conformance plan is one lie.

mod claims;
mod form;
mod grants;
mod lies;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::authority::Authority;
use super::issuer::Answer;
use super::keys::SigningKey;
use super::port;
use super::server::{Request, Server};
use super::token::Token;
use grants::Grants;

pub use claims::{LOGOUT_EVENT, Seal};
pub use lies::{Edit, Lies, set};

/// What a provider is asked for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// `/.well-known/openid-configuration`.
    Discovery,
    /// `/jwks`.
    Keys,
    /// `/token`.
    Token,
    /// `/userinfo`.
    UserInfo,
}

/// A request that reached the provider.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What for.
    pub place: Place,
    /// Its `Authorization`.
    pub authorization: Option<String>,
    /// The fields of its form.
    pub form: Vec<(String, String)>,
}

/// A running provider. It ends when dropped.
#[derive(Debug)]
pub struct Liar {
    issuer: String,
    key: SigningKey,
    script: Arc<Script>,
    server: Server,
}

struct Script {
    issuer: String,
    told: Mutex<Told>,
}

struct Told {
    lies: Lies,
    grants: Grants,
    asked: Vec<Asked>,
}

// === impl Liar ===

impl Liar {
    /// The name under which it knows its one client.
    pub const CLIENT_ID: &str = "gate keeper";

    /// Its client's secret, with characters that a form must encode.
    pub const CLIENT_SECRET: &str = "s3cr%t +&=:";

    /// The person that it signs in.
    pub const SUBJECT: &str = "alice";

    /// Starts a provider on loopback, its certificate by `authority`.
    pub async fn start(authority: &Authority) -> Self {
        let mut liar = Self::start_down(authority);
        liar.up().await;
        liar
    }

    /// The same, not reachable yet.
    #[must_use]
    pub fn start_down(authority: &Authority) -> Self {
        let address = port::free();
        let issuer = format!("https://{address}");
        let key = SigningKey::rsa("liar");
        let script = Arc::new(Script {
            issuer: issuer.clone(),
            told: Mutex::new(Told {
                lies: Lies::none(&key),
                grants: Grants::default(),
                asked: Vec::new(),
            }),
        });
        let server = Server::down(address, authority.server(&["127.0.0.1"]), {
            let script = Arc::clone(&script);
            move |request| script.answer(&request)
        });
        Self {
            issuer,
            key,
            script,
            server,
        }
    }

    /// What it calls itself in `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The key that it signs with while it tells the truth.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Goes down: breaks the connections there are and refuses new ones.
    pub async fn down(&mut self) {
        self.server.go_down().await;
    }

    /// Comes up again, on the same port.
    pub async fn up(&mut self) {
        self.server.come_up().await;
    }

    /// Lies from now on.
    pub fn lie(&self, lie: impl FnOnce(&mut Lies)) {
        lie(&mut self.script.told().lies);
    }

    /// Tells the truth from now on.
    pub fn repent(&self) {
        self.script.told().lies = Lies::none(&self.key);
    }

    /// What has been asked so far at a place, in order.
    #[must_use]
    pub fn asked(&self, place: Place) -> Vec<Asked> {
        let told = self.script.told();
        let asked = told.asked.iter().filter(|asked| asked.place == place);
        asked.cloned().collect()
    }

    /// What a browser does there: it opens the authorization URL, the person is signed in at once,
    /// and it is sent back with this query.
    ///
    /// # Panics
    /// When the URL asks for something that a provider refuses to a page.
    #[must_use]
    pub fn visit(&self, url: &str) -> String {
        let start = format!("{}/authorize?", self.issuer);
        let query = url
            .strip_prefix(&start)
            .unwrap_or_else(|| panic!("{url}: not {start}"));
        let asked = form::read(query);
        let told = &mut *self.script.told();
        let code = told
            .grants
            .begin(&asked)
            .unwrap_or_else(|why| panic!("{url}: {why}"));
        let mut back = vec![
            ("code".to_owned(), code),
            ("iss".to_owned(), self.issuer.clone()),
        ];
        back.extend(form::get(&asked, "state").map(|state| ("state".to_owned(), state.to_owned())));
        form::write(&(told.lies.callback)(back))
    }

    /// A logout token for the session that it gave, changed by `edit`, with `typ` and all.
    #[must_use]
    pub fn logout_token(&self, edit: impl FnOnce(Token) -> Token) -> String {
        let token = edit(claims::logout_token(&self.issuer));
        self.script.told().lies.seal.sign(&token)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

// === impl Script ===

impl Script {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("no panic while it is held")
    }

    fn answer(&self, request: &Request) -> Answer {
        let place = match request.path() {
            "/.well-known/openid-configuration" => Place::Discovery,
            "/jwks" => Place::Keys,
            "/token" => Place::Token,
            "/userinfo" => Place::UserInfo,
            _ => return Answer::status(404),
        };
        let asked = Asked {
            place,
            authorization: request.header("authorization"),
            form: form::read(request.body()),
        };
        let told = &mut *self.told();
        told.asked.push(asked.clone());
        if let Some(answer) = told.lies.places.get(&place) {
            return answer.clone();
        }
        match place {
            Place::Discovery => json_of(200, &(told.lies.discovery)(self.discovery())),
            Place::Keys => json_of(200, &json!({"keys": told.lies.keys})),
            Place::Token if request.method() == "POST" => match told.redeem(&self.issuer, &asked) {
                Ok(answer) => json_of(200, &answer),
                Err((status, error)) => json_of(status, &json!({"error": error})),
            },
            Place::Token => Answer::status(405),
            Place::UserInfo => {
                let bearer = asked.authorization.unwrap_or_default();
                match told
                    .grants
                    .is_access_token(bearer.strip_prefix("Bearer ").unwrap_or(""))
                {
                    true => json_of(200, &(told.lies.userinfo)(claims::userinfo())),
                    false => Answer::status(401),
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

// === impl Told ===

impl Told {
    fn redeem(&mut self, issuer: &str, asked: &Asked) -> Result<Value, (u16, &'static str)> {
        if !is_the_client(asked) {
            return Err((401, "invalid_client"));
        }
        let issued = self
            .grants
            .redeem(&asked.form)
            .map_err(|error| (400, error))?;
        let token = (self.lies.id_token)(claims::id_token(issuer, &issued, &self.lies.seal));
        let answer = json!({
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": issued.refresh_token,
            "id_token": self.lies.seal.sign(&token),
        });
        Ok((self.lies.answer)(answer))
    }
}

/// Whether a request shows the client's secret in one of the two ways of RFC 6749 section 2.3.1,
/// and not in both.
fn is_the_client(asked: &Asked) -> bool {
    let named = |name| form::get(&asked.form, name);
    let shown = match (&asked.authorization, named("client_secret")) {
        (Some(basic), None) => basic.strip_prefix("Basic ").and_then(|text| {
            let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
            let (id, secret) = text.split_once(':')?;
            Some((form::decode(id), form::decode(secret)))
        }),
        (None, Some(secret)) => named("client_id").map(|id| (id.to_owned(), secret.to_owned())),
        _ => None,
    };
    shown.is_some_and(|(id, secret)| id == Liar::CLIENT_ID && secret == Liar::CLIENT_SECRET)
}

fn json_of(status: u16, body: &Value) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
    ];
    Answer::whole(status, &headers, body.to_string())
}

/// RFC 7636 section 4.2.
fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}
