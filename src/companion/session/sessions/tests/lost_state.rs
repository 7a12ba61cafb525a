//! A lost state file.

use super::*;

#[tokio::test]
async fn a_lost_state_file_revives_no_session() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let old = scene.browser.clone();
    scene.end(at(100)).await;
    std::fs::remove_file(scene.folder.file("state")).unwrap();
    scene.restart(at(200));
    scene.browser = old.clone();
    // The revocation is lost, so the provider is asked.
    assert_eq!(scene.read(at(201)).await, Err(EndReason::Unverified));
    scene.provider = FakeProvider::new(|_, _| Err(crate::session::RefreshFailure::Ended));
    assert_eq!(
        scene.refresh(at(201)).await,
        Err(EndReason::RefreshRejected)
    );
    assert_eq!(scene.provider.asked(), 1);
    scene.browser = old;
    assert_eq!(scene.refresh(at(202)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn after_a_lost_state_file_the_provider_confirms_sessions() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    std::fs::remove_file(scene.folder.file("state")).unwrap();
    scene.restart(at(200));
    scene.refresh(at(201)).await.unwrap();
    assert_eq!(scene.provider.asked(), 1);
    assert!(scene.read(at(202)).await.is_ok());
    // It is asked once.
    scene.refresh(at(501)).await.unwrap();
    assert_eq!(scene.provider.asked(), 1);
}

#[tokio::test]
async fn after_a_lost_state_file_a_session_without_refresh_token_ends() {
    let mut scene = Scene::new();
    let mut signed_in = ada();
    signed_in.tokens.refresh_token = None;
    scene.start_for(signed_in, at(0)).await;
    std::fs::remove_file(scene.folder.file("state")).unwrap();
    scene.restart(at(200));
    let (header, provider) = (scene.browser.header(), Arc::clone(&scene.provider));
    let (sessions, shown) = (scene.sessions(), cookies(&header));
    let cookie = sessions.refresh_token_cookie(&shown, at(201), &provider);
    assert_eq!(why(&cookie.await.unwrap_err()), EndReason::Unverified);
    assert_eq!(scene.refresh(at(201)).await, Err(EndReason::Unverified));
    assert_eq!(scene.provider.asked(), 0);
}
