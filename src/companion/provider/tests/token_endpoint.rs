use portcullis_tests::lab::ServerResponse as Response;
use portcullis_tests::lab::rogue_provider::{Endpoint, Overrides};
use serde_json::json;

use super::*;
use crate::provider::error::{ErrorCategory, ErrorCode, TokenEndpointError};
use crate::provider::http::FetchError;
use crate::provider::signed_jwt::JwtError;

fn token_response(members: serde_json::Value) -> impl FnOnce(&mut Overrides) {
    move |overrides| overrides.set_token_response(members)
}

fn token_endpoint(response: Response) -> impl FnOnce(&mut Overrides) {
    move |overrides| {
        overrides.endpoints.insert(Endpoint::Token, response);
    }
}

#[tokio::test]
async fn r07_an_invalid_token_response_is_rejected() {
    let fixture = Fixture::new().await;
    let missing = "a required member is missing";
    for (what, members, error) in [
        (
            "another type",
            json!({"token_type": "mac"}),
            TokenEndpointError::Response("token_type"),
        ),
        (
            "no type",
            json!({"token_type": null}),
            TokenEndpointError::Response(missing),
        ),
        (
            "no tokens",
            json!({"access_token": null, "id_token": null}),
            TokenEndpointError::Response(missing),
        ),
        (
            "empty tokens",
            json!({"access_token": "", "id_token": ""}),
            TokenEndpointError::Response(missing),
        ),
        (
            "a number",
            json!({"access_token": 7}),
            TokenEndpointError::Response("access_token"),
        ),
        (
            "a list",
            json!({"id_token": ["a"]}),
            TokenEndpointError::Response("id_token"),
        ),
    ] {
        let refused = fixture
            .sign_in_with_overrides(token_response(members))
            .await
            .unwrap_err();
        assert_eq!(refused, ProviderError::Token(error), "{what}");
    }
    for (members, error) in [
        (json!({"id_token": null}), JwtError::Missing),
        (
            json!({"id_token": "a.b"}),
            JwtError::Malformed(portcullis_core::token::TokenError::NotCompact),
        ),
    ] {
        let refused = fixture
            .sign_in_with_overrides(token_response(members))
            .await
            .unwrap_err();
        assert_eq!(refused, ProviderError::IdToken(error));
    }
    for members in [
        json!({"token_type": "bearer"}),
        json!({"token_type": "BEARER"}),
        json!({"expires_in": null, "refresh_token": null}),
        json!({"expires_in": "", "refresh_token": ""}),
        json!({"scope": "openid", "unknown": {"a": 1}}),
        json!({"scope": ["openid"], "not_before": "0", "id_token_expires_in": [], "profile_info": 1}),
        json!({"scope": 7, "session_state": {}, "ext_expires_in": "x", "error": ""}),
    ] {
        let what = members.to_string();
        let outcome = fixture.sign_in_with_overrides(token_response(members));
        let outcome = outcome.await;
        assert!(outcome.is_ok(), "{what}: {outcome:?}");
    }
}

#[tokio::test]
async fn r07_the_lifetime_may_be_a_string_or_have_a_fraction() {
    let fixture = Fixture::new().await;
    for (value, seconds) in [
        (json!(600), 600),
        (json!(600.0), 600),
        (json!(600.9), 600),
        (json!("600"), 600),
        (json!("600.0"), 600),
        (json!(" 600 "), 600),
        (json!(0), 0),
        (json!("0"), 0),
        // Of the ID token.
        (json!(null), 3600),
        (json!(""), 3600),
    ] {
        let before = now();
        let outcome = fixture
            .sign_in_with_overrides(token_response(json!({"expires_in": value})))
            .await;
        let tokens = outcome
            .unwrap_or_else(|error| panic!("{value}: {error}"))
            .tokens;
        let expected = before.secs() + seconds..=now().secs() + seconds + 1;
        assert!(
            expected.contains(&tokens.expires_at),
            "{value}: {}",
            tokens.expires_at
        );
    }
    for value in [
        json!("soon"),
        json!(-1),
        json!(-0.5),
        json!("-1"),
        json!("1e3"),
        json!("+600"),
        json!("NaN"),
        json!("1.2.3"),
        json!("."),
        json!("600s"),
        json!(1e300),
        json!(true),
        json!([600]),
        json!({"seconds": 600}),
    ] {
        let outcome = fixture
            .sign_in_with_overrides(token_response(json!({"expires_in": value})))
            .await;
        let error = TokenEndpointError::Response("expires_in");
        assert_eq!(outcome.unwrap_err(), ProviderError::Token(error), "{value}");
    }
}

