//! An OpenID provider that signs people in without asking, truthfully until it is told to lie.
//!
//! It checks what a provider must check (the client's secret, the code's use, PKCE, the redirect
//! URI), so that whoever leaves one out is not served. Every part of what it says can be changed:
//! each situation of a relying party's conformance plan is one lie.

mod claims;
mod form;
mod grants;

use std::collections::BTreeMap;
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

/// A change to what the provider would say.
pub type Edit<T> = Box<dyn Fn(T) -> T + Send + Sync>;

/// What the provider says that is not so.
pub struct Lies {
    /// The keys that it publishes.
    pub keys: Vec<Value>,
    /// What it signs with.
    pub seal: Seal,
    /// Changes its discovery document.
    pub discovery: Edit<Value>,
    /// Changes what the browser brings back.
    pub callback: Edit<Vec<(String, String)>>,
    /// Changes an ID token before it is signed.
    pub id_token: Edit<Token>,
    /// Changes the answer of the token endpoint.
    pub answer: Edit<Value>,
    /// Changes userinfo.
    pub userinfo: Edit<Value>,
    /// What a place answers whatever it is asked.
    pub places: BTreeMap<Place, Answer>,
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

// === impl Lies ===

impl Lies {
    fn none(key: &SigningKey) -> Self {
        Self {
            keys: vec![key.jwk()],
            seal: Seal::Key(key.clone()),
            discovery: Box::new(|truth| truth),
            callback: Box::new(|truth| truth),
            id_token: Box::new(|truth| truth),
            answer: Box::new(|truth| truth),
            userinfo: Box::new(|truth| truth),
            places: BTreeMap::new(),
        }
    }

    /// Sets claims of the ID token; `null` takes one away.
    pub fn claims(&mut self, claims: Value) {
        self.id_token = Box::new(move |token| set(token, &claims));
    }

    /// Sets members of the answer of the token endpoint; `null` takes one away.
    pub fn answers(&mut self, members: Value) {
        self.answer = Box::new(move |answer| merged(answer, &members));
    }

    /// Sets members of the discovery document; `null` takes one away.
    pub fn discovers(&mut self, members: Value) {
        self.discovery = Box::new(move |document| merged(document, &members));
    }

    /// Signs with this key, and publishes no other.
    pub fn signs_with(&mut self, key: &SigningKey) {
        self.keys = vec![key.jwk()];
        self.seal = Seal::Key(key.clone());
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Lies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lies")
            .field("seal", &self.seal)
            .finish_non_exhaustive()
    }
}

/// A token with these claims set; `null` takes one away.
#[must_use]
pub fn set(token: Token, claims: &Value) -> Token {
    let claims = claims.as_object().into_iter().flatten();
    claims.fold(token, |token, (name, value)| match value {
        Value::Null => token.without(name),
        value => token.claim(name, value.clone()),
    })
}

fn merged(mut document: Value, members: &Value) -> Value {
    if let Some(object) = document.as_object_mut() {
        for (name, value) in members.as_object().into_iter().flatten() {
            object.insert(name.clone(), value.clone());
        }
        object.retain(|_, value| !value.is_null());
    }
    document
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
