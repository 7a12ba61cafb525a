use std::time::Duration;

use super::fixtures::*;
use super::*;
use crate::keys::KeyStatus;

mod policies;
mod unreachable;

#[test]
fn a_key_belongs_to_the_entry_that_had_it_first() {
    for names in [["blue", "green"], ["green", "blue"]] {
        let mut entries = Entries::with_keys(&names);
        for name in names {
            assert_eq!(entries.status(name, name), KeyStatus::Usable);
        }
        entries.fetch("green", &["green", "blue"]);
        for _ in 0..3 {
            assert_eq!(
                entries.status("blue", "blue"),
                KeyStatus::Usable,
                "{names:?}"
            );
            assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
            assert_eq!(entries.status("green", "green"), KeyStatus::Usable);
            entries.fetch("blue", &["blue"]);
            entries.fetch("green", &["blue"]);
        }
        assert_eq!(entries.keyring.ambiguous_keys(), []);
    }
}

#[test]
fn a_key_keeps_its_owner_under_another_kid() {
    let mut entries = Entries::with_keys(&["green", "blue"]);
    entries.fetch("green", &["green", "blue as green-2"]);
    assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
}

#[test]
fn a_new_key_counts_after_all_others_were_fetched_since() {
    let mut entries = Entries::with_keys(&["blue", "green", "red"]);
    entries.fetch("blue", &["blue", "new"]);
    assert_eq!(
        entries.status("blue", "new"),
        entries.pending(&["green", "red"])
    );
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
    for (name, is_awaited) in [("blue", false), ("green", true), ("red", true)] {
        let id = entries.id(name);
        assert_eq!(entries.keyring.is_awaited(id), is_awaited, "{name}");
    }
    entries.fetch("green", &["green"]);
    assert_eq!(entries.status("blue", "new"), entries.pending(&["red"]));
    entries.fetch("red", &["red"]);
    assert_eq!(entries.status("blue", "new"), KeyStatus::Usable);
    entries.fetch("red", &["red", "new"]);
    assert_eq!(entries.status("red", "new"), KeyStatus::NotOwned);
    assert_eq!(entries.status("blue", "new"), KeyStatus::Usable);
}

#[test]
fn a_fetch_that_began_before_the_key_was_known_does_not_count() {
    let mut entries = Entries::with_keys(&["blue", "green"]);
    let in_progress = entries.begin("green");
    entries.fetch("blue", &["blue", "new"]);
    entries.end("green", &in_progress, Some(&["green"]));
    assert_eq!(entries.status("blue", "new"), entries.pending(&["green"]));
    entries.fetch("green", &["green"]);
    assert_eq!(entries.status("blue", "new"), KeyStatus::Usable);
}

#[test]
fn at_the_start_one_fetch_of_each_entry_is_enough() {
    for order in [["blue", "green"], ["green", "blue"]] {
        let mut entries = Entries::new(&["blue", "green"]);
        let fetches = order.map(|name| (name, entries.begin(name)));
        for (name, request) in &fetches {
            entries.end(name, request, Some(&[name]));
        }
        for name in order {
            assert_eq!(entries.status(name, name), KeyStatus::Usable);
        }
        assert!(
            order
                .iter()
                .all(|name| !entries.keyring.is_awaited(entries.id(name)))
        );
        // Both have the other's key in their first set.
        let mut entries = Entries::new(&["blue", "green"]);
        let fetches = order.map(|name| (name, entries.begin(name)));
        for (name, request) in &fetches {
            entries.end(name, request, Some(&["blue", "green"]));
        }
        assert_eq!(entries.status("blue", "green"), KeyStatus::Ambiguous);
    }
}

#[test]
fn the_first_fetch_of_an_entry_that_is_added_later_is_not_enough() {
    let mut entries = Entries::new(&["blue", "green"]);
    entries.fetch("green", &["green"]);
    entries.now = entries.now.after(Duration::from_secs(60));
    entries.fetch("blue", &["blue"]);
    assert_eq!(entries.status("blue", "blue"), entries.pending(&["green"]));
    entries.fetch("green", &["green", "blue"]);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Ambiguous);
}

#[test]
fn a_key_that_two_entries_publish_between_two_fetches_is_ambiguous() {
    for names in [["blue", "green"], ["green", "blue"]] {
        let mut entries = Entries::with_keys(&["blue", "green"]);
        for name in names {
            entries.fetch(name, &[name, "new"]);
        }
        for name in names {
            assert_eq!(entries.status(name, "new"), KeyStatus::Ambiguous);
            assert_eq!(entries.status(name, name), KeyStatus::Usable);
        }
        let ambiguous = entries.keyring.ambiguous_keys();
        assert_eq!(ambiguous.len(), 1);
        assert_eq!(ambiguous[0].thumbprint, key("new").thumbprint());
        assert_eq!(ambiguous[0].names, names);
        let warning = ambiguous[0].to_string();
        assert!(warning.contains("`keys.pins`"), "{warning}");
        assert!(warning.contains("key-ambiguous"), "{warning}");
    }
}