#[tokio::test]
async fn r07_a_response_without_an_access_token_signs_in_without_userinfo() {
    let fixture = Fixture::new().await;
    for members in [
        json!({"access_token": null}),
        json!({"access_token": ""}),
        json!({"access_token": null, "token_type": null, "expires_in": null}),
        // As Azure AD B2C responds.
        json!({"access_token": null, "expires_in": null, "not_before": 1_700_000_000,
               "id_token_expires_in": 3600, "profile_info": "e30", "scope": ""}),
    ] {
        let what = members.to_string();
        let set = |overrides: &mut Overrides| {
            overrides.set_claims(json!({"groups": null}));
            overrides.set_token_response(members);
        };
        let signed_in = fixture.sign_in_with_overrides(set).await;
        let signed_in = signed_in.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(signed_in.user.email.as_deref(), Some("alice@example.com"));
        assert!(signed_in.user.groups.is_empty(), "{what}");
        assert!(!signed_in.tokens.have_expired(now()), "{what}");
    }
    assert!(fixture.rogue.requests(Endpoint::UserInfo).is_empty());

    // A refresh works in the same way.
    let provider = fixture.provider();
    let Authentication { user, tokens, .. } = fixture.sign_in(&provider).await.unwrap();
    fixture.rogue.override_with(|overrides| {
        overrides.set_claims(json!({"groups": null}));
        overrides.set_token_response(json!({"access_token": null, "expires_in": null}));
    });
    let refreshed = provider.refresh(&tokens, &user, now()).await.unwrap();
    assert!(refreshed.user.groups.is_empty());
    assert_ne!(refreshed.tokens.refresh_token, tokens.refresh_token);
    assert!(fixture.rogue.requests(Endpoint::UserInfo).is_empty());
}

