//! The identity headers that an app receives are set by the filter alone, and credentials are not
//! forwarded.

use portcullis_tests::lab::envoy::Builder;
use portcullis_tests::lab::fixture::{AUDIENCE, HOST, get_alerts};
use portcullis_tests::lab::{Call, SigningKey, TestGateway, Token};
use serde_json::{Value, json};

/// Identity headers that proxies and apps trust.
const IDENTITY: [&str; 17] = [
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-auth-request-preferred-username",
    "x-auth-request-access-token",
    "x-auth-request-redirect",
    "x-auth-request-anything",
    "x-portcullis-caller",
    "x-portcullis-anything",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-access-token",
    "x-original-url",
    "x-rewrite-url",
    // The app's own header.
    "x-webauth-user",
];

/// Spellings of a name that some servers treat as equal.
const SPELLINGS: [fn(&str) -> String; 15] = [
    |name| name.to_owned(),
    |name| name.to_uppercase(),
    |name| name.replace('-', "_"),
    |name| name.to_uppercase().replace('-', "_"),
    |name| name.replacen("x-", "X_", 1),
    |name| name.replacen('-', "_", 2).replacen('_', "-", 1),
    |name| name.replace('-', "."),
    |name| name.to_uppercase().replacen('-', ".", 1),
    |name| name.replace('-', "!"),
    |name| name.replace('-', "~"),
    |name| name.replace('-', "+"),
    |name| name.replace('-', "*"),
    |name| name.replace('-', "$"),
    |name| name.replacen('-', "^", 1).replacen('-', "|", 1),
    |name| name.replacen('-', "'", 1).replacen('-', "%", 1),
];

/// The variables that an app gets by CGI, FastCGI or WSGI (RFC 3875 section 4.1.18), from servers that
/// write `_` for every byte of a name that is neither a letter nor a digit.
fn variables(seen: &Value) -> Vec<(String, &str)> {
    let variable = |name: &str| {
        let plain = name
            .to_uppercase()
            .replace(|one: char| !one.is_ascii_alphanumeric(), "_");
        format!("HTTP_{plain}")
    };
    let pairs = headers(seen).into_iter();
    pairs.map(|(name, value)| (variable(name), value)).collect()
}

/// A request with every identity header in one spelling, each of them twice with the value
/// `intruder`.
fn spoofed(call: Call, spelling: fn(&str) -> String) -> Call {
    IDENTITY.iter().fold(call, |call, name| {
        call.header(spelling(name), "intruder")
            .header(spelling(name), "intruder too")
    })
}

/// The names and values that the app received.
fn headers(seen: &Value) -> Vec<(&str, &str)> {
    let pairs = seen["headers"].as_array().unwrap();
    pairs
        .iter()
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .collect()
}

/// The caller that the app received.
fn identity(seen: &Value) -> Vec<(&str, &str)> {
    let mut found = headers(seen);
    found.retain(|(name, _)| {
        name.starts_with("x-auth-request-") || name.starts_with("x-portcullis-")
    });
    found.sort_unstable();
    found
}

fn edit(policy: &mut Value) {
    let app = &mut policy["apps"][0];
    app["strip_headers"] = json!(["X-WebAuth-User"]);
    let probes = json!({"name": "probes", "paths": ["/-/healthy"], "public": true});
    app["rules"].as_array_mut().unwrap().push(probes);
}

