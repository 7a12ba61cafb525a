//! Trailers: some servers merge them into the header fields, so none may have the name of an identity
//! header or a credential, in any spelling. For the filter and the dynamic module.

use portcullis_tests::lab::envoy::Gateway;
use portcullis_tests::lab::fixture::{Fixture, get_alerts};
use portcullis_tests::lab::{Endpoint, SigningKey};
use serde_json::{Value, json};

use crate::dynamic_module;

/// Names that apps trust, one of them by the policy.
const NAMES: [&str; 8] = [
    "x-auth-request-user",
    "x-auth-request-groups",
    "x-portcullis-caller",
    "x-forwarded-user",
    "x-forwarded-access-token",
    "x-original-url",
    "authorization",
    "x-webauth-user",
];

/// Spellings of a name that some servers treat as equal, such as CGI servers.
const SPELLINGS: [fn(&str) -> String; 6] = [
    |name| name.to_owned(),
    |name| name.replace('-', "_"),
    |name| name.replace('-', "."),
    |name| name.replacen('-', "~", 1),
    |name| name.replacen('-', "_", 2).replacen('_', "!", 1),
    |name| name.replace('-', "'"),
];

/// Trailers that apps receive unchanged.
const HARMLESS: [(&str, &str); 4] = [
    ("x-checksum", "1"),
    ("grpc-status", "0"),
    ("x_checksum", "2"),
    ("x-checksum", "3"),
];

fn edit(policy: &mut Value) {
    policy["apps"][0]["strip_headers"] = json!(["X-WebAuth-User"]);
}

/// Sends each name twice in each spelling, among harmless trailers, and checks what the app receives.
async fn assert_removed(what: &str, fixture: &Fixture, gateway: &Gateway) {
    let token = fixture.clusters[0].token();
    for (number, spelling) in SPELLINGS.iter().enumerate() {
        let mut call = get_alerts(&token).body("x");
        for (index, (name, value)) in HARMLESS.iter().enumerate() {
            call = call.trailer(name, value);
            for name in NAMES.iter().skip(2 * index).take(2) {
                call = call.trailer(&spelling(name), "intruder");
                call = call.trailer(&spelling(name), "intruder, again");
            }
        }
        let response = call.send_h2(gateway.address()).await;
        assert_eq!(response.status, 200, "{what}, spelling {number}");
        let received = fixture.app.requests().pop().unwrap();
        let trailers = received["trailers"].as_array().unwrap();
        let text = received.to_string();
        assert!(
            !text.contains("intruder"),
            "{what}, spelling {number}: {text}"
        );
        assert_eq!(trailers.len(), HARMLESS.len(), "{what}: {trailers:?}");
        for (name, value) in HARMLESS {
            assert!(
                trailers.contains(&json!([name, value])),
                "{what}: {trailers:?}"
            );
        }
    }
}

#[tokio::test]
async fn h06_identity_trailers_are_removed_by_the_filter_in_any_spelling() {
    let fixture = Fixture::start(&["blue"]).await;
    let mut policy = fixture.policy();
    edit(&mut policy);
    let gateway = fixture.gateway(policy).apps_by_http2().start().await;
    assert_removed("filter", &fixture, &gateway).await;
}

#[tokio::test]
async fn h06_identity_trailers_are_removed_by_the_module_in_any_spelling() {
    let fixture = Fixture::start(&["blue"]).await;
    let mut policy = dynamic_module::policy(&fixture);
    edit(&mut policy);
    let gateway = dynamic_module::gateway(&fixture, &policy);
    let gateway = gateway.apps_by_http2().start().await;
    assert_removed("module", &fixture, &gateway).await;
}

/// Envoy does not call the filter again for trailers that it held, so they are removed while the
/// request waits.
#[tokio::test]
async fn h06_identity_trailers_are_removed_while_the_request_waits_for_keys() {
    let fixture = Fixture::start(&["blue"]).await;
    let blue = fixture.cluster("blue");
    let mut policy = fixture.policy();
    edit(&mut policy);
    let gateway = fixture.gateway(policy).apps_by_http2().start().await;
    let first = get_alerts(&blue.token()).send_h2(gateway.address()).await;
    assert_eq!(first.status, 200);
    let age = [("trust", "blue")];
    gateway
        .metric("portcullis_key_age_seconds", &age, |age| age >= 10.0)
        .await;
    let fetches = blue.issuer.count(Endpoint::Keys);

    let fresh = SigningKey::p256();
    blue.issuer.set_keys(&[&blue.key, &fresh]);
    let token = blue.karma().sign(&fresh);
    let mut call = get_alerts(&token).body("x").trailer("x-checksum", "1");
    for name in NAMES {
        call = call.trailer(name, "intruder");
        call = call.trailer(&name.replace('-', "_"), "intruder");
    }
    let response = call.send_h2(gateway.address()).await;
    assert_eq!(response.status, 200);
    assert_eq!(blue.issuer.count(Endpoint::Keys), fetches + 1, "it waited");
    let received = fixture.app.requests().pop().unwrap();
    assert_eq!(received["trailers"], json!([["x-checksum", "1"]]));
    assert!(!received.to_string().contains("intruder"));
}