#[tokio::test]
async fn r14_failures_of_the_token_endpoint_are_distinguished() {
    let fixture = Fixture::new().await;
    let html = |status| Response::whole(status, &[("content-type", "text/html")], "<p>No");
    let says =
        |status, body: &str| Response::whole(status, &[("content-type", "application/json")], body);
    let elsewhere = Response::whole(307, &[("location", "https://evil.example/token")], "");
    let refused = |code| TokenEndpointError::Refused(ErrorCode::new(code));
    let twice = r#"{"access_token":"a","token_type":"Bearer","id_token":"b","id_token":"c"}"#;
    let fetch = TokenEndpointError::Fetch;
    for (response, error, category) in [
        (
            elsewhere,
            fetch(FetchError::Status(307)),
            ErrorCategory::Misconfigured,
        ),
        (
            html(500),
            fetch(FetchError::Status(500)),
            ErrorCategory::Unreachable,
        ),
        (
            html(429),
            fetch(FetchError::Status(429)),
            ErrorCategory::Unreachable,
        ),
        (
            html(403),
            fetch(FetchError::Status(403)),
            ErrorCategory::Misconfigured,
        ),
        (
            html(400),
            fetch(FetchError::Status(400)),
            ErrorCategory::Misconfigured,
        ),
        (
            html(200),
            fetch(FetchError::ContentType),
            ErrorCategory::Misconfigured,
        ),
        (
            says(503, r#"{"error":"invalid_grant"}"#),
            fetch(FetchError::Status(503)),
            ErrorCategory::Unreachable,
        ),
        (
            says(400, r#"{"error":"invalid_grant"}"#),
            refused("invalid_grant"),
            ErrorCategory::StaleAttempt,
        ),
        (
            says(401, r#"{"error":"invalid_client"}"#),
            refused("invalid_client"),
            ErrorCategory::Misconfigured,
        ),
        (
            says(400, r#"{"error":"temporarily_unavailable"}"#),
            refused("temporarily_unavailable"),
            ErrorCategory::Unreachable,
        ),
        (
            says(400, r#"{"error":"<script>"}"#),
            refused("(no code)"),
            ErrorCategory::Misconfigured,
        ),
        (
            says(403, r#"{"error":"invalid_grant"}"#),
            refused("invalid_grant"),
            ErrorCategory::StaleAttempt,
        ),
        (
            says(403, r#"{"error":"access_denied"}"#),
            refused("access_denied"),
            ErrorCategory::AccessDenied,
        ),
        (
            says(400, r#"{"error":"interaction_required"}"#),
            refused("interaction_required"),
            ErrorCategory::AccessDenied,
        ),
        (
            says(403, r#"{"error":"Forbidden"}"#),
            refused("(no code)"),
            ErrorCategory::Misconfigured,
        ),
        (
            says(429, r#"{"error":"invalid_grant"}"#),
            fetch(FetchError::Status(429)),
            ErrorCategory::Unreachable,
        ),
        (
            says(200, r#"{"error":"invalid_grant"}"#),
            TokenEndpointError::NoTokens(ErrorCode::new("invalid_grant")),
            ErrorCategory::StaleAttempt,
        ),
        (
            says(200, r#"{"error":"server_error"}"#),
            TokenEndpointError::NoTokens(ErrorCode::new("server_error")),
            ErrorCategory::Unreachable,
        ),
        (
            says(400, "{}"),
            TokenEndpointError::Response("a required member is missing"),
            ErrorCategory::Misconfigured,
        ),
    ] {
        let outcome = fixture
            .sign_in_with_overrides(token_endpoint(response))
            .await
            .unwrap_err();
        assert_eq!(outcome, ProviderError::Token(error));
        assert_eq!(outcome.category(), category, "{outcome}");
    }
    let outcome = fixture
        .sign_in_with_overrides(token_endpoint(says(200, twice)))
        .await
        .unwrap_err();
    assert!(matches!(
        outcome,
        ProviderError::Token(TokenEndpointError::Fetch(FetchError::Json(_)))
    ));
}

#[tokio::test]
async fn r12_client_authentication_follows_the_metadata_and_never_uses_a_url() {
    let fixture = Fixture::new().await;
    for methods in [
        json!(["client_secret_basic"]),
        json!(["client_secret_post", "client_secret_basic"]),
        json!(null),
        json!(["client_secret_post"]),
    ] {
        let posted = methods == json!(["client_secret_post"]);
        let metadata = json!({"token_endpoint_auth_methods_supported": methods});
        fixture
            .sign_in_with_overrides(|overrides| overrides.set_metadata(metadata))
            .await
            .unwrap();
        let asked = fixture.rogue.requests(Endpoint::Token).pop().unwrap();
        assert_eq!(asked.authorization.is_none(), posted);
        let in_form = |name| asked.form.iter().any(|(other, _)| other == name);
        assert_eq!(in_form("client_secret"), posted);
    }
    let (url, _) = fixture
        .provider()
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap();
    assert!(!url.as_str().contains("s3cr"));
}

#[tokio::test]
async fn a_public_client_sends_its_client_id_and_no_secret() {
    let mut fixture = Fixture::new().await;
    fixture.settings.client_authentication = ClientAuthentication::None;
    let methods = json!({"token_endpoint_auth_methods_supported": ["none"]});
    let refused = fixture
        .sign_in_with_overrides(|overrides| overrides.set_metadata(methods))
        .await
        .unwrap_err();
    // This provider accepts no public clients.
    assert_eq!(
        refused,
        TokenEndpointError::Refused(ErrorCode::new("invalid_client")).into()
    );
    let asked = fixture.rogue.requests(Endpoint::Token).pop().unwrap();
    assert!(asked.authorization.is_none());
    assert!(
        asked
            .form
            .contains(&("client_id".to_owned(), RogueProvider::CLIENT_ID.to_owned()))
    );
}

#[tokio::test]
async fn r12_the_current_secret_of_the_file_is_used() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let ClientAuthentication::Secret(secret) = fixture.settings.client_authentication.clone()
    else {
        panic!("a secret");
    };
    fs::write(&secret, "another").unwrap();
    let refused = fixture.sign_in(&provider).await.unwrap_err();
    assert_eq!(
        refused,
        TokenEndpointError::Refused(ErrorCode::new("invalid_client")).into()
    );
    fs::write(&secret, RogueProvider::CLIENT_SECRET).unwrap();
    fixture.sign_in(&provider).await.unwrap();
    // An unfinished edit keeps the last secret.
    for half in ["", "\n", "two\nlines"] {
        fs::write(&secret, half).unwrap();
        fixture.sign_in(&provider).await.unwrap();
    }
    fs::remove_file(&secret).unwrap();
    fixture.sign_in(&provider).await.unwrap();
}
