//! How long sessions and their tokens last.

use super::*;
use crate::provider::Secret;

/// A sign-in whose provider tokens do not expire during the test.
fn long_lived() -> Authentication {
    let mut ada = ada();
    ada.tokens.expires_at = at(1_000_000).secs();
    ada
}

#[tokio::test]
async fn a_session_ends_with_its_lifetime_however_much_it_is_used() {
    let mut fixture = Fixture::new();
    fixture.start_for(long_lived(), at(0)).await;
    let end = 12 * 3600;
    for now in (300..end).step_by(300) {
        fixture.refresh(at(now)).await.unwrap();
    }
    assert!(fixture.read(at(end - 1)).await.is_ok());
    assert_eq!(
        fixture.read(at(end)).await,
        Err(EndReason::LifetimeExceeded)
    );
    assert_eq!(
        fixture.refresh(at(end)).await,
        Err(EndReason::LifetimeExceeded)
    );
    assert_eq!(fixture.browser.names(), ["__Host-portcullis-login-done"]);
}

#[tokio::test]
async fn an_unused_session_ends_after_the_idle_timeout() {
    let mut fixture = Fixture::new();
    fixture.start_for(long_lived(), at(0)).await;
    fixture.refresh(at(3599)).await.unwrap();
    assert!(fixture.read(at(3599 + 3599)).await.is_ok());
    assert_eq!(
        fixture.refresh(at(3599 + 3600)).await,
        Err(EndReason::IdleTimeout)
    );
}

#[tokio::test]
async fn a_later_session_token_counts_as_use_of_the_session() {
    let mut fixture = Fixture::new();
    fixture.start_for(long_lived(), at(0)).await;
    let sealed = fixture.browser.value(SEALED).unwrap().to_owned();
    fixture.refresh(at(3000)).await.unwrap();
    // As after forward auth: a new session token beside an old sealed session.
    fixture.browser.forget(SEALED);
    fixture.browser.add(SEALED, &sealed);
    assert!(fixture.refresh(at(6000)).await.is_ok());
    // The token of another session does not count: the two count as no session.
    let mut other = Fixture::new();
    other.keys = Arc::clone(&fixture.keys);
    other.restart(at(0));
    other.start_for(long_lived(), at(3000)).await;
    fixture.browser.forget(SEALED);
    fixture.browser.forget(TOKEN);
    fixture.browser.add(SEALED, &sealed);
    fixture
        .browser
        .add(TOKEN, other.browser.value(TOKEN).unwrap());
    assert_eq!(fixture.refresh(at(6000)).await, Err(EndReason::Ambiguous));
}

#[tokio::test]
async fn a_longer_configured_lifetime_revives_no_session() {
    let mut fixture = Fixture::with(|settings| settings.lifetime = Duration::from_secs(3600));
    fixture.start_for(long_lived(), at(0)).await;
    fixture.settings.lifetime = Duration::from_secs(36_000);
    fixture.settings.idle = Duration::from_secs(36_000);
    fixture.restart(at(10));
    assert_eq!(
        fixture.refresh(at(3600)).await,
        Err(EndReason::LifetimeExceeded)
    );
}

#[tokio::test]
async fn a_shorter_configured_lifetime_ends_older_sessions() {
    let mut fixture = Fixture::new();
    fixture.start_for(long_lived(), at(0)).await;
    fixture.settings.lifetime = Duration::from_secs(600);
    fixture.restart(at(10));
    assert!(fixture.read(at(599)).await.is_ok());
    assert_eq!(
        fixture.read(at(600)).await,
        Err(EndReason::LifetimeExceeded)
    );
}

#[tokio::test]
async fn a_session_token_never_outlasts_its_session_or_the_providers_tokens() {
    async fn ends(fixture: &Fixture) -> Timestamp {
        let keys = fixture.keys.load();
        let token = fixture.browser.value(TOKEN).unwrap();
        keys.verify_token(URL, token).unwrap().expires_at
    }
    let mut fixture = Fixture::new();
    fixture.start_for(long_lived(), at(0)).await;
    assert_eq!(ends(&fixture).await, at(300));

    let mut ada = ada();
    ada.tokens.expires_at = at(100).secs();
    fixture.start_for(ada, at(0)).await;
    assert_eq!(ends(&fixture).await, at(100));

    // A token that expires at once would make the filter refresh with every request.
    let mut ada = super::ada();
    ada.tokens.expires_at = at(1).secs();
    fixture.start_for(ada, at(0)).await;
    assert_eq!(ends(&fixture).await, at(30));

    let mut fixture = Fixture::with(|settings| settings.lifetime = Duration::from_secs(200));
    fixture.start_for(long_lived(), at(0)).await;
    assert_eq!(ends(&fixture).await, at(200));
}

#[tokio::test]
async fn without_a_refresh_token_a_session_ends_with_the_providers_tokens() {
    let mut fixture = Fixture::new();
    let mut ada = ada();
    ada.tokens.refresh_token = None::<Secret>;
    ada.tokens.expires_at = at(1000).secs();
    fixture.start_for(ada, at(0)).await;
    assert!(fixture.refresh(at(900)).await.is_ok());
    assert_eq!(
        fixture.refresh(at(1000)).await,
        Err(EndReason::ProviderTokenExpired)
    );
    assert_eq!(fixture.provider.requests(), 0);
}
