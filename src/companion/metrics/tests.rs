use portcullis_core::policy::Policy;

use super::*;

#[test]
fn counters_are_exposed() {
    let metrics = Metrics::new();
    metrics.request_completed("/ping", StatusCode::OK, Duration::from_millis(3));
    metrics.sign_in_completed("sso", "signed-in");
    metrics.decided(Some("alertmanager"), "rule");
    metrics.session_refreshed("unavailable");
    metrics.provider_failed("sso", "discovery");
    metrics.reloads.reloaded("policy", false);
    metrics.connections.inc();
    metrics.revocations.set(7);
    metrics.revocation_floors(0, 1_700_000_002);
    metrics.revocations_read.set(seconds(1_700_000_001));
    metrics.ambiguous_keys(2);
    let policy = r#"{"apps": [{"name": "a", "hosts": ["a.example.com"],
        "rules": [{"name": "all", "public": true, "paths": ["/**"]}]}]}"#;
    let policy = Policy::from_json(policy).unwrap();
    metrics.policy_loaded(&policy);
    let digest = format!("\nportcullis_policy_digest {}\n", policy.digest().gauge());
    let text = metrics.text().expect("text");
    assert!(text.contains("\nportcullis_ambiguous_keys 2\n"), "{text}");
    assert!(text.contains(&digest), "{text}");
    for line in [
        concat!("build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "requests_total{endpoint=\"/ping\",status=\"200\"} 1",
        "request_duration_seconds_bucket{le=\"0.005\",endpoint=\"/ping\"} 1",
        "request_duration_seconds_bucket{le=\"0.0025\",endpoint=\"/ping\"} 0",
        "sign_ins_total{provider=\"sso\",outcome=\"signed-in\"} 1",
        "decisions_total{app=\"alertmanager\",reason=\"rule\"} 1",
        "refreshes_total{outcome=\"unavailable\"} 1",
        "provider_errors_total{provider=\"sso\",error=\"discovery\"} 1",
        "reloads_total{file=\"policy\",outcome=\"failed\"} 1",
        "file_stale{file=\"policy\"} 1",
        "connections 1",
        "revocations 7",
        "revocations_floor_timestamp_seconds{list=\"sessions\"} 0",
        "revocations_floor_timestamp_seconds{list=\"provider_sessions\"} 1700000002",
        "revocations_read_timestamp_seconds 1700000001.0",
    ] {
        let line = format!("\nportcullis_companion_{line}\n");
        assert!(text.contains(&line), "{line}: {text}");
    }
    assert!(text.ends_with("# EOF\n"));

    let start = "# TYPE portcullis_";
    let names: Vec<&str> = (text.lines())
        .filter_map(|line| line.strip_prefix(start))
        .map(|name| name.strip_prefix("companion_").unwrap_or(name))
        .collect();
    assert_eq!(
        names,
        [
            "ambiguous_keys gauge",
            "policy_digest gauge",
            "build info",
            "requests counter",
            "request_duration_seconds histogram",
            "sign_ins counter",
            "decisions counter",
            "refreshes counter",
            "groups_left_out counter",
            "provider_errors counter",
            "reloads counter",
            "file_stale gauge",
            "connections gauge",
            "revocations gauge",
            "revocations_floor_timestamp_seconds gauge",
            "revocations_read_timestamp_seconds gauge",
            "signing_key_created_timestamp_seconds gauge",
        ]
    );
}
