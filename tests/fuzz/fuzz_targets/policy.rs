//! Policies in JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_core::policy::{HostPattern, Policy};
use portcullis_core::request::is_dns_name;
use portcullis_fuzz::text;
use serde_json::{Map, Value};

/// The same document with its members in another order.
fn reversed(value: Value) -> Value {
    match value {
        Value::Array(elements) => elements.into_iter().map(reversed).collect(),
        Value::Object(members) => {
            let members = members.into_iter().rev();
            let members: Map<String, Value> = members
                .map(|(name, value)| (name, reversed(value)))
                .collect();
            Value::Object(members)
        }
        other => other,
    }
}

fn check(policy: &Policy) {
    assert!(!policy.apps().is_empty());
    let mut names = Vec::new();
    for app in policy.apps() {
        assert!(!names.contains(&app.name()), "a duplicate name");
        names.push(app.name());
        assert!(!app.hosts().is_empty() && !app.rules().is_empty());
        for host in app.hosts() {
            let found = match host {
                HostPattern::Exact(name) => policy.app_for(name),
                HostPattern::OneLabel(name) => policy.app_for(&format!("one-more-label.{name}")),
                #[allow(unreachable_patterns, reason = "for variants to come")]
                _ => continue,
            };
            // Another app may list the name itself.
            let found = found.expect("the host is found");
            assert!(matches!(host, HostPattern::OneLabel(_)) || found.name() == app.name());
        }
        for rule in app.rules() {
            assert_eq!(rule.is_public(), rule.allow().is_empty());
            assert!(!rule.is_public() || !(rule.paths().is_empty() || rule.methods().is_empty()));
            for entry in rule.allow() {
                assert!(!entry.matchers().is_empty());
            }
        }
    }
    for trust in policy.trusts() {
        assert!(!trust.audiences.is_empty());
        assert_eq!(trust.keys_id().len(), 64);
        assert!(trust.leeway.as_secs() <= 300);
        if let Some(remote) = &trust.keys.remote {
            assert!(remote.refresh <= remote.max_stale);
            assert!((10..=3600).contains(&remote.refresh.as_secs()));
        } else {
            assert!(trust.keys.inline.is_some());
        }
    }
    if let Some(sso) = policy.sso() {
        assert!(is_dns_name(sso.host()) && !sso.providers().is_empty());
        assert!(policy.companion_at(sso.host()).is_some());
        let claims = |app: &&portcullis_core::policy::App| {
            app.hosts()
                .iter()
                .any(|host| matches!(host, HostPattern::Exact(name) if name == sso.host()))
        };
        assert!(
            !policy.apps().iter().any(|app| claims(&app)),
            "the companion's host"
        );
    }
    assert!(policy.max_token() > 0);
}

fuzz_target!(|data: &[u8]| {
    let Some(json) = text(data) else {
        return;
    };
    let policy = match Policy::from_json(json) {
        Ok(policy) => policy,
        Err(error) => {
            assert!(
                !error.path().is_empty() && !error.problem().is_empty() && !error.help().is_empty()
            );
            return;
        }
    };
    check(&policy);
    // White space and the order of members mean nothing.
    let value: Value = serde_json::from_str(json).expect("JSON");
    let again = Policy::from_json(&reversed(value).to_string()).expect("a policy");
    assert_eq!(format!("{again:?}"), format!("{policy:?}"));
});
