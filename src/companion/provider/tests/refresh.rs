use std::time::Duration;

use portcullis_tests::lab::rogue_provider::{Endpoint, LOGOUT_EVENT, Overrides, TokenSigner};
use portcullis_tests::lab::{ServerResponse as Response, SigningKey};
use serde_json::json;

use super::*;
use crate::provider::discovery::UNKNOWN_KEY_INTERVAL;
use crate::provider::error::{ErrorCode, TokenEndpointError, UserInfoError};
use crate::provider::http::FetchError;
use crate::provider::signed_jwt::JwtError;
use crate::provider::{Authentication, ProviderTokens, RefreshError, User, UserInfoClaims};

/// Signs in, and refreshes while the provider has these overrides.
async fn refresh(
    fixture: &Fixture,
    set: impl FnOnce(&mut Overrides),
) -> (Authentication, Result<Authentication, RefreshError>) {
    let provider = fixture.provider();
    let signed_in = fixture.sign_in(&provider).await.unwrap();
    fixture.rogue.override_with(set);
    let outcome = provider
        .refresh(&signed_in.tokens, &signed_in.user, now())
        .await;
    fixture.rogue.reset();
    (signed_in, outcome)
}

fn token_of(tokens: &ProviderTokens) -> &str {
    tokens.refresh_token.as_ref().unwrap().expose()
}

#[tokio::test]
async fn r10_a_refresh_returns_new_tokens_and_current_claims() {
    let fixture = Fixture::new().await;
    let claims = json!({"groups": ["sre"], "email": "new@example.com"});
    let (before, refreshed) = refresh(&fixture, |overrides| overrides.set_claims(claims)).await;
    let refreshed = refreshed.unwrap();
    assert_eq!(refreshed.user.sub, before.user.sub);
    assert_eq!(refreshed.user.groups, ["sre"]);
    assert_eq!(refreshed.user.email.as_deref(), Some("new@example.com"));
    assert_ne!(token_of(&refreshed.tokens), token_of(&before.tokens));
    assert_ne!(refreshed.tokens.id_token, before.tokens.id_token);
    assert_eq!(refreshed.tokens.sid, before.tokens.sid);

    // The new one is valid, the old one redeemed.
    let provider = fixture.provider();
    provider
        .refresh(&refreshed.tokens, &refreshed.user, now())
        .await
        .unwrap();
    let again = provider
        .refresh(&before.tokens, &before.user, now())
        .await
        .unwrap_err();
    let redeemed = TokenEndpointError::Refused(ErrorCode::new("invalid_grant"));
    assert_eq!(again, RefreshError::Ended(redeemed.into()));
}

#[tokio::test]
async fn r10_an_id_token_of_another_subject_ends_the_session() {
    use JwtError::*;
    let fixture = Fixture::new().await;
    let us = RogueProvider::CLIENT_ID;
    #[rustfmt::skip]
    let overrides = vec![
        ("iss", json!({"iss": "https://evil.example"}), Issuer),
        ("sub", json!({"sub": "bob"}), Changed("sub")),
        ("no sub", json!({"sub": null}), Claim("sub")),
        ("aud", json!({"aud": "other"}), Audience),
        ("aud besides", json!({"aud": [us, "other"]}), OtherAudience),
        ("azp of another", json!({"azp": "other"}), AuthorizedParty),
        ("azp where none was", json!({"azp": us}), Changed("azp")),
        ("auth_time", json!({"auth_time": 1_000_000_000}), Changed("auth_time")),
        ("nonce", json!({"nonce": "other"}), Nonce),
        ("iat", json!({"iat": 1_000_000_000}), TooOld),
        ("exp", json!({"exp": 1_000_000_000}), Expired),
        ("at_hash", json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), HashMismatch("at_hash")),
        ("events", json!({"nonce": null, "events": {LOGOUT_EVENT: {}}}), Type),
    ];
    for (what, claims, error) in overrides {
        let (_, outcome) = refresh(&fixture, |overrides| overrides.set_claims(claims)).await;
        let ended = RefreshError::Ended(ProviderError::IdToken(error));
        assert_eq!(outcome.unwrap_err(), ended, "{what}");
    }
    let broken = TokenSigner::Broken(fixture.rogue.key().clone());
    let (_, outcome) = refresh(&fixture, |overrides| overrides.signer = broken).await;
    let ended = RefreshError::Ended(ProviderError::IdToken(Signature));
    assert_eq!(outcome.unwrap_err(), ended);
}

