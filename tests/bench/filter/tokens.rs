//! The callers' tokens, signed before the measurement.

use std::thread;

use portcullis_tests::lab::{SigningKey, Token};
use serde_json::{Value, json};

/// The issuer of all tokens.
pub(crate) const ISSUER: &str = "https://kubernetes.example.com";
/// The audience.
pub(crate) const AUDIENCE: &str = "portcullis";

/// More tokens than any cache holds: the filter caches two generations of 1,024 tokens, so no token is
/// still cached when it is sent again.
const COUNT: usize = 4_200;

/// Tokens of one service account, each with its own `jti`, and the key set that verifies them.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// Signed with RSA, 2048 bits.
    pub(crate) rs256: Vec<String>,
    /// Signed with P-256.
    pub(crate) es256: Vec<String>,
    /// The public keys, as a JWKS.
    pub(crate) keys: Value,
}

impl Tokens {
    /// Signs them on all cores.
    pub(crate) fn sign() -> Self {
        let (rsa, p256) = (SigningKey::rsa("bench"), SigningKey::p256());
        Self {
            rs256: signed(&rsa),
            es256: signed(&p256),
            keys: json!({"keys": [rsa.jwk(), p256.jwk()]}),
        }
    }

    /// A token that is valid except for its signature.
    pub(crate) fn forged() -> String {
        token().sign(&SigningKey::p256())
    }
}

fn token() -> Token {
    Token::service_account(ISSUER, AUDIENCE, "monitoring", "karma")
}

fn signed(key: &SigningKey) -> Vec<String> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = COUNT.div_ceil(threads);
    thread::scope(|scope| {
        let sign = || (0..share).map(|_| token().sign(key)).collect::<Vec<_>>();
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(sign)).collect();
        let joined = started.into_iter().map(|thread| thread.join());
        joined
            .flat_map(|tokens| tokens.expect("signing does not fail"))
            .collect()
    })
}
