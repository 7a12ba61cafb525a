//! A companion without sign-in: forward auth for bearer tokens, and the mirror.

use portcullis_core::timestamp::Timestamp;
use portcullis_tests::lab::{Authority, Call, Issuer, Response, SigningKey, Token, wait};
use serde_json::{Value, json};

use crate::serve::fixture::{Companion, Files};

const ISSUER: &str = "https://kubernetes.example.com";

const POLICY: &str = "\
trust:
  - name: blue
    kind: kubernetes
    issuer: https://kubernetes.example.com
    audiences: [gate]
    keys: {mirror: true, envoy_cluster: portcullis}
apps:
  - name: alertmanager
    hosts: [alertmanager.example.com]
    rules:
      - name: karma
        methods: [GET]
        allow: [{service_account: blue/monitoring/karma}]
";

/// A companion without sign-in that trusts this issuer.
async fn companion(issuer: &Issuer, authority: &Authority) -> Companion {
    let files = Files::new();
    files.write("portcullis.yaml", POLICY);
    let configuration = format!(
        "\
listen: {}
metrics: {}
policy: portcullis.yaml
trusted_proxies: [127.0.0.1]
trust:
  blue: {{connect: '{}', ca_file: {}}}
",
        files.address,
        files.metrics,
        issuer.address(),
        authority.file().display(),
    );
    files.write("companion.yaml", &configuration);
    let mut companion = files.start(&[]);
    companion
        .process
        .ready_at(companion.files.address, "/ready")
        .await;
    companion
}

/// The response to NGINX, for `GET /api/v2/alerts` with this bearer token.
async fn nginx(companion: &Companion, token: &str) -> Response {
    let call = Call::get("localhost", "/oauth2/auth")
        .header("x-original-method", "GET")
        .header(
            "x-original-url",
            "https://alertmanager.example.com/api/v2/alerts",
        )
        .header("x-forwarded-for", "203.0.113.9, 192.0.2.7")
        .header("authorization", format!("Bearer {token}"));
    call.send(companion.files.address).await
}

#[tokio::test]
async fn bearer_tokens_are_evaluated_and_keys_are_mirrored() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
    let companion = companion(&issuer, &authority).await;
    let token = |name: &str| Token::service_account(ISSUER, "gate", "monitoring", name).sign(&key);

    let karma = nginx(&companion, &token("karma")).await;
    assert_eq!(karma.status, 202, "{}", karma.text());
    assert_eq!(
        karma.header("x-portcullis-caller").as_deref(),
        Some("blue/monitoring/karma")
    );
    let other = nginx(&companion, &token("other")).await;
    assert_eq!(other.status, 403, "{}", other.text());
    let forged = Token::service_account(ISSUER, "gate", "monitoring", "karma");
    let forged = nginx(&companion, &forged.sign(&SigningKey::p256())).await;
    assert_eq!(forged.status, 401, "{}", forged.text());

    // A client can check its own identity; no rule applies.
    let userinfo = async |authorization: String| {
        let call = Call::get("localhost", "/oauth2/userinfo");
        let call = call.header("authorization", authorization);
        call.send(companion.files.address).await
    };
    let other = Token::service_account(ISSUER, "gate", "monitoring", "other");
    let expires = other.claims()["exp"].as_u64().expect("a time");
    let info = userinfo(format!("Bearer {}", other.sign(&key))).await;
    assert_eq!(info.status, 200, "{}", info.text());
    assert_eq!(
        info.json(),
        json!({
            "caller": "blue/monitoring/other", "trust": "blue", "audience": ["gate"],
            "expires": Timestamp::from_secs(expires).to_rfc3339(),
        })
    );
    assert_eq!(info.all("cache-control"), ["no-store"]);
    let elsewhere = Token::service_account(ISSUER, "elsewhere", "monitoring", "karma").sign(&key);
    let invalid = Some("Bearer realm=\"portcullis\", error=\"invalid_token\"");
    for (token, status, reason, challenge) in [
        (elsewhere, 401, "audience-mismatch", invalid),
        ("a.b.c".to_owned(), 401, "token-malformed", invalid),
        (
            "\"".to_owned(),
            400,
            "authorization-malformed",
            Some("Bearer realm=\"portcullis\", error=\"invalid_request\""),
        ),
    ] {
        let refused = userinfo(format!("Bearer {token}")).await;
        assert_eq!(refused.status, status, "{reason}: {}", refused.text());
        let body = refused.json();
        assert_eq!(body["reason"], reason, "{body}");
        assert_eq!(body["id"], refused.header("x-request-id").unwrap().as_str());
        assert_eq!(refused.header("www-authenticate").as_deref(), challenge);
    }

    let mirror = companion.get("/oauth2/mirror/blue").await;
    assert_eq!(mirror.status, 200);
    let etag = mirror.header("etag").expect("an entity tag");
    let again = Call::get("localhost", "/oauth2/mirror/blue").header("if-none-match", etag);
    let again = again.send(companion.files.address).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let mirror = mirror.json();
    assert_eq!(mirror["trust"], "blue");
    assert_eq!(mirror["keys"].as_array().map(Vec::len), Some(1));
    assert_eq!(companion.get("/oauth2/mirror/green").await.status, 404);

    let metrics = companion.metrics().await;
    let decisions = "portcullis_companion_decisions_total{app=\"alertmanager\",reason=\"rule\"} 1";
    assert!(metrics.contains(decisions), "{metrics}");
    for path in ["/ping", "/ready"] {
        assert_eq!(companion.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_revision_and_a_refused_caller_are_in_force_after_an_edit_and_in_the_records() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
    let companion = companion(&issuer, &authority).await;
    assert_eq!(companion.get("/ready").await.text(), "OK\n");
    let karma = Token::service_account(ISSUER, "gate", "monitoring", "karma").sign(&key);
    assert_eq!(nginx(&companion, &karma).await.status, 202);

    let edited = format!("revision: 4f2c91a\nrefuse_callers: [blue/monitoring/karma]\n{POLICY}");
    companion.files.write("portcullis.yaml", &edited);
    companion.wait_for_log("policy replaced").await;
    let refused = nginx(&companion, &karma).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["reason"], "caller-refused");
    for (host, address) in [
        ("main", companion.files.address),
        ("metrics", companion.files.metrics),
    ] {
        let ready = Call::get("localhost", "/ready").send(address).await;
        assert_eq!(ready.text(), "OK\nrevision: 4f2c91a\n", "{host}");
    }

    let log = companion.log();
    let replaced = log.iter().find(|line| line["message"] == "policy replaced");
    let replaced = replaced.expect("a line");
    assert_eq!(replaced["revision"], "4f2c91a");
    let records = log
        .iter()
        .filter(|line| line["target"] == "portcullis::audit");
    let records: Vec<Value> = records
        .map(|line| serde_json::from_str(line["message"].as_str().unwrap()).unwrap())
        .collect();
    let [before, after] = &*records else {
        panic!("{records:?}");
    };
    assert_eq!(before["allow"], "allow[0]");
    assert_eq!(before.get("revision"), None);
    assert_eq!(after["reason"], "caller-refused");
    assert_eq!(
        (&after["revision"], &after["policy"]),
        (&json!("4f2c91a"), &replaced["policy"])
    );
    for record in [before, after] {
        assert_eq!(record["client"], "192.0.2.7", "the client of the proxy");
        assert_eq!(record["caller"], "blue/monitoring/karma");
    }
}

