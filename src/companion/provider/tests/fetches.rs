//! When metadata and keys are fetched.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use portcullis_tests::lab::rogue_provider::Endpoint;
use portcullis_tests::lab::{ServerResponse as Response, SigningKey};
use serde_json::json;
use tokio::task::JoinSet;

use super::*;
use crate::provider::error::{DiscoveryError, ErrorCategory, KeySetError};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn a_provider_that_is_down_at_the_start_is_asked_again_after_a_pause() {
    let mut fixture = Fixture::down();
    let provider = fixture.provider();
    let start = now();
    let unread = ProviderError::Discovery(DiscoveryError::NotFetched);
    assert_eq!(provider.ready(start).unwrap_err(), unread);
    for _ in 0..3 {
        let refused = provider
            .begin(&redirect_uri(), &state(), start)
            .await
            .unwrap_err();
        assert_eq!(refused.category(), ErrorCategory::Unreachable);
        assert_eq!(provider.ready(start).unwrap_err(), refused);
    }
    fixture.rogue.up().await;
    // During the back-off there is no request.
    assert!(
        provider
            .begin(&redirect_uri(), &state(), start)
            .await
            .is_err()
    );
    assert!(fixture.rogue.requests(Endpoint::Discovery).is_empty());
    let later = start.after(Duration::from_secs(1));
    assert!(
        provider
            .begin(&redirect_uri(), &state(), later)
            .await
            .is_ok()
    );
    assert!(provider.ready(later).is_ok());
}

#[tokio::test]
async fn metadata_is_fetched_each_hour_and_keys_each_five_minutes() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let start = now();
    let minutes = |minutes: u64| start.after(Duration::from_secs(60 * minutes));
    for (at, discoveries, sets) in [
        (0, 1, 1),
        (4, 1, 1),
        (5, 1, 2),
        (9, 1, 2),
        (10, 1, 3),
        (60, 2, 4),
        (64, 2, 4),
    ] {
        provider
            .begin(&redirect_uri(), &state(), minutes(at))
            .await
            .unwrap();
        let asked = [Endpoint::Discovery, Endpoint::Keys]
            .map(|endpoint| fixture.rogue.requests(endpoint).len());
        assert_eq!(asked, [discoveries, sets], "after {at} minutes");
    }
}

#[tokio::test]
async fn keys_that_could_not_be_fetched_for_a_day_are_not_trusted() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let start = now();
    provider
        .begin(&redirect_uri(), &state(), start)
        .await
        .unwrap();
    fixture.rogue.override_with(|overrides| {
        overrides
            .endpoints
            .insert(Endpoint::Keys, Response::status(503));
    });
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(
        provider
            .begin(&redirect_uri(), &state(), start.after(day))
            .await
            .is_ok()
    );
    let later = start.after(day + Duration::from_secs(60));
    let refused = provider
        .begin(&redirect_uri(), &state(), later)
        .await
        .unwrap_err();
    assert_eq!(refused, KeySetError::Stale.into());
    fixture.rogue.reset();
    let later = later.after(Duration::from_secs(60));
    assert!(
        provider
            .begin(&redirect_uri(), &state(), later)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn d03_a_key_set_that_moved_is_found_through_discovery() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let start = now();
    fixture.rogue.override_with(|overrides| {
        overrides.set_metadata(json!({"jwks_uri": format!("{}/gone", fixture.rogue.issuer())}));
    });
    assert!(
        provider
            .begin(&redirect_uri(), &state(), start)
            .await
            .is_err()
    );
    fixture.rogue.reset();
    let later = start.after(Duration::from_secs(1));
    assert!(
        provider
            .begin(&redirect_uri(), &state(), later)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn b07_a_flood_of_unknown_keys_causes_one_fetch_in_ten_seconds() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let start = now();
    provider
        .begin(&redirect_uri(), &state(), start)
        .await
        .unwrap();
    fixture.rogue.override_with(|overrides| {
        overrides.signer = portcullis_tests::lab::rogue_provider::TokenSigner::Key(
            portcullis_tests::lab::SigningKey::p256(),
        );
    });
    let flood = |at| {
        let (fixture, provider) = (&fixture, &provider);
        async move {
            for _ in 0..5 {
                let token = fixture.rogue.logout_token(|token| token);
                assert!(provider.logout_token(&token, at).await.is_err());
            }
        }
    };
    flood(start.after(Duration::from_secs(9))).await;
    assert_eq!(fixture.rogue.requests(Endpoint::Keys).len(), 1);
    flood(start.after(Duration::from_secs(11))).await;
    flood(start.after(Duration::from_secs(15))).await;
    assert_eq!(fixture.rogue.requests(Endpoint::Keys).len(), 2);
}

#[tokio::test]
async fn a_client_that_disconnects_does_not_cancel_a_fetch() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let start = now();
    provider
        .begin(&redirect_uri(), &state(), start)
        .await
        .unwrap();
    fixture.rogue.override_with(|overrides| {
        overrides.sign_with(&SigningKey::p256());
    });
    let token = fixture.rogue.logout_token(|token| token);
    let later = start.after(UNKNOWN_KEY_INTERVAL);
    let mut verified = Box::pin(provider.logout_token(&token, later));
    let begins = poll_fn(|context| Poll::Ready(verified.as_mut().poll(context)));
    assert!(begins.await.is_pending());
    drop(verified);
    let later = later.after(Duration::from_secs(1));
    assert!(provider.logout_token(&token, later).await.is_ok());
    assert_eq!(fixture.rogue.requests(Endpoint::Keys).len(), 2);
}

