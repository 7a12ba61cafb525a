use super::*;

#[test]
fn who_came_before_is_known_again() {
    let mut met = Doorkeeper::default();
    for token in ["one", "another", "a third"] {
        assert!(!met.again(token), "{token}");
    }
    assert!(met.again("one"));
    assert!(met.again("one"));
}

#[test]
fn it_stays_as_big_as_it_is_and_makes_room_for_those_who_come() {
    let mut met = Doorkeeper::default();
    for id in 0..100_000 {
        met.again(&format!("token {id}"));
        assert!(met.again(&format!("token {id}")), "{id}");
    }
    assert_eq!(met.hashes.len(), usize::from(PLACES));
    assert!(!met.again("token 0"), "it was long ago");
}
