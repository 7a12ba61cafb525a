//! Shared fixtures of unit tests: a policy, tokens, and a signature verification without
//! cryptography.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::keys::{Key, KeySet, Signatures};
use portcullis_core::policy::Policy;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::Algorithm;

pub(crate) const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A Kubernetes cluster with fetched keys, and an app for it and for users.
const POLICY: &str = r#"{
  "trust": [
    {"name": "blue", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
     "audiences": ["gate"],
     "keys": {"envoy_cluster": "blue", "jwks": "https://blue.example.com/jwks"}}
  ],
  "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
  "apps": [
    {"name": "alertmanager", "hosts": ["alertmanager.example.com"], "rules": [
      {"name": "polls", "allow": [{"service_account": "blue/monitoring/karma"}]},
      {"name": "users", "allow": [{"from": "sso", "anyone": true}]},
      {"name": "probes", "paths": ["/-/healthy"], "public": true}]}
  ]
}"#;

/// Accepts a signature of 64 bytes with the value 7.
#[derive(Debug)]
pub(crate) struct FakeSignatures;

impl Signatures for FakeSignatures {
    fn supports(&self, _: Algorithm) -> bool {
        true
    }

    fn verifies(&self, _: &Key, _: &[u8], signature: &[u8]) -> bool {
        signature == [7; 64]
    }
}

pub(crate) fn policy() -> Policy {
    Policy::from_json(POLICY).unwrap()
}

/// The same with the companion's mirror instead of the issuer.
pub(crate) fn mirrored_policy() -> Policy {
    let own = r#""envoy_cluster": "blue", "jwks": "https://blue.example.com/jwks""#;
    let mirror = r#""envoy_cluster": "portcullis", "mirror": true"#;
    Policy::from_json(&POLICY.replace(own, mirror)).unwrap()
}

/// A key set with one key of this id.
pub(crate) fn jwks(kid: &str) -> String {
    format!(
        r#"{{"keys":[{{"kty":"EC","crv":"P-256","alg":"ES256","kid":"{kid}","x":"djhr80QgjzZho50wCkT1yv3szIzOWVDqmpAgtYHR7Bk","y":"1GNxzPG7yaiO3jZn8y9RVQeMu4qXO8swhnW03_T5aBQ"}}]}}"#
    )
}

pub(crate) fn key_set(kid: &str) -> KeySet {
    KeySet::parse(jwks(kid).as_bytes(), None).unwrap()
}

fn token(header: &str, claims: &str) -> String {
    let parts = [header.as_bytes(), claims.as_bytes(), &[7; 64]];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

/// A token of the allowed service account, issued at [`START`].
pub(crate) fn karma(kid: &str) -> String {
    let iat = START.secs();
    token(
        &format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#),
        &format!(
            r#"{{"iss":"https://kubernetes.example.com","aud":["gate"],"sub":"system:serviceaccount:monitoring:karma","iat":{iat},"exp":{},"kubernetes.io":{{"namespace":"monitoring","serviceaccount":{{"name":"karma","uid":"1"}}}}}}"#,
            iat + 3600
        ),
    )
}

/// The session token of the user with this number, issued at `iat` and valid for five minutes.
pub(crate) fn session(number: u8, iat: Timestamp) -> String {
    let (sid, iat) = (Id::from_bytes([number; 16]), iat.secs());
    token(
        r#"{"alg":"ES256","typ":"portcullis-session+jwt","kid":"sso-key"}"#,
        &format!(
            r#"{{"iss":"https://auth.example.com","aud":"https://auth.example.com","sub":"{number}","idp":"sso","sid":"{sid}","handle":"{sid}","began":{},"iat":{iat},"exp":{}}}"#,
            START.secs(),
            iat + 300
        ),
    )
}
