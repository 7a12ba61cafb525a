//! The claims of a user, and how tokens are signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::RogueProvider;
use super::grants::Issued;
use crate::lab::keys::{Algorithm, SigningKey};
use crate::lab::token::{Token, now};

/// The member of `events` that identifies a logout token (OpenID Connect Back-Channel Logout).
pub const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How a token is signed.
#[derive(Clone, Debug)]
pub enum TokenSigner {
    /// With a key.
    Key(SigningKey),
    /// With a key, but with the `kid` of another one.
    Forged(SigningKey, String),
    /// With the client's secret, as HS256.
    Secret,
    /// Not at all: `alg` is `none`, and the signature is empty.
    None,
    /// With a key; one bit of the signature is then flipped.
    Broken(SigningKey),
}

impl TokenSigner {
    /// Signs the token.
    pub(super) fn sign(&self, token: &Token) -> String {
        match self {
            Self::Key(key) => token.sign(key),
            Self::Forged(key, kid) => token.clone().header("kid", kid.as_str()).sign(key),
            Self::Secret => token.sign_hs256(RogueProvider::CLIENT_SECRET.as_bytes(), "secret"),
            Self::None => {
                let signed = token.clone().header("alg", "none").sign_hs256(b"", "none");
                let (input, _) = signed.rsplit_once('.').expect("three parts");
                format!("{input}.")
            }
            Self::Broken(key) => {
                let signed = token.sign(key);
                let (input, signature) = signed.rsplit_once('.').expect("three parts");
                let mut signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
                signature[10] ^= 1;
                format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
            }
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Key(key) | Self::Forged(key, _) | Self::Broken(key) => key.alg(),
            Self::Secret | Self::None => Algorithm::Rs256,
        }
    }
}

/// An ID token with all supported claims.
pub(super) fn id_token(issuer: &str, issued: &Issued, signer: &TokenSigner) -> Token {
    let hash = |text: &str| json!(left_half(signer.algorithm(), text));
    let mut token = Token::id_token(issuer, RogueProvider::CLIENT_ID, RogueProvider::SUBJECT)
        .claim("groups", json!(["sre", "dev"]))
        .claim("sid", "session-1")
        .claim("auth_time", now() / 100_000 * 100_000)
        .claim("at_hash", hash(&issued.access_token));
    if let Some(nonce) = &issued.nonce {
        token = token.claim("nonce", nonce.clone());
    }
    if let Some(code) = &issued.code {
        token = token.claim("c_hash", hash(code));
    }
    token
}

/// The userinfo response.
pub(super) fn userinfo() -> Value {
    json!({
        "sub": RogueProvider::SUBJECT,
        "email": "alice@userinfo.example.com",
        "email_verified": true,
        "groups": ["from-userinfo"],
        "preferred_username": "alice.userinfo",
    })
}

/// A logout token as in OpenID Connect Back-Channel Logout section 2.4.
pub(super) fn logout_token(issuer: &str) -> Token {
    Token::new(json!({
        "iss": issuer,
        "sub": RogueProvider::SUBJECT,
        "aud": RogueProvider::CLIENT_ID,
        "sid": "session-1",
        "events": {LOGOUT_EVENT: {}},
    }))
    .expires_in(120)
    .header("typ", "logout+jwt")
}

/// The left half of a text's hash (OpenID Connect Core, section 3.1.3.6).
fn left_half(algorithm: Algorithm, text: &str) -> String {
    let hash = match algorithm {
        Algorithm::Es256 | Algorithm::Ps256 | Algorithm::Rs256 => Sha256::digest(text).to_vec(),
        Algorithm::Es384 | Algorithm::Ps384 | Algorithm::Rs384 => Sha384::digest(text).to_vec(),
        Algorithm::EdDsa | Algorithm::Ps512 | Algorithm::Rs512 => Sha512::digest(text).to_vec(),
    };
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}
