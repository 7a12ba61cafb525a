//! A gate for users, and their tokens.

use super::*;
use crate::decision::Recorded;
use crate::session::{Id, TOKEN_TYPE};

/// One cluster, an issuer that is not a cluster, and a companion with two providers.
pub(super) const USERS: &str = r#"{
  "trust": [
    {"name": "blue", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
     "audiences": ["portcullis"], "keys": {"envoy_cluster": "blue", "jwks": "https://blue.example.com/jwks"}},
    {"name": "gitlab", "kind": "oidc", "issuer": "https://gitlab.example.com",
     "audiences": ["portcullis"], "keys": {"envoy_cluster": "gitlab", "jwks": "https://gitlab.example.com/jwks"}}
  ],
  "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis", "providers": ["sso", "github"]},
  "apps": [
    {"name": "alertmanager", "hosts": ["alertmanager.example.com", "*.example.com"], "audiences": ["portcullis"],
     "origins": ["https://karma.example.org"], "rules": [
      {"name": "operators", "paths": ["/api/**"], "allow": [{"from": "sso", "group": "sre"}]},
      {"name": "polls", "methods": ["GET"], "allow": [{"service_account": "blue/monitoring/karma"}]},
      {"name": "mail", "paths": ["/mail"], "allow": [{"from": "sso", "email": "alice@example.com"}]},
      {"name": "probes", "paths": ["/-/healthy"], "public": true}]}
  ]
}"#;

/// The key source of session tokens.
pub(super) const COMPANION: KeySourceId = KeySourceId::Companion;

/// The `kid` of the companion's key.
pub(super) const KID: &str = "session-1";

/// A request that operators may make.
pub(super) const ALERTS: &str = "GET alertmanager.example.com /api/v2/alerts";

/// Alice, an operator.
pub(super) const ALICE: &str = "sso/4711";

impl TestGate {
    /// A gate with keys: the companion has the one for ES256, and blue the one for EdDSA.
    pub(super) fn for_users() -> Self {
        let mut test = Self::of(USERS);
        test.fetch(trust(0), Some(&[(Algorithm::EdDsa, "blue-1")]));
        test.fetch(trust(1), Some(&[(Algorithm::Rs256, "gitlab-1")]));
        test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
        test
    }

    /// Evaluates a request with these cookies, in one header, and no other header.
    pub(super) fn with_cookies(&mut self, cookies: &str) -> Summary {
        self.evaluate(ALERTS, &[("cookie", cookies)])
    }

    /// Evaluates a request with this session token, and no sealed session.
    pub(super) fn with_token(&mut self, token: &str) -> Summary {
        self.with_cookies(&cookie(token))
    }
}

/// A session ID made from a number.
pub(super) fn sid(number: u8) -> Id {
    Id::from_bytes([number; 16])
}

/// A session token's cookie.
pub(super) fn cookie(token: &str) -> String {
    format!("__Secure-portcullis={token}")
}

/// A session token, valid for five minutes from the start of these tests, with these claims in
/// place of those with their names; an empty value removes a claim.
pub(super) fn session_with(claims: &[(&str, &str)]) -> String {
    token(Algorithm::Es256, &header(TOKEN_TYPE), &payload(claims))
}

/// Alice's token.
pub(super) fn session() -> String {
    session_with(&[])
}

/// A token of the session with this number, valid for five minutes from `after` seconds after the
/// start.
pub(super) fn session_of(number: u8, after: u64) -> String {
    let iat = START.secs() + after;
    session_with(&[
        ("sid", &format!("\"{}\"", sid(number))),
        ("iat", &iat.to_string()),
        ("exp", &(iat + 300).to_string()),
    ])
}

/// The companion's header with another type.
pub(super) fn header(typ: &str) -> String {
    format!(r#"{{"alg":"ES256","typ":"{typ}","kid":"{KID}"}}"#)
}

/// The claims of [`session_with`].
pub(super) fn payload(claims: &[(&str, &str)]) -> String {
    let start = START.secs();
    let (sid, handle) = (sid(1), sid(0xff));
    let usual = [
        ("iss", "\"https://auth.example.com\"".to_owned()),
        ("aud", "\"https://auth.example.com\"".to_owned()),
        ("sub", "\"4711\"".to_owned()),
        ("idp", "\"sso\"".to_owned()),
        ("sid", format!("\"{sid}\"")),
        ("handle", format!("\"{handle}\"")),
        ("began", start.to_string()),
        ("iat", start.to_string()),
        ("exp", (start + 300).to_string()),
        ("email", "\"alice@example.com\"".to_owned()),
        ("email_verified", "true".to_owned()),
        ("groups", r#"["sre","dev"]"#.to_owned()),
        ("preferred_username", "\"alice\"".to_owned()),
    ];
    let added = claims
        .iter()
        .filter(|(name, _)| usual.iter().all(|(usual, _)| usual != name))
        .map(|(name, value)| (*name, (*value).to_owned()));
    let replaced = usual.iter().map(|(name, value)| {
        let mut others = claims.iter();
        let other = others.find(|(other, _)| other == name);
        (
            *name,
            other.map_or_else(|| value.clone(), |(_, value)| (*value).to_owned()),
        )
    });
    let members: Vec<String> = replaced
        .chain(added)
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// The decision for Alice by the rule for operators.
pub(super) fn operator() -> Summary {
    decided(Reason::Rule, Some("operators"), ALICE)
}

/// The decision on a request with these headers.
pub(super) fn decision<'t>(
    test: &'t mut TestGate,
    request: &str,
    headers: &[(&str, &str)],
) -> Decision<'t> {
    let (gate, context, cache) = test.parts();
    match evaluation(gate, request, headers, context, cache) {
        Evaluation::Decided(decision) => decision,
        other => panic!("{other:?}"),
    }
}

/// The audit record of a decision on a request with these headers.
pub(super) fn audit_record(
    decision: &Decision<'_>,
    request: &str,
    fields: &[(&str, &str)],
) -> String {
    let recorded = Recorded {
        policy: &Policy::from_json(USERS).unwrap(),
        time: START,
        client: None,
    };
    decision.audit_record(&headers(request, fields), recorded)
}
