//! Issuers, Envoys, apps and clients of the lab.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_tests::lab::{
    Alertmanager, Algorithm, App, Authority, Call, Connection, Endpoint, Gateway, Issuer,
    Prometheus, Response, ServerResponse, SigningKey, Token, Version, wait,
};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::signature::Verifier as _;
use serde_json::{Value, json};

const SHARED_NAME: &str = "https://kubernetes.default.svc.cluster.local";

/// A gateway without our filter, in front of issuers or apps: Envoy is the TLS client that is
/// tested.
async fn gateway_to(issuer: &Issuer, authority: &Authority) -> Gateway {
    Gateway::with(Value::Null)
        .filters(vec![])
        .issuer("issuer", issuer, authority)
        .app_at("issuer.example.com", "issuer")
        .start()
        .await
}

fn discovery() -> Call {
    Call::get("issuer.example.com", "/.well-known/openid-configuration")
}

fn keys() -> Call {
    Call::get("issuer.example.com", "/openid/v1/jwks")
}

#[tokio::test]
async fn both_envoy_versions_route_to_an_app() {
    for version in Version::ALL {
        let app = App::start("echo").await;
        let gateway = Gateway::with(Value::Null)
            .version(version)
            .filters(vec![])
            .app("echo.example.com", app.address())
            .start()
            .await;
        let call = Call::post("echo.example.com:8080", "/a//b/../c?d=e")
            .header("X_Odd", b"\xff\x80")
            .body("four");
        let response = gateway.call(call).await;
        assert_eq!(response.status, 200, "{version}");
        let echo = response.json();
        assert_eq!(echo["app"], "echo");
        assert_eq!(echo["method"], "POST");
        assert_eq!(echo["path"], "/a/c?d=e");
        assert_eq!(echo["body_bytes"], 4);
        let headers = echo["headers"].as_array().unwrap();
        assert!(
            headers.contains(&json!(["x_odd", "\u{ff}\u{80}"])),
            "{headers:?}"
        );
        assert_eq!(app.count(), 1);

        let line = gateway
            .logged("the request", |line| line["method"] == "POST")
            .await;
        assert_eq!(line["status"], 200);
        assert_eq!(line["host"], "echo.example.com:8080");
        assert_eq!(line["caller"], Value::Null);
    }
}

#[tokio::test]
async fn an_unlisted_host_has_no_route() {
    let app = App::start("echo").await;
    let gateway = Gateway::with(Value::Null)
        .filters(vec![])
        .app("echo.example.com", app.address())
        .start()
        .await;
    let response = gateway.call(Call::get("other.example.com", "/")).await;
    assert_eq!((response.status, app.count()), (404, 0));
}

#[tokio::test]
async fn a_gateway_supports_http_2_and_upgrades() {
    let app = App::start("echo").await;
    let gateway = Gateway::with(Value::Null)
        .filters(vec![])
        .app("echo.example.com", app.address())
        .start()
        .await;

    let response = Call::get("echo.example.com", "/")
        .send_h2(gateway.address())
        .await;
    assert_eq!(response.json()["path"], "/");

    let mut connection = Connection::open(gateway.address()).await.unwrap();
    let upgrade = Call::get("echo.example.com", "/")
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    assert_eq!(connection.send(&upgrade).await.status, 101);
    connection.write(b"there and back").await.unwrap();
    assert_eq!(connection.read(14).await.unwrap(), b"there and back");
}

#[tokio::test]
async fn an_issuer_responds_over_tls_like_kubernetes() {
    let authority = Authority::new();
    let key = SigningKey::p256();
    let issuer = Issuer::start(&authority, SHARED_NAME, &[&key]).await;
    let gateway = gateway_to(&issuer, &authority).await;

    let document = gateway.call(discovery()).await.json();
    let names: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "id_token_signing_alg_values_supported",
            "issuer",
            "jwks_uri",
            "response_types_supported",
            "subject_types_supported",
        ]
    );
    assert_eq!(document["issuer"], SHARED_NAME);
    assert_eq!(
        document["jwks_uri"],
        format!("https://{}/openid/v1/jwks", issuer.address())
    );

    let set = gateway.call(keys().bearer("mine")).await;
    assert_eq!(
        set.header("content-type").unwrap(),
        "application/jwk-set+json"
    );
    assert_eq!(set.json(), json!({"keys": [key.jwk()]}));
    assert_eq!(issuer.count(Endpoint::Discovery), 1);
    let seen = issuer.requests();
    assert_eq!(seen[1].authorization.as_deref(), Some("Bearer mine"));
}

#[tokio::test]
async fn an_issuer_with_another_ca_is_not_trusted() {
    let issuer = Issuer::start(&Authority::new(), SHARED_NAME, &[]).await;
    let gateway = gateway_to(&issuer, &Authority::new()).await;
    assert_eq!(gateway.call(discovery()).await.status, 503);
    assert_eq!(issuer.requests().len(), 0);
}

#[tokio::test]
async fn an_issuer_goes_down_and_comes_up_on_the_same_port() {
    let authority = Authority::new();
    let mut issuer = Issuer::start_down(&authority, SHARED_NAME, &[]);
    let gateway = gateway_to(&issuer, &authority).await;
    for _ in 0..2 {
        assert_eq!(gateway.call(discovery()).await.status, 503);
        issuer.up().await;
        assert_eq!(gateway.call(discovery()).await.status, 200);
        issuer.down().await;
    }
    assert_eq!(issuer.count(Endpoint::Discovery), 2);
}

