//! The filter's requests for keys that an API server serves to authenticated clients alone.

use portcullis_tests::lab::{
    App, Authority, Call, Endpoint, ExampleConfig, Issuer, ProjectedToken, SigningKey, Token,
    Version, folder, port, wait,
};

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// How the gateway's tokens are named in this test: the API server compares them, nobody reads them.
const TOKENS: [&str; 2] = ["of.the-gateway.itself", "of.another.issuer"];

#[tokio::test]
async fn keys_are_read_with_the_gateways_token_and_not_without() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
    issuer.require_token(&TOKENS[..1]);
    let app = App::start("alertmanager").await;
    let mut volume = ProjectedToken::create(&folder::fresh("token"), TOKENS[1]);
    let mut config = ExampleConfig::read("authenticated-keys.yaml");
    config.file("blue-ca.pem", authority.file());
    config.mount_token(&volume);
    config.listen(port::free());
    config.admin(port::free());
    config.set_endpoint("blue", issuer.address());
    config.set_endpoint("alertmanager", app.address());
    let gateway = config.start(Version::V1_40).await;

    let karma = Token::service_account(ISSUER, "portcullis", "monitoring", "karma").sign(&key);
    let call = Call::get("alertmanager.example.com", "/metrics").bearer(&karma);
    wait::until_true("a read of the keys", wait::LONG, async || {
        issuer.count(Endpoint::Discovery) > 0
    })
    .await;
    let (response, line) = gateway.call(&call).await;
    assert_eq!(response.status, 503, "{line}");
    assert_eq!(line["reason"], "keys-unavailable");

    volume.rotate(TOKENS[0]);
    wait::until_true("the keys are there", wait::LONG, async || {
        gateway.call(&call).await.0.status == 200
    })
    .await;
    let requests = issuer.requests();
    for token in TOKENS {
        let header = format!("Bearer {token}");
        let is_sent = |sent: &Option<String>| sent.as_ref() == Some(&header);
        assert!(
            requests
                .iter()
                .any(|request| is_sent(&request.authorization)),
            "{token}"
        );
    }

    // The app gets neither the gateway's token nor Karma's.
    let received = app.requests().pop().expect("a request");
    assert!(
        !received["headers"].to_string().contains("authorization"),
        "{received}"
    );
    let (_, line) = gateway.call(&call).await;
    assert_eq!(line["caller"], "blue/monitoring/karma");
}
