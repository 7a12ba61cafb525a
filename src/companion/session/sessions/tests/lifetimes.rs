//! How long sessions and their tokens last.

use super::*;
use crate::provider::Secret;

/// A sign-in whose provider tokens outlast everything.
fn for_ever() -> Authentication {
    let mut ada = ada();
    ada.tokens.expires_at = at(1_000_000).secs();
    ada
}

#[tokio::test]
async fn a_session_ends_with_its_lifetime_however_much_it_is_used() {
    let mut scene = Scene::new();
    scene.start_for(for_ever(), at(0)).await;
    let end = 12 * 3600;
    for now in (300..end).step_by(300) {
        scene.refresh(at(now)).await.unwrap();
    }
    assert!(scene.read(at(end - 1)).await.is_ok());
    assert_eq!(scene.read(at(end)).await, Err(EndReason::LifetimeExceeded));
    assert_eq!(
        scene.refresh(at(end)).await,
        Err(EndReason::LifetimeExceeded)
    );
    assert_eq!(scene.browser.names(), ["__Secure-portcullis-login-done"]);
}

#[tokio::test]
async fn an_unused_session_ends_after_the_idle_timeout() {
    let mut scene = Scene::new();
    scene.start_for(for_ever(), at(0)).await;
    scene.refresh(at(3599)).await.unwrap();
    assert!(scene.read(at(3599 + 3599)).await.is_ok());
    assert_eq!(
        scene.refresh(at(3599 + 3600)).await,
        Err(EndReason::IdleTimeout)
    );
}

#[tokio::test]
async fn a_later_session_token_counts_as_use_of_the_session() {
    let mut scene = Scene::new();
    scene.start_for(for_ever(), at(0)).await;
    let sealed = scene.browser.value(SEALED).unwrap().to_owned();
    scene.refresh(at(3000)).await.unwrap();
    // As after forward auth: a new session token beside an old sealed session.
    scene.browser.forget(SEALED);
    scene.browser.has(SEALED, &sealed);
    assert!(scene.refresh(at(6000)).await.is_ok());
    // The token of another session does not count.
    let mut other = Scene::new();
    other.keys = Arc::clone(&scene.keys);
    other.restart(at(0));
    other.start_for(for_ever(), at(3000)).await;
    scene.browser.forget(SEALED);
    scene.browser.forget(TOKEN);
    scene.browser.has(SEALED, &sealed);
    scene
        .browser
        .has(TOKEN, other.browser.value(TOKEN).unwrap());
    assert_eq!(scene.refresh(at(6000)).await, Err(EndReason::IdleTimeout));
}

#[tokio::test]
async fn a_longer_configured_lifetime_revives_no_session() {
    let mut scene = Scene::with(|settings| settings.lifetime = Duration::from_secs(3600));
    scene.start_for(for_ever(), at(0)).await;
    scene.settings.lifetime = Duration::from_secs(36_000);
    scene.settings.idle = Duration::from_secs(36_000);
    scene.restart(at(10));
    assert_eq!(
        scene.refresh(at(3600)).await,
        Err(EndReason::LifetimeExceeded)
    );
}

#[tokio::test]
async fn a_shorter_configured_lifetime_ends_older_sessions() {
    let mut scene = Scene::new();
    scene.start_for(for_ever(), at(0)).await;
    scene.settings.lifetime = Duration::from_secs(600);
    scene.restart(at(10));
    assert!(scene.read(at(599)).await.is_ok());
    assert_eq!(scene.read(at(600)).await, Err(EndReason::LifetimeExceeded));
}

#[tokio::test]
async fn a_session_token_never_outlasts_its_session_or_the_providers_tokens() {
    async fn ends(scene: &Scene) -> Timestamp {
        let keys = scene.keys.load();
        let token = scene.browser.value(TOKEN).unwrap();
        keys.read(URL, token).unwrap().expires_at
    }
    let mut scene = Scene::new();
    scene.start_for(for_ever(), at(0)).await;
    assert_eq!(ends(&scene).await, at(300));

    let mut ada = ada();
    ada.tokens.expires_at = at(100).secs();
    scene.start_for(ada, at(0)).await;
    assert_eq!(ends(&scene).await, at(100));

    // A token that expires at once would make the filter refresh with every request.
    let mut ada = super::ada();
    ada.tokens.expires_at = at(1).secs();
    scene.start_for(ada, at(0)).await;
    assert_eq!(ends(&scene).await, at(30));

    let mut scene = Scene::with(|settings| settings.lifetime = Duration::from_secs(200));
    scene.start_for(for_ever(), at(0)).await;
    assert_eq!(ends(&scene).await, at(200));
}

#[tokio::test]
async fn without_a_refresh_token_a_session_ends_with_the_providers_tokens() {
    let mut scene = Scene::new();
    let mut ada = ada();
    ada.tokens.refresh_token = None::<Secret>;
    ada.tokens.expires_at = at(1000).secs();
    scene.start_for(ada, at(0)).await;
    assert!(scene.refresh(at(900)).await.is_ok());
    assert_eq!(
        scene.refresh(at(1000)).await,
        Err(EndReason::ProviderTokenExpired)
    );
    assert_eq!(scene.provider.asked(), 0);
}
