//! The filter in an Envoy that restricts what it may call.

use std::time::Duration;

use portcullis_tests::lab::fixture::{Fixture, HOST, get_alerts};
use portcullis_tests::lab::{Call, Connection, tools, wait};
use serde_json::{Map, Value, json};

use crate::module::{EXPORTS, IMPORTS};

/// The HTTP filter, without access to one host function. It receives the bodies of held requests.
fn without(function: &str, policy: &Value) -> Value {
    let imports = IMPORTS
        .iter()
        .filter_map(|name| name.split('.').next_back());
    let names = imports.chain(EXPORTS).filter(|name| *name != function);
    let allowed: Map<String, Value> = names.map(|name| (name.to_owned(), json!({}))).collect();
    json!({
        "name": "portcullis",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "portcullis",
                "root_id": "portcullis",
                "failure_policy": "FAIL_RELOAD",
                "allow_on_headers_stop_iteration": true,
                "vm_config": {
                    "vm_id": "portcullis",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": tools::filter()}},
                },
                "capability_restriction_config": {"allowed_capabilities": allowed},
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": policy.to_string(),
                },
            },
        },
    })
}

/// The filter receives the body of the held request, and must hold it as well.
#[tokio::test]
async fn a_refused_request_is_held_if_its_reply_cannot_be_sent() {
    let fixture = Fixture::start(&["blue"]).await;
    let filter = without("proxy_send_local_response", &fixture.policy());
    let gateway = fixture
        .gateway(Value::Null)
        .filters(vec![filter])
        .start()
        .await;
    let token = fixture.cluster("blue").token();
    assert_eq!(gateway.call(get_alerts(&token)).await.verdict(), "200");
    let before = fixture.app.count();

    let mut connections = Vec::new();
    for size in [1, 1_000, 100_000] {
        let mut connection = Connection::open(gateway.address()).await.unwrap();
        let head = format!("POST /api/v2/alerts HTTP/1.1\r\nhost: {HOST}\r\n");
        let request = format!("{head}content-length: {size}\r\n\r\n{}", "x".repeat(size));
        connection.write(request.as_bytes()).await.unwrap();
        connections.push(connection);
    }
    wait::until_true("three refusals", Duration::from_secs(10), async || {
        gateway.log().matches("a local reply can't be sent").count() == 3
    })
    .await;
    // The workers have handled the bodies before these.
    for _ in 0..20 {
        let call = Call::post(HOST, "/api/v2/silences").bearer(&token);
        assert_eq!(gateway.call(call.body("x")).await.verdict(), "200");
    }
    assert_eq!(fixture.app.count(), before + 20);
    drop(connections);
}
