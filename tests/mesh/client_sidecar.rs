//! A client whose sidecar adds its token.

use portcullis_tests::lab::{Call, ProjectedToken, folder, wait};
use serde_json::json;

use crate::mesh::{HOST, Mesh};
use crate::shipped;
use crate::sidecars::Sidecar;

const FILE: &str = "clients/credential-injector.yaml";

/// The port of the client's URL. The shipped one needs privileges.
const PORT: u16 = 8080;

#[tokio::test]
async fn the_sidecar_of_a_client_adds_the_token_that_is_in_its_file_now() {
    let mesh = Mesh::start().await;
    let server = &mesh.blue.server;
    let plugin = Mesh::plugin("mesh/trafficextension-gateway.yaml");
    server.apply(&plugin).await;
    let karma = mesh.token(&mesh.blue, "karma").await;
    let other_cluster = mesh.token(&mesh.green, "karma").await;
    let with_token = |token| Call::get(HOST, "/api/v2/alerts").bearer(token);
    mesh.becomes(&with_token(&karma), "200").await;

    let mut volume = ProjectedToken::create(&folder::fresh("token"), &karma);
    let path = volume.folder().display().to_string();
    let objects = shipped::objects(
        FILE,
        &[
            ("/var/run/secrets/portcullis", &path),
            ("outbound|80||", &format!("outbound|{PORT}||")),
            ("number: 80,", &format!("number: {PORT},")),
        ],
    );
    for mut object in objects {
        match object["kind"].as_str() {
            Some("ConfigMap") => {
                let secret = object["data"]["token-secret.yaml"].as_str();
                let file = volume.folder().join("token-secret.yaml");
                std::fs::write(file, secret.expect("a secret")).expect("a file");
            }
            Some("ServiceEntry") => {
                let gate = mesh.address();
                object["spec"]["resolution"] = json!("STATIC");
                object["spec"]["endpoints"] =
                    json!([{"address": gate.ip(), "ports": {"http": gate.port()}}]);
                server.apply(&object).await;
            }
            Some("DestinationRule") => {
                object["spec"]["trafficPolicy"]["tls"]["caCertificates"] =
                    json!(mesh.authority.file());
                server.apply(&object).await;
            }
            _ => {
                server.apply(&object).await;
            }
        }
    }
    let client = Sidecar {
        namespace: "monitoring",
        name: "karma",
        number: 6,
        inbound: (9000, mesh.app.address()),
        outbound: Some(("monitoring", PORT)),
    };
    let _proxy = client.start(&mesh).await;

    // As Karma sends it: over HTTP, without a token, or with a header that the sidecar replaces.
    let plain = Call::get(HOST, "/api/v2/alerts");
    let calls = [plain.clone(), plain.bearer(&other_cluster)];
    let becomes = async |expected: &str| {
        for call in &calls {
            let mut last = String::new();
            let reached = wait::within(wait::LONG, async || {
                let response = call.try_send(client.address(PORT)).await;
                last =
                    response.map_or_else(|error| error.to_string(), |response| response.verdict());
                (last == expected).then_some(())
            });
            assert!(reached.await.is_some(), "{last}, not {expected}");
        }
    };
    becomes("200").await;
    volume.rotate(&other_cluster);
    becomes("403 caller-not-allowed").await;
    volume.rotate(&karma);
    becomes("200").await;
}
