//! Back-channel logout.

use portcullis_core::session::{Id, SessionHandles};

use super::*;
use crate::session::outcome::LogoutOutcome;
use crate::session::sessions::LogoutClaims;

/// A logout of all of Ada's sessions.
pub(super) fn logout_of_ada(jti: &str) -> LogoutClaims<'_> {
    LogoutClaims {
        sub: Some("ada"),
        ..logout(jti)
    }
}

fn logout(jti: &str) -> LogoutClaims<'_> {
    LogoutClaims {
        provider: "sso",
        sub: None,
        sid: None,
        jti,
        until: at(100_000),
    }
}

/// Audit records name single sessions where they are known.
#[tokio::test]
async fn a_logout_of_a_provider_session_names_the_sessions_that_it_revoked() {
    let mut fixture = Fixture::new();
    let session = fixture.start(at(0)).await;
    let logout = logout_of_adas_session("one");
    let logged_out = fixture
        .sessions()
        .backchannel_logout(&logout, at(100))
        .await;
    assert_eq!(
        logged_out.unwrap().sids.into_iter().collect::<Vec<_>>(),
        [session.sid]
    );
    let all = fixture
        .sessions()
        .backchannel_logout(&logout_of_ada("two"), at(100))
        .await;
    assert!(all.unwrap().sids.is_empty());
}

#[tokio::test]
async fn a_sign_in_within_the_same_second_as_a_logout_counts() {
    let mut fixture = Fixture::new();
    fixture.start(at(100)).await;
    let logout = logout_of_ada("one");
    let logged_out = fixture.log_out(&logout, at(100)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert_eq!(fixture.read(at(100)).await, Err(EndReason::Revoked));
    fixture.start(at(100)).await;
    assert!(fixture.read(at(100)).await.is_ok());
    assert!(fixture.is_accepted_by_filter(at(100)).await);
}

#[tokio::test]
async fn b06_a_logout_of_a_user_ends_their_sessions_only() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let mut second = other_browser(&fixture);
    second.start(at(10)).await;
    let mut bob = other_browser(&fixture);
    let mut signed_in = ada();
    signed_in.user.sub = "bob".to_owned();
    bob.start_for(signed_in, at(0)).await;
    let logout = logout_of_ada("one");
    fixture.log_out(&logout, at(100)).await.unwrap();
    for ada in [&fixture, &second] {
        assert!(!ada.is_accepted_by_filter(at(101)).await);
        assert_eq!(ada.read(at(101)).await, Err(EndReason::Revoked));
    }
    assert!(bob.is_accepted_by_filter(at(101)).await);
    assert!(bob.read(at(101)).await.is_ok());
}

#[tokio::test]
async fn b06_a_logout_of_another_provider_ends_nothing_here() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let sid = Some("session at the provider");
    let logout = LogoutClaims {
        provider: "other",
        sub: Some("ada"),
        sid,
        ..logout("one")
    };
    fixture.log_out(&logout, at(1000)).await.unwrap();
    assert!(fixture.read(at(1001)).await.is_ok());
}

