//! Genuine signatures on claims that give no right here.

use portcullis_tests::lab::scene::{AUDIENCE, HOST, poll};
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{App, Call, Scene, SigningKey, Stand, Token};
use serde_json::{Value, json};

const DAY: i64 = 86_400;

fn karma(stand: &Stand) -> Token {
    stand.scene.cluster("blue").karma()
}

fn signed(stand: &Stand, token: &Token) -> Call {
    poll(&token.sign(&stand.scene.cluster("blue").key))
}

#[tokio::test]
async fn j18_an_issuer_is_known_to_the_byte_or_unknown() {
    let public = |policy: &mut Value| {
        let probes = json!({"name": "probes", "paths": ["/-/healthy"], "public": true});
        let rules = policy["apps"][0]["rules"].as_array_mut().unwrap();
        rules.push(probes);
    };
    let mut stand = Stand::start(public).await;
    let name = stand.scene.cluster("blue").issuer.name().to_owned();
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
        let token = karma(&stand).claim("iss", issuer);
        // Not even with the trusted key, and never as if nothing had been shown.
        stand
            .refuses(&what, signed(&stand, &token), 401, "issuer-unknown")
            .await;
    }
    for issuer in [json!([name]), json!({"iss": name}), json!(1), Value::Null] {
        let what = format!("iss {issuer}");
        let token = karma(&stand).claim("iss", issuer);
        stand
            .refuses(&what, signed(&stand, &token), 401, "token-malformed")
            .await;
    }
    // What is public looks at no token at all, and says nobody's name.
    let token = karma(&stand).claim("iss", "https://evil.example.com");
    let token = token.sign(&SigningKey::p256());
    let call = Call::get(HOST, "/-/healthy").bearer(&token);
    let seen = stand.passes("public", call).await;
    assert!(!seen.to_string().contains("x-portcullis-caller"), "{seen}");
    stand.ends_clean().await;
}

#[tokio::test]
async fn j20_k04_a_token_for_somebody_else_opens_nothing() {
    let mut stand = Stand::start(|_| ()).await;
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
        let token = karma(&stand).claim("aud", audience);
        stand
            .refuses(&what, signed(&stand, &token), 401, "audience-mismatch")
            .await;
    }
    let token = karma(&stand).without("aud");
    stand
        .refuses("no aud", signed(&stand, &token), 401, "audience-mismatch")
        .await;
    for audience in [
        json!([AUDIENCE, 1]),
        json!([[AUDIENCE]]),
        json!({AUDIENCE: true}),
        json!(true),
        Value::Null,
    ] {
        let what = format!("aud {audience}");
        let token = karma(&stand).claim("aud", audience);
        stand
            .refuses(&what, signed(&stand, &token), 401, "token-malformed")
            .await;
    }
    for audience in [json!(AUDIENCE), json!(["vault", AUDIENCE])] {
        let what = format!("aud {audience}");
        let token = karma(&stand).claim("aud", audience);
        let call = signed(&stand, &token);
        stand.passes(&what, call).await;
    }
    stand.ends_clean().await;
}

