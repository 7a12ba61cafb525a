//! Settings that determine owners, and edited policies.

use super::*;
use crate::policy::Policy;

/// The entries after a restart, with the key of blue in both sets.
fn after_a_copy(policy: Policy) -> Entries {
    let mut entries = Entries::of(policy);
    for _ in 0..2 {
        entries.fetch("green", &["green", "blue"]);
        entries.fetch("blue", &["blue"]);
    }
    entries
}

fn pins(keys: &[&str]) -> String {
    let pins: Vec<String> = keys
        .iter()
        .map(|name| format!("\"{}\"", key(name).thumbprint()))
        .collect();
    format!(r#", "pins": [{}]"#, pins.join(","))
}

#[test]
fn a_pinned_key_belongs_to_its_entry() {
    for listed in [["blue", "green"], ["green", "blue"]] {
        let pins = pins(&["blue"]);
        let members = |name| if name == "blue" { &*pins } else { "" };
        let listed = listed.map(|name| entry(name, members(name)));
        let entries = after_a_copy(policy(&listed));
        assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
        assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
        assert_eq!(entries.status("green", "green"), KeyStatus::Usable);
        assert_eq!(entries.keyring.ambiguous_keys(), []);
    }
}

#[test]
fn pins_settle_an_ambiguous_key_and_it_stays_settled_without_them() {
    let plain = || policy(&[entry("green", ""), entry("blue", "")]);
    let mut entries = after_a_copy(plain());
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Ambiguous);
    entries.edit(policy(&[
        entry("green", ""),
        entry("blue", &pins(&["blue"])),
    ]));
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
    assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
    entries.edit(plain());
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
    assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
}

#[test]
fn a_key_outside_of_an_entrys_pins_is_not_its_own() {
    let mut entries = Entries::of(policy(&[
        entry("green", &pins(&["green"])),
        entry("blue", ""),
    ]));
    entries.fetch("green", &["green", "blue"]);
    entries.fetch("blue", &["blue"]);
    entries.fetch("green", &["green", "blue"]);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
}