#[tokio::test]
async fn h06_identity_headers_of_clients_are_removed_in_any_spelling() {
    let karma = [
        ("x-auth-request-user", "blue/monitoring/karma"),
        ("x-portcullis-caller", "blue/monitoring/karma"),
    ];
    let mut gateway = TestGateway::start(edit).await.explained();
    let token = gateway.token();
    let preflight = Call::new("OPTIONS", HOST, "/api/v2/alerts")
        .header("origin", "https://karma.example.com")
        .header("access-control-request-method", "POST");
    for (what, call, expected) in [
        ("authenticated", get_alerts(&token), &karma[..]),
        ("public", Call::get(HOST, "/-/healthy"), &[]),
        (
            "public, with a token",
            Call::get(HOST, "/-/healthy").bearer(&token),
            &[],
        ),
        ("preflight", preflight, &[]),
    ] {
        for spelling in SPELLINGS {
            let seen = gateway
                .assert_allowed(what, spoofed(call.clone(), spelling))
                .await;
            assert_eq!(identity(&seen), expected, "{what}");
            let text = seen.to_string();
            assert!(!text.contains("intruder"), "{what}: {text}");
            for (name, value) in expected {
                let variable = format!("HTTP_{}", name.to_uppercase().replace('-', "_"));
                let variables = variables(&seen);
                let values = variables.iter().filter(|(own, _)| *own == variable);
                let values: Vec<&str> = values.map(|(_, value)| *value).collect();
                assert_eq!(values, [*value], "{what}: {variable}");
            }
            let credentials = text.contains("authorization") || text.contains(&token);
            assert!(!credentials, "{what}: {text}");
        }
    }
    // Other headers are not changed.
    let call = get_alerts(&token)
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-auth", "a")
        .header("x.auth", "c")
        .header("user_agent", "b")
        .header("cookie", "theme=dark");
    let seen = gateway.assert_allowed("others", call).await;
    for pair in [
        ("x-auth", "a"),
        ("x.auth", "c"),
        ("user_agent", "b"),
        ("cookie", "theme=dark"),
    ] {
        assert!(headers(&seen).contains(&pair), "{pair:?} in {seen}");
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn h06_identity_trailers_are_removed() {
    let mut gateway = TestGateway::with(edit, Builder::apps_by_http2).await;
    let token = gateway.token();
    let named = IDENTITY.iter().chain(&["authorization"]);
    let call = get_alerts(&token).body("x").trailer("x-checksum", "1");
    let call = named.fold(call, |call, name| {
        let call = call.trailer(name, "intruder");
        let call = call.trailer(&name.replace('-', "_"), "intruder");
        let call = call.trailer(&name.replace('-', "."), "intruder");
        call.trailer(&name.replacen('-', "~", 1), "intruder")
    });
    let response = call.send_h2(gateway.gateway.address()).await;
    assert_eq!(response.status, 200);
    gateway.count_forwarded();
    let seen = gateway.fixture.app.requests().pop().unwrap();
    assert_eq!(seen["trailers"], json!([["x-checksum", "1"]]));
    assert_eq!(identity(&seen).len(), 2);
    gateway.assert_clean().await;
}

#[tokio::test]
async fn h06_a_connection_header_does_not_remove_our_headers() {
    let mut gateway = TestGateway::start(edit).await;
    let token = gateway.token();
    for listed in [
        "x-auth-request-user",
        "X-Portcullis-Caller, X-Auth-Request-User",
        "keep-alive, x_auth_request_user",
        "close, x-portcullis-caller",
    ] {
        let call = get_alerts(&token)
            .header("connection", listed)
            .header("x-auth-request-user", "intruder");
        let seen = gateway.assert_allowed(listed, call).await;
        let found = identity(&seen);
        assert_eq!(found.len(), 2, "{listed}: {found:?}");
        let own = |(_, value): &(&str, &str)| *value == "blue/monitoring/karma";
        assert!(found.iter().all(own), "{listed}: {found:?}");
    }
    // Envoy removes this header before any filter.
    let call = get_alerts(&token).header("connection", "authorization");
    gateway
        .assert_refused("authorization", call, 401, "no-credentials")
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn h14_authorization_reaches_an_app_only_if_its_entry_forwards_it() {
    let mut gateway = TestGateway::start(|policy| {
        edit(policy);
        policy["apps"][0]["forward_authorization"] = json!(true);
    })
    .await
    .explained();
    let token = gateway.token();
    let seen = gateway
        .assert_allowed("forwarded", spoofed(get_alerts(&token), SPELLINGS[0]))
        .await;
    let bearer = format!("Bearer {token}");
    let all = headers(&seen);
    let credentials: Vec<_> = all
        .iter()
        .filter(|(_, value)| value.contains(&token))
        .collect();
    assert_eq!(credentials, [&("authorization", bearer.as_str())]);
    assert!(!seen.to_string().contains("intruder"));
    // A browser sends no credentials on a preflight, and the filter does not read them if there are
    // any.
    let preflight = Call::new("OPTIONS", HOST, "/api/v2/alerts")
        .header("origin", "https://karma.example.com")
        .header("access-control-request-method", "POST")
        .bearer(&token);
    let seen = gateway.assert_allowed("preflight", preflight).await;
    assert!(!seen.to_string().contains("authorization"), "{seen}");
    gateway.assert_clean().await;
}

/// An OpenID Connect issuer with one inline key.
fn users(policy: &mut Value, key: &SigningKey) {
    let trust = json!({
        "name": "users",
        "kind": "oidc",
        "issuer": "https://login.example.com",
        "audiences": [AUDIENCE],
        "keys": {"inline": {"keys": [key.jwk()]}},
    });
    policy["trust"].as_array_mut().unwrap().push(trust);
    let rule = json!({"name": "users", "allow": [{"from": "users", "anyone": true}]});
    policy["apps"][0]["rules"]
        .as_array_mut()
        .unwrap()
        .push(rule);
}

#[tokio::test]
async fn h07_claims_are_encoded_as_unambiguous_visible_ascii() {
    let key = SigningKey::p256();
    let mut gateway = TestGateway::start(|policy| users(policy, &key))
        .await
        .explained();
    let id_token = |subject: &str| Token::id_token("https://login.example.com", AUDIENCE, subject);
    let anna = id_token("anna").claim(
        "groups",
        json!([
            "sre",
            "a,b",
            "100%",
            "caf\u{e9}",
            "x\r\nx-webauth-user: root",
            ""
        ]),
    );
    let seen = gateway
        .assert_allowed("anna", get_alerts(&anna.sign(&key)))
        .await;
    assert_eq!(
        identity(&seen),
        [
            ("x-auth-request-email", "anna@example.com"),
            (
                "x-auth-request-groups",
                "sre,a%2Cb,100%25,caf%C3%A9,x%0D%0Ax-webauth-user:%20root"
            ),
            ("x-auth-request-preferred-username", "anna"),
            ("x-auth-request-user", "users/anna"),
            ("x-portcullis-caller", "users/anna"),
        ]
    );
    // A subject can't look like a service account, and an unverified address is not used.
    let unverified = id_token("monitoring/karma").claim("email_verified", false);
    let seen = gateway
        .assert_allowed("unverified", get_alerts(&unverified.sign(&key)))
        .await;
    assert_eq!(
        identity(&seen),
        [
            ("x-auth-request-preferred-username", "monitoring/karma"),
            ("x-auth-request-user", "users/monitoring%2Fkarma"),
            ("x-portcullis-caller", "users/monitoring%2Fkarma"),
        ]
    );
    // A service account has no groups and no address, whatever its token says.
    let blue = gateway.fixture.cluster("blue");
    let with_claims = blue
        .karma()
        .claim("groups", json!(["sre"]))
        .claim("email", "root@example.com")
        .claim("email_verified", true)
        .claim("preferred_username", "root")
        .sign(&blue.key);
    let seen = gateway
        .assert_allowed("with identity claims", get_alerts(&with_claims))
        .await;
    assert_eq!(identity(&seen).len(), 2, "{seen}");
    // The key of one issuer does not verify tokens of the other.
    let crossed = id_token("anna").sign(&gateway.fixture.cluster("blue").key);
    gateway
        .assert_refused(
            "signed by the other issuer",
            get_alerts(&crossed),
            401,
            "key-unknown",
        )
        .await;
    let crossed = gateway.fixture.cluster("blue").karma().sign(&key);
    gateway
        .assert_refused(
            "signed by the other issuer",
            get_alerts(&crossed),
            401,
            "key-unknown",
        )
        .await;
    gateway.assert_clean().await;
}
