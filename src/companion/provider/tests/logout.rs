use std::time::Duration;

use portcullis_tests::lab::rogue_provider::{Endpoint, LOGOUT_EVENT, TokenSigner, set};
use portcullis_tests::lab::token::now as seconds;
use portcullis_tests::lab::{ServerResponse as Response, SigningKey};
use serde_json::{Value, json};

use super::*;
use crate::provider::end_session::EndSessionForm;
use crate::provider::error::ErrorCategory;
use crate::provider::signed_jwt::JwtError;
use crate::provider::{
    EndSession, EndSessionEndpoint, LogoutToken, LogoutTokenError, ProviderTokens,
};

async fn verify(fixture: &Fixture, claims: Value) -> Result<LogoutToken, ProviderError> {
    let token = fixture.rogue.logout_token(|token| set(token, &claims));
    fixture.provider().logout_token(&token, now()).await
}

#[tokio::test]
async fn b03_a_logout_token_names_a_user_or_a_session() {
    let fixture = Fixture::new().await;
    let token = verify(&fixture, json!({})).await.unwrap();
    assert_eq!(token.sub.as_deref(), Some("alice"));
    assert_eq!(token.sid.as_deref(), Some("session-1"));
    assert!(!token.is_replay);
    let token = verify(&fixture, json!({"sub": null})).await.unwrap();
    assert_eq!(token.sub, None);
    let token = verify(&fixture, json!({"sid": null})).await.unwrap();
    assert_eq!(token.sid, None);
}

#[tokio::test]
async fn b02_b03_each_invalid_logout_token_is_rejected() {
    use JwtError::*;
    use LogoutTokenError::{Event, NoSubject, Nonce};
    let fixture = Fixture::new().await;
    let us = RogueProvider::CLIENT_ID;
    let now = seconds();
    let old = "http://schemas.openid.net/event/logout";
    #[rustfmt::skip]
    let overrides: Vec<(&str, Value, LogoutTokenError)> = vec![
        ("iss of another", json!({"iss": "https://evil.example"}), Issuer.into()),
        ("no iss", json!({"iss": null}), Issuer.into()),
        ("aud of another", json!({"aud": "other"}), Audience.into()),
        ("aud of others besides", json!({"aud": [us, "other"]}), OtherAudience.into()),
        ("no aud", json!({"aud": null}), Claim("aud").into()),
        ("no iat", json!({"iat": null}), Claim("iat").into()),
        ("iat long ago", json!({"iat": now - 602}), TooOld.into()),
        ("iat ahead", json!({"iat": now + 60}), NotYetValid.into()),
        ("exp past", json!({"exp": now - 31}), Expired.into()),
        ("exp in text", json!({"exp": "soon"}), Claim("exp").into()),
        ("no events", json!({"events": null}), Event),
        ("another event", json!({"events": {old: {}}}), Event),
        ("an event that is no object", json!({"events": {LOGOUT_EVENT: true}}), Event),
        ("events in a list", json!({"events": [LOGOUT_EVENT]}), Event),
        ("a nonce", json!({"nonce": "n"}), Nonce),
        ("a nonce that is no text", json!({"nonce": 1}), Nonce),
        ("neither", json!({"sub": null, "sid": null}), NoSubject),
        ("empty sub", json!({"sub": ""}), Subject.into()),
        ("sid of no text", json!({"sid": 7}), Claim("sid").into()),
        ("no jti", json!({"jti": null}), Claim("jti").into()),
    ];
    for (what, claims, error) in overrides {
        let refused = verify(&fixture, claims).await.unwrap_err();
        assert_eq!(refused, ProviderError::LogoutToken(error), "{what}");
    }
    // None of that causes a request to the provider.
    assert!(fixture.rogue.requests(Endpoint::Discovery).is_empty());
}

