use super::*;
use crate::caller::headers::NAMES;
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

/// The bytes of a field name that are neither a letter nor a digit.
const SEPARATORS: &str = "!#$%&'*+-.^_`|~";

#[test]
fn h06_identity_headers_are_removed_in_any_spelling() {
    let policy = Policy::from_json(POLICY).unwrap();
    let app = Some(&policy.apps()[0]);
    for name in NAMES.into_iter().chain([
        "x-auth-request-user",
        "x-auth-request-groups",
        "x-auth-request-anything",
        "x-portcullis-caller",
        "x-webauth-user",
    ]) {
        for separator in SEPARATORS.chars() {
            let all = name.replace('-', &separator.to_string());
            let first = name.replacen('-', &separator.to_string(), 1);
            for spelling in [&all, &first, &all.to_uppercase(), &first.to_uppercase()] {
                assert!(!is_forwarded(spelling.as_bytes(), app), "{spelling}");
                assert!(
                    !is_trailer_forwarded(spelling.as_bytes(), &policy),
                    "{spelling}"
                );
            }
        }
    }
    assert!(!is_forwarded(b"x\xffauth\x80request user", app));
    // Other letters make another name, and no spelling makes one of a pseudo-header field.
    for name in [
        "x-auth-requestuser",
        "xauthrequestuser",
        "x--auth-request-user",
        "y-auth-request-user",
        "x.forwarded.for",
        "x_forwarded_proto",
        "x.real.ip",
        ":path",
        ":authority",
        ":method",
        ":scheme",
        ":protocol",
        "x-request-id",
        "x.auth",
        "x-portcullis",
    ] {
        assert!(is_forwarded(name.as_bytes(), app), "{name}");
    }
    let dashes = POLICY.replace("x-webauth-user", "-path");
    let policy = Policy::from_json(&dashes).unwrap();
    assert!(is_forwarded(b":path", Some(&policy.apps()[0])));
    assert!(!is_forwarded(b".path", Some(&policy.apps()[0])));
}

#[test]
fn h14_authorization_is_forwarded_only_with_forward_authorization() {
    let policy = Policy::from_json(POLICY).unwrap();
    assert!(is_forwarded(b"authorization", Some(&policy.apps()[1])));
    assert!(!is_forwarded(b"authorization", Some(&policy.apps()[0])));
    assert!(!is_forwarded(b"authorization", None));
}
