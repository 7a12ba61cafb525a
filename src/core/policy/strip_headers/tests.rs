use crate::policy::Policy;

/// A policy whose apps each strip these names.
fn policy(apps: &[&[&str]]) -> Policy {
    let apps: Vec<String> = apps
        .iter()
        .enumerate()
        .map(|(id, names)| {
            format!(
                r#"{{"name": "app-{id}", "hosts": ["app-{id}.example.com"], "strip_headers": {names:?},
                    "rules": [{{"name": "all", "allow": [{{"service_account": "blue/*/*"}}]}}]}}"#
            )
        })
        .collect();
    let policy = format!(
        r#"{{"trust": [{{"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com",
            "audiences": ["portcullis"], "keys": {{"envoy_cluster": "blue"}}}}], "apps": [{}]}}"#,
        apps.join(",")
    );
    Policy::from_json(&policy).unwrap()
}

#[test]
fn the_names_of_all_apps_are_found_in_any_spelling() {
    let policy = policy(&[&["x-webauth-user", "x-role"], &["remote-user"], &[]]);
    for name in [
        "x-webauth-user",
        "X_WebAuth.User",
        "x-role",
        "X~ROLE",
        "remote-user",
        "Remote_User",
    ] {
        assert!(policy.strips(name.as_bytes()), "{name}");
    }
    for name in [
        "",
        "x",
        "x-webauth-use",
        "x-webauth-user2",
        "role",
        "xrole",
        "zz",
    ] {
        assert!(!policy.strips(name.as_bytes()), "{name}");
    }
}

#[test]
fn a_name_of_many_apps_is_kept_once() {
    let apps: Vec<&[&str]> = vec![&["x-webauth-user", "X_WEBAUTH_USER"]; 1000];
    assert_eq!(policy(&apps).strip_headers.0, ["x-webauth-user"]);
}