#[tokio::test]
async fn b03_a_logout_token_may_be_for_trusted_audiences_too() {
    let mut fixture = Fixture::new().await;
    let us = RogueProvider::CLIENT_ID;
    fixture.settings.audiences = vec!["project".to_owned()];
    let token = verify(&fixture, json!({"aud": ["project", us]})).await;
    assert!(token.is_ok(), "{token:?}");
    for (aud, error) in [
        (json!(["project", us, "other"]), JwtError::OtherAudience),
        (json!("project"), JwtError::Audience),
    ] {
        let refused = verify(&fixture, json!({"aud": aud})).await.unwrap_err();
        assert_eq!(refused, LogoutTokenError::Jwt(error).into());
    }
}

#[tokio::test]
async fn b02_a_logout_token_without_exp_is_valid_while_it_is_recent() {
    let fixture = Fixture::new().await;
    let claims = |iat: i64| json!({"exp": null, "iat": iat, "nbf": null});
    let iat = seconds() - 500;
    let token = verify(&fixture, claims(iat)).await.unwrap();
    assert_eq!(token.good_until.secs(), (iat + 600) as u64);
    let refused = verify(&fixture, claims(iat - 102)).await.unwrap_err();
    assert_eq!(refused, LogoutTokenError::Jwt(JwtError::TooOld).into());
}

#[tokio::test]
async fn b02_a_logout_token_must_be_signed_like_an_id_token() {
    use JwtError::*;
    let fixture = Fixture::new().await;
    let own = fixture.rogue.key().clone();
    let forged = TokenSigner::Forged(SigningKey::rsa("other"), own.kid().to_owned());
    for (seal, error) in [
        (
            TokenSigner::None,
            Malformed(portcullis_core::token::TokenError::AlgorithmUnknown),
        ),
        (TokenSigner::Secret, Algorithm),
        (TokenSigner::Broken(own), Signature),
        (forged, Signature),
        (TokenSigner::Key(SigningKey::rsa("other")), UnknownKey),
    ] {
        fixture
            .rogue
            .override_with(|overrides| overrides.signer = seal);
        let provider = fixture.provider();
        provider
            .begin(&redirect_uri(), &state(), before_interval())
            .await
            .unwrap();
        let token = fixture.rogue.logout_token(|token| token);
        let refused = provider.logout_token(&token, now()).await.unwrap_err();
        // `none` has no signature, so it is malformed.
        let expected = match error {
            Malformed(_) => matches!(
                refused,
                ProviderError::LogoutToken(LogoutTokenError::Jwt(Malformed(_) | Algorithm))
            ),
            error => refused == LogoutTokenError::Jwt(error).into(),
        };
        assert!(expected, "{refused:?}");
    }
}

#[tokio::test]
async fn b03_id_tokens_and_logout_tokens_are_not_interchangeable() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    for typ in [
        json!("logout+jwt"),
        json!("application/LOGOUT+jwt"),
        json!("JWT"),
        json!(null),
    ] {
        let token = fixture.rogue.logout_token(|token| token.header("typ", typ));
        assert!(provider.logout_token(&token, now()).await.is_ok());
    }
    for typ in ["at+jwt", "secevent+jwt", "portcullis-session+jwt", ""] {
        let token = fixture.rogue.logout_token(|token| token.header("typ", typ));
        let refused = provider.logout_token(&token, now()).await.unwrap_err();
        assert_eq!(refused, LogoutTokenError::Jwt(JwtError::Type).into());
    }
    let signed_in = fixture.sign_in(&provider).await.unwrap();
    let id_token = signed_in.tokens.id_token.unwrap();
    let refused = provider
        .logout_token(id_token.expose(), now())
        .await
        .unwrap_err();
    assert_eq!(refused, LogoutTokenError::Event.into());
}

