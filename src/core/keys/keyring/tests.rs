use crate::keys::fixtures::{after, keyring, plain, source};

#[test]
fn one_key_in_two_sets_is_found() {
    let (one, mut other) = (plain(), plain());
    other.name = "green".to_owned();
    let mut keyring = keyring(&[one.clone(), other]);
    let trust_keys = after(&one, &[(0, Some(&["a"]))]);
    keyring.update(source(0), trust_keys.record().clone());
    assert!(keyring.duplicate_keys().is_empty());
    keyring.update(
        source(1),
        after(&one, &[(0, Some(&["b"]))]).record().clone(),
    );
    let duplicates = keyring.duplicate_keys();
    let names: Vec<_> = duplicates
        .iter()
        .map(|key| (key.first, key.second))
        .collect();
    assert_eq!(names, [("blue", "green")]);
    let warning = duplicates[0].to_string();
    assert!(
        warning.starts_with("trust entries blue and green have the same key (")
            && warning.contains("help: "),
        "{warning}"
    );
}
