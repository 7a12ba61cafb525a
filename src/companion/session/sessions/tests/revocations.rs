//! Sessions that end before their time.

use super::*;
use crate::session::outcome::LogoutOutcome;
use crate::session::sessions::LogoutClaims;

fn logout(jti: &str) -> LogoutClaims<'_> {
    LogoutClaims {
        idp: "sso",
        sub: None,
        sid: None,
        jti,
        until: at(100_000),
    }
}

#[tokio::test]
async fn l01_cve_2025_55162_after_a_sign_out_the_old_cookies_are_worth_nothing() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let old = scene.browser.clone();
    let signed_out = scene.end(at(100)).await;
    assert_eq!(signed_out.session.unwrap().person.sub, "ada");
    assert!(scene.browser.names().is_empty());
    scene.browser = old;
    assert!(!scene.passes_a_filter(at(101)).await);
    assert_eq!(scene.read(at(101)).await, Err(EndReason::Revoked));
    assert_eq!(scene.refresh(at(101)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn who_signed_out_is_signed_out_after_a_restart() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let old = scene.browser.clone();
    scene.end(at(100)).await;
    scene.restart(at(200));
    scene.browser = old;
    assert_eq!(scene.refresh(at(201)).await, Err(EndReason::Revoked));
    assert!(!scene.passes_a_filter(at(201)).await);
}

#[tokio::test]
async fn a_sign_out_ends_what_is_in_the_session_token_alone_too() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let old = scene.browser.clone();
    scene.browser.forget(SEALED);
    let signed_out = scene.end(at(100)).await;
    assert!(signed_out.session.is_none());
    scene.browser = old;
    assert_eq!(scene.read(at(101)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn a_sign_out_of_two_sessions_ends_both_and_names_neither() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let mut other = beside(&scene);
    other.start(at(0)).await;
    let mut both = beside(&scene);
    both.browser = scene.browser.clone();
    both.browser
        .has(SEALED, other.browser.value(SEALED).unwrap());
    assert!(both.end(at(100)).await.session.is_none());
    assert_eq!(scene.read(at(101)).await, Err(EndReason::Revoked));
    assert_eq!(other.read(at(101)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn a_sign_out_with_nothing_to_end_is_one() {
    let mut scene = Scene::new();
    scene.browser.has(SEALED, "tossed");
    let signed_out = scene.end(at(100)).await;
    assert!(signed_out.session.is_none());
    assert!(scene.browser.names().is_empty());
    assert_eq!(
        scene.sessions().stats(at(100)).await.unwrap().revocations,
        0
    );
}

#[tokio::test]
async fn who_signs_in_again_within_the_same_second_is_signed_in() {
    let mut scene = Scene::new();
    scene.start(at(100)).await;
    let logout = LogoutClaims {
        sub: Some("ada"),
        ..logout("one")
    };
    let logged_out = scene.sessions().backchannel_logout(&logout, at(100)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert_eq!(scene.read(at(100)).await, Err(EndReason::Revoked));
    scene.start(at(100)).await;
    assert!(scene.read(at(100)).await.is_ok());
    assert!(scene.passes_a_filter(at(100)).await);
}

#[tokio::test]
async fn b06_a_logout_of_a_person_ends_all_of_their_sessions_and_nobody_elses() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let mut second = beside(&scene);
    second.start(at(10)).await;
    let mut bob = beside(&scene);
    let mut signed_in = ada();
    signed_in.person.sub = "bob".to_owned();
    bob.start_for(signed_in, at(0)).await;
    let logout = LogoutClaims {
        sub: Some("ada"),
        ..logout("one")
    };
    scene
        .sessions()
        .backchannel_logout(&logout, at(100))
        .await
        .unwrap();
    for ada in [&scene, &second] {
        assert!(!ada.passes_a_filter(at(101)).await);
        assert_eq!(ada.read(at(101)).await, Err(EndReason::Revoked));
    }
    assert!(bob.passes_a_filter(at(101)).await);
    assert!(bob.read(at(101)).await.is_ok());
}

#[tokio::test]
async fn b06_a_logout_of_another_provider_ends_nothing_here() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let sid = Some("session at the provider");
    let logout = LogoutClaims {
        idp: "other",
        sub: Some("ada"),
        sid,
        ..logout("one")
    };
    scene
        .sessions()
        .backchannel_logout(&logout, at(1000))
        .await
        .unwrap();
    assert!(scene.read(at(1001)).await.is_ok());
}

#[tokio::test]
async fn b06_a_logout_of_one_session_ends_that_one_alone() {
    let mut scene = Scene::new();
    let mut other = beside(&scene);
    for (scene, sid) in [(&mut scene, "one"), (&mut other, "two")] {
        let mut ada = ada();
        ada.tokens.sid = Some(sid.to_owned());
        scene.start_for(ada, at(1000)).await;
    }
    let logout = LogoutClaims {
        sub: Some("ada"),
        sid: Some("one"),
        ..logout("one")
    };
    let logged_out = scene.sessions().backchannel_logout(&logout, at(1100)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert!(!scene.passes_a_filter(at(1101)).await);
    assert_eq!(scene.refresh(at(1101)).await, Err(EndReason::Revoked));
    assert!(other.passes_a_filter(at(1101)).await);
    assert!(other.refresh(at(1101)).await.is_ok());
}

#[tokio::test]
async fn b06_after_a_restart_a_logout_ends_rather_too_much_than_too_little() {
    let mut scene = Scene::new();
    scene.start(at(1000)).await;
    let sid = Some("session at the provider");
    // Its session token is still good, and no longer known.
    scene.restart(at(1100));
    let logout_one = LogoutClaims {
        sub: Some("ada"),
        sid,
        ..logout("one")
    };
    let logged_out = scene
        .sessions()
        .backchannel_logout(&logout_one, at(1101))
        .await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert!(!scene.passes_a_filter(at(1102)).await);
    assert_eq!(scene.refresh(at(1102)).await, Err(EndReason::Revoked));

    // Where the logout token names no person, the session ends when its session token does.
    scene.start(at(1200)).await;
    scene.restart(at(1201));
    let logout_two = LogoutClaims {
        sid,
        ..logout("two")
    };
    let logged_out = scene
        .sessions()
        .backchannel_logout(&logout_two, at(1202))
        .await;
    assert_eq!(logged_out, Ok(LogoutOutcome::UnknownSession));
    assert_eq!(scene.refresh(at(1203)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn b05_a_logout_of_nobody_is_none_and_does_no_harm() {
    let mut scene = Scene::new();
    scene.start(at(1000)).await;
    let logout = LogoutClaims {
        sub: Some("ada"),
        sid: Some("another"),
        ..logout("one")
    };
    let logged_out = scene.sessions().backchannel_logout(&logout, at(1100)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::UnknownSession));
    assert!(scene.passes_a_filter(at(1101)).await);
    assert!(scene.refresh(at(1101)).await.is_ok());
}

#[tokio::test]
async fn b04_a_logout_token_shown_again_ends_nothing_that_began_since() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let logout = LogoutClaims {
        sub: Some("ada"),
        ..logout("one")
    };
    scene
        .sessions()
        .backchannel_logout(&logout, at(100))
        .await
        .unwrap();
    scene.start(at(200)).await;
    scene.restart(at(210));
    let again = scene.sessions().backchannel_logout(&logout, at(220)).await;
    assert_eq!(again, Ok(LogoutOutcome::Replayed));
    assert!(scene.read(at(221)).await.is_ok());
    // The same name in a token of another provider is another token.
    let logout = LogoutClaims {
        idp: "other",
        ..logout
    };
    assert_ne!(
        scene.sessions().backchannel_logout(&logout, at(220)).await,
        Ok(LogoutOutcome::Replayed)
    );
}

#[tokio::test]
async fn a_lost_state_file_revives_nobody() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let old = scene.browser.clone();
    scene.end(at(100)).await;
    std::fs::remove_file(scene.folder.file("state")).unwrap();
    scene.restart(at(200));
    scene.browser = old.clone();
    // Nobody here knows that it ended, so the provider is asked, which does.
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
async fn after_a_lost_state_file_who_proves_the_session_goes_on() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    std::fs::remove_file(scene.folder.file("state")).unwrap();
    scene.restart(at(200));
    scene.refresh(at(201)).await.unwrap();
    assert_eq!(scene.provider.asked(), 1);
    assert!(scene.read(at(202)).await.is_ok());
    // Once is enough.
    scene.refresh(at(501)).await.unwrap();
    assert_eq!(scene.provider.asked(), 1);
}

#[tokio::test]
async fn after_a_lost_state_file_who_cannot_prove_the_session_signs_in_again() {
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

#[tokio::test]
async fn a_sign_out_that_cannot_be_kept_is_none() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let state = scene.folder.file("state");
    std::fs::remove_file(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    let header = scene.browser.header();
    scene
        .sessions()
        .sign_out(&cookies(&header), at(100))
        .await
        .unwrap_err();
    let logout = LogoutClaims {
        sub: Some("ada"),
        ..logout("one")
    };
    scene
        .sessions()
        .backchannel_logout(&logout, at(100))
        .await
        .unwrap_err();
    // The provider that tries again is heeded.
    std::fs::remove_dir(&state).unwrap();
    let again = scene.sessions().backchannel_logout(&logout, at(110)).await;
    assert_eq!(again, Ok(LogoutOutcome::Revoked { revocations: 1 }));
}

#[tokio::test]
async fn the_revocations_say_nothing_of_who_it_is() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    scene.end(at(100)).await;
    let sid = Some("session at the provider");
    let logout_one = LogoutClaims {
        sub: Some("ada"),
        ..logout("a jti")
    };
    scene
        .sessions()
        .backchannel_logout(&logout_one, at(100))
        .await
        .unwrap();
    let logout_two = LogoutClaims {
        sub: Some("ada"),
        sid,
        ..logout("another")
    };
    scene
        .sessions()
        .backchannel_logout(&logout_two, at(100))
        .await
        .unwrap();
    let list = scene.sessions().revocations_json(at(101)).await.unwrap();
    for word in ["ada", "sso", "provider", "jti"] {
        assert!(!list.contains(word), "{list}");
    }
}

#[tokio::test]
async fn a_shorter_lifetime_for_a_while_revives_nobody() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let old = scene.browser.clone();
    let usual = scene.settings.lifetime;
    scene.settings.lifetime = Duration::from_secs(600);
    scene.restart(at(50));
    scene.end(at(100)).await;
    scene.settings.lifetime = usual;
    scene.restart(at(200));
    scene.browser = old;
    assert_eq!(scene.read(at(1000)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn l01_what_is_over_by_itself_is_not_marked_and_changes_nothing() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let old = scene.browser.clone();
    scene.browser.forget(SEALED);
    let token_alone = scene.browser.clone();
    let written = std::fs::metadata(scene.folder.file("state")).unwrap();
    for browser in [old, token_alone] {
        scene.browser = browser;
        scene.end(at(200 * 24 * 3600)).await;
    }
    let counts = scene.sessions().stats(at(200 * 24 * 3600)).await.unwrap();
    assert_eq!(counts.revocations, 0);
    assert_eq!(counts.floor, Timestamp::default());
    let now = std::fs::metadata(scene.folder.file("state")).unwrap();
    assert_eq!(inode(&now), inode(&written), "the state was written again");
}

#[tokio::test]
async fn l01_a_sign_out_shown_again_changes_nothing() {
    let mut scene = Scene::new();
    scene.start(at(0)).await;
    let old = scene.browser.clone();
    scene.end(at(100)).await;
    let list = scene.sessions().revocations_json(at(200)).await.unwrap();
    let written = std::fs::metadata(scene.folder.file("state")).unwrap();
    scene.browser = old;
    scene.end(at(200)).await;
    let now = std::fs::metadata(scene.folder.file("state")).unwrap();
    assert_eq!(
        scene.sessions().revocations_json(at(200)).await.unwrap(),
        list
    );
    assert_eq!(inode(&now), inode(&written), "the state was written again");
}

/// Which file it is: one that is written anew is another.
fn inode(file: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    file.ino()
}

#[tokio::test]
async fn l01_one_person_alone_signs_nobody_else_out() {
    let mut scene = Scene::new();
    // They have filled half of the list already.
    let entries = (0..2048_u16).map(|number| {
        let mut sid = [0; 16];
        sid[..2].copy_from_slice(&number.to_be_bytes());
        let (sid, before) = (portcullis_core::session::Id::from_bytes(sid), at(5).secs());
        let ends = at(40_000).secs();
        format!(r#"{{"sid":"{sid}","before":{before},"ends":{ends}}}"#)
    });
    let full = format!(r#""entries":[{}]"#, entries.collect::<Vec<_>>().join(","));
    let state = scene.folder.file("state");
    let empty = std::fs::read_to_string(&state).unwrap();
    std::fs::write(&state, empty.replacen(r#""entries":[]"#, &full, 1)).unwrap();
    scene.restart(at(6));
    let mut carol = beside(&scene);
    carol.start(at(7)).await;
    for round in 0..4 {
        let mut signed_in = ada();
        signed_in.person.sub = "bob".to_owned();
        scene.start_for(signed_in, at(10 + round)).await;
        let old = scene.browser.clone();
        scene.end(at(10 + round)).await;
        scene.browser = old;
        assert_eq!(scene.read(at(10 + round)).await, Err(EndReason::Revoked));
        scene.browser = Browser::default();
    }
    let counts = scene.sessions().stats(at(20)).await.unwrap();
    assert_eq!(counts.floor, Timestamp::default());
    assert_eq!(counts.revocations, 2049);
    assert!(carol.read(at(20)).await.is_ok());
}

#[tokio::test]
async fn a_sign_out_counts_where_the_session_began_ahead_of_the_clock() {
    let mut scene = Scene::new();
    scene.start(at(130)).await;
    let old = scene.browser.clone();
    scene.end(at(100)).await;
    scene.browser = old;
    assert_eq!(scene.read(at(140)).await, Err(EndReason::Revoked));
    assert!(!scene.passes_a_filter(at(140)).await);
}

#[tokio::test]
async fn b06_a_session_that_its_provider_ended_while_the_code_was_exchanged_does_not_begin() {
    let scene = Scene::new();
    let sid = Some("session at the provider");
    let logout_one = LogoutClaims {
        sid,
        ..logout("one")
    };
    // The browser came back at 1000, and the logout came first out of the exchange.
    scene
        .sessions()
        .backchannel_logout(&logout_one, at(1002))
        .await
        .unwrap();
    let (sessions, nothing) = (scene.sessions(), cookies(""));
    let started = sessions.start(&nothing, "sso", ada(), "/", at(1000));
    assert_eq!(started.await.unwrap_err(), StartError::EndedAtProvider);
    let later = sessions.start(&nothing, "sso", ada(), "/", at(1003));
    later.await.unwrap();
}

/// A logout of the provider's session that Ada signs in at.
fn logout_of_adas(jti: &str) -> LogoutClaims<'_> {
    LogoutClaims {
        sid: Some("session at the provider"),
        ..logout(jti)
    }
}

#[tokio::test]
async fn b06_a_session_that_its_provider_ends_while_it_goes_on_gets_no_token() {
    let mut scene = Scene::new();
    // Nobody has noted it, and what had ended was asked before its provider ended it.
    let mut elsewhere = Scene::new();
    elsewhere.keys = Arc::clone(&scene.keys);
    elsewhere.restart(at(0));
    let session = elsewhere.start(at(0)).await;
    scene.restart(at(0));
    let (sessions, nothing) = (scene.sessions(), cookies(""));
    let ended = sessions
        .backchannel_logout(&logout_of_adas("one"), at(1000))
        .await;
    assert_eq!(ended, Ok(LogoutOutcome::UnknownSession));
    let put = sessions.token_cookies(&nothing, &session, at(999)).await;
    assert_eq!(why(&put.unwrap_err()), EndReason::Revoked);
    // A sign-in says so.
    let no = NoSession::from(EndReason::Revoked);
    assert_eq!(StartError::from(no), StartError::EndedAtProvider);
}

#[test]
fn b06_a_session_that_begins_while_a_logout_is_written_down_ends_with_the_others() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // Files are written on threads of their own, of which this test has one, and keeps it busy.
    let runtime = runtime.enable_all().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let mut scene = Scene::new();
        let mut late = beside(&scene);
        scene.start(at(400)).await;
        let sessions = Arc::clone(scene.sessions());
        let logout = logout_of_adas("one");
        let (disk, busy) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || busy.recv());
        let mut ending = Box::pin(sessions.backchannel_logout(&logout, at(1000)));
        // It has seen which sessions there are, and waits for the disk.
        let waits = tokio::time::timeout(Duration::ZERO, &mut ending).await;
        assert!(waits.is_err());
        late.start(at(1000)).await;
        assert!(late.passes_a_filter(at(1000)).await);
        drop(disk);
        assert_eq!(ending.await, Ok(LogoutOutcome::Revoked { revocations: 2 }));
        for scene in [&scene, &late] {
            assert!(!scene.passes_a_filter(at(1001)).await);
            assert_eq!(scene.read(at(1001)).await, Err(EndReason::Revoked));
        }
    });
}

#[tokio::test]
async fn b06_a_logout_of_a_session_that_was_never_named_ends_the_persons_nameless_ones() {
    let mut scene = Scene::new();
    let mut bob = beside(&scene);
    for (scene, sub) in [(&mut scene, "ada"), (&mut bob, "bob")] {
        let mut nameless = ada();
        nameless.tokens.sid = None;
        nameless.person.sub = sub.to_owned();
        scene.start_for(nameless, at(1000)).await;
    }
    let mut named = beside(&scene);
    named.start(at(1000)).await;
    let logout = LogoutClaims {
        sub: Some("ada"),
        sid: Some("never told"),
        ..logout("one")
    };
    let logged_out = scene.sessions().backchannel_logout(&logout, at(1100)).await;
    assert_eq!(logged_out, Ok(LogoutOutcome::Revoked { revocations: 1 }));
    assert!(!scene.passes_a_filter(at(1101)).await);
    assert_eq!(scene.refresh(at(1101)).await, Err(EndReason::Revoked));
    for other in [&mut bob, &mut named] {
        assert!(other.passes_a_filter(at(1101)).await);
        assert!(other.refresh(at(1101)).await.is_ok());
    }
}
