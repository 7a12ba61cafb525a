//! Valid signatures on claims that must not grant access.

use portcullis_tests::lab::fixture::{AUDIENCE, HOST, get_alerts};
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{App, Call, Fixture, SigningKey, TestGateway, Token};
use serde_json::{Value, json};

const DAY: i64 = 86_400;

fn karma(gateway: &TestGateway) -> Token {
    gateway.fixture.cluster("blue").karma()
}

fn signed(gateway: &TestGateway, token: &Token) -> Call {
    get_alerts(&token.sign(&gateway.fixture.cluster("blue").key))
}

#[tokio::test]
async fn j18_an_issuer_matches_byte_for_byte() {
    let public = |policy: &mut Value| {
        let probes = json!({"name": "probes", "paths": ["/-/healthy"], "public": true});
        let rules = policy["apps"][0]["rules"].as_array_mut().unwrap();
        rules.push(probes);
    };
    let mut gateway = TestGateway::start(public).await.explained();
    let name = gateway.fixture.cluster("blue").issuer.name().to_owned();
    for issuer in [
        format!("{name}/"),
        format!("{name}:443"),
        format!(" {name}"),
        name.to_uppercase(),
        name.replace("https", "http"),
        name.replace("kubernetes", "%6bubernetes"),
        format!("{name}\u{0}"),
        "https://evil.example.com".to_owned(),
        "kubernetes/serviceaccount".to_owned(),
        String::new(),
    ] {
        let what = format!("iss {issuer:?}");
        let token = karma(&gateway).claim("iss", issuer);
        // Not even with the trusted key; and it is not treated as a request without credentials.
        gateway
            .assert_refused(&what, signed(&gateway, &token), 401, "issuer-unknown")
            .await;
    }
    for issuer in [json!([name]), json!({"iss": name}), json!(1), Value::Null] {
        let what = format!("iss {issuer}");
        let token = karma(&gateway).claim("iss", issuer);
        gateway
            .assert_refused(&what, signed(&gateway, &token), 401, "token-malformed")
            .await;
    }
    // A public rule does not read tokens, and sets no caller.
    let token = karma(&gateway).claim("iss", "https://evil.example.com");
    let token = token.sign(&SigningKey::p256());
    let call = Call::get(HOST, "/-/healthy").bearer(&token);
    let seen = gateway.assert_allowed("public", call).await;
    assert!(!seen.to_string().contains("x-portcullis-caller"), "{seen}");
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j20_k04_a_token_for_another_audience_is_refused() {
    let mut gateway = TestGateway::start(|_| ()).await.explained();
    for audience in [
        json!([]),
        json!(""),
        json!("Gate"),
        json!("gate "),
        json!("gatekeeper"),
        json!(["kubernetes.default.svc"]),
        json!("https://kubernetes.default.svc.cluster.local"),
        json!("https://kubernetes.blue.example.com"),
        json!(["vault", "sts.amazonaws.com"]),
    ] {
        let what = format!("aud {audience}");
        let token = karma(&gateway).claim("aud", audience);
        gateway
            .assert_refused(&what, signed(&gateway, &token), 401, "audience-mismatch")
            .await;
    }
    let token = karma(&gateway).without("aud");
    gateway
        .assert_refused("no aud", signed(&gateway, &token), 401, "audience-mismatch")
        .await;
    for audience in [
        json!([AUDIENCE, 1]),
        json!([[AUDIENCE]]),
        json!({AUDIENCE: true}),
        json!(true),
        Value::Null,
    ] {
        let what = format!("aud {audience}");
        let token = karma(&gateway).claim("aud", audience);
        gateway
            .assert_refused(&what, signed(&gateway, &token), 401, "token-malformed")
            .await;
    }
    for audience in [json!(AUDIENCE), json!(["vault", AUDIENCE])] {
        let what = format!("aud {audience}");
        let token = karma(&gateway).claim("aud", audience);
        let call = signed(&gateway, &token);
        gateway.assert_allowed(&what, call).await;
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j20_a_token_for_app_a_is_refused_at_app_b() {
    const OTHER: &str = "prometheus.example.com";
    let other = App::start("prometheus").await;
    let mut gateway = TestGateway::with(
        |policy| {
            let mut app = policy["apps"][0].clone();
            app["name"] = json!("prometheus");
            app["hosts"] = json!([OTHER]);
            app["audiences"] = json!(["prometheus"]);
            policy["apps"][0]["audiences"] = json!(["alertmanager"]);
            policy["apps"].as_array_mut().unwrap().push(app);
        },
        |builder| builder.app(OTHER, other.address()),
    )
    .await;
    let token = karma(&gateway).claim("aud", json!([AUDIENCE, "alertmanager"]));
    let token = token.sign(&gateway.fixture.cluster("blue").key);
    gateway.assert_allowed("at app A", get_alerts(&token)).await;
    let call = Call::get(OTHER, "/api/v2/alerts").bearer(&token);
    gateway
        .assert_refused("at app B", call, 401, "audience-mismatch")
        .await;
    let plain = get_alerts(&gateway.token());
    gateway
        .assert_refused(
            "with the gateway's audience only",
            plain,
            401,
            "audience-mismatch",
        )
        .await;
    assert_eq!(other.count(), 0);
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j16_j17_time_claims_are_checked_strictly() {
    let mut gateway = TestGateway::start(|_| ()).await.explained();
    let now = now();
    for exp in [
        json!("9999999999"),
        json!(true),
        json!([now + 60]),
        json!(-1),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        // Milliseconds instead of seconds.
        json!((now + 60) * 1000),
        Value::Null,
    ] {
        let what = format!("exp {exp}");
        let token = karma(&gateway).claim("exp", exp);
        gateway
            .assert_refused(&what, signed(&gateway, &token), 401, "token-malformed")
            .await;
    }
    let refused = [
        ("no exp", karma(&gateway).without("exp"), "token-malformed"),
        ("expired", karma(&gateway).expires_in(-31), "expired"),
        ("exp 0", karma(&gateway).claim("exp", 0), "expired"),
        ("expired yesterday", karma(&gateway).ago(DAY), "expired"),
        (
            "not valid yet",
            karma(&gateway).claim("nbf", now + 90),
            "not-yet-valid",
        ),
        (
            "issued tomorrow",
            karma(&gateway).claim("iat", now + DAY),
            "not-yet-valid",
        ),
        (
            "nbf as text",
            karma(&gateway).claim("nbf", "0"),
            "token-malformed",
        ),
        (
            "iat as text",
            karma(&gateway).claim("iat", "0"),
            "token-malformed",
        ),
        // K05: the lifetime that the API server gives to pods that request 3607 seconds.
        (
            "a year long",
            karma(&gateway).expires_in(365 * DAY),
            "lifetime-too-long",
        ),
        (
            "a year long, without iat",
            karma(&gateway).without("iat").expires_in(365 * DAY),
            "lifetime-too-long",
        ),
        (
            "a year long, about to expire",
            karma(&gateway).expires_in(365 * DAY).ago(365 * DAY - 60),
            "lifetime-too-long",
        ),
    ];
    for (what, token, reason) in refused {
        gateway
            .assert_refused(what, signed(&gateway, &token), 401, reason)
            .await;
    }
    #[expect(clippy::cast_precision_loss, reason = "a date is far below 2^53")]
    let fraction = json!(now as f64 + 60.5);
    let allowed = [
        ("a fraction", karma(&gateway).claim("exp", fraction)),
        ("expired, within the leeway", karma(&gateway).expires_in(-5)),
        (
            "not valid yet, within the leeway",
            karma(&gateway).claim("nbf", now + 10),
        ),
        (
            "without iat and nbf",
            karma(&gateway).without("iat").without("nbf"),
        ),
    ];
    for (what, token) in allowed {
        let call = signed(&gateway, &token);
        gateway.assert_allowed(what, call).await;
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn k06_a_legacy_secret_token_is_refused() {
    let gateway = TestGateway::start(|_| ()).await.explained();
    let legacy = |issuer: &str| {
        Token::new(json!({
            "iss": issuer,
            "sub": "system:serviceaccount:monitoring:karma",
            "kubernetes.io/serviceaccount/namespace": "monitoring",
            "kubernetes.io/serviceaccount/secret.name": "karma-token-x7k2p",
            "kubernetes.io/serviceaccount/service-account.name": "karma",
        }))
    };
    let own = gateway.fixture.cluster("blue").issuer.name();
    for issuer in ["kubernetes/serviceaccount", own] {
        let mut token = legacy(issuer);
        for name in ["exp", "iat", "nbf", "jti"] {
            token = token.without(name);
        }
        gateway
            .assert_refused(issuer, signed(&gateway, &token), 401, "token-malformed")
            .await;
    }
    // The flat claims alone do not identify a caller, even in an otherwise complete token.
    let token = legacy(own).claim("aud", AUDIENCE);
    gateway
        .assert_refused(
            "flat claims",
            signed(&gateway, &token),
            401,
            "subject-invalid",
        )
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j21_k03_a_contradictory_subject_is_refused() {
    let gateway = TestGateway::start(|_| ()).await.explained();
    for subject in [
        "",
        "karma",
        "system:serviceaccount:monitoring",
        "system:serviceaccount:monitoring:",
        "system:serviceaccount::karma",
        "system:serviceaccount:monitoring:karma:karma",
        "system:serviceaccount:monitoring:karma\u{0}",
        "system:serviceaccount:monitoring:karma\n",
        "system:serviceaccount:Monitoring:karma",
        "system:serviceaccount:kube-system:karma",
        "system:serviceaccount:monitoring:admin",
        "SYSTEM:serviceaccount:monitoring:karma",
        "blue/monitoring/karma",
    ] {
        let what = format!("sub {subject:?}");
        let token = karma(&gateway).claim("sub", subject);
        gateway
            .assert_refused(&what, signed(&gateway, &token), 401, "subject-invalid")
            .await;
    }
    let claims = |namespace: Value, name: Value| {
        let account = json!({"name": name});
        json!({"namespace": namespace, "serviceaccount": account})
    };
    for bound in [
        claims(json!("kube-system"), json!("karma")),
        claims(json!("monitoring"), json!("admin")),
        claims(json!(["monitoring"]), json!("karma")),
        json!({"namespace": "monitoring"}),
        json!("monitoring/karma"),
        Value::Null,
    ] {
        let what = format!("kubernetes.io {bound}");
        let token = karma(&gateway).claim("kubernetes.io", bound);
        gateway
            .assert_refused(&what, signed(&gateway, &token), 401, "subject-invalid")
            .await;
    }
    for subject in [
        json!(1),
        json!(["system:serviceaccount:monitoring:karma"]),
        Value::Null,
    ] {
        let what = format!("sub {subject}");
        let token = karma(&gateway).claim("sub", subject);
        gateway
            .assert_refused(&what, signed(&gateway, &token), 401, "token-malformed")
            .await;
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn k03_names_are_matched_literally() {
    let gateway = TestGateway::start(|policy| {
        policy["apps"][0]["rules"][0]["allow"][0]["service_account"] =
            json!("blue/monitoring/cert-manager.io");
    })
    .await;
    let issuer = gateway.fixture.cluster("blue").issuer.name();
    for (namespace, name) in [
        ("monitoring", "cert-managerxio"),
        ("monitoring", "cert-manager-io"),
        ("monitoring", "cert-manager.io2"),
        ("monitoring", "xcert-manager.io"),
        ("monitoring2", "cert-manager.io"),
        ("monitorin", "cert-manager.io"),
    ] {
        let token = Token::service_account(issuer, AUDIENCE, namespace, name);
        gateway
            .assert_refused(name, signed(&gateway, &token), 403, "caller-not-allowed")
            .await;
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn m01_m02_a_sender_constrained_token_is_not_a_bearer_token() {
    let gateway = TestGateway::start(|_| ()).await.explained();
    for binding in [
        json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
        json!({"jwk": SigningKey::p256().jwk()}),
        json!({}),
        json!("x"),
        Value::Null,
    ] {
        let what = format!("cnf {binding}");
        let token = karma(&gateway).claim("cnf", binding);
        gateway
            .assert_refused(&what, signed(&gateway, &token), 401, "binding-unproven")
            .await;
    }
    gateway.assert_clean().await;
}

/// Istio once used a built-in key in place of a JWKS that it could not fetch. The filter has no such
/// key: without keys it refuses every token.
#[tokio::test]
async fn no_built_in_key_replaces_missing_keys() {
    let mut fixture = Fixture::start(&["blue"]).await;
    fixture.cluster_mut("blue").issuer.down().await;
    let gateway = TestGateway::on(fixture, |_| (), |builder| builder)
        .await
        .explained();
    let forger = SigningKey::rsa("forger");
    let published = [
        "DHFbpoIUqrY8t2zpA2qXfCmr5VO5ZEr4RzHU_-envvQ",
        gateway.fixture.cluster("blue").key.kid(),
    ];
    for kid in published.into_iter().map(Value::from).chain([Value::Null]) {
        let what = format!("kid {kid}");
        let token = karma(&gateway).header("kid", kid).sign(&forger);
        gateway
            .assert_refused(&what, get_alerts(&token), 503, "keys-unavailable")
            .await;
    }
    let token = gateway.token();
    gateway
        .assert_refused("a valid token", get_alerts(&token), 503, "keys-unavailable")
        .await;
    gateway.assert_clean().await;
}
