use std::hash::{BuildHasher, RandomState};

use super::*;

fn borrowed<'a>(text: &'a &'a str) -> &'a (dyn TokenText + 'a) {
    text
}

#[test]
fn an_owned_and_a_borrowed_text_are_the_same_key() {
    let keyed = RandomState::default();
    for text in [
        "",
        "short",
        "a text that is longer than the part of it that is hashed",
    ] {
        let owned = CacheKey(text.into());
        let lookup: &dyn TokenText = owned.borrow();
        assert!(lookup == borrowed(&text), "{text}");
        assert_eq!(keyed.hash_one(&owned), keyed.hash_one(borrowed(&text)));
    }
}

#[test]
fn tokens_with_the_same_end_are_different_keys() {
    let end = "e".repeat(END);
    let (one, other) = (format!("1{end}"), format!("2{end}"));
    let keyed = RandomState::default();
    let (one, other) = (CacheKey(one.into()), CacheKey(other.into()));
    assert_eq!(keyed.hash_one(&one), keyed.hash_one(&other));
    assert!(one != other);
}
