//! Tokens as issuers sign them, and as attackers forge them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use rand_core::{OsRng, RngCore as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::keys::SigningKey;

/// The default lifetime in seconds.
const LIFETIME: i64 = 3600;

/// A token before it is signed: a header and claims, both free.
///
/// `alg` and `kid` are the key's unless [`Token::header`] sets others.
#[derive(Clone, Debug)]
pub struct Token {
    header: Value,
    claims: Value,
}

impl Token {
    /// A service account's token, with the claims of a projected Kubernetes token.
    #[must_use]
    pub fn service_account(issuer: &str, audience: &str, namespace: &str, name: &str) -> Self {
        Self::new(json!({
            "iss": issuer,
            "sub": format!("system:serviceaccount:{namespace}:{name}"),
            "aud": [audience],
            "kubernetes.io": {
                "namespace": namespace,
                "node": {"name": "node-1", "uid": "0e2b4a9e-3c1f-4f57-9d5e-7f2c8a6b1d01"},
                "pod": {"name": format!("{name}-0"), "uid": "5a0d7b62-8a54-4f0e-b8b1-2f6b9c3e7a02"},
                "serviceaccount": {"name": name, "uid": "c7f4a1d3-6b28-4e9a-a0c5-91d8e2f3b403"},
            },
        }))
    }

    /// A user's ID token from an OpenID provider.
    #[must_use]
    pub fn id_token(issuer: &str, audience: &str, subject: &str) -> Self {
        Self::new(json!({
            "iss": issuer,
            "sub": subject,
            "aud": audience,
            "email": format!("{subject}@example.com"),
            "email_verified": true,
            "preferred_username": subject,
        }))
    }

    /// A token with these claims, and `iat`, `nbf`, `exp` and `jti` as of now.
    #[must_use]
    pub fn new(claims: Value) -> Self {
        let now = now();
        let mut token = Self {
            header: json!({}),
            claims,
        };
        for (name, value) in [
            ("iat", json!(now)),
            ("nbf", json!(now)),
            ("exp", json!(now + LIFETIME)),
            ("jti", json!(format!("{:016x}", OsRng.next_u64()))),
        ] {
            token = token.claim(name, value);
        }
        token
    }

    /// Sets a claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    /// Removes a claim.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        if let Some(claims) = self.claims.as_object_mut() {
            claims.remove(name);
        }
        self
    }

    /// Sets a member of the header. `null` removes it, also `alg` and `kid`.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    /// Issued `seconds` earlier, with the same lifetime.
    #[must_use]
    pub fn ago(mut self, seconds: i64) -> Self {
        for name in ["iat", "nbf", "exp"] {
            if let Some(time) = self.claims[name].as_i64() {
                self.claims[name] = json!(time - seconds);
            }
        }
        self
    }

    /// Expires in `seconds`; a negative number means it has expired.
    #[must_use]
    pub fn expires_in(self, seconds: i64) -> Self {
        self.claim("exp", now() + seconds)
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &Value {
        &self.claims
    }

    /// Signs it with `key`, with the key's algorithm and `kid`.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> String {
        let header = self.full_header(key.alg().name(), key.kid());
        let input = signing_input(&header, self.claims.to_string().as_bytes());
        let signature = key.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Signs it with a shared secret as HS256, as an attacker does with a public key.
    #[must_use]
    pub fn sign_hs256(&self, secret: &[u8], kid: &str) -> String {
        let header = self.full_header("HS256", kid);
        let input = signing_input(&header, self.claims.to_string().as_bytes());
        let signature = hs256(secret, input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn full_header(&self, alg: &str, kid: &str) -> Vec<u8> {
        let mut header = json!({"alg": alg, "kid": kid});
        if let (Some(all), Some(own)) = (header.as_object_mut(), self.header.as_object()) {
            for (name, value) in own {
                all.insert(name.clone(), value.clone());
            }
            all.retain(|_, value| !value.is_null());
        }
        header.to_string().into_bytes()
    }
}

/// A token of any three parts, which need not be JSON.
#[must_use]
pub fn assemble(header: &[u8], claims: &[u8], signature: &[u8]) -> String {
    format!(
        "{}.{}",
        signing_input(header, claims),
        URL_SAFE_NO_PAD.encode(signature)
    )
}

/// A token whose header and claims are any bytes, with a valid signature.
#[must_use]
pub fn sign_bytes(header: &[u8], claims: &[u8], key: &SigningKey) -> String {
    let signature = key.sign(signing_input(header, claims).as_bytes());
    assemble(header, claims, &signature)
}

/// The HMAC-SHA-256 of `message`.
///
/// # Panics
/// Never: an HMAC accepts a secret of any length.
#[must_use]
pub fn hs256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length is accepted");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// What a JWS signs (RFC 7515, section 5.1).
#[must_use]
pub fn signing_input(header: &[u8], claims: &[u8]) -> String {
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    )
}

/// Seconds since 1970.
///
/// # Panics
/// If the clock is before 1970.
#[must_use]
pub fn now() -> i64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    i64::try_from(elapsed.as_secs()).expect("a clock before the year 292 billion")
}
