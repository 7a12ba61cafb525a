use super::*;

fn warnings(entries: &[(&str, &str)]) -> Vec<String> {
    let entry = |(name, members): &(&str, &str)| {
        format!(r#"{{"name": "{name}", "kind": "oidc", "audiences": ["{name}"], {members}}}"#)
    };
    let entries: Vec<String> = entries.iter().map(entry).collect();
    let text = format!(
        r#"{{"trust": [{}], "apps": [{{"name": "app", "hosts": ["app.example.com"], "rules": [
            {{"name": "all", "public": true, "paths": ["/**"]}}]}}]}}"#,
        entries.join(",")
    );
    let policy = Policy::from_json(&text).unwrap_or_else(|error| panic!("{error}"));
    policy.warnings()
}

const BLUE: &str = r#""issuer": "https://one.example", "keys": {"envoy_cluster": "blue"}"#;
const GREEN: &str = r#""issuer": "https://one.example", "keys": {"envoy_cluster": "green"}"#;

#[test]
fn entries_that_share_an_issuer_without_pins_are_named() {
    let former = r#""issuer": "https://new.example", "former_issuers": ["https://one.example"],
        "keys": {"envoy_cluster": "green"}"#;
    for green in [GREEN, former] {
        let warnings = warnings(&[("blue", BLUE), ("green", green)]);
        assert_eq!(
            warnings,
            [
                "trust: blue, green share the issuer `https://one.example` and have no `keys.pins`: a key \
                 that one of them copies from another can be refused after a restart (key-ambiguous); help: \
                 set `keys.pins` in each of them"
            ]
        );
    }
}

#[test]
fn entries_that_pins_or_sources_distinguish_cause_no_warning() {
    let pins = r#", "pins": ["NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"]}"#;
    let pinned = GREEN.replace('}', pins);
    let other = GREEN.replace("one.example", "two.example");
    let twin = GREEN.replace("green", "blue");
    let inline = r#""issuer": "https://one.example", "keys": {"inline": {"keys": [
        {"kty": "OKP", "crv": "Ed25519", "x": "LO5hVkNeYSCeO1suNiBLOmcxWgDyr-KL_7EWcFA9p-Y"}]}}"#;
    for green in [&*pinned, &*other, &*twin, inline] {
        let warnings = warnings(&[("blue", BLUE), ("green", green)]);
        assert!(warnings.is_empty(), "{green}: {warnings:?}");
    }
}