#[tokio::test]
async fn b06_a_logout_of_one_session_ends_no_other() {
    let mut fixture = Fixture::new();
    let mut other = other_browser(&fixture);
    for (fixture, sid) in [(&mut fixture, "one"), (&mut other, "two")] {
        let mut ada = ada();
        ada.tokens.sid = Some(sid.to_owned());
        fixture.start_for(ada, at(1000)).await;
    }
    let logout = LogoutClaims {
        sid: Some("one"),
        ..logout_of_ada("one")
    };
    let logged_out = fixture.log_out(&logout, at(1100)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert!(!fixture.is_accepted_by_filter(at(1101)).await);
    assert_eq!(fixture.refresh(at(1101)).await, Err(EndReason::Revoked));
    assert!(other.is_accepted_by_filter(at(1101)).await);
    assert!(other.refresh(at(1101)).await.is_ok());
}

#[tokio::test]
async fn b06_after_a_restart_a_logout_ends_the_session() {
    let mut fixture = Fixture::new();
    fixture.start(at(1000)).await;
    let sid = Some("session at the provider");
    fixture.restart(at(1100));
    let logout_one = LogoutClaims {
        sid,
        ..logout_of_ada("one")
    };
    let logged_out = fixture.log_out(&logout_one, at(1101)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert!(!fixture.is_accepted_by_filter(at(1102)).await);
    assert_eq!(fixture.refresh(at(1102)).await, Err(EndReason::Revoked));

    // The same where the logout token names no user.
    fixture.start(at(1200)).await;
    fixture.restart(at(1201));
    let logout_two = LogoutClaims {
        sid,
        ..logout("two")
    };
    let logged_out = fixture.log_out(&logout_two, at(1202)).await;
    // The first session is revoked again.
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 2 }));
    assert!(!fixture.is_accepted_by_filter(at(1203)).await);
    assert_eq!(fixture.refresh(at(1203)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn b05_a_logout_of_an_unknown_session_ends_nothing() {
    let mut fixture = Fixture::new();
    fixture.start(at(1000)).await;
    let logout = LogoutClaims {
        sid: Some("another"),
        ..logout_of_ada("one")
    };
    let logged_out = fixture.log_out(&logout, at(1100)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::UnknownSession));
    assert!(fixture.is_accepted_by_filter(at(1101)).await);
    assert!(fixture.refresh(at(1101)).await.is_ok());
}

#[tokio::test]
async fn b04_a_replayed_logout_token_ends_no_later_session() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let logout = logout_of_ada("one");
    fixture.log_out(&logout, at(100)).await.unwrap();
    fixture.start(at(200)).await;
    fixture.restart(at(210));
    let again = fixture.log_out(&logout, at(220)).await;
    assert_eq!(again, Ok(LogoutOutcome::Replayed));
    assert!(fixture.read(at(221)).await.is_ok());
    // The same `jti` of another provider is another token.
    let logout = LogoutClaims {
        provider: "other",
        ..logout
    };
    assert_ne!(
        fixture.log_out(&logout, at(220)).await,
        Ok(LogoutOutcome::Replayed)
    );
}

#[tokio::test]
async fn revocations_contain_no_personal_data() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.sign_out(at(100)).await;
    let sid = Some("session at the provider");
    let logout_one = LogoutClaims {
        sub: Some("ada"),
        ..logout("a jti")
    };
    fixture.log_out(&logout_one, at(100)).await.unwrap();
    let logout_two = LogoutClaims {
        sid,
        ..logout_of_ada("another")
    };
    fixture.log_out(&logout_two, at(100)).await.unwrap();
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
    let (sessions, nothing) = (fixture.sessions(), cookies(""));
    let known = sessions.known_revocations(at(1000)).await.unwrap();
    fixture.log_out(&logout_one, at(1002)).await.unwrap();
    let started = sessions.start(&nothing, "sso", ada(), "/", &known, at(1000));
    assert_eq!(started.await.unwrap_err(), StartError::EndedAtProvider);
    let known = sessions.known_revocations(at(1003)).await.unwrap();
    let later = sessions.start(&nothing, "sso", ada(), "/", &known, at(1003));
    later.await.unwrap();
}

#[tokio::test]
async fn b06_a_second_logout_within_one_second_ends_the_session_that_began_between() {
    let mut fixture = Fixture::new();
    for number in 0..4_u8 {
        let jti = format!("logout {number}");
        let logged_out = fixture.log_out(&logout_of_ada(&jti), at(1000)).await;
        assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
        if number > 0 {
            assert_eq!(fixture.read(at(1000)).await, Err(EndReason::Revoked));
        }
        fixture.start(at(1000)).await;
        assert!(fixture.read(at(1000)).await.is_ok(), "{number}");
    }
}

