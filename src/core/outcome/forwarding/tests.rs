use super::*;
use crate::policy::Policy;

const POLICY: &str = r#"{
  "trust": [{"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com",
             "audiences": ["portcullis"], "keys": {"envoy_cluster": "blue"}}],
  "apps": [{"name": "app", "hosts": ["app.example.com"], "strip_headers": ["x-webauth-user"],
            "rules": [{"name": "all", "allow": [{"service_account": "blue/*/*"}]}]},
           {"name": "open", "hosts": ["open.example.com"], "forward_authorization": true,
            "rules": [{"name": "all", "allow": [{"service_account": "blue/*/*"}]}]}]
}"#;

#[test]
fn h06_identity_headers_are_never_forwarded() {
    let policy = Policy::from_json(POLICY).unwrap();
    let app = Some(&policy.apps()[0]);
    for name in [
        "x-auth-request-user",
        "X_Auth_Request_User",
        "x-auth_request-anything",
        "x-portcullis-caller",
        "X-Portcullis_",
        "x-forwarded-user",
        "x_forwarded_email",
        "x-forwarded-groups",
        "x-forwarded-preferred-username",
        "x-forwarded-access-token",
        "x-original-url",
        "x-rewrite-url",
        "X-WebAuth_User",
        "authorization",
    ] {
        assert!(!is_forwarded(name.as_bytes(), app), "{name}");
    }
    for name in [
        ":path",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-auth",
        "cookie",
        "x-original-uri",
    ] {
        assert!(is_forwarded(name.as_bytes(), app), "{name}");
    }
}

#[test]
fn h14_authorization_is_forwarded_only_with_forward_authorization() {
    let policy = Policy::from_json(POLICY).unwrap();
    assert!(is_forwarded(b"authorization", Some(&policy.apps()[1])));
    assert!(!is_forwarded(b"authorization", Some(&policy.apps()[0])));
    assert!(!is_forwarded(b"authorization", None));
}
