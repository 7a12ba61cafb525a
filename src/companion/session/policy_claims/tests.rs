use std::time::Duration;

use super::*;
use crate::session::fixtures::{at, tokens, user};

pub(in crate::session) fn policy(groups: &[&str]) -> Policy {
    let allow: Vec<_> = groups
        .iter()
        .map(|group| serde_json::json!({"from": "sso", "group": group}))
        .chain([serde_json::json!({"from": "sso", "user": "a-user"})])
        .collect();
    let policy = serde_json::json!({
        "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
        "apps": [
            {"name": "one", "hosts": ["one.example.com"], "rules": [
                {"name": "all", "allow": allow},
            ]},
            {"name": "two", "hosts": ["two.example.com"], "rules": [
                {"name": "public", "paths": ["/-/healthy"], "public": true},
                {"name": "both", "allow": [
                    {"from": "sso", "group": "two", "email_domain": "example.com"},
                ]},
            ]},
        ],
    });
    Policy::from_json(&policy.to_string()).unwrap()
}

#[test]
fn the_groups_that_any_rule_names_are_kept_in_their_order() {
    let groups = PolicyClaims::default();
    let tokens = tokens(None, at(3600));
    let mut all = Session::new("sso", user("ada"), tokens, at(0), Duration::from_secs(3600));
    for (named, own, kept) in [
        (
            &["sre", "dev"][..],
            &["x", "dev", "y", "sre"][..],
            &["dev", "sre"][..],
        ),
        (&["sre"], &["SRE", "sre ", "sr"], &[]),
        (&["sre"], &["two", "a-user"], &["two"]),
        (&[], &["sre"], &[]),
        (&["a,b"], &["a,b", "a", "b"], &["a,b"]),
    ] {
        // A new policy replaces the groups of the old one.
        groups.update(&policy(named));
        all.user.groups = own.iter().map(|group| (*group).to_owned()).collect();
        let session = groups.keep(&all);
        assert_eq!(session.user.groups, kept, "{named:?} {own:?}");
        assert_eq!(session.sid, all.sid);
    }
}
