//! Sign-out, and revocations.

use super::backchannel::logout;
use super::*;
use crate::session::outcome::LogoutOutcome;
use crate::session::sessions::LogoutClaims;

#[tokio::test]
async fn l01_cve_2025_55162_after_a_sign_out_the_old_cookies_are_rejected() {
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
async fn a_sign_out_survives_a_restart() {
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
async fn a_session_token_alone_is_enough_to_sign_out() {
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
async fn a_sign_out_with_two_sessions_ends_both_and_returns_neither() {
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
async fn a_sign_out_without_a_session_succeeds() {
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
async fn a_sign_out_that_cannot_be_stored_fails() {
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
    // When the provider tries again, it succeeds.
    std::fs::remove_dir(&state).unwrap();
    let again = scene.sessions().backchannel_logout(&logout, at(110)).await;
    assert_eq!(again, Ok(LogoutOutcome::Revoked { revocations: 1 }));
}

#[tokio::test]
async fn a_temporarily_shorter_lifetime_revives_no_session() {
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
async fn l01_expired_sessions_are_not_revoked() {
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
async fn l01_a_repeated_sign_out_changes_nothing() {
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

/// The inode, which changes when the file is replaced.
fn inode(file: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    file.ino()
}

#[tokio::test]
async fn l01_one_person_can_sign_nobody_else_out() {
    let mut scene = Scene::new();
    // Half of the list is full.
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
async fn a_sign_out_ends_a_session_that_began_ahead_of_the_clock() {
    let mut scene = Scene::new();
    scene.start(at(130)).await;
    let old = scene.browser.clone();
    scene.end(at(100)).await;
    scene.browser = old;
    assert_eq!(scene.read(at(140)).await, Err(EndReason::Revoked));
    assert!(!scene.passes_a_filter(at(140)).await);
}
