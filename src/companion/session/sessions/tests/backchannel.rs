//! Back-channel logout.

use super::*;
use crate::session::outcome::LogoutOutcome;
use crate::session::sessions::LogoutClaims;

pub(super) fn logout(jti: &str) -> LogoutClaims<'_> {
    LogoutClaims {
        idp: "sso",
        sub: None,
        sid: None,
        jti,
        until: at(100_000),
    }
}

#[tokio::test]
async fn a_sign_in_within_the_same_second_as_a_logout_counts() {
    let mut fixture = Fixture::new();
    fixture.start(at(100)).await;
    let logout = LogoutClaims {
        sub: Some("ada"),
        ..logout("one")
    };
    let logged_out = fixture
        .sessions()
        .backchannel_logout(&logout, at(100))
        .await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert_eq!(fixture.read(at(100)).await, Err(EndReason::Revoked));
    fixture.start(at(100)).await;
    assert!(fixture.read(at(100)).await.is_ok());
    assert!(fixture.passes_a_filter(at(100)).await);
}

#[tokio::test]
async fn b06_a_logout_of_a_person_ends_their_sessions_only() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let mut second = beside(&fixture);
    second.start(at(10)).await;
    let mut bob = beside(&fixture);
    let mut signed_in = ada();
    signed_in.person.sub = "bob".to_owned();
    bob.start_for(signed_in, at(0)).await;
    let logout = LogoutClaims {
        sub: Some("ada"),
        ..logout("one")
    };
    fixture
        .sessions()
        .backchannel_logout(&logout, at(100))
        .await
        .unwrap();
    for ada in [&fixture, &second] {
        assert!(!ada.passes_a_filter(at(101)).await);
        assert_eq!(ada.read(at(101)).await, Err(EndReason::Revoked));
    }
    assert!(bob.passes_a_filter(at(101)).await);
    assert!(bob.read(at(101)).await.is_ok());
}

#[tokio::test]
async fn b06_a_logout_of_another_provider_ends_nothing_here() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let sid = Some("session at the provider");
    let logout = LogoutClaims {
        idp: "other",
        sub: Some("ada"),
        sid,
        ..logout("one")
    };
    fixture
        .sessions()
        .backchannel_logout(&logout, at(1000))
        .await
        .unwrap();
    assert!(fixture.read(at(1001)).await.is_ok());
}

#[tokio::test]
async fn b06_a_logout_of_one_session_ends_no_other() {
    let mut fixture = Fixture::new();
    let mut other = beside(&fixture);
    for (fixture, sid) in [(&mut fixture, "one"), (&mut other, "two")] {
        let mut ada = ada();
        ada.tokens.sid = Some(sid.to_owned());
        fixture.start_for(ada, at(1000)).await;
    }
    let logout = LogoutClaims {
        sub: Some("ada"),
        sid: Some("one"),
        ..logout("one")
    };
    let logged_out = fixture
        .sessions()
        .backchannel_logout(&logout, at(1100))
        .await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert!(!fixture.passes_a_filter(at(1101)).await);
    assert_eq!(fixture.refresh(at(1101)).await, Err(EndReason::Revoked));
    assert!(other.passes_a_filter(at(1101)).await);
    assert!(other.refresh(at(1101)).await.is_ok());
}

#[tokio::test]
async fn b06_after_a_restart_a_logout_ends_all_sessions_of_the_person() {
    let mut fixture = Fixture::new();
    fixture.start(at(1000)).await;
    let sid = Some("session at the provider");
    // Its session token is still valid, and no longer recorded.
    fixture.restart(at(1100));
    let logout_one = LogoutClaims {
        sub: Some("ada"),
        sid,
        ..logout("one")
    };
    let logged_out = fixture
        .sessions()
        .backchannel_logout(&logout_one, at(1101))
        .await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert!(!fixture.passes_a_filter(at(1102)).await);
    assert_eq!(fixture.refresh(at(1102)).await, Err(EndReason::Revoked));

    // If the logout token names no person, the session ends when its session token expires.
    fixture.start(at(1200)).await;
    fixture.restart(at(1201));
    let logout_two = LogoutClaims {
        sid,
        ..logout("two")
    };
    let logged_out = fixture
        .sessions()
        .backchannel_logout(&logout_two, at(1202))
        .await;
    assert_eq!(logged_out, Ok(LogoutOutcome::UnknownSession));
    assert_eq!(fixture.refresh(at(1203)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn b05_a_logout_of_an_unknown_session_ends_nothing() {
    let mut fixture = Fixture::new();
    fixture.start(at(1000)).await;
    let logout = LogoutClaims {
        sub: Some("ada"),
        sid: Some("another"),
        ..logout("one")
    };
    let logged_out = fixture
        .sessions()
        .backchannel_logout(&logout, at(1100))
        .await;
    assert_eq!(logged_out, Ok(LogoutOutcome::UnknownSession));
    assert!(fixture.passes_a_filter(at(1101)).await);
    assert!(fixture.refresh(at(1101)).await.is_ok());
}

#[tokio::test]
async fn b04_a_replayed_logout_token_ends_no_later_session() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let logout = LogoutClaims {
        sub: Some("ada"),
        ..logout("one")
    };
    fixture
        .sessions()
        .backchannel_logout(&logout, at(100))
        .await
        .unwrap();
    fixture.start(at(200)).await;
    fixture.restart(at(210));
    let again = fixture
        .sessions()
        .backchannel_logout(&logout, at(220))
        .await;
    assert_eq!(again, Ok(LogoutOutcome::Replayed));
    assert!(fixture.read(at(221)).await.is_ok());
    // The same `jti` of another provider is another token.
    let logout = LogoutClaims {
        idp: "other",
        ..logout
    };
    assert_ne!(
        fixture
            .sessions()
            .backchannel_logout(&logout, at(220))
            .await,
        Ok(LogoutOutcome::Replayed)
    );
}

#[tokio::test]
async fn revocations_reveal_nobody() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.end(at(100)).await;
    let sid = Some("session at the provider");
    let logout_one = LogoutClaims {
        sub: Some("ada"),
        ..logout("a jti")
    };
    fixture
        .sessions()
        .backchannel_logout(&logout_one, at(100))
        .await
        .unwrap();
    let logout_two = LogoutClaims {
        sub: Some("ada"),
        sid,
        ..logout("another")
    };
    fixture
        .sessions()
        .backchannel_logout(&logout_two, at(100))
        .await
        .unwrap();
    let list = fixture.sessions().revocations_json(at(101)).await.unwrap();
    for word in ["ada", "sso", "provider", "jti"] {
        assert!(!list.contains(word), "{list}");
    }
}

#[tokio::test]
async fn b06_a_session_that_its_provider_ended_during_the_code_exchange_does_not_begin() {
    let fixture = Fixture::new();
    let sid = Some("session at the provider");
    let logout_one = LogoutClaims {
        sid,
        ..logout("one")
    };
    // The callback came at 1000, and the logout during the code exchange.
    fixture
        .sessions()
        .backchannel_logout(&logout_one, at(1002))
        .await
        .unwrap();
    let (sessions, nothing) = (fixture.sessions(), cookies(""));
    let started = sessions.start(&nothing, "sso", ada(), "/", at(1000));
    assert_eq!(started.await.unwrap_err(), StartError::EndedAtProvider);
    let later = sessions.start(&nothing, "sso", ada(), "/", at(1003));
    later.await.unwrap();
}

/// A logout of Ada's session at the provider.
fn logout_of_adas(jti: &str) -> LogoutClaims<'_> {
    LogoutClaims {
        sid: Some("session at the provider"),
        ..logout(jti)
    }
}

