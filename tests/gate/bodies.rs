//! The bodies and trailers of refused and waiting requests.

use portcullis_tests::lab::fixture::HOST;
use portcullis_tests::lab::{
    Call, Connection, Endpoint, Fixture, ServerResponse, SigningKey, TestGateway,
};

use crate::requests::only_the_api;

#[tokio::test]
async fn a_refused_requests_body_and_trailers_are_not_forwarded() {
    let gateway = TestGateway::start(only_the_api).await;
    let body = "x".repeat(300_000);
    let call = Call::post(HOST, "/api/v2/alerts").body(body.as_str());
    gateway
        .assert_refused("a body", call, 401, "no-credentials")
        .await;

    let head = format!("POST /api/v2/alerts HTTP/1.1\r\nhost: {HOST}\r\n");
    let token = gateway.token();
    let trailers = format!("x-late: 1\r\nauthorization: Bearer {token}\r\n\r\n");
    let chunked = format!(
        "{head}transfer-encoding: chunked\r\ntrailer: x-late\r\n\r\n4\r\nbody\r\n0\r\n{trailers}"
    );
    let response = gateway.gateway.call(Call::raw(chunked)).await;
    gateway.assert_refusal("a token in the trailers", response, 401, "no-credentials");

    // Two lengths are a means of request smuggling.
    for (what, framing) in [
        (
            "both lengths",
            "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        ),
        ("two lengths", "content-length: 4\r\ncontent-length: 40\r\n"),
        ("unknown coding", "transfer-encoding: xchunked\r\n"),
    ] {
        let second = format!("GET /-/reload HTTP/1.1\r\nhost: {HOST}\r\n");
        let hidden =
            format!("{head}{framing}\r\n0\r\n\r\n{second}authorization: Bearer {token}\r\n\r\n");
        let response = gateway.gateway.call(Call::raw(hidden)).await;
        assert!(
            matches!(response.status, 400 | 401 | 501),
            "{what}: {}",
            response.status
        );
        gateway.assert_not_forwarded(what);
    }

    // The refusal arrives while the body is still being sent.
    let mut connection = Connection::open(gateway.gateway.address()).await.unwrap();
    let begun = format!("{head}content-length: 1000000\r\n\r\nfirst");
    let response = connection.send(&Call::raw(begun)).await;
    gateway.assert_refusal("incomplete body", response, 401, "no-credentials");
    // Envoy may have closed the connection.
    let _closed = connection.write(&vec![b'x'; 65_536]).await;
    gateway.assert_clean().await;
}

/// With `allow_on_headers_stop_iteration`, Envoy reads the body of a request whose headers the filter
/// holds.
#[tokio::test]
async fn a_body_does_not_release_headers_that_wait_for_keys() {
    let fixture = Fixture::start(&["blue"]).await;
    let blue = fixture.cluster("blue");
    blue.issuer
        .set_response(Endpoint::Discovery, ServerResponse::Silence);
    let gateway = fixture.gateway(fixture.policy());
    let gateway = gateway.stop_iteration().start().await;
    let token = blue.karma().sign(&SigningKey::p256());
    let call = Call::post(HOST, "/api/v2/alerts").bearer(&token);
    let response = gateway.call(call.body("x".repeat(100_000))).await;
    assert_eq!(response.verdict(), "503 keys-unavailable");
    assert_eq!(fixture.app.count(), 0);
}
