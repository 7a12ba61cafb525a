//! The servers beside Envoy, and Envoy with TLS.

use std::sync::mpsc;
use std::time::Duration;

use portcullis_tests::lab::provider::Client;
use portcullis_tests::lab::redis::{Cluster, Sentinel};
use portcullis_tests::lab::{
    App, Authority, Caddy, Call, Gateway, Nginx, Provider, Redis, UserAgent, port, wait,
};
use serde_json::{Value, json};

use super::authorization_url;

#[tokio::test]
async fn redis_works_with_and_without_tls_and_keeps_its_data() {
    let authority = Authority::new();
    let (plain, secure) = tokio::join!(Redis::start(), Redis::start_tls(&authority));
    for mut redis in [plain, secure] {
        assert_eq!(redis.command(&["PING"]), "PONG");
        assert_eq!(redis.command(&["SET", "a", "1"]), "OK");
        redis.kill();
        assert_ne!(redis.command(&["PING"]), "PONG");
        redis.restart().await;
        assert_eq!(redis.keys("*"), ["a"]);
        redis.flush();
        assert_eq!(redis.keys("*"), [""; 0]);

        redis.pause().await;
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send(redis.command(&["PING"])).unwrap());
            let early = receiver.recv_timeout(Duration::from_millis(200));
            redis.resume();
            assert_eq!(early, Err(mpsc::RecvTimeoutError::Timeout));
            assert_eq!(receiver.recv().unwrap(), "PONG");
        });
    }
}

#[tokio::test]
async fn redis_fails_over_behind_a_sentinel() {
    let mut sentinel = Sentinel::start().await;
    assert_eq!(sentinel.primary(), Some(0));
    // Waits until the replica has the key, which the failover would lose otherwise.
    let [first, second] = &sentinel.servers;
    assert_eq!(first.command(&["SET", "a", "1"]), "OK");
    wait::until_true("the key on the replica", wait::LONG, async || {
        second.keys("*") == ["a"]
    })
    .await;
    sentinel.fail_over().await;
    assert_eq!(sentinel.primary(), Some(1));
    wait::until_true("a writable server", wait::LONG, async || {
        sentinel.servers[1].command(&["SET", "b", "1"]) == "OK"
    })
    .await;
    assert_eq!(sentinel.servers[1].keys("*"), ["a", "b"]);
}

#[tokio::test]
async fn redis_distributes_keys_in_a_cluster() {
    let cluster = Cluster::start().await;
    for key in ["a", "b", "c", "d"] {
        let outputs: Vec<String> = cluster
            .servers
            .iter()
            .map(|server| server.command(&["SET", key, "1"]))
            .collect();
        assert_eq!(
            outputs.iter().filter(|output| *output == "OK").count(),
            1,
            "{outputs:?}"
        );
        assert_eq!(
            outputs
                .iter()
                .filter(|output| output.contains("MOVED"))
                .count(),
            2
        );
    }
    assert_eq!(cluster.keys("*"), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn nginx_sends_an_auth_request_first() {
    let app = App::start("echo").await;
    let address = port::free();
    let server = format!(
        "server {{ listen {address}; location / {{ auth_request /ask; proxy_pass http://{}; }}\n\
         location = /ask {{ internal; if ($http_x_key) {{ return 204; }} return 401; }} }}",
        app.address()
    );
    let nginx = Nginx::start(address, &server).await;
    let call = Call::get("echo.example.com", "/in");
    assert_eq!(call.send(nginx.address()).await.status, 401);
    let response = call.header("x-key", "1").send(nginx.address()).await;
    assert_eq!(response.json()["path"], "/in");
    assert!(nginx.access_log().contains("GET /in"), "{}", nginx.log());

    let refused = Nginx::try_start(address, "server { listne 1; }").await;
    assert!(refused.unwrap_err().0.contains("listne"));
}

#[tokio::test]
async fn caddy_sends_a_forward_auth_request_first() {
    let (app, auth_server) = tokio::join!(App::start("echo"), App::start("auth"));
    let address = port::free();
    let site = format!(
        "http://echo.example.com:{} {{\n\tbind 127.0.0.1\n\tforward_auth {} {{\n\t\turi /ask\n\t}}\n\
         \treverse_proxy {}\n}}",
        address.port(),
        auth_server.address(),
        app.address()
    );
    let caddy = Caddy::start(address, &site).await;
    let response = Call::get("echo.example.com", "/in")
        .send(caddy.address())
        .await;
    assert_eq!(response.json()["path"], "/in", "{}", caddy.log());
    assert_eq!(auth_server.requests()[0]["path"], "/ask");
}

#[tokio::test]
async fn a_gateway_listens_with_tls() {
    let authority = Authority::new();
    let app = App::start("echo").await;
    let address = port::free();
    let gateway = Gateway::with(Value::Null)
        .filters(vec![])
        .listen(address)
        .tls(&authority, &["*.example.com", "*.portcullis.localhost"])
        .app("echo.example.com", app.address())
        .app("app.portcullis.localhost", app.address())
        .start()
        .await;
    let response = gateway.call(Call::get("echo.example.com", "/in")).await;
    assert_eq!(response.json()["path"], "/in");

    let mut user = UserAgent::new(&[&authority]).at("echo.example.com", address);
    let port = address.port();
    user.visit("https://echo.example.com/by/address").await;
    let page = user
        .visit(&format!(
            "https://app.portcullis.localhost:{port}/by/port#f"
        ))
        .await;
    assert_eq!(page.response.json()["path"], "/by/port");
    let mut other = UserAgent::new(&[&Authority::new()]);
    let url = format!("https://app.portcullis.localhost:{port}/");
    assert!(other.try_step(&url).await.is_err());
}

#[tokio::test]
async fn a_provider_sends_back_channel_logout() {
    let (own, others) = (Authority::new(), Authority::new());
    let app = App::start("companion").await;
    let gateway = Gateway::with(Value::Null)
        .filters(vec![])
        .tls(&others, &["*.portcullis.localhost"])
        .app("auth.portcullis.localhost", app.address())
        .start()
        .await;
    let url = format!(
        "https://auth.portcullis.localhost:{}",
        gateway.address().port()
    );
    let client = Client::new("portcullis", "s3cret")
        .redirect(&format!("{url}/oauth2/callback"))
        .post_logout(&format!("{url}/signed-out"))
        .backchannel(&format!("{url}/oauth2/backchannel-logout"));
    let provider = Provider::with(&own)
        .trusts(&others)
        .client(client)
        .account("alice", json!({"email": "alice@example.com"}))
        .start()
        .await;
    let mut user = UserAgent::new(&[&own, &others]);
    let begin = authorization_url(&provider, &format!("{url}/oauth2/callback"));
    user.visit(begin.as_str()).await;
    user.sign_in_as("alice").await;

    let out = format!(
        "{}/session/end?client_id=portcullis&state=st&post_logout_redirect_uri={url}/signed-out",
        provider.issuer()
    );
    user.visit(&out).await;
    let page = user.confirm_sign_out().await;
    assert_eq!(page.url.as_str(), format!("{url}/signed-out?state=st"));
    let token = wait::until("a logout token", wait::LONG, async || {
        provider.logout_tokens().await.pop()
    });
    let token = token.await;
    assert_eq!((token.error, token.subject.as_str()), (None, "alice"));
    assert!(!token.sid.is_empty());
    let seen = app.requests();
    let posted = seen.iter().find(|seen| seen["method"] == "POST").unwrap();
    assert_eq!(posted["path"], "/oauth2/backchannel-logout");
}
