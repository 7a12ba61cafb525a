//! The timeout of requests, and of whole refreshes.

use std::time::{Duration, Instant};

use portcullis_tests::lab::rogue_provider::{Endpoint, TokenSigner};
use portcullis_tests::lab::{ServerResponse as Response, SigningKey};
use serde_json::json;

use super::*;
use crate::provider::RefreshError;
use crate::provider::discovery::UNKNOWN_KEY_INTERVAL;
use crate::provider::error::TokenEndpointError;
use crate::provider::http::FetchError;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_token_endpoint_that_takes_two_seconds_is_waited_for() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let Authentication { tokens, user, .. } = fixture.sign_in(&provider).await.unwrap();
    // About fifteen hundred bytes.
    fixture.rogue.override_with(|overrides| {
        overrides
            .drips
            .insert(Endpoint::Token, Duration::from_millis(1));
    });
    let began = Instant::now();
    let refreshed = provider.refresh(&tokens, &user, now()).await.unwrap();
    assert!(began.elapsed() > SECOND, "{:?}", began.elapsed());
    assert_ne!(refreshed.tokens.refresh_token, tokens.refresh_token);

    // And by a sign-in.
    fixture.sign_in(&provider).await.unwrap();
}

#[tokio::test]
async fn a_refresh_has_one_budget_for_all_requests_and_loses_no_tokens() {
    let mut fixture = Fixture::new().await;
    fixture.settings.timeout = SECOND;
    let provider = fixture.provider();
    let Authentication { tokens, user, .. } = fixture.sign_in(&provider).await.unwrap();
    fixture.rogue.override_with(|overrides| {
        overrides.signer = TokenSigner::Key(SigningKey::p256());
        overrides.set_claims(json!({"groups": null}));
        for endpoint in [Endpoint::Discovery, Endpoint::Keys, Endpoint::UserInfo] {
            overrides.endpoints.insert(endpoint, Response::Silence);
        }
    });
    let began = Instant::now();
    // Metadata and keys are due too.
    let later = now().after(UNKNOWN_KEY_INTERVAL + Duration::from_secs(3600));
    let refreshed = provider.refresh(&tokens, &user, later).await.unwrap();
    let elapsed = began.elapsed();
    assert!(elapsed < 2 * SECOND, "{elapsed:?}");
    assert_ne!(refreshed.tokens.refresh_token, tokens.refresh_token);
    assert_eq!(refreshed.user, user);
}

#[tokio::test]
async fn a_refresh_without_cached_keys_has_the_same_budget() {
    let mut fixture = Fixture::new().await;
    fixture.settings.timeout = SECOND;
    let Authentication { tokens, user, .. } = fixture.sign_in(&fixture.provider()).await.unwrap();
    fixture.rogue.override_with(|overrides| {
        overrides
            .endpoints
            .insert(Endpoint::Discovery, Response::Silence);
    });
    let provider = fixture.provider();
    let began = Instant::now();
    let refused = provider.refresh(&tokens, &user, now()).await.unwrap_err();
    assert!(matches!(refused, RefreshError::Unavailable(_)), "{refused}");
    assert!(began.elapsed() < 2 * SECOND, "{:?}", began.elapsed());
    assert_eq!(fixture.rogue.requests(Endpoint::Token).len(), 1);
}

#[tokio::test]
async fn a_silent_token_endpoint_times_out_as_configured() {
    let mut fixture = Fixture::new().await;
    fixture.settings.timeout = SECOND;
    let provider = fixture.provider();
    let Authentication { tokens, user, .. } = fixture.sign_in(&provider).await.unwrap();
    fixture.rogue.override_with(|overrides| {
        overrides
            .endpoints
            .insert(Endpoint::Token, Response::Silence);
    });
    let began = Instant::now();
    let refused = provider.refresh(&tokens, &user, now()).await.unwrap_err();
    let timed_out = TokenEndpointError::Fetch(FetchError::Timeout);
    assert_eq!(refused, RefreshError::Unavailable(timed_out.into()));
    let elapsed = began.elapsed();
    assert!((SECOND..4 * SECOND).contains(&elapsed), "{elapsed:?}");
}