#[tokio::test]
async fn a_key_that_is_unknown_shortly_after_a_fetch_is_a_transient_error() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    let Authentication { tokens, user, .. } = fixture.sign_in(&provider).await.unwrap();
    // A token with an unknown key causes a fetch.
    let forged = fixture
        .rogue
        .logout_token(|token| token.header("kid", json!("forged")));
    assert!(provider.logout_token(&forged, now()).await.is_err());
    assert_eq!(fixture.rogue.requests(Endpoint::Keys).len(), 2);
    // Then the provider rotates its key.
    fixture.rogue.override_with(|overrides| {
        overrides.sign_with(&SigningKey::p256());
    });
    let refused = fixture.sign_in(&provider).await.unwrap_err();
    assert_eq!(refused, KeySetError::NotFetchedAgain.into());
    assert_eq!(refused.category(), ErrorCategory::Unreachable);
    let refreshed = provider.refresh(&tokens, &user, now()).await.unwrap();
    assert_eq!(refreshed.user.sub, user.sub);
    assert_eq!(refreshed.tokens.id_token, tokens.id_token);
    assert_eq!(fixture.rogue.requests(Endpoint::Keys).len(), 2);
}

#[tokio::test]
async fn concurrent_first_requests_wait_for_one_fetch() {
    let fixture = Fixture::new().await;
    let provider = Arc::new(fixture.provider());
    let mut crowd = JoinSet::new();
    for _ in 0..20 {
        let provider = Arc::clone(&provider);
        crowd.spawn(async move {
            provider
                .begin(&redirect_uri(), &state(), now())
                .await
                .is_ok()
        });
    }
    assert!(crowd.join_all().await.into_iter().all(|began| began));
    assert_eq!(fixture.rogue.requests(Endpoint::Discovery).len(), 1);
    assert_eq!(fixture.rogue.requests(Endpoint::Keys).len(), 1);
}

#[tokio::test]
async fn cached_documents_are_refetched_in_the_background() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    provider
        .begin(&redirect_uri(), &state(), now())
        .await
        .unwrap();
    fixture.rogue.override_with(|overrides| {
        overrides
            .endpoints
            .insert(Endpoint::Discovery, Response::Silence);
    });
    let later = now().after(HOUR);
    let back = redirect_uri();
    let oauth_state = state();
    let (reads, continues) = (
        provider.begin(&back, &oauth_state, later),
        provider.begin(&back, &oauth_state, later),
    );
    tokio::select! {
        biased;
        _ = reads => panic!("the provider is silent"),
        began = continues => assert!(began.is_ok()),
    }
}

#[tokio::test]
async fn keep_fresh_finds_that_the_provider_is_up() {
    let fixture = Fixture::new().await;
    let provider = fixture.provider();
    tokio::select! {
        () = provider.keep_fresh(now) => unreachable!(),
        () = async {
            while provider.ready(now()).is_err() {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    assert_eq!(fixture.rogue.requests(Endpoint::Discovery).len(), 1);
}
