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
    policy.warnings(Timestamp::default())
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

#[test]
fn times_of_report_until_that_are_past_or_far_are_named() {
    let until = |text: &str, now: u64| {
        let text = format!(
            r#"{{"apps": [{{"name": "app", "hosts": ["app.example.com"], "report_until": "{text}", "rules": [
                {{"name": "all", "public": true, "paths": ["/**"]}}]}}]}}"#
        );
        let policy = Policy::from_json(&text).unwrap_or_else(|error| panic!("{error}"));
        let now = Timestamp::from_secs(now);
        let open: Vec<String> = policy.report_only_apps(now).map(|(_, line)| line).collect();
        (policy.warnings(now), open)
    };
    let time = 1_801_353_600;
    let text = "2027-01-31T00:00:00Z";
    let open = [
        "app `app` is open until 2027-01-31T00:00:00Z: requests that its rules refuse are forwarded and \
                 reported (report_until)",
    ];
    let days = |days: u64| days * 24 * 3600;
    let (warnings, lines) = until(text, time);
    assert_eq!(
        warnings,
        [
            "apps[0].report_until: `2027-01-31T00:00:00Z` is in the past, so it has no effect; help: remove it"
        ]
    );
    assert!(lines.is_empty());
    for now in [time - 1, time - days(90)] {
        let (warnings, lines) = until(text, now);
        assert_eq!(lines, open);
        assert!(warnings.is_empty(), "{warnings:?}");
    }
    let (warnings, lines) = until(text, time - days(90) - 1);
    assert_eq!(lines, open);
    assert!(
        warnings[0].contains("is more than 90 days ahead; help: choose"),
        "{warnings:?}"
    );
}