#[tokio::test]
async fn j20_a_token_for_app_a_is_refused_at_app_b() {
    const OTHER: &str = "prometheus.example.com";
    let other = App::start("prometheus").await;
    let mut stand = Stand::with(
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
    let token = karma(&stand).claim("aud", json!([AUDIENCE, "alertmanager"]));
    let token = token.sign(&stand.scene.cluster("blue").key);
    stand.passes("at app A", poll(&token)).await;
    let call = Call::get(OTHER, "/api/v2/alerts").bearer(&token);
    stand
        .refuses("at app B", call, 401, "audience-mismatch")
        .await;
    let plain = poll(&stand.token());
    stand
        .refuses("with the gate's alone", plain, 401, "audience-mismatch")
        .await;
    assert_eq!(other.count(), 0);
    stand.ends_clean().await;
}

#[tokio::test]
async fn j16_j17_time_is_judged_strictly() {
    let mut stand = Stand::start(|_| ()).await;
    let now = now();
    for exp in [
        json!("9999999999"),
        json!(true),
        json!([now + 60]),
        json!(-1),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        // Milliseconds taken for seconds.
        json!((now + 60) * 1000),
        Value::Null,
    ] {
        let what = format!("exp {exp}");
        let token = karma(&stand).claim("exp", exp);
        stand
            .refuses(&what, signed(&stand, &token), 401, "token-malformed")
            .await;
    }
    let refused = [
        ("no exp", karma(&stand).without("exp"), "token-malformed"),
        ("ended", karma(&stand).expires_in(-31), "expired"),
        ("from 1970", karma(&stand).claim("exp", 0), "expired"),
        ("of yesterday", karma(&stand).ago(DAY), "expired"),
        (
            "not begun",
            karma(&stand).claim("nbf", now + 90),
            "not-yet-valid",
        ),
        (
            "made tomorrow",
            karma(&stand).claim("iat", now + DAY),
            "not-yet-valid",
        ),
        (
            "nbf as text",
            karma(&stand).claim("nbf", "0"),
            "token-malformed",
        ),
        (
            "iat as text",
            karma(&stand).claim("iat", "0"),
            "token-malformed",
        ),
        // K05: what the API server gives to pods that ask for an hour and seven seconds.
        (
            "a year long",
            karma(&stand).expires_in(365 * DAY),
            "lifetime-too-long",
        ),
        (
            "a year long, of unknown age",
            karma(&stand).without("iat").expires_in(365 * DAY),
            "lifetime-too-long",
        ),
        (
            "a year long, nearly over",
            karma(&stand).expires_in(365 * DAY).ago(365 * DAY - 60),
            "lifetime-too-long",
        ),
    ];
    for (what, token, reason) in refused {
        stand
            .refuses(what, signed(&stand, &token), 401, reason)
            .await;
    }
    #[expect(clippy::cast_precision_loss, reason = "a date is far below 2^53")]
    let fraction = json!(now as f64 + 60.5);
    let allowed = [
        ("a fraction", karma(&stand).claim("exp", fraction)),
        ("over, within the leeway", karma(&stand).expires_in(-5)),
        (
            "not begun, within the leeway",
            karma(&stand).claim("nbf", now + 10),
        ),
        (
            "without iat and nbf",
            karma(&stand).without("iat").without("nbf"),
        ),
    ];
    for (what, token) in allowed {
        let call = signed(&stand, &token);
        stand.passes(what, call).await;
    }
    stand.ends_clean().await;
}

#[tokio::test]
async fn k06_a_legacy_secret_token_is_refused() {
    let stand = Stand::start(|_| ()).await;
    let legacy = |issuer: &str| {
        Token::new(json!({
            "iss": issuer,
            "sub": "system:serviceaccount:monitoring:karma",
            "kubernetes.io/serviceaccount/namespace": "monitoring",
            "kubernetes.io/serviceaccount/secret.name": "karma-token-x7k2p",
            "kubernetes.io/serviceaccount/service-account.name": "karma",
        }))
    };
    let own = stand.scene.cluster("blue").issuer.name();
    for issuer in ["kubernetes/serviceaccount", own] {
        let mut token = legacy(issuer);
        for name in ["exp", "iat", "nbf", "jti"] {
            token = token.without(name);
        }
        stand
            .refuses(issuer, signed(&stand, &token), 401, "token-malformed")
            .await;
    }
    // The flat claims alone name nobody, even in a token that has all the rest.
    let token = legacy(own).claim("aud", AUDIENCE);
    stand
        .refuses(
            "flat claims",
            signed(&stand, &token),
            401,
            "subject-invalid",
        )
        .await;
    stand.ends_clean().await;
}

#[tokio::test]
async fn j21_k03_a_subject_that_contradicts_itself_is_nobody() {
    let stand = Stand::start(|_| ()).await;
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
        let token = karma(&stand).claim("sub", subject);
        stand
            .refuses(&what, signed(&stand, &token), 401, "subject-invalid")
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
        let token = karma(&stand).claim("kubernetes.io", bound);
        stand
            .refuses(&what, signed(&stand, &token), 401, "subject-invalid")
            .await;
    }
    for subject in [
        json!(1),
        json!(["system:serviceaccount:monitoring:karma"]),
        Value::Null,
    ] {
        let what = format!("sub {subject}");
        let token = karma(&stand).claim("sub", subject);
        stand
            .refuses(&what, signed(&stand, &token), 401, "token-malformed")
            .await;
    }
    stand.ends_clean().await;
}

#[tokio::test]
async fn k03_names_are_matched_literally() {
    let stand = Stand::start(|policy| {
        policy["apps"][0]["rules"][0]["allow"][0]["service_account"] =
            json!("blue/monitoring/cert-manager.io");
    })
    .await;
    let issuer = stand.scene.cluster("blue").issuer.name();
    for (namespace, name) in [
        ("monitoring", "cert-managerxio"),
        ("monitoring", "cert-manager-io"),
        ("monitoring", "cert-manager.io2"),
        ("monitoring", "xcert-manager.io"),
        ("monitoring2", "cert-manager.io"),
        ("monitorin", "cert-manager.io"),
    ] {
        let token = Token::service_account(issuer, AUDIENCE, namespace, name);
        stand
            .refuses(name, signed(&stand, &token), 403, "caller-not-allowed")
            .await;
    }
    stand.ends_clean().await;
}

#[tokio::test]
async fn m01_m02_a_bound_token_is_no_bearer() {
    let stand = Stand::start(|_| ()).await;
    for binding in [
        json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
        json!({"jwk": SigningKey::p256().jwk()}),
        json!({}),
        json!("x"),
        Value::Null,
    ] {
        let what = format!("cnf {binding}");
        let token = karma(&stand).claim("cnf", binding);
        stand
            .refuses(&what, signed(&stand, &token), 401, "binding-unproven")
            .await;
    }
    stand.ends_clean().await;
}

/// Istio once filled a key set that it could not fetch with a key of its own. Here, no keys means
/// nobody.
#[tokio::test]
async fn no_key_is_built_in_that_could_stand_for_missing_ones() {
    let mut scene = Scene::start(&["blue"]).await;
    scene.cluster_mut("blue").issuer.down().await;
    let stand = Stand::on(scene, |_| (), |builder| builder).await;
    let forger = SigningKey::rsa("forger");
    let published = [
        "DHFbpoIUqrY8t2zpA2qXfCmr5VO5ZEr4RzHU_-envvQ",
        stand.scene.cluster("blue").key.kid(),
    ];
    for kid in published.into_iter().map(Value::from).chain([Value::Null]) {
        let what = format!("kid {kid}");
        let token = karma(&stand).header("kid", kid).sign(&forger);
        stand
            .refuses(&what, poll(&token), 503, "keys-unavailable")
            .await;
    }
    let token = stand.token();
    stand
        .refuses("a genuine one", poll(&token), 503, "keys-unavailable")
        .await;
    stand.ends_clean().await;
}
