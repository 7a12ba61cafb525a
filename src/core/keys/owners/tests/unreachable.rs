//! Entries whose keys can't be fetched.

use super::*;

#[test]
fn an_entry_that_cannot_be_fetched_counts_with_its_last_valid_set() {
    let mut entries = Entries::with_keys(&["blue", "green"]);
    entries.fetch("blue", &["blue", "new"]);
    entries.fail("green");
    assert_eq!(entries.status("blue", "new"), KeyStatus::Usable);
    assert_eq!(entries.status("green", "green"), KeyStatus::Usable);
    entries.fetch("green", &["green", "new"]);
    assert_eq!(entries.status("blue", "new"), KeyStatus::Usable);
    assert_eq!(entries.status("green", "new"), KeyStatus::NotOwned);
}

#[test]
fn an_entry_that_was_never_fetched_delays_no_key_after_a_try() {
    let mut entries = Entries::new(&["blue", "green"]);
    entries.fetch("blue", &["blue"]);
    assert_eq!(entries.status("blue", "blue"), entries.pending(&["green"]));
    entries.fail("green");
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
    assert!(!entries.keyring.is_awaited(entries.id("green")));
}

#[test]
fn a_key_in_the_first_set_of_an_entry_is_ambiguous_if_another_has_it() {
    let mut entries = Entries::new(&["blue", "green"]);
    entries.fetch("blue", &["blue"]);
    entries.fail("green");
    entries.fetch("green", &["green", "blue"]);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Ambiguous);
    assert_eq!(entries.status("green", "blue"), KeyStatus::Ambiguous);
}

#[test]
fn a_key_is_owned_once_the_first_set_of_the_other_entry_lacks_it() {
    let mut entries = Entries::new(&["blue", "green"]);
    entries.fetch("blue", &["blue"]);
    entries.fail("green");
    entries.fetch("green", &["green"]);
    entries.fetch("green", &["green", "blue"]);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
    assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
}

#[test]
fn the_failure_of_a_fetch_in_progress_counts() {
    for reads in [0, 1] {
        let mut entries = Entries::new(&["blue", "green"]);
        for _ in 0..reads {
            entries.fetch("green", &["green"]);
        }
        let in_progress = entries.begin("green");
        entries.fetch("blue", &["blue"]);
        assert_eq!(entries.status("blue", "blue"), entries.pending(&["green"]));
        entries.end("green", &in_progress, None);
        assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable, "{reads}");
    }
}

#[test]
fn a_failing_entry_does_not_affect_the_keys_of_others() {
    let mut entries = Entries::with_keys(&["blue", "green", "red"]);
    for round in 0..5 {
        entries.fail("red");
        let new = format!("new-{round}");
        entries.fetch("blue", &["blue", &new]);
        entries.fetch("green", &["green"]);
        entries.fail("red");
        assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
        assert_eq!(entries.status("green", "green"), KeyStatus::Usable);
        assert_eq!(entries.status("blue", &new), KeyStatus::Usable);
        entries.fetch("blue", &["blue"]);
    }
}