#[test]
fn after_a_restart_a_key_of_two_entries_is_ambiguous_in_any_order() {
    for (listed, fetched) in [
        (["blue", "green"], ["blue", "green"]),
        (["blue", "green"], ["green", "blue"]),
        (["green", "blue"], ["blue", "green"]),
        (["green", "blue"], ["green", "blue"]),
    ] {
        let mut entries = Entries::with_keys(&listed);
        entries.fetch("green", &["green", "blue"]);
        entries.restart();
        for _ in 0..2 {
            for name in fetched {
                let keys: &[&str] = if name == "green" {
                    &["green", "blue"]
                } else {
                    &["blue"]
                };
                entries.fetch(name, keys);
            }
        }
        assert_eq!(entries.status("blue", "blue"), KeyStatus::Ambiguous);
        assert_eq!(entries.status("green", "blue"), KeyStatus::Ambiguous);
        assert_eq!(entries.status("green", "green"), KeyStatus::Usable);
        // The key stays ambiguous after an entry has removed it: the owner may be the one.
        entries.fetch("blue", &["other"]);
        entries.fetch("green", &["green", "blue"]);
        entries.now = entries.now.after(Duration::from_secs(3600));
        entries.fetch("blue", &["other"]);
        assert_eq!(entries.status("green", "blue"), KeyStatus::Ambiguous);
    }
}

#[test]
fn a_removed_key_keeps_its_owner() {
    let mut entries = Entries::with_keys(&["blue", "green"]);
    entries.fetch("blue", &["new"]);
    entries.now = entries.now.after(Duration::from_secs(3600));
    entries.fetch("blue", &["new"]);
    entries.fetch("green", &["green", "blue"]);
    entries.fetch("blue", &["new"]);
    assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
}

#[test]
fn removed_keys_of_one_entry_do_not_displace_those_of_another() {
    let mut entries = Entries::with_keys(&["blue", "green"]);
    entries.fetch("blue", &["new"]);
    for round in 0..20 {
        let many: Vec<String> = (0..60).map(|at| format!("{round}-{at}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        entries.now = entries.now.after(Duration::from_secs(3600));
        entries.fetch("blue", &["new"]);
        entries.fetch("green", &many);
    }
    let owners = entries.keyring.owners_of(ISSUER).unwrap();
    assert!(
        owners.keys.len() < 4 * KeySet::MAX_KEYS,
        "{}",
        owners.keys.len()
    );
    entries.fetch("green", &["blue"]);
    assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
    entries.fetch("blue", &["new", "blue"]);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
}

#[test]
fn a_clock_that_steps_back_changes_no_owner_and_delays_no_key() {
    let mut entries = Entries::with_keys(&["blue", "green"]);
    entries.fetch("blue", &["blue", "new"]);
    entries.now = entries.now.before(Duration::from_secs(3600));
    entries.fetch("green", &["green"]);
    assert_eq!(entries.status("blue", "new"), KeyStatus::Usable);
    entries.fetch("green", &["green", "blue", "new"]);
    for of_key in ["blue", "new"] {
        assert_eq!(entries.status("green", of_key), KeyStatus::NotOwned);
        assert_eq!(entries.status("blue", of_key), KeyStatus::Usable);
    }
}

#[test]
fn confirmations_have_a_limit_of_their_own() {
    let mut entries = Entries::with_keys(&["blue", "green"]);
    let mut record = entries
        .keyring
        .trust_keys(entries.id("green"))
        .unwrap()
        .record()
        .clone();
    let now = entries.now;
    let second = |seconds| now.after(Duration::from_secs(seconds));
    let trust = entries.policy.trust("green").unwrap();
    let remote = trust.keys.remote.as_ref().unwrap();
    assert!(!record.is_due(remote, now, true), "attempted just now");
    assert!(record.is_confirmation_due(now));
    let request = record.begin(trust, remote, 1, now);
    record.begin_confirmation(now);
    assert!(!record.is_confirmation_due(now), "in progress");
    record
        .apply_response(trust, remote, &request, None, now, 0)
        .unwrap_err();
    assert!(!record.is_confirmation_due(second(9)));
    assert!(record.is_confirmation_due(second(10)));
    assert!(record.is_confirmation_due(now.before(Duration::from_secs(60))));
    entries.fetch("green", &["green"]);
}

#[test]
fn owners_survive_serialization() {
    let mut entries = Entries::with_keys(&["blue", "green"]);
    entries.fetch("blue", &["blue", "both", "pending"]);
    entries.fetch("green", &["both"]);
    entries.fetch("blue", &["blue", "both", "pending", "again"]);
    let _in_progress = entries.begin("blue");
    let owners = entries.keyring.owners_of(ISSUER).unwrap();
    let text = owners.to_text();
    assert_eq!(
        KeyOwners::from_text(text.as_bytes()).as_ref(),
        Ok(&**owners)
    );
    let empty = KeyOwners::default();
    assert_eq!(KeyOwners::from_text(empty.to_text().as_bytes()), Ok(empty));
    for (good, bad) in [
        ("owners 1", "owners 2"),
        ("entry", "entries"),
        ("entry blue", "entry"),
        ("entry blue", "entry blue more"),
        ("owner ", "owner A"),
        ("owner ", "waiting "),
        ("waiting green 3 ", "waiting green "),
        ("waiting green ", "waiting green -"),
        ("waiting green ", "other green "),
        ("\n", "\n\n"),
        ("candidate ", "candidate A"),
    ] {
        let broken = text.replacen(good, bad, 1);
        assert_ne!(broken, text, "{good}");
        let error = KeyOwners::from_text(broken.as_bytes());
        assert!(error.is_err(), "{bad}");
    }
    for length in 0..text.len() {
        assert!(
            text.get(..length)
                .is_none_or(|cut| KeyOwners::from_text(cut.as_bytes()).as_ref() != Ok(&**owners))
        );
    }
}
