//! The gate on a gateway that other teams use as well.

use portcullis_tests::lab::{App, Call};
use serde_json::{Value, json};

use crate::mesh::{self, HOST, Mesh};

const SHOP: &str = "shop.example.com";

/// The other team's host, behind the same gateway.
async fn open_shop(mesh: &Mesh, shop: &App) {
    let labels = json!({"app.kubernetes.io/name": "shop"});
    let ports = json!([{"name": "http", "port": 8080}]);
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"namespace": "monitoring", "name": "shop"},
        "spec": {
            "parentRefs": [{"namespace": "istio-ingress", "name": "gated"}],
            "hostnames": [SHOP],
            "rules": [{"backendRefs": [{"name": "shop", "port": 8080}]}],
        },
    });
    for object in [
        mesh::service("monitoring", "shop", &labels, ports),
        mesh::entry("monitoring", "shop", &labels, shop.address()),
        route,
    ] {
        mesh.blue.server.apply(&object).await;
    }
}

#[tokio::test]
async fn a_shared_gateway_judges_its_apps_and_forwards_the_other_hosts() {
    let (mesh, shop) = tokio::join!(Mesh::start(), App::start("shop"));
    let server = &mesh.blue.server;
    open_shop(&mesh, &shop).await;
    let authorization = "Basic c2hvcDpzM2NyZXQ=";
    let order = Call::post(SHOP, "/orders")
        .header("authorization", authorization)
        .header("x-portcullis-caller", "blue/monitoring/karma");
    mesh.becomes(&order, "200").await;

    for file in [
        "mesh/trafficextension-shared-gateway.yaml",
        "mesh/wasmplugin-shared-gateway.yaml",
    ] {
        let plugin = Mesh::plugin(file);
        server.apply(&plugin).await;
        let anonymous = Call::get(HOST, "/api/v2/alerts");
        mesh.becomes(&anonymous, "401 no-credentials").await;
        let karma = mesh.token(&mesh.blue, "karma").await;
        mesh.becomes(&anonymous.clone().bearer(&karma), "200").await;

        mesh.becomes(&order, "200").await;
        let seen = shop.requests().pop().expect("a request");
        let headers: &Value = &seen["headers"];
        assert!(
            headers.to_string().contains(authorization),
            "{file}: {seen}"
        );
        assert!(!headers.to_string().contains("karma"), "{file}: {seen}");
        server.delete(&server.path_of(&plugin).await).await;
        mesh.becomes(&anonymous, "200").await;
    }
}