#[tokio::test]
async fn r10_nonce_and_auth_time_are_optional() {
    let fixture = Fixture::new().await;
    let claims = json!({"nonce": null, "auth_time": null});
    let (_, outcome) = refresh(&fixture, |overrides| overrides.set_claims(claims)).await;
    assert!(outcome.is_ok());
}

#[tokio::test]
async fn r10_azp_must_not_change() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    fixture
        .rogue
        .override_with(|overrides| overrides.set_claims(json!({"azp": RogueProvider::CLIENT_ID})));
    let Authentication { user, tokens, .. } = fixture.sign_in(&provider).await.unwrap();
    let refreshed = provider.refresh(&tokens, &user, now()).await.unwrap();
    fixture.rogue.reset();
    let outcome = provider
        .refresh(&refreshed.tokens, &refreshed.user, now())
        .await;
    let error = ProviderError::IdToken(JwtError::Changed("azp"));
    assert_eq!(outcome.unwrap_err(), RefreshError::Ended(error));
}

#[tokio::test]
async fn r10_a_response_without_id_token_keeps_the_claims() {
    let fixture = Fixture::new().await;
    let (before, outcome) = refresh(&fixture, |overrides| {
        overrides.set_token_response(
            json!({"id_token": null, "refresh_token": null, "expires_in": null}),
        );
        overrides
            .endpoints
            .insert(Endpoint::UserInfo, Response::status(500));
    })
    .await;
    let refreshed = outcome.unwrap();
    assert_eq!(refreshed.user, before.user);
    assert_eq!(refreshed.tokens.id_token, before.tokens.id_token);
    // Without a new refresh token, the old one stays valid (RFC 6749 section 6).
    assert_eq!(token_of(&refreshed.tokens), token_of(&before.tokens));
    assert!(!refreshed.tokens.have_expired(now()));
}

#[tokio::test]
async fn groups_are_updated_from_userinfo_after_a_response_without_id_token() {
    let fixture = Fixture::new().await;
    let (before, outcome) = refresh(&fixture, |overrides| {
        overrides.set_token_response(json!({"id_token": null}))
    })
    .await;
    let refreshed = outcome.unwrap();
    assert_eq!(refreshed.user.groups, ["from-userinfo"]);
    assert_eq!(refreshed.user.sub, before.user.sub);

    // Claims that are missing in userinfo may be in the missing ID token.
    let (before, outcome) = refresh(&fixture, |overrides| {
        overrides.set_token_response(json!({"id_token": null}));
        overrides.userinfo = Box::new(|_| json!({"sub": "alice"}));
    })
    .await;
    assert_eq!(outcome.unwrap().user, before.user);

    let (_, outcome) = refresh(&fixture, |overrides| {
        overrides.set_token_response(json!({"id_token": null}));
        overrides.userinfo = Box::new(|_| json!({"sub": "bob"}));
    })
    .await;
    assert_eq!(
        outcome.unwrap_err(),
        RefreshError::Ended(UserInfoError::Subject.into())
    );
}

#[tokio::test]
async fn groups_that_no_document_has_any_more_are_removed() {
    let fixture = Fixture::new().await;
    let (_, outcome) = refresh(&fixture, |overrides| {
        overrides.set_claims(json!({"groups": null}));
        overrides.userinfo = Box::new(|_| json!({"sub": "alice"}));
    })
    .await;
    let user = outcome.unwrap().user;
    assert!(user.groups.is_empty());
    assert_eq!(user.email.as_deref(), Some("alice@example.com"));
}

