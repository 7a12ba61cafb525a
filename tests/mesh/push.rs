//! istiod sends the shipped plugins to a gateway's Envoy: the first policy, edits under load, and a bad one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use portcullis_tests::lab::{Call, port, wait};
use serde_json::{Value, json};

use crate::mesh::{HOST, Mesh};

const ALERTS: &str = "/api/v2/alerts";

/// Where the policy is in an object of each kind.
fn policy(plugin: &mut Value) -> &mut Value {
    if plugin["kind"] == "TrafficExtension" {
        &mut plugin["spec"]["wasm"]["pluginConfig"]
    } else {
        &mut plugin["spec"]["pluginConfig"]
    }
}

/// Adds a public path, to see when an edit is in use.
fn open(plugin: &mut Value, path: &str) {
    let rules = policy(plugin)["apps"][0]["rules"]
        .as_array_mut()
        .expect("rules");
    let rule = json!({"name": format!("edit{}", rules.len()), "paths": [path], "public": true});
    rules.push(rule);
}

/// Requests on connections that stay open, until it is stopped.
struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    /// Connections that send karma's request again and again.
    async fn start(mesh: &Mesh, token: &str, connections: usize) -> Self {
        let (stop, sent) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let mut tasks = Vec::new();
        for _ in 0..connections {
            let mut connection = mesh.connect().await;
            let call = Call::get(HOST, ALERTS).bearer(token);
            let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
            tasks.push(tokio::spawn(async move {
                let mut failures = Vec::new();
                while !stop.load(Ordering::Relaxed) && failures.is_empty() {
                    match connection.try_send(&call).await {
                        Ok(response) if response.status == 200 => {}
                        Ok(response) => failures.push(response.verdict()),
                        Err(error) => failures.push(error.to_string()),
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                }
                failures
            }));
        }
        Self { stop, sent, tasks }
    }

    /// Stops it and returns the number of requests.
    async fn assert_no_failure(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            let failures = task.await.expect("no panic in a task");
            assert!(failures.is_empty(), "failed requests: {failures:?}");
        }
        self.sent.load(Ordering::Relaxed)
    }
}

/// The plugin of this file: what it opens, edits under load, and a bad edit.
async fn a_plugin_is_pushed(mesh: &Mesh, file: &str) {
    let server = &mesh.blue.server;
    let mut plugin = Mesh::plugin(file);
    server.apply(&plugin).await;
    let karma = mesh.token(&mesh.blue, "karma").await;
    let karmas_request = Call::get(HOST, ALERTS).bearer(&karma);
    mesh.becomes(&karmas_request, "200").await;
    let anonymous = Call::get(HOST, ALERTS);
    mesh.becomes(&anonymous, "401 no-credentials").await;
    let other_cluster = Call::get(HOST, ALERTS).bearer(&mesh.token(&mesh.green, "karma").await);
    mesh.becomes(&other_cluster, "403 caller-not-allowed").await;
    let prometheus = mesh.token(&mesh.green, "prometheus").await;
    let posted = Call::post(HOST, ALERTS).bearer(&prometheus).body("[]");
    mesh.becomes(&posted, "200").await;

    let load = Load::start(mesh, &karma, 4).await;
    for edit in 0..8 {
        let path = format!("/edit/{edit}");
        let call = Call::get(HOST, &path);
        assert_ne!(
            mesh.call(call.clone()).await.expect("a response").status,
            200
        );
        open(&mut plugin, &path);
        server.apply(&plugin).await;
        mesh.becomes(&call, "200").await;
    }
    // A policy that refers to nothing: the filter refuses it, and the one before stays in use.
    let rejections = mesh.istiod.metric("pilot_total_xds_rejects").await;
    let mut bad = plugin.clone();
    policy(&mut bad)["apps"][0]["rules"][0]["allow"] =
        json!([{"service_account": "red/monitoring/karma"}]);
    server.apply(&bad).await;
    wait::until_true("a rejection in istiod's metrics", wait::LONG, async || {
        mesh.istiod.metric("pilot_total_xds_rejects").await > rejections
    })
    .await;
    assert_eq!(
        mesh.call(Call::get(HOST, "/edit/7"))
            .await
            .expect("a response")
            .status,
        200
    );
    assert!(
        mesh.gateway
            .log()
            .contains("`red` is not a trust entry; help: available: blue, green"),
        "the proxy's log does not say what is wrong"
    );
    open(&mut plugin, "/edit/last");
    server.apply(&plugin).await;
    mesh.becomes(&Call::get(HOST, "/edit/last"), "200").await;
    let sent = load.assert_no_failure().await;
    println!("{file}: {sent} requests during ten edits, none failed");
    assert!(sent > 100, "{sent} requests");
    server.delete(&server.path_of(&plugin).await).await;
    // Without a plugin, a gateway forwards everything.
    mesh.becomes(&anonymous, "200").await;
}

/// A module that can't be fetched refuses every request until the next push, and the proxy's log says why.
async fn a_missing_module_refuses_everything(mesh: &Mesh) {
    let server = &mesh.blue.server;
    let mut plugin = Mesh::plugin("mesh/trafficextension-gateway.yaml");
    let nowhere = format!("oci://{}/portcullis/filter:0.1.0", port::free());
    plugin["spec"]["wasm"]["url"] = json!(nowhere);
    server.apply(&plugin).await;
    let health = Call::get(HOST, "/-/healthy");
    mesh.becomes(&health, "403").await;
    let forwarded = mesh.app.count();
    for _ in 0..10 {
        assert_eq!(
            mesh.call(health.clone()).await.expect("a response").status,
            403
        );
    }
    assert_eq!(mesh.app.count(), forwarded);
    let log = mesh.gateway.log();
    assert!(log.contains("cannot fetch Wasm module"), "the proxy's log");
}

#[tokio::test]
async fn istiod_pushes_the_shipped_plugins_and_their_edits_to_a_gateway() {
    let mesh = Mesh::start().await;
    a_missing_module_refuses_everything(&mesh).await;
    for file in [
        "mesh/trafficextension-gateway.yaml",
        "mesh/wasmplugin-gateway.yaml",
    ] {
        a_plugin_is_pushed(&mesh, file).await;
    }
}
