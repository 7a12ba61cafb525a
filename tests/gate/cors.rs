//! Pages of other origins: with Envoy's CORS filter before ours, they can read why a request is refused.

use portcullis_tests::lab::fixture::{HOST, get_alerts};
use portcullis_tests::lab::{Call, TestGateway, Version};

const ORIGIN: &str = "https://grafana.example.com";
const ALLOWED: &str = "access-control-allow-origin";

#[tokio::test]
async fn h09_a_refusal_has_the_headers_of_envoys_cors_filter() {
    for version in Version::ALL {
        let gateway = TestGateway::with(|_| {}, |builder| builder.version(version).cors(ORIGIN));
        let mut gateway = gateway.await;
        let call = |token: &str, origin: &str| get_alerts(token).header("origin", origin);
        let refused = gateway.assert_refused("no JWT", call("x", ORIGIN), 401, "token-malformed");
        let refused = refused.await;
        assert_eq!(refused.header(ALLOWED).as_deref(), Some(ORIGIN));
        let other = call("x", "https://evil.example.com");
        let refused = gateway.assert_refused("another origin", other, 401, "token-malformed");
        assert_eq!(refused.await.header(ALLOWED), None);
        // Envoy answers preflight requests itself.
        let preflight = Call::new("OPTIONS", HOST, "/api/v2/alerts")
            .header("origin", ORIGIN)
            .header("access-control-request-method", "GET");
        let response = gateway.gateway.call(preflight).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.header(ALLOWED).as_deref(), Some(ORIGIN));
        gateway.assert_not_forwarded("a preflight request");
        let token = gateway.token();
        gateway
            .assert_allowed("a token", call(&token, ORIGIN))
            .await;
    }
}
