use super::*;

#[test]
fn a_token_that_was_presented_before_is_recognised() {
    let mut met = Doorkeeper::default();
    for token in ["one", "another", "a third"] {
        assert!(!met.was_presented_before(token), "{token}");
    }
    assert!(met.was_presented_before("one"));
    assert!(met.was_presented_before("one"));
}

#[test]
fn its_size_is_fixed_and_new_tokens_replace_old_ones() {
    let mut met = Doorkeeper::default();
    for id in 0..100_000 {
        met.was_presented_before(&format!("token {id}"));
        assert!(met.was_presented_before(&format!("token {id}")), "{id}");
    }
    assert_eq!(met.hashes.len(), usize::from(SLOTS));
    assert!(!met.was_presented_before("token 0"), "it was long ago");
}