#[tokio::test]
async fn b06_a_logout_of_the_user_during_the_code_exchange_is_not_lost() {
    for seconds in [0, 1, 2, 9] {
        let fixture = Fixture::new();
        // An earlier logout does not count.
        fixture
            .log_out(&logout_of_ada("one"), at(1000))
            .await
            .unwrap();
        let (sessions, nothing) = (fixture.sessions(), cookies(""));
        let known = sessions.known_revocations(at(1000)).await.unwrap();
        let same_second = sessions.start(&nothing, "sso", ada(), "/", &known, at(1000));
        same_second.await.unwrap();
        let second = logout_of_ada("two");
        let logged_out = fixture.log_out(&second, at(1001 + seconds));
        logged_out.await.unwrap();
        let started = sessions.start(&nothing, "sso", ada(), "/", &known, at(1000));
        assert_eq!(
            started.await.unwrap_err(),
            StartError::EndedAtProvider,
            "{seconds}"
        );
        let known = sessions.known_revocations(at(1010)).await.unwrap();
        let later = sessions.start(&nothing, "sso", ada(), "/", &known, at(1010));
        later.await.unwrap();
    }
}

/// A logout of Ada's provider session.
fn logout_of_adas_session(jti: &str) -> LogoutClaims<'_> {
    logout_of("session at the provider", jti)
}

/// A logout of a provider session, which does not name the user.
fn logout_of<'a>(sid: &'a str, jti: &'a str) -> LogoutClaims<'a> {
    LogoutClaims {
        sid: Some(sid),
        ..logout(jti)
    }
}

#[tokio::test]
async fn b06_a_session_that_its_provider_ends_during_a_refresh_gets_no_token() {
    let mut fixture = Fixture::new();
    // The session is not linked here, and the revocations were loaded before the logout.
    let mut other = Fixture::new();
    other.keys = Arc::clone(&fixture.keys);
    other.restart(at(0));
    let session = other.start(at(0)).await;
    fixture.restart(at(0));
    let (sessions, nothing) = (fixture.sessions(), cookies(""));
    let ended = sessions
        .backchannel_logout(&logout_of_adas_session("one"), at(1000))
        .await;
    assert_eq!(ended, Ok(LogoutOutcome::UnknownSession.into()));
    let cookies = sessions.token_cookies(&nothing, &session, at(999)).await;
    assert_eq!(reason(&cookies.unwrap_err()), EndReason::Revoked);
    // A sign-in has its own error for that.
    let error = NoSession::from(EndReason::Revoked);
    assert_eq!(StartError::from(error), StartError::EndedAtProvider);
}

/// Also if the logout fails in between and the provider sends its token again: the use of the token is recorded
/// last.
#[test]
fn b06_a_session_that_begins_during_a_logout_is_refused() {
    for fails in [false, true] {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        // Files are written on blocking threads. There is one in this test, and it is kept busy.
        let runtime = runtime.enable_all().max_blocking_threads(1).build();
        runtime.unwrap().block_on(async {
            let mut fixture = Fixture::new();
            let late = other_browser(&fixture);
            fixture.start(at(400)).await;
            let sessions = Arc::clone(fixture.sessions());
            let logout = logout_of_adas_session("one");
            let (disk, busy) = std::sync::mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || busy.recv());
            let mut ending = Box::pin(sessions.backchannel_logout(&logout, at(1000)));
            // It has looked up the sessions, and waits for the disk.
            let waits = tokio::time::timeout(Duration::ZERO, &mut ending).await;
            assert!(waits.is_err());
            assert_eq!(
                late.try_start(at(1000)).await,
                Err(StartError::EndedAtProvider)
            );
            if fails {
                drop(ending);
                drop(disk);
                let again = fixture.log_out(&logout, at(1000)).await;
                assert!(again.is_ok(), "{again:?}");
            } else {
                drop(disk);
                let outcome = ending.await.map(|logged_out| logged_out.outcome);
                assert_eq!(outcome, Ok(LogoutOutcome::Revoked { revocations: 1 }));
            }
            assert_eq!(
                late.try_start(at(1000)).await,
                Err(StartError::EndedAtProvider)
            );
            assert!(!fixture.is_accepted_by_filter(at(1001)).await);
            assert_eq!(fixture.read(at(1001)).await, Err(EndReason::Revoked));
        });
    }
}

