//! A policy with something of each kind, and valid tokens for it.

use portcullis_core::keys::{KeyRecord, KeySet, Keyring};
use portcullis_core::policy::Policy;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;

use crate::signing::with_fake_signature;

/// The time.
pub const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// The first name of the session's cookies.
pub const COOKIE: &str = "__Secure-portcullis";

/// What public rules of the policy match, and everything below it.
pub const PUBLIC: [&str; 2] = ["/pub", "/-/healthy"];

/// The header that the app `alertmanager` strips besides the usual ones.
pub const STRIPPED: &str = "x-webauth-user";

/// The policy.
pub const POLICY: &str = r#"{
  "trust": [
    {"name": "blue", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
     "audiences": ["gate"],
     "keys": {"envoy_cluster": "blue", "jwks": "https://blue.example.com/jwks"}},
    {"name": "gitlab", "kind": "oidc", "issuer": "https://gitlab.example.com",
     "former_issuers": ["https://old.example.com"], "audiences": ["tools"],
     "keys": {"envoy_cluster": "gitlab"}}
  ],
  "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
  "apps": [
    {"name": "alertmanager", "hosts": ["alertmanager.example.com", "*.tools.example.com"],
     "strip_headers": ["x-webauth-user"],
     "rules": [
      {"name": "polls", "methods": ["GET", "HEAD"], "paths": ["/api/v2/**", "/metrics"],
       "allow": [{"service_account": "blue/monitoring/karma"}]},
      {"name": "users", "allow": [{"from": "sso", "group": "sre"}]},
      {"name": "programs", "allow": [{"from": "gitlab", "email_domain": "example.com"}]},
      {"name": "assets", "paths": ["/pub/**", "/-/healthy"], "public": true}]},
    {"name": "grafana", "hosts": ["grafana.example.com"], "forward_authorization": true,
     "rules": [{"name": "everyone", "allow": [{"from": "sso", "anyone": true}]}]}
  ]
}"#;

/// The policy, parsed.
///
/// # Panics
/// Never: the policy is valid.
#[must_use]
pub fn policy() -> Policy {
    Policy::from_json(POLICY).expect("a valid policy")
}

/// A key set with one key of this ID.
///
/// # Panics
/// Never: the key is valid.
#[must_use]
pub fn key_set(kid: &str) -> KeySet {
    let json = format!(
        r#"{{"keys":[{{"kty":"EC","crv":"P-256","alg":"ES256","kid":"{kid}","x":"djhr80QgjzZho50wCkT1yv3szIzOWVDqmpAgtYHR7Bk","y":"1GNxzPG7yaiO3jZn8y9RVQeMu4qXO8swhnW03_T5aBQ"}}]}}"#
    );
    KeySet::parse(json.as_bytes(), None).expect("a valid key set")
}

/// The keys of every source: `blue-key`, `gitlab-key` and `sso-key`.
#[must_use]
pub fn keyring(policy: &Policy) -> Keyring {
    let mut keyring = Keyring::new(policy.key_sources(), NOW);
    for (source, trust) in policy.key_sources() {
        let kid = match source {
            KeySourceId::Companion => "sso-key".to_owned(),
            _ => format!("{}-key", trust.name),
        };
        keyring.update(source, KeyRecord::fetched_now(key_set(&kid), NOW));
    }
    keyring
}

/// The token of a service account that a rule lists.
#[must_use]
pub fn karma(kid: &str) -> String {
    let iat = NOW.secs();
    with_fake_signature(
        &format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#),
        &format!(
            r#"{{"iss":"https://kubernetes.example.com","aud":["gate"],"sub":"system:serviceaccount:monitoring:karma","iat":{iat},"exp":{},"kubernetes.io":{{"namespace":"monitoring","serviceaccount":{{"name":"karma","uid":"1"}}}}}}"#,
            iat + 3600
        ),
    )
}

/// The session token of a user of the group `sre`, issued at that time and valid for five minutes.
#[must_use]
pub fn session(number: u8, iat: Timestamp) -> String {
    let (sid, iat) = (Id::from_bytes([number; 16]), iat.secs());
    with_fake_signature(
        r#"{"alg":"ES256","typ":"portcullis-session+jwt","kid":"sso-key"}"#,
        &format!(
            r#"{{"iss":"https://auth.example.com","aud":"https://auth.example.com","sub":"{number}","idp":"sso","sid":"{sid}","handle":"{sid}","began":{},"iat":{iat},"exp":{},"groups":["sre"]}}"#,
            NOW.secs() - 1000,
            iat + 300
        ),
    )
}

/// The names in an input, each in braces, and the valid tokens that replace them.
#[must_use]
pub fn tokens() -> Vec<(&'static str, String)> {
    vec![
        ("{karma}", karma("blue-key")),
        ("{unknown}", karma("unknown-key")),
        ("{ada}", session(1, NOW)),
        ("{bob}", session(2, NOW)),
        ("{old}", session(1, Timestamp::from_secs(NOW.secs() - 900))),
    ]
}

/// A value with the names in it replaced by tokens.
#[must_use]
pub fn with_tokens(value: &[u8], tokens: &[(&'static str, String)]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, behind)) = rest.split_first() {
        let found = tokens
            .iter()
            .find(|(name, _)| rest.starts_with(name.as_bytes()));
        match found {
            Some((name, token)) => {
                replaced.extend_from_slice(token.as_bytes());
                rest = &rest[name.len()..];
            }
            None => {
                replaced.push(*byte);
                rest = behind;
            }
        }
    }
    replaced
}