#[tokio::test]
async fn r10_a_failed_userinfo_or_key_fetch_loses_no_new_tokens() {
    let fixture = Fixture::new().await;
    // Userinfo is down.
    let (before, outcome) = refresh(&fixture, |overrides| {
        overrides.set_claims(json!({"groups": null}));
        overrides
            .endpoints
            .insert(Endpoint::UserInfo, Response::Reset);
    })
    .await;
    let refreshed = outcome.unwrap();
    assert_eq!(refreshed.user, before.user);
    assert_ne!(token_of(&refreshed.tokens), token_of(&before.tokens));

    // An unknown key, and the key set is down.
    let provider = fixture.provider();
    let Authentication { user, tokens, .. } = fixture.sign_in(&provider).await.unwrap();
    fixture.rogue.override_with(|overrides| {
        overrides.signer = TokenSigner::Key(SigningKey::p256());
        overrides
            .endpoints
            .insert(Endpoint::Keys, Response::status(500));
        overrides
            .endpoints
            .insert(Endpoint::UserInfo, Response::status(500));
    });
    let later = now().after(UNKNOWN_KEY_INTERVAL);
    let refreshed = provider.refresh(&tokens, &user, later).await.unwrap();
    assert_eq!(refreshed.user, user);
    assert_ne!(token_of(&refreshed.tokens), token_of(&tokens));
    assert_eq!(refreshed.tokens.id_token, tokens.id_token);
}

fn says(status: u16, body: &str) -> Response {
    Response::whole(status, &[("content-type", "application/json")], body)
}

/// Refreshes while the token endpoint gives each response, and checks which of them end the session.
async fn assert_ends(cases: Vec<(Response, bool)>) {
    let fixture = Fixture::new().await;
    for (response, ends) in cases {
        let what = format!("{response:?}");
        let (_, outcome) = refresh(&fixture, |overrides| {
            overrides.endpoints.insert(Endpoint::Token, response);
        })
        .await;
        let error = outcome.unwrap_err();
        assert_eq!(
            matches!(error, RefreshError::Ended(_)),
            ends,
            "{what}: {error}"
        );
    }
}