#[tokio::test]
async fn an_issuer_gives_faulty_responses_until_reset() {
    let authority = Authority::new();
    let issuer = Issuer::start(&authority, SHARED_NAME, &[]).await;
    let gateway = gateway_to(&issuer, &authority).await;
    let fetch = async || keys().try_send(gateway.address()).await;
    let status =
        |response: std::io::Result<Response>| response.map(|response| response.status).ok();

    issuer.set_response(Endpoint::Keys, ServerResponse::status(500));
    assert_eq!(status(fetch().await), Some(500));
    issuer.set_response(Endpoint::Keys, ServerResponse::Reset);
    assert_eq!(status(fetch().await), Some(503));
    let body = b"0123456789".to_vec();
    issuer.set_response(
        Endpoint::Keys,
        ServerResponse::Truncated {
            body: body.clone(),
            sent: 4,
        },
    );
    assert_eq!(status(fetch().await), None);
    let drip = ServerResponse::Drip {
        body: body.clone(),
        pause: Duration::from_millis(20),
    };
    issuer.set_response(Endpoint::Keys, drip);
    assert_eq!(fetch().await.unwrap().body, body);
    issuer.set_response(Endpoint::Keys, ServerResponse::Silence);
    let silent = tokio::time::timeout(Duration::from_millis(200), fetch()).await;
    assert!(silent.is_err());
    issuer.reset(Endpoint::Keys);
    assert_eq!(fetch().await.unwrap().json(), json!({"keys": []}));
}

#[tokio::test]
async fn real_apps_work_behind_a_gateway() {
    let (alertmanager, prometheus) = tokio::join!(Alertmanager::start(), Prometheus::start());
    let gateway = Gateway::with(Value::Null)
        .filters(vec![])
        .app("alertmanager.example.com", alertmanager.address())
        .app("prometheus.example.com", prometheus.address())
        .start()
        .await;
    let alerts = gateway
        .call(Call::get("alertmanager.example.com", "/api/v2/alerts"))
        .await;
    assert_eq!(alerts.json(), json!([]));
    let query = Call::get("prometheus.example.com", "/api/v1/query?query=1%2B1");
    assert_eq!(gateway.call(query).await.json()["data"]["result"][1], "2");
}

#[tokio::test]
async fn a_rejected_listener_is_reported_and_the_old_one_stays() {
    let app = App::start("echo").await;
    let unknown_filter =
        json!({"name": "nothing", "typed_config": {"@type": "type.googleapis.com/no.such.Filter"}});
    let refused = Gateway::with(Value::Null)
        .filters(vec![unknown_filter])
        .try_start()
        .await;
    assert!(refused.unwrap_err().0.contains("no.such.Filter"));

    let mut gateway = Gateway::with(Value::Null)
        .filters(vec![])
        .app("echo.example.com", app.address())
        .start()
        .await;
    gateway.replace_policy(json!({})).await.unwrap();
    assert_eq!(
        gateway
            .call(Call::get("echo.example.com", "/"))
            .await
            .status,
        200
    );
    let accepted = gateway
        .stats()
        .await
        .sum("envoy_listener_manager_lds_update_success");
    assert_eq!(accepted, 2.0);
}

#[tokio::test]
async fn a_dropped_gateway_has_stopped() {
    let gateway = Gateway::with(Value::Null).filters(vec![]).start().await;
    let (address, id) = (gateway.address(), gateway.process().id());
    drop(gateway);
    wait::until_true("the port is free", wait::LONG, async || {
        Connection::open(address).await.is_err()
    })
    .await;
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
}

#[test]
fn signed_tokens_verify_with_the_published_key() {
    let rsa = SigningKey::rsa("blue");
    let token = Token::service_account(SHARED_NAME, "gate", "monitoring", "karma");
    let compact = token.sign(&rsa);
    let (input, signature) = compact.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = rsa::pkcs1v15::VerifyingKey::<sha2::Sha256>::new(
        rsa::RsaPublicKey::from_public_key_der(&rsa.public_der()).unwrap(),
    );
    let signature = rsa::pkcs1v15::Signature::try_from(signature.as_slice()).unwrap();
    key.verify(input.as_bytes(), &signature).unwrap();

    let (header, claims) = input.split_once('.').unwrap();
    let read = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(read(header), json!({"alg": "RS256", "kid": rsa.kid()}));
    assert_eq!(
        read(claims)["sub"],
        "system:serviceaccount:monitoring:karma"
    );
}

#[test]
fn every_algorithm_signs() {
    let mut keys = vec![
        SigningKey::p256(),
        SigningKey::p384(),
        SigningKey::ed25519(),
    ];
    for algorithm in [
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
    ] {
        keys.push(SigningKey::rsa("blue").algorithm(algorithm));
    }
    let lengths: Vec<usize> = keys.iter().map(|key| key.sign(b"message").len()).collect();
    assert_eq!(lengths, [64, 96, 64, 256, 256, 256, 256, 256, 256]);
}

#[test]
fn the_same_name_returns_the_same_rsa_key() {
    assert_eq!(SigningKey::rsa("blue").kid(), SigningKey::rsa("blue").kid());
    assert_ne!(
        SigningKey::rsa("blue").kid(),
        SigningKey::rsa("green").kid()
    );
}
