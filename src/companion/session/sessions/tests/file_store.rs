//! Sessions in the file store.

use super::*;
use crate::provider::Secret;
use crate::session::record::RefreshFailure;

async fn token_cookie(fixture: &mut Fixture, now: Timestamp) -> Result<usize, NoSession> {
    let (header, provider) = (fixture.browser.header(), Arc::clone(&fixture.provider));
    let sessions = Arc::clone(fixture.sessions());
    let shown = cookies(&header);
    let active = sessions
        .refresh_token_cookie(&shown, now, &provider)
        .await?;
    fixture.browser.store(&active.set_cookies);
    Ok(active.set_cookies.len())
}

#[tokio::test]
async fn forward_auth_refreshes_at_the_provider_and_sets_one_cookie() {
    let mut fixture = Fixture::with_file();
    let session = fixture.start(at(0)).await;
    let ticket = fixture.browser.value(SEALED).unwrap().to_owned();
    for (now, requests) in [(3000, 0), (3599, 1), (7100, 1), (7300, 2)] {
        assert_eq!(
            token_cookie(&mut fixture, at(now)).await.unwrap(),
            1,
            "{now}"
        );
        assert_eq!(fixture.provider.requests(), requests, "{now}");
        assert!(fixture.is_accepted_by_filter(at(now)).await);
    }
    assert_eq!(
        fixture.browser.value(SEALED),
        Some(&*ticket),
        "the ticket is the same"
    );
    fixture.restart(at(7400));
    assert_eq!(fixture.read(at(7400)).await.unwrap().sid, session.sid);
    assert_eq!(token_cookie(&mut fixture, at(7400)).await.unwrap(), 1);
    assert_eq!(fixture.provider.redeemed(), ["refresh-0", "refresh-1"]);
}

#[tokio::test]
async fn a_session_ends_by_sign_out_idle_timeout_and_lifetime() {
    let mut fixture = Fixture::with_file();
    fixture.start(at(0)).await;
    let old = fixture.browser.clone();
    fixture.sign_out(at(100)).await;
    fixture.browser = old;
    assert!(!fixture.is_accepted_by_filter(at(101)).await);
    fixture.restart(at(200));
    assert_eq!(
        fixture.refresh(at(201)).await,
        Err(EndReason::RecordMissing)
    );
    assert!(!fixture.is_accepted_by_filter(at(201)).await);

    fixture.browser = Browser::default();
    fixture.start(at(300)).await;
    assert_eq!(
        fixture.refresh(at(300 + 3600)).await,
        Err(EndReason::IdleTimeout)
    );
}

#[tokio::test]
async fn a_session_that_its_provider_ends_is_revoked() {
    let mut fixture = Fixture::with_file();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    let old = fixture.browser.clone();
    fixture.provider = FakeProvider::new(|_, _| Err(RefreshFailure::Ended));
    assert_eq!(
        fixture.refresh(at(3600)).await,
        Err(EndReason::RefreshRejected)
    );
    fixture.browser = old;
    fixture.restart(at(3700));
    assert_eq!(fixture.refresh(at(3700)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn b06_a_sid_alone_ends_its_session_after_a_restart() {
    let mut fixture = Fixture::with_file();
    fixture.start(at(0)).await;
    fixture.restart(at(500));
    let logout = LogoutClaims {
        provider: "sso",
        sub: None,
        sid: Some("session at the provider"),
        jti: "one",
        until: at(1000),
    };
    let revoked = Ok(LogoutOutcome::Revoked { revocations: 1 });
    assert_eq!(fixture.log_out(&logout, at(600)).await, revoked);
    assert_eq!(fixture.read(at(601)).await, Err(EndReason::Revoked));
    fixture.restart(at(700));
    assert_eq!(
        fixture.log_out(&logout, at(700)).await,
        Ok(LogoutOutcome::Replayed)
    );
    assert!(!fixture.is_accepted_by_filter(at(299)).await);
}

#[tokio::test]
async fn a_lost_database_ends_all_sessions() {
    let mut fixture = Fixture::with_file();
    fixture.start(at(0)).await;
    fixture.sessions = None;
    std::fs::remove_file(fixture.folder.file("sessions")).unwrap();
    fixture.restart(at(100));
    assert_eq!(
        fixture.refresh(at(101)).await,
        Err(EndReason::RecordMissing)
    );
    assert_eq!(fixture.provider.requests(), 0);
}

/// Claims that no record has room for.
fn too_large() -> Authentication {
    let mut signed_in = ada();
    signed_in.tokens.id_token = Some(Secret::new("x".repeat(64 * 1024)));
    signed_in
}

#[tokio::test]
async fn a_session_that_is_too_large_for_a_record_does_not_start() {
    let fixture = Fixture::with_file();
    let sessions = fixture.sessions();
    let known = sessions.known_revocations(at(0)).await.unwrap();
    let cookies = cookies("");
    let started = sessions.start(&cookies, "sso", too_large(), "/", &known, at(0));
    assert_eq!(started.await.unwrap_err(), StartError::TooLarge);
}

#[tokio::test]
async fn a_session_that_a_refresh_makes_too_large_for_a_record_ends() {
    let mut fixture = Fixture::with_file();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    fixture.provider = FakeProvider::new(|_, _| Ok(too_large()));
    assert_eq!(
        fixture.refresh(at(3600)).await,
        Err(EndReason::RefreshRejected)
    );
    assert_eq!(fixture.provider.requests(), 1);
}
