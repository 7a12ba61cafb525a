//! A lost state file.

use super::*;

#[tokio::test]
async fn a_lost_state_file_revives_no_session() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let old = fixture.browser.clone();
    fixture.sign_out(at(100)).await;
    std::fs::remove_file(fixture.folder.file("state")).unwrap();
    fixture.restart(at(200));
    fixture.browser = old.clone();
    // The revocation is lost, so the provider is asked.
    assert_eq!(fixture.read(at(201)).await, Err(EndReason::Unverified));
    fixture.provider = FakeProvider::new(|_, _| Err(crate::session::RefreshFailure::Ended));
    assert_eq!(
        fixture.refresh(at(201)).await,
        Err(EndReason::RefreshRejected)
    );
    assert_eq!(fixture.provider.requests(), 1);
    fixture.browser = old;
    assert_eq!(fixture.refresh(at(202)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn after_a_lost_state_file_the_provider_confirms_sessions() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    std::fs::remove_file(fixture.folder.file("state")).unwrap();
    fixture.restart(at(200));
    fixture.refresh(at(201)).await.unwrap();
    assert_eq!(fixture.provider.requests(), 1);
    assert!(fixture.read(at(202)).await.is_ok());
    // It is asked once.
    fixture.refresh(at(501)).await.unwrap();
    assert_eq!(fixture.provider.requests(), 1);
}

#[tokio::test]
async fn after_a_lost_state_file_a_session_without_refresh_token_ends() {
    let mut fixture = Fixture::new();
    let mut signed_in = ada();
    signed_in.tokens.refresh_token = None;
    fixture.start_for(signed_in, at(0)).await;
    std::fs::remove_file(fixture.folder.file("state")).unwrap();
    fixture.restart(at(200));
    let (header, provider) = (fixture.browser.header(), Arc::clone(&fixture.provider));
    let (sessions, shown) = (fixture.sessions(), cookies(&header));
    let cookie = sessions.refresh_token_cookie(&shown, at(201), &provider);
    assert_eq!(reason(&cookie.await.unwrap_err()), EndReason::Unverified);
    assert_eq!(fixture.refresh(at(201)).await, Err(EndReason::Unverified));
    assert_eq!(fixture.provider.requests(), 0);
}
