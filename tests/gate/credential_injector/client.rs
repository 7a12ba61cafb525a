//! A client that can't read its token again.

use portcullis_tests::lab::karma::Upstream;
use portcullis_tests::lab::{Authority, Call, Issuer, ProjectedToken, SigningKey, folder, wait};
use serde_json::Value;

use super::fixture::{Client, start_envoy};
use crate::karma_gate::HOSTS;

fn get_alerts() -> Call {
    Call::get(HOSTS[0], "/api/v2/alerts")
}

#[tokio::test]
async fn no_poll_fails_in_ten_lifetimes_of_the_token_where_a_copied_token_does() {
    let mut client = Client::start().await;
    let copied = client.karma_gate.rotate(&mut client.volume).await;
    client.until_verdict(&get_alerts(), "200").await;
    let proxied = HOSTS.map(|host| Upstream::new(host, client.envoy.address()));
    let (karma_gate, volume) = (&client.karma_gate, &mut client.volume);
    karma_gate
        .assert_no_poll_fails(proxied, volume, &copied)
        .await;
    for app in &client.apps {
        for request in app.requests() {
            assert!(!request["headers"].to_string().contains("authorization"));
        }
    }
}

#[tokio::test]
async fn only_the_listed_hosts_get_the_token() {
    let mut client = Client::start().await;
    for host in HOSTS {
        let response = client.call(Call::get(host, "/metrics")).await;
        assert_eq!(response.verdict(), "200", "{host}");
        let port = format!("{host}:80");
        let response = client.call(Call::get(&port, "/metrics")).await;
        assert_eq!(response.verdict(), "200", "{port}");
    }
    // As a client with a proxy in its configuration sends it.
    let absolute = format!("http://{}/api/v2/alerts", HOSTS[0]);
    let response = client.call(Call::get(HOSTS[0], &absolute)).await;
    assert_eq!(response.verdict(), "200");

    const OTHERS: [&str; 3] = ["prometheus.example.com", "127.0.0.1", "example.com"];
    for other in OTHERS {
        let response = client.call(Call::get(other, "/api/v2/alerts")).await;
        assert_eq!(response.status, 404, "{other}");
    }

    // The client's own header is replaced, also if it has several.
    let own = get_alerts().header("authorization", "Basic a2FybWE6a2FybWE=");
    for call in [own.clone(), own.bearer("its.own.token")] {
        assert_eq!(client.call(call).await.verdict(), "200");
    }

    // A rule of the gate still applies.
    let post = Call::post(HOSTS[0], "/api/v2/silences").body("{}");
    let response = client.call(post).await;
    assert_eq!(response.verdict(), "403 caller-not-allowed");
    // What was sent before would be in the log too.
    let silence = |line: &Value| line["path"] == "/api/v2/silences";
    client
        .karma_gate
        .gate
        .logged("the last request", silence)
        .await;
    for line in client.karma_gate.gate.access_log() {
        let host = line["host"].as_str().expect("a host");
        assert!(!OTHERS.contains(&host), "{line}");
    }
    client.volume.rotate(&client.token(-1));
    client.until_verdict(&get_alerts(), "401 expired").await;
}

#[tokio::test]
async fn a_server_with_another_ca_or_name_gets_no_token() {
    let (ours, others) = (Authority::new(), Authority::new());
    let key = SigningKey::p256();
    let volume = ProjectedToken::create(&folder::fresh("token"), "a.token.of-karma");
    let foreign = Issuer::start(&others, &format!("https://{}", HOSTS[0]), &[&key]).await;
    let misnamed = Issuer::start(&ours, "https://prometheus.example.com", &[&key]).await;
    let path = "/openid/v1/jwks";
    for server in [&foreign, &misnamed] {
        let envoy = start_envoy(&ours, server.address(), &volume).await;
        let response = Call::get(HOSTS[0], path).send(envoy.address()).await;
        assert_eq!(response.status, 503, "{}", response.text());
        assert_eq!(server.requests().len(), 0);
    }
    // The server would have answered.
    let named = Issuer::start(&ours, &format!("https://{}", HOSTS[0]), &[&key]).await;
    let envoy = start_envoy(&ours, named.address(), &volume).await;
    let response = Call::get(HOSTS[0], path).send(envoy.address()).await;
    assert_eq!(response.status, 200);
    let sent = named.requests().remove(0).authorization;
    assert_eq!(sent.as_deref(), Some("Bearer a.token.of-karma"));
}

#[tokio::test]
async fn a_file_without_a_usable_token_sends_no_request() {
    let mut client = Client::start().await;
    client.until_verdict(&get_alerts(), "200").await;
    let good = client.token(60);

    client.volume.write(b"");
    client.until_verdict(&get_alerts(), "401").await;
    client.volume.rotate(&good);
    client.until_verdict(&get_alerts(), "200").await;

    // Not a header's value.
    client.volume.write(b"a\0token\xff");
    client.until_verdict(&get_alerts(), "503").await;
    client.volume.write(format!("{good}\n").as_bytes());
    client.until_verdict(&get_alerts(), "200").await;

    // Envoy keeps the last token, which the gate refuses once it has expired.
    client.volume.remove();
    let log = "Failed to reload certificates";
    wait::until_true(log, wait::LONG, async || client.envoy.log().contains(log)).await;
    assert_eq!(client.call(get_alerts()).await.verdict(), "200");
    // The first update adds the file behind the rename that Envoy waits for.
    for _ in 0..2 {
        client.volume.rotate(&client.token(-1));
    }
    client.until_verdict(&get_alerts(), "401 expired").await;
}

#[tokio::test]
async fn a_token_that_is_absent_when_envoy_starts_is_used_after_an_update() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let url = format!("https://{}", HOSTS[0]);
    let server = Issuer::start(&authority, &url, &[&key]).await;
    let mut volume = ProjectedToken::create(&folder::fresh("token"), "a.token.of-karma");
    volume.remove();
    let envoy = start_envoy(&authority, server.address(), &volume).await;
    let call = Call::get(HOSTS[0], "/openid/v1/jwks");
    assert_eq!(call.send(envoy.address()).await.status, 401);
    assert_eq!(server.requests().len(), 0);
    // The first update adds the file behind the rename that Envoy waits for.
    for _ in 0..2 {
        volume.rotate("a.token.of-karma");
    }
    wait::until_true("the token is used", wait::LONG, async || {
        call.send(envoy.address()).await.status == 200
    })
    .await;
}
