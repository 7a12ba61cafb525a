//! Overrides of the provider's responses.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::{Endpoint, TokenSigner};
use crate::lab::issuer::ServerResponse;
use crate::lab::keys::SigningKey;
use crate::lab::token::Token;

/// A change to a response.
pub type Edit<T> = Box<dyn Fn(T) -> T + Send + Sync>;

/// Overrides of the provider's responses.
pub struct Overrides {
    /// The published keys.
    pub keys: Vec<Value>,
    /// How tokens are signed.
    pub signer: TokenSigner,
    /// Changes the discovery document.
    pub discovery: Edit<Value>,
    /// Changes the query of the redirect back.
    pub callback: Edit<Vec<(String, String)>>,
    /// Changes an ID token before it is signed.
    pub id_token: Edit<Token>,
    /// Changes the token response.
    pub token_response: Edit<Value>,
    /// Changes the userinfo response.
    pub userinfo: Edit<Value>,
    /// Responses of endpoints, whatever the request.
    pub endpoints: BTreeMap<Endpoint, ServerResponse>,
    /// The pause after each byte of an endpoint's correct responses.
    pub drips: BTreeMap<Endpoint, Duration>,
    /// The assertion that authenticates the client, instead of the secret.
    pub client_assertion: Option<String>,
}

impl Overrides {
    pub(super) fn none(key: &SigningKey) -> Self {
        Self {
            keys: vec![key.jwk()],
            signer: TokenSigner::Key(key.clone()),
            discovery: Box::new(|unchanged| unchanged),
            callback: Box::new(|unchanged| unchanged),
            id_token: Box::new(|unchanged| unchanged),
            token_response: Box::new(|unchanged| unchanged),
            userinfo: Box::new(|unchanged| unchanged),
            endpoints: BTreeMap::new(),
            drips: BTreeMap::new(),
            client_assertion: None,
        }
    }

    /// Sets claims of the ID token; `null` removes one.
    pub fn set_claims(&mut self, claims: Value) {
        self.id_token = Box::new(move |token| set(token, &claims));
    }

    /// Sets members of the token response; `null` removes one.
    pub fn set_token_response(&mut self, members: Value) {
        self.token_response = Box::new(move |response| merged(response, &members));
    }

    /// Sets members of the discovery document; `null` removes one.
    pub fn set_metadata(&mut self, members: Value) {
        self.discovery = Box::new(move |document| merged(document, &members));
    }

    /// Signs with this key, and publishes no other.
    pub fn sign_with(&mut self, key: &SigningKey) {
        self.keys = vec![key.jwk()];
        self.signer = TokenSigner::Key(key.clone());
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides")
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}

/// A token with these claims set; `null` removes one.
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