#[tokio::test]
async fn r10_errors_that_end_a_session_and_transient_ones_are_distinguished() {
    let error = |status, code: &str| says(status, &format!(r#"{{"error":"{code}"}}"#));
    assert_ends(vec![
        (error(400, "invalid_grant"), true),
        (error(401, "invalid_grant"), true),
        (error(403, "invalid_grant"), true),
        (error(404, "invalid_grant"), true),
        (error(422, "invalid_grant"), true),
        (error(400, "access_denied"), true),
        (error(403, "access_denied"), true),
        (error(400, "unauthorized_client"), true),
        (error(403, "unauthorized_client"), true),
        (error(400, "invalid_request"), true),
        (error(400, "consent_required"), true),
        (error(400, "interaction_required"), true),
        (error(400, "login_required"), true),
        (error(400, "account_selection_required"), true),
        (error(403, "mfa_required"), true),
        (error(401, "invalid_token"), true),
        (error(400, "expired_token"), true),
        // The configuration is wrong: nothing is known about the session.
        (error(400, "invalid_client"), false),
        (error(401, "invalid_client"), false),
        (error(403, "invalid_client"), false),
        (error(400, "invalid_scope"), false),
        (error(400, "unsupported_grant_type"), false),
        // The provider is unavailable, or something in between has responded.
        (error(400, "temporarily_unavailable"), false),
        (error(400, "server_error"), false),
        (error(400, "slow_down"), false),
        (error(408, "invalid_grant"), false),
        (error(429, "invalid_grant"), false),
        (error(500, "invalid_grant"), false),
        (error(503, "invalid_grant"), false),
        (error(302, "invalid_grant"), false),
        (error(403, "Forbidden"), false),
        (error(404, "Not Found"), false),
        (says(400, "{}"), false),
        (says(403, r#"{"message":"Forbidden"}"#), false),
        (says(403, r#"["invalid_grant"]"#), false),
        (says(400, r#"{"error":{"code":"invalid_grant"}}"#), false),
        (Response::status(400), false),
        (Response::status(403), false),
        (Response::status(500), false),
        (Response::status(429), false),
        (Response::status(404), false),
        (Response::Reset, false),
        (Response::body("{}"), false),
    ])
    .await;
}

#[tokio::test]
async fn r10_other_members_and_the_content_type_of_an_error_response_do_not_matter() {
    let text = |content_type: &str, body: &str| {
        Response::whole(400, &[("content-type", content_type)], body)
    };
    let error = r#"{"error":"invalid_grant"}"#;
    assert_ends(vec![
        (
            says(
                400,
                r#"{"error":"invalid_grant","error_description":{"en":"expired"}}"#,
            ),
            true,
        ),
        (
            says(
                400,
                r#"{"error":"invalid_grant","error_description":7,"error_uri":""}"#,
            ),
            true,
        ),
        (
            says(
                403,
                r#"{"error":"invalid_grant","error_codes":[70008],"suberror":null}"#,
            ),
            true,
        ),
        (text("text/plain", error), true),
        (text("application/json; charset=utf-8", error), true),
        (text("text/html", "<p>invalid_grant"), false),
    ])
    .await;
}

#[tokio::test]
async fn r10_an_error_with_status_200_and_no_tokens_ends_the_session() {
    assert_ends(vec![
        (says(200, r#"{"error":"invalid_grant"}"#), true),
        (
            says(
                200,
                r#"{"error":"bad_refresh_token","error_description":"x"}"#,
            ),
            true,
        ),
        (
            says(
                200,
                r#"{"error":"Token expired","access_token":null,"id_token":""}"#,
            ),
            true,
        ),
        (says(200, r#"{"error":{"code":7}}"#), true),
        (says(200, r#"{"error":"invalid_client"}"#), false),
        (says(200, r#"{"error":"temporarily_unavailable"}"#), false),
        (says(200, r#"{"error":null}"#), false),
        (says(200, r#"{"error":""}"#), false),
        (
            Response::whole(
                200,
                &[("content-type", "text/html")],
                r#"{"error":"invalid_grant"}"#,
            ),
            false,
        ),
    ])
    .await;
    // With tokens, it is none.
    let fixture = Fixture::new().await;
    for error in [json!(null), json!(""), json!(0), json!("none")] {
        let (_, outcome) = refresh(&fixture, |overrides| {
            overrides.token_response = Box::new(move |mut response| {
                response["error"] = error.clone();
                response
            });
        })
        .await;
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}

#[tokio::test]
async fn r10_a_provider_that_is_down_ends_no_session() {
    let mut fixture = Fixture::new().await;
    let provider = fixture.provider();
    let Authentication { user, tokens, .. } = fixture.sign_in(&provider).await.unwrap();
    fixture.rogue.down().await;
    let outcome = provider.refresh(&tokens, &user, now()).await.unwrap_err();
    let RefreshError::Unavailable(ProviderError::Token(TokenEndpointError::Fetch(fetch))) =
        &outcome
    else {
        panic!("{outcome:?}");
    };
    assert!(matches!(
        fetch,
        FetchError::Connect(_) | FetchError::Interrupted(_)
    ));
    fixture.rogue.up().await;
    assert!(provider.refresh(&tokens, &user, now()).await.is_ok());
}

#[tokio::test]
async fn without_a_refresh_token_a_session_is_not_refreshed() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    fixture.rogue.override_with(|overrides| {
        overrides.set_token_response(json!({"refresh_token": null, "expires_in": null}))
    });
    let Authentication { user, tokens, .. } = fixture.sign_in(&provider).await.unwrap();
    // The expiry of the ID token counts if the response has none.
    assert!(!tokens.have_expired(now()));
    assert!(tokens.have_expired(now().after(Duration::from_secs(3601))));
    let outcome = provider.refresh(&tokens, &user, now()).await.unwrap_err();
    assert_eq!(
        outcome,
        RefreshError::Ended(TokenEndpointError::NoRefreshToken.into())
    );
}

#[test]
fn the_tokens_of_a_session_round_trip_through_json() {
    let secret = |text: &str| crate::provider::Secret::new(text);
    let tokens = ProviderTokens {
        refresh_token: Some(secret("r")),
        id_token: None,
        sid: Some("s".to_owned()),
        expires_at: 7,
        nonce: secret("n"),
        azp: true,
        auth_time: Some(5),
        userinfo_claims: UserInfoClaims::default(),
    };
    let user = User {
        sub: "alice".to_owned(),
        email: None,
        email_verified: false,
        groups: vec!["sre".to_owned()],
        preferred_username: None,
        claims: None,
    };
    let text = serde_json::to_string(&(&tokens, &user)).unwrap();
    assert_eq!(
        serde_json::from_str::<(ProviderTokens, User)>(&text).unwrap(),
        (tokens, user)
    );
}
