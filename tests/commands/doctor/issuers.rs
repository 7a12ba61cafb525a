//! Trust entries: faults of issuers, and of the way to them.

use std::time::{Duration, Instant, SystemTime};

use portcullis_tests::lab::{Authority, Endpoint, Issuer, ServerResponse, SigningKey, Token, port};
use serde_json::{Value, json};

use super::fixture::{Fixture, issuer, trust};

#[tokio::test]
async fn each_fault_of_an_issuer_is_named_with_its_fix() {
    let fixture = Fixture::issuers().await;
    let examined = fixture.doctor().await;
    examined.assert_all_ok();

    let json = |body: Value| ServerResponse::json("application/json", &body);
    let keys = format!("https://{}/openid/v1/jwks", fixture.blue.address());
    for (endpoint, response, id, detail, help) in [
        (
            Endpoint::Discovery,
            json(json!({"issuer": "https://other.example.com", "jwks_uri": keys})),
            "discovery",
            "`issuer` of the discovery document is not an issuer of the trust entry",
            "set `issuer` of the trust entry `blue`",
        ),
        (
            Endpoint::Discovery,
            ServerResponse::whole(
                200,
                &[("content-type", "text/html")],
                "<title>Sign in</title>",
            ),
            "discovery",
            "Content-Type is not JSON",
            "a login page",
        ),
        (
            Endpoint::Discovery,
            ServerResponse::status(404),
            "discovery",
            "status 404",
            "`keys.discovery`",
        ),
        (
            Endpoint::Discovery,
            ServerResponse::Silence,
            "discovery",
            "no response",
            "does not respond",
        ),
        (
            Endpoint::Keys,
            ServerResponse::Reset,
            "key-set",
            "no response",
            "`trust.blue.connect`",
        ),
        (
            Endpoint::Keys,
            ServerResponse::status(503),
            "key-set",
            "status 503",
            "the issuer's log",
        ),
        (
            Endpoint::Keys,
            json(json!({"keys": []})),
            "key-set",
            "no usable key",
            "publish a key",
        ),
        (
            Endpoint::Keys,
            ServerResponse::body("{\"keys\": ["),
            "key-set",
            "not valid JSON",
            "error page",
        ),
        (
            Endpoint::Keys,
            ServerResponse::Drip {
                body: b"{}".to_vec(),
                pause: Duration::from_secs(5),
            },
            "key-set",
            "/openid/v1/jwks: ",
            "does not respond",
        ),
    ] {
        fixture.blue.set_response(endpoint, response);
        fixture
            .doctor()
            .await
            .assert_error("trust blue", id, detail, help);
        fixture.blue.reset(endpoint);
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_is_named_and_the_other_is_checked() {
    let mut fixture = Fixture::issuers().await;
    fixture.blue.down().await;
    let examined = fixture.doctor().await;
    examined.assert_error(
        "trust blue",
        "connection",
        "Connection refused",
        "start the server",
    );
    let (detail, _) = examined.of_check("ok", "trust green", "key-set");
    assert!(detail.contains("1 key"), "{detail}");
    let skipped = examined.with_status("skipped");
    let expected = ["tls", "discovery", "key-set", "clock", "anonymous-access"];
    let mut expected = expected.map(|id| format!("trust blue: {id}")).to_vec();
    expected.push("trust: shared-keys".to_owned());
    assert_eq!(skipped, expected);
}

#[tokio::test]
async fn a_host_without_an_address_is_named() {
    let mut fixture = Fixture::issuers().await;
    fixture.configuration["trust"]["blue"]["connect"] = json!("kubernetes.blue.invalid:443");
    let examined = fixture.doctor().await;
    examined.assert_error(
        "trust blue",
        "dns",
        "kubernetes.blue.invalid",
        "correct `trust.blue.connect`",
    );
}

#[tokio::test]
async fn each_fault_of_a_certificate_is_named_with_its_fix() {
    let mut fixture = Fixture::issuers().await;
    let other = Authority::new();
    let right = fixture.configuration["trust"]["blue"].clone();
    fixture.configuration["trust"]["blue"]["ca_file"] = json!(other.file());
    let examined = fixture.doctor().await;
    examined.assert_error("trust blue", "tls", "is not valid", "`trust.blue.ca_file`");

    fixture.configuration["trust"]["blue"] = right.clone();
    fixture.policy["trust"][0]["keys"]["discovery"] =
        json!("https://other.example.com/.well-known/openid-configuration");
    let examined = fixture.doctor().await;
    let detail = "the certificate for other.example.com is not valid";
    examined.assert_error("trust blue", "tls", detail, "`subjectAltName`");
    fixture.policy["trust"][0] = trust("blue", &fixture.blue);

    let expired = Authority::new().valid_for(None);
    let of_expired = issuer(&expired, "blue").await;
    fixture.configuration["trust"]["blue"] =
        json!({"connect": of_expired.address(), "ca_file": expired.file()});
    fixture
        .doctor()
        .await
        .assert_error("trust blue", "tls", "expired", "renew the certificate");

    let soon = Authority::new().valid_for(Some(Duration::from_secs(3 * 24 * 3600)));
    let of_soon = issuer(&soon, "blue").await;
    fixture.configuration["trust"]["blue"] =
        json!({"connect": of_soon.address(), "ca_file": soon.file()});
    let examined = fixture.doctor().await;
    examined.assert_warning(
        "trust blue",
        "tls",
        "expires in less than 14 days",
        "renew it",
    );

    fixture.configuration["trust"]["blue"] = right;
    fixture.configuration["trust"]["blue"]["ca_file"] = json!("missing.pem");
    let examined = fixture.doctor().await;
    examined.assert_error("trust blue", "tls", "can't be read", "`trust.blue.ca_file`");
}

#[tokio::test]
async fn an_api_server_that_refuses_anonymous_requests_is_opened_by_the_manifest() {
    let mut fixture = Fixture::issuers().await;
    let refused = ServerResponse::whole(403, &[("content-type", "application/json")], "{}");
    fixture.blue.set_response(Endpoint::Discovery, refused);
    let examined = fixture.doctor().await;
    let (_, help) = examined.of_check("error", "trust blue", "discovery");
    assert_eq!(help, "see anonymous-access");
    let (detail, help) = examined.of_check("error", "trust blue", "anonymous-access");
    assert!(detail.contains("403"), "{detail}");
    let manifest = include_str!("../../../istio/cluster/discovery.yaml");
    let manifest = manifest.lines().filter(|line| !line.starts_with('#'));
    let manifest: Vec<&str> = manifest.collect();
    assert!(
        help.ends_with(&format!(":\n{}", manifest.join("\n"))),
        "{help}"
    );
    fixture.blue.reset(Endpoint::Discovery);

    // With a token the companion reads the keys, and the filter does not.
    let token = |audience: &str| {
        let token =
            Token::service_account(fixture.blue.name(), audience, "portcullis", "portcullis");
        token.sign(&SigningKey::p256())
    };
    let (own, of_gate) = (token("https://kubernetes.default.svc"), token("gate"));
    fixture.blue.require_token(&[&own, &of_gate]);
    fixture.write("token", &own);
    fixture.configuration["trust"]["blue"]["token_file"] = json!("token");
    let examined = fixture.doctor().await;
    let help = "set `keys.mirror: true`";
    examined.assert_warning("trust blue", "anonymous-access", "(401)", help);
    fixture.policy["trust"][0]["keys"]["mirror"] = json!(true);
    let examined = fixture.doctor().await;
    examined.assert_all_ok();

    // An app could use a token for the gate at this API server.
    fixture.write("token", &of_gate);
    let examined = fixture.doctor().await;
    let detail = "`gate` is also an audience of the token in `trust.blue.token_file`";
    examined.assert_error("trust blue", "audience", detail, "use another audience");

    fixture.write("token", &token("another"));
    let examined = fixture.doctor().await;
    examined.assert_error(
        "trust blue",
        "discovery",
        "401",
        "does not accept the token",
    );
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    let fixture = Fixture::issuers().await;
    let discovery = json!({
        "issuer": fixture.blue.name(),
        "jwks_uri": format!("https://{}/openid/v1/jwks", fixture.blue.address()),
    });
    let dated = |at: SystemTime| {
        let date = httpdate::fmt_http_date(at);
        let headers = [("content-type", "application/json"), ("date", &*date)];
        ServerResponse::whole(200, &headers, discovery.to_string())
    };
    let minutes = Duration::from_secs(600);
    for (at, direction) in [
        (SystemTime::now() + minutes, "s behind the server's"),
        (SystemTime::now() - minutes, "s ahead of the server's"),
    ] {
        fixture.blue.set_response(Endpoint::Discovery, dated(at));
        let examined = fixture.doctor().await;
        examined.assert_error("trust blue", "clock", direction, "with NTP");
    }
    fixture.blue.set_response(
        Endpoint::Discovery,
        dated(SystemTime::now() - Duration::from_secs(20)),
    );
    let examined = fixture.doctor().await;
    examined.assert_warning("trust blue", "clock", "s ahead of the server's", "with NTP");
}

#[tokio::test]
async fn a_key_in_two_sets_and_a_key_that_can_not_be_used_are_named() {
    let fixture = Fixture::issuers().await;
    let key = SigningKey::p256();
    fixture.blue.set_keys(&[&key]);
    fixture.green.set_keys(&[&key]);
    let examined = fixture.doctor().await;
    let detail = "trust entries blue and green have the same key";
    examined.assert_error(
        "trust",
        "shared-keys",
        detail,
        "give each issuer its own signing keys",
    );

    let (blue, green) = (SigningKey::p256(), SigningKey::p256());
    fixture.green.set_keys(&[&green]);
    fixture
        .blue
        .set_jwks(vec![blue.jwk(), json!({"kty": "AKP", "kid": "quantum"})]);
    let examined = fixture.doctor().await;
    examined.assert_warning(
        "trust blue",
        "key-set",
        "an unsupported type or curve",
        "the others are not affected",
    );
}

#[tokio::test]
async fn servers_that_never_answer_do_not_delay_the_end() {
    let mut fixture = Fixture::issuers().await;
    // They accept connections, and never answer.
    let address = port::free();
    let _silent = std::net::TcpListener::bind(address).unwrap();
    let mut entries = Vec::new();
    for number in 0..20 {
        let name = format!("silent-{number}");
        let issuer = Issuer::start_down(
            &fixture.authority,
            &format!("https://kubernetes.{name}.example.com"),
            &[],
        );
        entries.push(trust(&name, &issuer));
        fixture.configuration["trust"][&name] =
            json!({"connect": address, "ca_file": fixture.authority.file()});
    }
    fixture.policy["trust"]
        .as_array_mut()
        .unwrap()
        .extend(entries);
    let began = Instant::now();
    let examined = fixture.doctor().await;
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    let errors = examined.with_status("error");
    assert_eq!(errors.len(), 20, "{errors:?}");
    let (detail, _) = examined.of_check("error", "trust silent-7", "tls");
    assert_eq!(detail, "no TLS handshake in 5 s");
}

#[tokio::test]
async fn a_policy_alone_is_checked_in_every_form() {
    let fixture = Fixture::issuers().await;
    fixture.write_files();
    let manifest = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "portcullis"},
        "data": {"portcullis.json": fixture.policy.to_string()},
    });
    fixture.write("config-map.json", &manifest.to_string());
    let folder = fixture.folder.join("folder/apps");
    std::fs::create_dir_all(&folder).unwrap();
    let mut rest = fixture.policy.clone();
    let apps = rest.as_object_mut().unwrap().remove("apps").unwrap();
    fixture.write("folder/portcullis.yaml", &rest.to_string());
    fixture.write("folder/apps/all.yaml", &json!({"apps": apps}).to_string());
    for policy in ["portcullis.yaml", "config-map.json", "folder"] {
        let arguments = ["--policy", policy, "--config", "companion.yaml"];
        let examined = fixture.doctor_with(&arguments).await;
        assert_eq!(examined.code, Some(0), "{policy}: {examined:#?}");
        // Without the configuration, nothing says where the issuers are.
        let examined = fixture.doctor_with(&["--policy", policy]).await;
        let (_, help) = examined.of_check("error", "trust green", "dns");
        assert!(help.contains("set `trust.green.connect`"), "{help}");
    }
}
