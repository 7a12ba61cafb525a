use crate::policy::Policy;

#[test]
fn j18_an_issuer_is_compared_byte_for_byte() {
    let text = r#"{
      "trust": [{"name": "a", "kind": "oidc", "issuer": "https://A.example.com/",
                 "former_issuers": ["https://old.example.com"], "audiences": ["a"],
                 "keys": {"envoy_cluster": "a"}}],
      "apps": [{"name": "a", "hosts": ["a"],
                "rules": [{"name": "a", "allow": [{"from": "a", "anyone": true}]}]}]
    }"#;
    let policy = Policy::from_json(text).unwrap();
    let trust = policy.trust("a").unwrap();
    for (iss, expected) in [
        ("https://A.example.com/", true),
        ("https://old.example.com", true),
        ("https://a.example.com/", false),
        ("https://A.example.com", false),
        ("https://old.example.com/", false),
        ("https://old.example.com:443", false),
        ("", false),
    ] {
        assert_eq!(trust.accepts_issuer(iss), expected, "{iss}");
    }
}
