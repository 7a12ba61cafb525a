use portcullis_core::json::Json;

use super::*;
use crate::provider::{ProviderSettings, Secret, UserInfoClaims};

fn relying_party(scopes: &[&str]) -> RelyingParty {
    let mut settings = ProviderSettings::new("sso", "https://issuer.example.com", "portcullis");
    settings.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    settings.relying_party().unwrap()
}

fn metadata(scopes_supported: &str) -> Metadata {
    let text = format!(
        r#"{{"issuer": "https://issuer.example.com",
        "authorization_endpoint": "https://issuer.example.com/a",
        "token_endpoint": "https://issuer.example.com/t",
        "jwks_uri": "https://issuer.example.com/k",
        "scopes_supported": {scopes_supported}}}"#
    );
    let document = Json::parse(text.as_bytes()).unwrap();
    Metadata::read(&document, &relying_party(&["openid"])).unwrap()
}

#[test]
fn supported_scopes_that_are_not_requested_are_named() {
    let both = r#"["openid", "groups", "offline_access", "email"]"#;
    let expected = ["offline_access", "groups"];
    assert_eq!(
        unrequested(&relying_party(&["openid"]), &metadata(both)),
        expected
    );
    let requested = relying_party(&["openid", "groups"]);
    assert_eq!(unrequested(&requested, &metadata(both)), ["offline_access"]);
    let requested = relying_party(&["openid", "offline_access", "groups"]);
    assert_eq!(unrequested(&requested, &metadata(both)), [""; 0]);
    // A provider that does not list its scopes, or not as a list.
    for unknown in ["null", "[]", r#"["openid"]"#, "7", r#"{"groups": 1}"#] {
        let found = unrequested(&relying_party(&["openid"]), &metadata(unknown));
        assert_eq!(found, [""; 0], "{unknown}");
    }
}

#[test]
fn a_sign_in_without_a_refresh_token_is_logged_once() {
    let hints = ScopeHints::default();
    let mut tokens = ProviderTokens {
        refresh_token: Some(Secret::new("refresh")),
        id_token: None,
        sid: None,
        expires_at: 0,
        nonce: Secret::new("nonce"),
        azp: false,
        auth_time: None,
        userinfo_claims: UserInfoClaims::default(),
    };
    assert!(!hints.is_first_without_refresh_token(&tokens));
    tokens.refresh_token = None;
    assert!(hints.is_first_without_refresh_token(&tokens));
    assert!(!hints.is_first_without_refresh_token(&tokens));
}