#[test]
fn an_inline_key_belongs_to_its_entry() {
    let inline = format!(r#", "inline": {{"keys": [{{{}}}]}}"#, members("blue"));
    let mut entries = Entries::of(policy(&[entry("green", ""), entry("blue", &inline)]));
    entries.fetch("green", &["blue"]);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
    assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
}

#[test]
fn entries_with_the_same_key_source_are_one_owner() {
    let twin = |name: &str| {
        entry(name, "").replace("//blue-admin.", "//blue.").replace(
            r#""envoy_cluster": "blue-admin""#,
            r#""envoy_cluster": "blue""#,
        )
    };
    let names = ["blue-admin", "green", "blue"];
    let mut entries = Entries::of(policy(&names.map(&twin)));
    for _ in 0..2 {
        entries.fetch("blue", &["blue"]);
        entries.fetch("green", &["green"]);
        entries.fetch("blue-admin", &["blue"]);
    }
    entries.fetch("green", &["blue", "green"]);
    for (name, expected) in [
        ("blue", KeyStatus::Usable),
        ("blue-admin", KeyStatus::Usable),
        ("green", KeyStatus::NotOwned),
    ] {
        assert_eq!(entries.status(name, "blue"), expected, "{name}");
    }
    // Also without the one that was first.
    entries.edit(policy(&["green", "blue-admin"].map(&twin)));
    assert_eq!(entries.status("blue-admin", "blue"), KeyStatus::Usable);
    assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
}

#[test]
fn entries_of_different_issuers_do_not_share_owners() {
    let other = entry("green", "").replace(ISSUER, "https://other.example.com");
    let mut entries = Entries::of(policy(&[other, entry("blue", "")]));
    entries.fetch("green", &["green", "blue"]);
    entries.fetch("blue", &["blue"]);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
    let green = entries.id("green");
    let issuer = "https://other.example.com";
    let status = entries.keyring.status(green, issuer, &key("blue"));
    assert_eq!(status, KeyStatus::Usable);
}

#[test]
fn a_former_issuer_is_shared_too() {
    let former = r#""issuer": "https://new.example.com", "former_issuers": ["ISSUER"]"#;
    let former = former.replace("ISSUER", ISSUER);
    let moved = entry("green", "").replace(&format!(r#""issuer": "{ISSUER}""#), &former);
    let mut entries = Entries::of(policy(&[moved, entry("blue", "")]));
    for _ in 0..2 {
        entries.fetch("blue", &["blue"]);
        entries.fetch("green", &["green"]);
    }
    entries.fetch("green", &["green", "blue"]);
    assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
}

/// A name, and the entries of the edited policy.
type Edit = (&'static str, fn() -> Vec<String>);

#[test]
fn owners_outlive_an_edited_policy() {
    let edits: [Edit; 6] = [
        ("order", || vec![entry("green", ""), entry("blue", "")]),
        ("refresh", || {
            let refresh = r#", "refresh": "30s""#;
            vec![entry("green", refresh), entry("blue", refresh)]
        }),
        ("algorithms", || {
            let blue = entry("blue", "").replace(r#""kind""#, r#""algorithms": ["RS256"], "kind""#);
            vec![entry("green", ""), blue]
        }),
        ("another cluster", || {
            let cluster = r#""envoy_cluster": "blue""#;
            let blue = entry("blue", "").replace(cluster, r#""envoy_cluster": "other""#);
            vec![entry("green", ""), blue]
        }),
        ("another name", || {
            let name = r#""name": "blue""#;
            vec![
                entry("green", ""),
                entry("blue", "").replace(name, r#""name": "azure""#),
            ]
        }),
        ("another entry", || {
            vec![entry("red", ""), entry("green", ""), entry("blue", "")]
        }),
    ];
    for (edit, entries_after) in edits {
        let mut entries = Entries::with_keys(&["blue", "green"]);
        entries.fetch("green", &["green", "blue"]);
        entries.edit(policy(&entries_after()));
        let names: Vec<String> = entries
            .policy
            .trusts()
            .iter()
            .map(|trust| trust.name.clone())
            .collect();
        for name in &names {
            let keys: &[&str] = match name.as_str() {
                "green" => &["green", "blue"],
                "red" => &["red", "blue"],
                _ => &["blue"],
            };
            entries.fetch(name, keys);
        }
        for name in &names {
            let expected = match name.as_str() {
                "blue" | "azure" => KeyStatus::Usable,
                _ => KeyStatus::NotOwned,
            };
            assert_eq!(entries.status(name, "blue"), expected, "{edit}: {name}");
        }
    }
}

#[test]
fn an_owner_that_comes_back_to_the_policy_has_its_keys() {
    let mut entries = Entries::with_keys(&["blue", "green"]);
    entries.edit(policy(&[entry("green", ""), entry("red", "")]));
    entries.fetch("green", &["green", "blue"]);
    entries.fetch("red", &["red"]);
    entries.edit(policy(&[entry("green", ""), entry("blue", "")]));
    entries.fetch("blue", &["blue"]);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
    assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
}

#[test]
fn an_entry_that_was_alone_owns_its_keys_when_another_is_added() {
    let mut entries = Entries::with_keys(&["blue"]);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
    entries.edit(policy(&[entry("green", ""), entry("blue", "")]));
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
    entries.fetch("green", &["green", "blue"]);
    assert_eq!(entries.status("blue", "blue"), KeyStatus::Usable);
    assert_eq!(entries.status("green", "blue"), KeyStatus::NotOwned);
}

#[test]
fn a_new_key_waits_for_the_entries_of_each_policy_that_shares_the_owners() {
    let both = || policy(&[entry("blue", ""), entry("red", "")]);
    let mut entries = Entries::with_keys(&["blue", "green"]);
    entries.edit(both());
    entries.fetch("red", &["red"]);
    entries.edit(policy(&[entry("blue", ""), entry("green", "")]));
    entries.fetch("blue", &["blue", "new"]);
    entries.fetch("green", &["green"]);
    assert_eq!(entries.status("blue", "new"), KeyStatus::Usable);
    entries.edit(both());
    entries.fetch("blue", &["blue", "new"]);
    assert_eq!(entries.status("blue", "new"), entries.pending(&["red"]));
    entries.fetch("red", &["red", "new"]);
    assert_eq!(entries.status("blue", "new"), KeyStatus::Ambiguous);
    assert_eq!(entries.status("red", "new"), KeyStatus::Ambiguous);
}