#[tokio::test]
async fn sign_in_endpoints_are_not_found_with_a_clear_page() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
    let companion = companion(&issuer, &authority).await;
    for path in [
        "/oauth2/start?rd=https://alertmanager.example.com/",
        "/oauth2/sign_in",
        "/oauth2/sign_out",
        "/oauth2/callback?code=x&state=y",
        "/oauth2/userinfo",
        "/oauth2/jwks",
        "/oauth2/revocations",
    ] {
        let call = Call::get("auth.example.com", path).header("accept", "text/html");
        let page = call.send(companion.files.address).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(
            page.text().contains("<h1>Sign-in is not configured</h1>"),
            "{path}: {}",
            page.text()
        );
        let json = companion.get(path).await;
        assert_eq!(
            (json.status, &json.json()["error"]),
            (404, &json!("not_found"))
        );
    }
    let refresh = Call::post("auth.example.com", "/oauth2/refresh");
    assert_eq!(refresh.send(companion.files.address).await.status, 404);
}

#[tokio::test]
async fn an_edit_that_adds_sign_in_keeps_the_policy() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
    let companion = companion(&issuer, &authority).await;
    let sso = "sso: {url: \"https://auth.example.com\", envoy_cluster: portcullis}\n";
    companion
        .files
        .write("portcullis.yaml", &[sso, POLICY].concat());
    companion
        .wait_for_log("the configuration has no `providers`")
        .await;
    let token = Token::service_account(ISSUER, "gate", "monitoring", "karma").sign(&key);
    let allowed = async || nginx(&companion, &token).await.status == 202;
    wait::until_true("an allowed request", wait::LONG, allowed).await;
}

#[test]
fn sign_in_in_only_one_of_the_two_files_prevents_the_start() {
    let files = Files::new();
    let with_sign_in = files.configuration();
    // The policy has `sso`, the configuration no providers.
    files.write("companion.yaml", "policy: portcullis.yaml\n");
    let (code, stderr) = files.refused(&[]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("sso: the configuration has no `providers`"),
        "{stderr}"
    );
    // The configuration has providers, and the policy has no `sso`.
    files.write("companion.yaml", &with_sign_in);
    files.write("portcullis.yaml", POLICY);
    let (code, stderr) = files.refused(&[]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("missing field `sso`, but the configuration has `providers`"),
        "{stderr}"
    );
    assert!(stderr.contains("\nhelp: add `sso: {url: "), "{stderr}");
}
