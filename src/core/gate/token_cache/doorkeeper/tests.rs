use super::*;

#[test]
fn a_token_that_was_presented_before_is_recognised() {
    let mut met = Doorkeeper::default();
    for token in ["one", "another", "a third"] {
        assert!(!met.again(token), "{token}");
    }
    assert!(met.again("one"));
    assert!(met.again("one"));
}

#[test]
fn its_size_is_fixed_and_new_tokens_replace_old_ones() {
    let mut met = Doorkeeper::default();
    for id in 0..100_000 {
        met.again(&format!("token {id}"));
        assert!(met.again(&format!("token {id}")), "{id}");
    }
    assert_eq!(met.hashes.len(), usize::from(PLACES));
    assert!(!met.again("token 0"), "it was long ago");
}