#[tokio::test]
async fn b04_a_replay_is_detected_after_the_first_use() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let text = fixture.rogue.logout_token(|token| token);
    // A token that was not used yet is no replay.
    for _ in 0..2 {
        assert!(!provider.logout_token(&text, now()).await.unwrap().is_replay);
    }
    let token = provider.logout_token(&text, now()).await.unwrap();
    provider.mark_used(&token, now());
    assert!(provider.logout_token(&text, now()).await.unwrap().is_replay);
    let other = fixture.rogue.logout_token(|token| token);
    assert!(
        !provider
            .logout_token(&other, now())
            .await
            .unwrap()
            .is_replay
    );
    // Until it expires.
    let last = token.good_until.before(Duration::from_millis(1));
    assert!(provider.logout_token(&text, last).await.unwrap().is_replay);
    assert!(
        provider
            .logout_token(&text, token.good_until)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn b05_a_failed_key_fetch_does_not_reject_the_token() {
    let fixture = Fixture::new().await;
    fixture.rogue.override_with(|overrides| {
        overrides
            .endpoints
            .insert(Endpoint::Keys, Response::status(503));
    });
    let refused = verify(&fixture, json!({})).await.unwrap_err();
    assert_eq!(refused.category(), ErrorCategory::Unreachable);
}

#[tokio::test]
async fn r15_signing_out_posts_the_id_token_and_never_in_a_url() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let back = Url::parse("https://auth.example.com/oauth2/sign_out").unwrap();
    let Authentication { tokens, .. } = fixture.sign_in(&provider).await.unwrap();
    let form = form_of(provider.end_session(&tokens, &back, "state-1"));
    assert_eq!(
        form.action.as_str(),
        format!("{}/end", fixture.rogue.issuer())
    );
    let fields: Vec<_> = form
        .fields
        .iter()
        .map(|(name, value)| (*name, value.expose()))
        .collect();
    assert_eq!(
        fields,
        [
            ("id_token_hint", tokens.id_token.as_ref().unwrap().expose()),
            ("client_id", RogueProvider::CLIENT_ID),
            ("post_logout_redirect_uri", back.as_str()),
            ("state", "state-1"),
        ]
    );
    let printed = format!("{form:?}");
    assert!(!printed.contains(tokens.id_token.as_ref().unwrap().expose()));

    // Without an ID token, and without an end session endpoint.
    let without = ProviderTokens {
        id_token: None,
        ..tokens.clone()
    };
    let form = form_of(provider.end_session(&without, &back, "state-1"));
    assert!(form.fields.iter().all(|(name, _)| *name != "id_token_hint"));
    assert!(
        fixture
            .provider()
            .end_session(&tokens, &back, "s")
            .is_none()
    );
    fixture
        .rogue
        .override_with(|overrides| overrides.set_metadata(json!({"end_session_endpoint": null})));
    let provider = fixture.provider();
    fixture.sign_in(&provider).await.unwrap();
    assert!(provider.end_session(&tokens, &back, "s").is_none());
}

fn form_of(end_session: Option<EndSession>) -> EndSessionForm {
    match end_session.unwrap() {
        EndSession::Form(form) => form,
        EndSession::Visit(url) => panic!("{url}"),
    }
}

#[tokio::test]
async fn the_sign_out_at_the_provider_can_be_off_or_elsewhere() {
    let mut fixture = Fixture::new().await;
    let back = Url::parse("https://auth.example.com/oauth2/sign_out").unwrap();
    let Authentication { tokens, .. } = fixture.sign_in(&fixture.provider()).await.unwrap();

    fixture.settings.end_session = EndSessionEndpoint::None;
    let provider = fixture.provider();
    fixture.sign_in(&provider).await.unwrap();
    assert!(provider.end_session(&tokens, &back, "s").is_none());
    assert_eq!(provider.end_session_origin(), None);

    // As written, and whatever the metadata says, or while there is none.
    let url =
        "https://Login.example.com:8443/logout?client_id=a&logout_uri=https://app.example.com/%2f";
    fixture.settings.end_session = EndSessionEndpoint::Url(url.to_owned());
    for is_fetched in [false, true] {
        let provider = fixture.provider();
        if is_fetched {
            fixture.sign_in(&provider).await.unwrap();
        }
        match provider.end_session(&tokens, &back, "s") {
            Some(EndSession::Visit(visited)) => assert_eq!(visited, url),
            other => panic!("{other:?}"),
        }
        assert_eq!(
            provider.end_session_origin().as_deref(),
            Some("https://login.example.com:8443")
        );
    }
}
