use std::collections::HashMap;
use std::time::Duration;

use portcullis_tests::lab::rogue_provider::{Endpoint, Overrides};

use super::*;
use crate::provider::callback::CallbackError;
use crate::provider::error::{ErrorCategory, ErrorCode, TokenEndpointError};
use crate::provider::signed_jwt::JwtError;

#[tokio::test]
async fn a_sign_in_returns_the_claims_of_the_provider() {
    let fixture = Fixture::new().await;
    let signed_in = fixture.sign_in(&fixture.provider()).await.unwrap();
    let user = signed_in.user;
    assert_eq!(user.sub, "alice");
    assert_eq!(user.email.as_deref(), Some("alice@example.com"));
    assert!(user.email_verified);
    assert_eq!(user.groups, ["sre", "dev"]);
    assert_eq!(user.preferred_username.as_deref(), Some("alice"));
    let tokens = signed_in.tokens;
    assert_eq!(tokens.sid.as_deref(), Some("session-1"));
    assert!(tokens.refresh_token.is_some());
    assert!(!tokens.have_expired(now()));
    assert!(tokens.have_expired(now().after(Duration::from_secs(3600))));
}

#[tokio::test]
async fn r01_each_attempt_has_a_state_a_nonce_and_an_s256_challenge_of_its_own() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (url, attempt) = provider
            .begin(&redirect_uri(), &state(), now())
            .await
            .unwrap();
        let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["redirect_uri"], redirect_uri().as_str());
        assert_eq!(asked["scope"], "openid email profile");
        assert!((43..=128).contains(&attempt.verifier.expose().len()));
        // 128 bits take 22 characters of base64url.
        assert!(asked["state"].len() >= 22 && asked["nonce"].len() >= 22);
        assert!(
            attempt.has_state(&Secret::new(asked["state"].clone()))
                && attempt.nonce.is(&asked["nonce"])
        );
        assert!(!url.as_str().contains(attempt.verifier.expose()));
        seen.extend(["state", "nonce", "code_challenge"].map(|name| asked[name].clone()));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6);
}

#[tokio::test]
async fn r02_only_a_fresh_attempt_of_this_browser_and_provider_reaches_the_token_endpoint() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let (url, attempt) = provider
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap();
    let (_, other) = provider
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap();
    let back = fixture.rogue.authorize(url.as_str());
    let of_query = |query: &str| Callback::from_query(query).unwrap();
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);

    let mut elsewhere = attempt.clone();
    elsewhere.provider = "other".to_owned();
    let without_state = back.split('&').filter(|pair| !pair.starts_with("state"));
    let without_state = without_state.collect::<Vec<_>>().join("&");
    for (attempt, back, at, error) in [
        (&other, &back, now(), CallbackError::State),
        (&attempt, &without_state, now(), CallbackError::State),
        (
            &attempt,
            &back.replace("state=", "state=x"),
            now(),
            CallbackError::State,
        ),
        (&elsewhere, &back, now(), CallbackError::OtherProvider),
        (
            &attempt,
            &back,
            now().after(minutes(11)),
            CallbackError::Expired,
        ),
        (
            &attempt,
            &back,
            now().before(minutes(11)),
            CallbackError::Expired,
        ),
    ] {
        let refused = provider
            .finish(&redirect_uri(), attempt, &of_query(back), at)
            .await;
        assert_eq!(refused.unwrap_err(), ProviderError::Callback(error));
    }
    assert!(fixture.rogue.requests(Endpoint::Token).is_empty());
    let good = provider
        .finish(&redirect_uri(), &attempt, &of_query(&back), now())
        .await;
    assert!(good.is_ok());
}

#[tokio::test]
async fn r02_a_replayed_code_is_rejected_as_a_stale_attempt() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let (url, attempt) = provider
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap();
    let callback = Callback::from_query(&fixture.rogue.authorize(url.as_str())).unwrap();
    provider
        .finish(&redirect_uri(), &attempt, &callback, now())
        .await
        .unwrap();
    let again = provider
        .finish(&redirect_uri(), &attempt, &callback, now())
        .await
        .unwrap_err();
    assert_eq!(
        again,
        TokenEndpointError::Refused(ErrorCode::new("invalid_grant")).into()
    );
    assert_eq!(again.category(), ErrorCategory::StaleAttempt);
}

#[tokio::test]
async fn r01_the_verifier_of_another_attempt_is_rejected() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let (url, mut attempt) = provider
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap();
    let (_, other) = provider
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap();
    attempt.verifier = other.verifier;
    let refused = fixture
        .complete(&provider, &url, &attempt)
        .await
        .unwrap_err();
    assert_eq!(
        refused,
        TokenEndpointError::Refused(ErrorCode::new("invalid_grant")).into()
    );
}

#[tokio::test]
async fn r03_a_code_of_another_attempt_fails_by_its_nonce() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let (url, mut attempt) = provider
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap();
    let (_, other) = provider
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap();
    attempt.nonce = other.nonce;
    let refused = fixture
        .complete(&provider, &url, &attempt)
        .await
        .unwrap_err();
    assert_eq!(refused, ProviderError::IdToken(JwtError::Nonce));
}

