use super::*;
use crate::session::fixtures::at;

#[test]
fn r02_a_sign_in_is_completed_once() {
    let mut completed = CompletedAttempts::default();
    assert!(completed.finish("one", at(0)));
    assert!(!completed.finish("one", at(1)));
    assert!(!completed.finish("one", at(659)));
    assert!(completed.finish("two", at(1)));
}

#[test]
fn completed_sign_ins_are_dropped_when_their_cookies_expire() {
    let mut completed = CompletedAttempts::default();
    for number in 0..100 {
        assert!(completed.finish(&number.to_string(), at(number)));
    }
    assert!(completed.finish("last", at(100 + 660)));
    assert_eq!(completed.until.len(), 1);
    assert_eq!(completed.order.len(), 1);
}

#[test]
fn completed_sign_ins_are_bounded() {
    let mut completed = CompletedAttempts::default();
    for number in 0..MAX_COMPLETED + 10 {
        assert!(completed.finish(&number.to_string(), at(0)));
    }
    assert_eq!(completed.until.len(), MAX_COMPLETED);
}
