use super::*;
use crate::session::fixtures::{Folder, at};

fn id(number: u32) -> Id {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Id::from_bytes(bytes)
}

fn store(folder: &Folder) -> CookieStore {
    let file = StateFile::open(&folder.file("state"), at(0)).unwrap();
    CookieStore::new(file, Duration::from_secs(300), at(0))
}

#[test]
fn r02_a_sign_in_is_completed_once() {
    let folder = Folder::new();
    let store = store(&folder);
    assert!(store.local().finish_login("one", at(0)));
    assert!(!store.local().finish_login("one", at(1)));
    assert!(!store.local().finish_login("one", at(659)));
    assert!(store.local().finish_login("two", at(1)));
}

#[test]
fn completed_sign_ins_are_dropped_when_their_cookies_expire() {
    let folder = Folder::new();
    let store = store(&folder);
    for number in 0..100 {
        assert!(store.local().finish_login(&number.to_string(), at(number)));
    }
    assert!(store.local().finish_login("last", at(100 + 660)));
    assert_eq!(store.local().completed.len(), 1);
    assert_eq!(store.local().completion_order.len(), 1);
}

#[test]
fn completed_sign_ins_are_bounded() {
    let folder = Folder::new();
    let store = store(&folder);
    for number in 0..MAX_COMPLETED + 10 {
        assert!(store.local().finish_login(&number.to_string(), at(0)));
    }
    assert_eq!(store.local().completed.len(), MAX_COMPLETED);
}

#[test]
fn sessions_at_a_provider_are_known_while_their_tokens_are_valid() {
    let folder = Folder::new();
    let store = store(&folder);
    store.local().record_session(id(1), id(10), at(300), at(0));
    store.local().record_session(id(1), id(11), at(300), at(0));
    store
        .local()
        .record_session(id(1), id(10), at(600), at(300));
    store.local().record_session(id(2), id(12), at(300), at(0));
    let known = store.local().sessions_at_provider(id(1), at(1));
    assert_eq!(known.sids, [id(10), id(11)]);
    // Sessions from before the start are not known, and their tokens may be valid.
    assert!(!known.complete);
    assert!(!store.local().sessions_at_provider(id(1), at(359)).complete);
    assert!(store.local().sessions_at_provider(id(1), at(360)).complete);
    store
        .local()
        .record_session(id(3), id(13), at(900), at(400));
    assert_eq!(
        store.local().sessions_at_provider(id(1), at(400)).sids,
        [id(10)]
    );
    assert_eq!(store.local().sessions_at_provider(id(2), at(400)).sids, []);
}

#[test]
fn a_full_list_of_sessions_at_providers_is_incomplete() {
    let folder = Folder::new();
    let store = store(&folder);
    for number in 0..u32::try_from(MAX_SESSIONS).unwrap() {
        store
            .local()
            .record_session(id(number), id(number), at(1300), at(1000));
    }
    assert!(store.local().sessions_at_provider(id(1), at(1000)).complete);
    store
        .local()
        .record_session(id(70_000), id(70_000), at(1300), at(1000));
    assert!(!store.local().sessions_at_provider(id(1), at(1299)).complete);
    assert!(store.local().sessions_at_provider(id(1), at(1300)).complete);
    // Once there is room, the list is complete again.
    store
        .local()
        .record_session(id(70_000), id(70_000), at(1700), at(1400));
    assert_eq!(
        store
            .local()
            .sessions_at_provider(id(70_000), at(1400))
            .sids,
        [id(70_000)]
    );
}