#[tokio::test]
async fn b06_a_logout_of_an_unknown_sid_ends_the_users_sessions_without_sid() {
    let mut fixture = Fixture::new();
    let mut bob = other_browser(&fixture);
    for (fixture, sub) in [(&mut fixture, "ada"), (&mut bob, "bob")] {
        let mut without_sid = ada();
        without_sid.tokens.sid = None;
        without_sid.user.sub = sub.to_owned();
        fixture.start_for(without_sid, at(1000)).await;
    }
    let mut with_sid = other_browser(&fixture);
    with_sid.start(at(1000)).await;
    let logout = LogoutClaims {
        sid: Some("unknown"),
        ..logout_of_ada("one")
    };
    let logged_out = fixture.log_out(&logout, at(1100)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert!(!fixture.is_accepted_by_filter(at(1101)).await);
    assert_eq!(fixture.refresh(at(1101)).await, Err(EndReason::Revoked));
    for other in [&mut bob, &mut with_sid] {
        assert!(other.is_accepted_by_filter(at(1101)).await);
        assert!(other.refresh(at(1101)).await.is_ok());
    }
}

/// Ada signs in at a browser, in this provider session.
async fn start_at_provider(fixture: &Fixture, sub: &str, sid: &str, now: Timestamp) -> Fixture {
    let mut browser = other_browser(fixture);
    let mut signed_in = ada();
    signed_in.user.sub = sub.to_owned();
    signed_in.tokens.sid = Some(sid.to_owned());
    browser.start_for(signed_in, now).await;
    browser
}

/// Both lists get 4,090 entries, and so have room for six more.
fn almost_fill_lists(fixture: &mut Fixture, handle: impl Fn(u16) -> Id) {
    let entries = (0..4090_u16).map(|number| {
        let handle = handle(number);
        let (before, ends) = (at(5).secs(), at(40_000).secs());
        format!(r#"{{"sid":"{handle}.{handle}","before":{before},"ends":{ends}}}"#)
    });
    let full = format!(r#""entries":[{}]"#, entries.collect::<Vec<_>>().join(","));
    let state = fixture.folder.file("state");
    let empty = std::fs::read_to_string(&state).unwrap();
    std::fs::write(&state, empty.replace(r#""entries":[]"#, &full)).unwrap();
    fixture.restart(at(6));
}

#[tokio::test]
async fn b06_logouts_of_one_provider_cost_its_users_alone() {
    let mut fixture = Fixture::new();
    let keys = fixture.sessions().keys.load_full();
    almost_fill_lists(&mut fixture, |number| {
        keys.handle("other", &format!("invented {number}"))
    });
    let bob = start_at_provider(&fixture, "bob", "of bob", at(1000)).await;
    for number in 0..20 {
        let (sub, jti) = (format!("more {number}"), format!("token {number}"));
        let logout = LogoutClaims {
            provider: "other",
            sub: Some(&sub),
            sid: None,
            ..logout_of("", &jti)
        };
        let logged_out = fixture.log_out(&logout, at(1001 + number)).await;
        assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    }
    let stats = fixture.sessions().stats(at(1051)).await.unwrap();
    assert_eq!(stats.floor, at(5), "the other provider's");
    assert_eq!(stats.provider_floor, Timestamp::default());
    let revocations = fixture.sessions().revocations(at(1051)).await.unwrap();
    assert_eq!(revocations.floor(), Timestamp::default());
    assert!(bob.read(at(1051)).await.is_ok());
    assert!(bob.is_accepted_by_filter(at(1051)).await);
    // The sessions that are revoked stay so.
    for sub in ["invented 0", "invented 4089", "more 0", "more 19"] {
        let handles = SessionHandles {
            sid: Id::from_bytes([9; 16]),
            handle: keys.handle("other", sub),
            began: at(5),
        };
        assert!(revocations.revokes(&handles, at(1051)), "{sub}");
    }
}

#[tokio::test]
async fn b06_logouts_of_one_user_cost_that_user_alone() {
    let mut fixture = Fixture::new();
    // Each is a user of another provider.
    almost_fill_lists(&mut fixture, |number| {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        Id::from_bytes(bytes)
    });
    let bob = start_at_provider(&fixture, "bob", "of bob", at(1000)).await;
    // Each has its own `sid`, and only every second token names the user.
    for number in 0..20 {
        let sid = format!("number {number}");
        let ada = start_at_provider(&fixture, "ada", &sid, at(1001 + number)).await;
        let logout = LogoutClaims {
            sub: (number % 2 == 0).then_some("ada"),
            ..logout_of(&sid, &sid)
        };
        let logged_out = fixture.log_out(&logout, at(1001 + number)).await;
        assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
        assert_eq!(ada.read(at(1051)).await, Err(EndReason::Revoked));
        assert!(!ada.is_accepted_by_filter(at(1051)).await);
    }
    let stats = fixture.sessions().stats(at(1051)).await.unwrap();
    assert_eq!(stats.floor, Timestamp::default());
    assert_eq!(stats.provider_floor, Timestamp::default());
    assert!(bob.read(at(1051)).await.is_ok());
    assert!(bob.is_accepted_by_filter(at(1051)).await);
    // Ada can sign in again.
    let ada = start_at_provider(&fixture, "ada", "new", at(1052)).await;
    assert!(ada.is_accepted_by_filter(at(1052)).await);
}

#[tokio::test]
async fn b05_logouts_of_unknown_sessions_add_no_revocation() {
    let fixture = Fixture::new();
    let ada = start_at_provider(&fixture, "ada", "of ada", at(1000)).await;
    for number in 0..100 {
        let sid = format!("number {number}");
        let logout = LogoutClaims {
            sub: (number % 2 == 0).then_some("mallory"),
            ..logout_of(&sid, &sid)
        };
        let logged_out = fixture.log_out(&logout, at(1100)).await;
        assert_eq!(logged_out, Ok(LogoutOutcome::UnknownSession));
    }
    assert_eq!(fixture.revocations(at(1101)).await, 0);
    assert!(ada.read(at(1101)).await.is_ok());
}

#[tokio::test]
async fn b06_a_session_that_was_idle_for_long_ends_by_its_sid_alone() {
    let mut fixture = Fixture::new();
    let browser = start_at_provider(&fixture, "ada", "of ada", at(1000))
        .await
        .browser;
    // Its session token has expired, and the companion is restarted.
    fixture.restart(at(3000));
    let logged_out = fixture.log_out(&logout_of("of ada", "one"), at(3001)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    fixture.browser = browser;
    assert_eq!(fixture.refresh(at(3002)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn b06_many_sessions_of_one_session_at_the_provider_end_together() {
    let fixture = Fixture::new();
    let bob = start_at_provider(&fixture, "bob", "of bob", at(1000)).await;
    let mut browsers = Vec::new();
    for _ in 0..100 {
        browsers.push(start_at_provider(&fixture, "ada", "of ada", at(1000)).await);
    }
    let logged_out = fixture.log_out(&logout_of("of ada", "one"), at(1100)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    for ada in browsers {
        assert_eq!(ada.read(at(1101)).await, Err(EndReason::Revoked));
        assert!(!ada.is_accepted_by_filter(at(1101)).await);
    }
    assert!(bob.is_accepted_by_filter(at(1101)).await);
}