fn drop_pair(name: &'static str) -> impl Fn(Vec<(String, String)>) -> Vec<(String, String)> {
    move |mut pairs| {
        pairs.retain(|(other, _)| other != name);
        pairs
    }
}

fn put_pair(
    name: &'static str,
    value: &'static str,
) -> impl Fn(Vec<(String, String)>) -> Vec<(String, String)> {
    move |pairs| {
        let mut pairs = drop_pair(name)(pairs);
        pairs.push((name.to_owned(), value.to_owned()));
        pairs
    }
}

#[tokio::test]
async fn r04_iss_must_match_and_is_required_where_metadata_says_so() {
    let fixture = Fixture::new().await;
    let is_error = |pairs| put_pair("error", "access_denied")(drop_pair("code")(pairs));
    type SetOverrides = Box<dyn FnOnce(&mut Overrides)>;
    let overrides: Vec<(SetOverrides, CallbackError)> = vec![
        (
            Box::new(|overrides| overrides.callback = Box::new(drop_pair("iss"))),
            CallbackError::IssuerMissing,
        ),
        (
            Box::new(move |overrides| {
                overrides.callback = Box::new(move |pairs| is_error(drop_pair("iss")(pairs)));
            }),
            CallbackError::IssuerMissing,
        ),
        (
            Box::new(|overrides| {
                overrides.callback = Box::new(put_pair("iss", "https://evil.example"))
            }),
            CallbackError::Issuer,
        ),
        (
            Box::new(move |overrides| {
                overrides.callback =
                    Box::new(move |pairs| is_error(put_pair("iss", "https://evil.example")(pairs)));
            }),
            CallbackError::Issuer,
        ),
        (
            Box::new(|overrides| {
                overrides.set_metadata(serde_json::json!({
                    "authorization_response_iss_parameter_supported": null,
                }));
                overrides.callback = Box::new(put_pair("iss", "https://evil.example"));
            }),
            CallbackError::Issuer,
        ),
        (
            Box::new(move |overrides| overrides.callback = Box::new(is_error)),
            CallbackError::Denied(ErrorCode::new("access_denied")),
        ),
    ];
    for (set, error) in overrides {
        let refused = fixture.sign_in_with_overrides(set).await.unwrap_err();
        assert_eq!(refused, ProviderError::Callback(error));
    }
    assert!(fixture.rogue.requests(Endpoint::Token).is_empty());
    let silent = fixture.sign_in_with_overrides(|overrides| {
        overrides.set_metadata(serde_json::json!({
            "authorization_response_iss_parameter_supported": false,
        }));
        overrides.callback = Box::new(drop_pair("iss"));
    });
    assert!(silent.await.is_ok());
}

#[tokio::test]
async fn r04_two_providers_can_t_be_mixed_up() {
    let (honest, evil) = (Fixture::new().await, Fixture::new().await);
    let (at_honest, at_evil) = (honest.provider(), evil.provider());
    // The browser began with the evil provider, which redirected it to the honest one.
    let at_evil_state = state();
    let begun = at_evil.begin(&redirect_uri(), &at_evil_state, now()).await;
    let (_, attempt) = begun.unwrap();
    let (url, _) = at_honest
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap();
    let mut back = honest.rogue.authorize(url.as_str());
    let state = back
        .split('&')
        .find(|pair| pair.starts_with("state="))
        .unwrap()
        .to_owned();
    back = back.replace(&state, &format!("state={}", at_evil_state.expose()));
    let callback = Callback::from_query(&back).unwrap();
    let refused = at_evil
        .finish(&redirect_uri(), &attempt, &callback, now())
        .await;
    assert_eq!(refused.unwrap_err(), CallbackError::Issuer.into());
    assert!(evil.rogue.requests(Endpoint::Token).is_empty());
}

#[tokio::test]
async fn r15_debug_output_reveals_no_secret() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let state = state();
    let begun = provider.begin(&redirect_uri(), &state, now()).await;
    let (url, attempt) = begun.unwrap();
    let callback = Callback::from_query(&fixture.rogue.authorize(url.as_str())).unwrap();
    let printed = format!("{attempt:?} {callback:?}");
    let signed_in = provider
        .finish(&redirect_uri(), &attempt, &callback, now())
        .await
        .unwrap();
    let printed = format!("{printed} {:?} {provider:?}", signed_in.tokens);
    let tokens = &signed_in.tokens;
    let secrets = [&state, &attempt.nonce, &attempt.verifier, &tokens.nonce];
    let kept = [&tokens.id_token, &tokens.refresh_token].map(|token| token.as_ref().unwrap());
    for secret in secrets.into_iter().chain(kept) {
        assert!(!printed.contains(secret.expose()), "{printed}");
    }
    for text in ["code-", RogueProvider::CLIENT_SECRET] {
        assert!(!printed.contains(text), "{printed}");
    }
}
