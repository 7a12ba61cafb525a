//! Sign-out, and revocations.

use super::backchannel::logout_of_ada;
use super::*;
use crate::session::fixtures::redis_settings;
use crate::session::outcome::{EndedSession, LogoutOutcome};

/// What a sign-out says about a session that it ended.
fn ended(session: &Session) -> EndedSession {
    EndedSession {
        sid: session.sid,
        provider: session.provider.clone(),
        subject: session.user.sub.clone(),
    }
}

#[tokio::test]
async fn l01_cve_2025_55162_after_a_sign_out_the_old_cookies_are_rejected() {
    let mut fixture = Fixture::new();
    let session = fixture.start(at(0)).await;
    let old = fixture.browser.clone();
    let signed_out = fixture.sign_out(at(100)).await;
    assert_eq!(signed_out.ended, [ended(&session)]);
    assert_eq!(signed_out.session.unwrap().user.sub, "ada");
    assert!(fixture.browser.names().is_empty());
    fixture.browser = old;
    assert!(!fixture.is_accepted_by_filter(at(101)).await);
    assert_eq!(fixture.read(at(101)).await, Err(EndReason::Revoked));
    assert_eq!(fixture.refresh(at(101)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn a_sign_out_survives_a_restart() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let old = fixture.browser.clone();
    fixture.sign_out(at(100)).await;
    fixture.restart(at(200));
    fixture.browser = old;
    assert_eq!(fixture.refresh(at(201)).await, Err(EndReason::Revoked));
    assert!(!fixture.is_accepted_by_filter(at(201)).await);
}

#[tokio::test]
async fn a_session_token_alone_is_enough_to_sign_out() {
    let mut fixture = Fixture::new();
    let session = fixture.start(at(0)).await;
    let old = fixture.browser.clone();
    fixture.browser.forget(SEALED);
    let signed_out = fixture.sign_out(at(100)).await;
    assert!(signed_out.session.is_none());
    assert_eq!(signed_out.ended, [ended(&session)]);
    fixture.browser = old;
    assert_eq!(fixture.read(at(101)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn a_sign_out_with_two_sessions_ends_both_and_returns_neither() {
    let mut fixture = Fixture::new();
    let mut sessions = vec![fixture.start(at(0)).await];
    let mut other = other_browser(&fixture);
    sessions.push(other.start(at(0)).await);
    sessions.sort_by_key(|session| session.sid);
    let mut both = other_browser(&fixture);
    both.browser = fixture.browser.clone();
    both.browser
        .add(SEALED, other.browser.value(SEALED).unwrap());
    let signed_out = both.sign_out(at(100)).await;
    assert!(signed_out.session.is_none());
    let all: Vec<EndedSession> = sessions.iter().map(ended).collect();
    assert_eq!(signed_out.ended, all);
    assert_eq!(fixture.read(at(101)).await, Err(EndReason::Revoked));
    assert_eq!(other.read(at(101)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn a_sign_out_without_a_session_succeeds() {
    let mut fixture = Fixture::new();
    fixture.browser.add(SEALED, "tossed");
    let signed_out = fixture.sign_out(at(100)).await;
    assert!(signed_out.session.is_none());
    assert!(fixture.browser.names().is_empty());
    assert_eq!(
        fixture.sessions().stats(at(100)).await.unwrap().revocations,
        0
    );
}

#[tokio::test]
async fn a_sign_out_that_cannot_be_stored_fails() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let state = fixture.folder.file("state");
    std::fs::remove_file(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    let header = fixture.browser.header();
    fixture
        .sessions()
        .sign_out(&cookies(&header), at(100))
        .await
        .unwrap_err();
    let logout = logout_of_ada("one");
    fixture.log_out(&logout, at(100)).await.unwrap_err();
    // When the provider tries again, it succeeds.
    std::fs::remove_dir(&state).unwrap();
    let again = fixture.log_out(&logout, at(110)).await;
    assert_eq!(again, Ok(LogoutOutcome::Revoked { revocations: 1 }));
}

#[tokio::test]
async fn a_sign_out_without_a_session_does_not_use_the_store() {
    // Nothing listens there.
    let redis = redis_settings(&serde_json::json!({"store": "redis://127.0.0.1:1"}));
    let folder = Folder::new();
    let mut fixture = Fixture::in_store(folder, StoreSettings::Redis(redis), settings());
    fixture.sessions().stats(at(0)).await.unwrap_err();
    fixture.browser.add(SEALED, "junk");
    let signed_out = fixture.sign_out(at(0)).await;
    assert!(signed_out.session.is_none());
    assert_eq!(fixture.browser.names(), [""; 0]);
}

#[tokio::test]
async fn a_temporarily_shorter_lifetime_revives_no_session() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let old = fixture.browser.clone();
    let usual = fixture.settings.lifetime;
    fixture.settings.lifetime = Duration::from_secs(600);
    fixture.restart(at(50));
    fixture.sign_out(at(100)).await;
    fixture.settings.lifetime = usual;
    fixture.restart(at(200));
    fixture.browser = old;
    assert_eq!(fixture.read(at(1000)).await, Err(EndReason::Revoked));
}

#[tokio::test]
async fn l01_expired_sessions_are_not_revoked() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let old = fixture.browser.clone();
    fixture.browser.forget(SEALED);
    let token_alone = fixture.browser.clone();
    let written = std::fs::metadata(fixture.folder.file("state")).unwrap();
    for browser in [old, token_alone] {
        fixture.browser = browser;
        fixture.sign_out(at(200 * 24 * 3600)).await;
    }
    let counts = fixture.sessions().stats(at(200 * 24 * 3600)).await.unwrap();
    assert_eq!(counts.revocations, 0);
    assert_eq!(counts.floor, Timestamp::default());
    let now = std::fs::metadata(fixture.folder.file("state")).unwrap();
    assert_eq!(inode(&now), inode(&written), "the state was written again");
}

#[tokio::test]
async fn l01_a_repeated_sign_out_changes_nothing() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let old = fixture.browser.clone();
    fixture.sign_out(at(100)).await;
    let list = fixture.sessions().revocations_json(at(200)).await.unwrap();
    let written = std::fs::metadata(fixture.folder.file("state")).unwrap();
    fixture.browser = old;
    fixture.sign_out(at(200)).await;
    let now = std::fs::metadata(fixture.folder.file("state")).unwrap();
    assert_eq!(
        fixture.sessions().revocations_json(at(200)).await.unwrap(),
        list
    );
    assert_eq!(inode(&now), inode(&written), "the state was written again");
}

/// The inode, which changes when the file is replaced.
fn inode(file: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    file.ino()
}

#[tokio::test]
async fn l01_one_user_can_sign_no_other_out() {
    let mut fixture = Fixture::new();
    // Half of the list is full.
    let entries = (0..2048_u16).map(|number| {
        let mut sid = [0; 16];
        sid[..2].copy_from_slice(&number.to_be_bytes());
        let (sid, before) = (portcullis_core::session::Id::from_bytes(sid), at(5).secs());
        let ends = at(40_000).secs();
        format!(r#"{{"sid":"{sid}","before":{before},"ends":{ends}}}"#)
    });
    let full = format!(r#""entries":[{}]"#, entries.collect::<Vec<_>>().join(","));
    let state = fixture.folder.file("state");
    let empty = std::fs::read_to_string(&state).unwrap();
    std::fs::write(&state, empty.replacen(r#""entries":[]"#, &full, 1)).unwrap();
    fixture.restart(at(6));
    let mut carol = other_browser(&fixture);
    carol.start(at(7)).await;
    for round in 0..4 {
        let mut signed_in = ada();
        signed_in.user.sub = "bob".to_owned();
        fixture.start_for(signed_in, at(10 + round)).await;
        let old = fixture.browser.clone();
        fixture.sign_out(at(10 + round)).await;
        fixture.browser = old;
        assert_eq!(fixture.read(at(10 + round)).await, Err(EndReason::Revoked));
        fixture.browser = Browser::default();
    }
    let counts = fixture.sessions().stats(at(20)).await.unwrap();
    assert_eq!(counts.floor, Timestamp::default());
    assert_eq!(counts.revocations, 2048 + 4, "no entry is merged");
    assert!(carol.read(at(20)).await.is_ok());
}

#[tokio::test]
async fn a_sign_out_ends_a_session_that_began_ahead_of_the_clock() {
    let mut fixture = Fixture::new();
    fixture.start(at(130)).await;
    let old = fixture.browser.clone();
    fixture.sign_out(at(100)).await;
    fixture.browser = old;
    assert_eq!(fixture.read(at(140)).await, Err(EndReason::Revoked));
    assert!(!fixture.is_accepted_by_filter(at(140)).await);
}
