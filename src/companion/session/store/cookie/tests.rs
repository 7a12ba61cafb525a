use super::*;
use crate::session::fixtures::{Folder, at};

fn store(folder: &Folder) -> CookieStore {
    let lifetimes = (Duration::from_secs(300), Duration::from_secs(3600));
    CookieStore::open(&folder.file("state"), lifetimes, at(0)).unwrap()
}

#[test]
fn r02_a_sign_in_is_completed_once() {
    let folder = Folder::new();
    let store = store(&folder);
    assert!(store.local().finish_attempt("one", at(0)));
    assert!(!store.local().finish_attempt("one", at(1)));
    assert!(!store.local().finish_attempt("one", at(659)));
    assert!(store.local().finish_attempt("two", at(1)));
}

#[test]
fn completed_sign_ins_are_dropped_when_their_cookies_expire() {
    let folder = Folder::new();
    let store = store(&folder);
    for number in 0..100 {
        assert!(
            store
                .local()
                .finish_attempt(&number.to_string(), at(number))
        );
    }
    assert!(store.local().finish_attempt("last", at(100 + 660)));
    assert_eq!(store.local().completed.len(), 1);
    assert_eq!(store.local().completion_order.len(), 1);
}

#[test]
fn completed_sign_ins_are_bounded() {
    let folder = Folder::new();
    let store = store(&folder);
    for number in 0..MAX_COMPLETED + 10 {
        assert!(store.local().finish_attempt(&number.to_string(), at(0)));
    }
    assert_eq!(store.local().completed.len(), MAX_COMPLETED);
}
