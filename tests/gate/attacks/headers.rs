//! Attacks in a token's header: embedded keys, key references, extensions, other types.

use std::io::ErrorKind;
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_tests::lab::fixture::get_alerts;
use portcullis_tests::lab::token::sign_bytes;
use portcullis_tests::lab::{Endpoint, SigningKey, TestGateway, Token};
use serde_json::{Value, json};

fn karma(gateway: &TestGateway) -> Token {
    gateway.fixture.cluster("blue").karma()
}

#[tokio::test]
async fn j07_embedded_and_referenced_keys_are_ignored() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let address = canary.local_addr().unwrap();
    let gateway = TestGateway::with(
        |_| (),
        // The cluster exists, so the filter could call it.
        |builder| builder.cluster("canary", address),
    )
    .await;
    let genuine = gateway.fixture.cluster("blue").key.kid().to_owned();
    let forger = SigningKey::p256();
    let url = |scheme: &str| json!(format!("{scheme}://{address}/jwks"));
    let key_headers: Vec<(&str, Value)> = vec![
        ("jwk", forger.jwk()),
        ("jku", url("https")),
        ("jku", url("http")),
        ("x5u", url("https")),
        ("x5c", json!([STANDARD.encode(forger.public_der())])),
        ("x5t", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("x5t#S256", json!(genuine.clone())),
        ("url", url("http")),
        ("iss", url("http")),
    ];
    for (name, value) in key_headers {
        let forged = karma(&gateway).header(name, value);
        let under_genuine = forged.clone().header("kid", genuine.as_str()).sign(&forger);
        gateway
            .assert_refused(name, get_alerts(&under_genuine), 401, "signature-invalid")
            .await;
        gateway
            .assert_refused(name, get_alerts(&forged.sign(&forger)), 401, "key-unknown")
            .await;
    }
    let elsewhere =
        Token::service_account(&format!("https://{address}"), "gate", "monitoring", "karma");
    gateway
        .assert_refused(
            "iss",
            get_alerts(&elsewhere.sign(&forger)),
            401,
            "issuer-unknown",
        )
        .await;

    // Fetches start on a tick. Each tick sets this gauge, so its change shows that a tick has passed.
    let age = gateway
        .gateway
        .stats()
        .await
        .sum("portcullis_key_age_seconds");
    gateway
        .gateway
        .metric("portcullis_key_age_seconds", &[], |now| now > age)
        .await;
    let error = canary.accept().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j10_a_kid_is_opaque_and_bounded() {
    let mut gateway = TestGateway::start(|_| ()).await;
    let key = gateway.fixture.cluster("blue").key.clone();
    let kid = key.kid().to_owned();
    let long = "k".repeat(1024);
    for other in [
        "",
        " ",
        "../../../../dev/null",
        "/dev/null",
        "/etc/passwd",
        "file:///dev/null",
        "' OR '1'='1' --",
        "x'; DROP TABLE keys; --",
        "$(id)",
        "%2e%2e%2f",
        "\u{0}",
        "a\r\nx-portcullis-caller: blue/monitoring/karma",
        "\u{feff}",
        &format!("{kid}\u{0}"),
        &format!("{kid} "),
        &format!(" {kid}"),
        &kid.to_lowercase(),
        &kid[..kid.len() - 1],
        &long,
    ] {
        let what = format!("kid {other:?}");
        let token = karma(&gateway).header("kid", other).sign(&key);
        gateway
            .assert_refused(&what, get_alerts(&token), 401, "key-unknown")
            .await;
    }
    for other in [
        json!(format!("{long}k")),
        json!(1),
        json!([kid]),
        json!({"kid": kid}),
        json!(false),
    ] {
        let what = format!("kid {other}");
        let token = karma(&gateway).header("kid", other).sign(&key);
        gateway
            .assert_refused(&what, get_alerts(&token), 401, "token-malformed")
            .await;
    }
    // J11: without a `kid`, the only suitable key is used.
    let token = karma(&gateway).header("kid", Value::Null).sign(&key);
    gateway.assert_allowed("no kid", get_alerts(&token)).await;
    assert!(
        gateway.fixture.cluster("blue").issuer.count(Endpoint::Keys) <= 4,
        "unknown kids do not flood the issuer"
    );
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j06_crit_and_b64_are_refused() {
    let gateway = TestGateway::start(|_| ()).await.explained();
    let key = gateway.fixture.cluster("blue").key.clone();
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!(["alg", "alg"])),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("crit", json!({})),
        ("crit", json!(false)),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("cty", json!("JWT")),
        ("cty", json!("json")),
    ] {
        let what = format!("{name} {value}");
        let token = karma(&gateway).header(name, value).sign(&key);
        gateway
            .assert_refused(&what, get_alerts(&token), 401, "token-malformed")
            .await;
    }
    let header = format!(r#"{{"alg":"ES256","kid":"{}","crit":null}}"#, key.kid());
    let claims = karma(&gateway).claims().to_string();
    let token = sign_bytes(header.as_bytes(), claims.as_bytes(), &key);
    gateway
        .assert_refused("crit null", get_alerts(&token), 401, "token-malformed")
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j09_tokens_of_another_type_are_refused() {
    let mut gateway = TestGateway::start(|_| ()).await.explained();
    let key = gateway.fixture.cluster("blue").key.clone();
    for typ in [
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "token-introspection+jwt",
        "application/logout+jwt",
        "portcullis-session+jwt",
        "JWE",
        "JOSE",
        "",
        "jwt ",
        "text/jwt",
    ] {
        let what = format!("typ {typ:?}");
        let token = karma(&gateway).header("typ", typ).sign(&key);
        gateway
            .assert_refused(&what, get_alerts(&token), 401, "token-malformed")
            .await;
    }
    for typ in [json!(1), json!(["JWT"])] {
        let what = format!("typ {typ}");
        let token = karma(&gateway).header("typ", typ).sign(&key);
        gateway
            .assert_refused(&what, get_alerts(&token), 401, "token-malformed")
            .await;
    }
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
        let token = karma(&gateway).header("typ", typ).sign(&key);
        gateway.assert_allowed(typ, get_alerts(&token)).await;
    }
    gateway.assert_clean().await;
}
