//! Path patterns, compared with a naive matcher. Lines: pattern, path.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_core::policy::Policy;
use portcullis_core::request::path;
use portcullis_fuzz::{is_dot_segment, lines, percent_decoded, text};
use serde_json::json;

/// A policy with one rule for this pattern.
fn policy(pattern: &str) -> Option<Policy> {
    let policy = json!({
        "trust": [{
            "name": "t", "kind": "oidc", "issuer": "https://t.example.com", "audiences": ["a"],
            "keys": {"envoy_cluster": "t"},
        }],
        "apps": [{"name": "a", "hosts": ["a.example.com"], "rules": [
            {"name": "r", "paths": [pattern], "allow": [{"from": "t", "anyone": true}]},
        ]}],
    });
    Policy::from_json(&policy.to_string()).ok()
}

/// Whether the segments of a path match those of a pattern, for every prefix of both in turn.
fn matches(pattern: &[&str], path: &[&str]) -> bool {
    let mut row = vec![false; path.len() + 1];
    row[0] = true;
    for segment in pattern {
        let mut next = vec![false; path.len() + 1];
        next[0] = row[0] && *segment == "**";
        for at in 0..path.len() {
            next[at + 1] = match *segment {
                "**" => next[at] || row[at + 1],
                "*" => row[at] && !path[at].is_empty(),
                exact => row[at] && path[at] == exact,
            };
        }
        row = next;
    }
    row[path.len()]
}

fuzz_target!(|data: &[u8]| {
    let mut lines = lines(data);
    let [pattern, target] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    let Some(pattern_text) = text(pattern) else {
        return;
    };
    let Some(policy) = policy(pattern_text) else {
        return;
    };
    let Ok(target) = path(target) else {
        return;
    };
    let rule = &policy.apps()[0].rules()[0];
    let fits = rule.paths()[0].matches(target);
    assert_eq!(fits, rule.matches("GET", target));

    let of_path: Vec<&str> = target.split('/').skip(1).collect();
    if of_path
        .iter()
        .any(|segment| is_dot_segment(&percent_decoded(segment.as_bytes())))
    {
        assert!(
            !fits,
            "what a server may read as a dot segment fits no pattern"
        );
        return;
    }
    let of_pattern: Vec<&str> = pattern_text.split('/').skip(1).collect();
    assert_eq!(fits, matches(&of_pattern, &of_path));

    // Written out and parsed again, the pattern is the same.
    let again = crate::policy(&rule.paths()[0].to_string()).expect("a valid pattern");
    assert_eq!(again.apps()[0].rules()[0].paths()[0], rule.paths()[0]);
});