#[tokio::test]
async fn b06_a_session_that_its_provider_ends_during_a_refresh_gets_no_token() {
    let mut fixture = Fixture::new();
    // The session is not recorded here, and the revocations were loaded before the logout.
    let mut elsewhere = Fixture::new();
    elsewhere.keys = Arc::clone(&fixture.keys);
    elsewhere.restart(at(0));
    let session = elsewhere.start(at(0)).await;
    fixture.restart(at(0));
    let (sessions, nothing) = (fixture.sessions(), cookies(""));
    let ended = sessions
        .backchannel_logout(&logout_of_adas("one"), at(1000))
        .await;
    assert_eq!(ended, Ok(LogoutOutcome::UnknownSession));
    let put = sessions.token_cookies(&nothing, &session, at(999)).await;
    assert_eq!(why(&put.unwrap_err()), EndReason::Revoked);
    // A sign-in reports that.
    let no = NoSession::from(EndReason::Revoked);
    assert_eq!(StartError::from(no), StartError::EndedAtProvider);
}

#[test]
fn b06_a_session_that_begins_during_a_logout_ends_too() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // Files are written on blocking threads. There is one in this test, and it is kept busy.
    let runtime = runtime.enable_all().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let mut fixture = Fixture::new();
        let mut late = beside(&fixture);
        fixture.start(at(400)).await;
        let sessions = Arc::clone(fixture.sessions());
        let logout = logout_of_adas("one");
        let (disk, busy) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || busy.recv());
        let mut ending = Box::pin(sessions.backchannel_logout(&logout, at(1000)));
        // It has looked up the sessions, and waits for the disk.
        let waits = tokio::time::timeout(Duration::ZERO, &mut ending).await;
        assert!(waits.is_err());
        late.start(at(1000)).await;
        assert!(late.passes_a_filter(at(1000)).await);
        drop(disk);
        assert_eq!(ending.await, Ok(LogoutOutcome::Revoked { revocations: 2 }));
        for fixture in [&fixture, &late] {
            assert!(!fixture.passes_a_filter(at(1001)).await);
            assert_eq!(fixture.read(at(1001)).await, Err(EndReason::Revoked));
        }
    });
}

#[tokio::test]
async fn b06_a_logout_of_an_unknown_sid_ends_the_persons_sessions_without_sid() {
    let mut fixture = Fixture::new();
    let mut bob = beside(&fixture);
    for (fixture, sub) in [(&mut fixture, "ada"), (&mut bob, "bob")] {
        let mut nameless = ada();
        nameless.tokens.sid = None;
        nameless.person.sub = sub.to_owned();
        fixture.start_for(nameless, at(1000)).await;
    }
    let mut named = beside(&fixture);
    named.start(at(1000)).await;
    let logout = LogoutClaims {
        sub: Some("ada"),
        sid: Some("never told"),
        ..logout("one")
    };
    let logged_out = fixture
        .sessions()
        .backchannel_logout(&logout, at(1100))
        .await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert!(!fixture.passes_a_filter(at(1101)).await);
    assert_eq!(fixture.refresh(at(1101)).await, Err(EndReason::Revoked));
    for other in [&mut bob, &mut named] {
        assert!(other.passes_a_filter(at(1101)).await);
        assert!(other.refresh(at(1101)).await.is_ok());
    }
}
