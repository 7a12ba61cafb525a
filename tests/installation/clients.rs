//! `istio/clients/karma-attach.yaml`: only the sidecar has the token, and its configuration works.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{App, Call, folder, port, tools, yaml};
use serde_json::{Value, json};

use crate::documents::{self, Object, of_kind};
use crate::pods;

const FILE: &str = "istio/clients/karma-attach.yaml";

fn config_map<'a>(objects: &'a [Object], name: &str, key: &str) -> &'a str {
    let mut maps = of_kind(objects, "ConfigMap");
    let map = maps.find(|map| map.name() == name).expect("a ConfigMap");
    map.value["data"][key].as_str().expect("a file")
}

fn pod(objects: &[Object]) -> &Value {
    let deployment = of_kind(objects, "Deployment").next().expect("a Deployment");
    pods::spec(&deployment.value).expect("a pod")
}

fn mounts(container: &Value) -> BTreeSet<&str> {
    let mounts = container["volumeMounts"].as_array().expect("mounts");
    mounts
        .iter()
        .filter_map(|mount| mount["name"].as_str())
        .collect()
}

#[test]
fn the_client_never_holds_the_token() {
    let objects = documents::of_file(FILE);
    let pod = pod(&objects);
    assert_eq!(pods::violations(pod), Vec::<String>::new());
    let sidecar = &pod["initContainers"][0];
    assert_eq!(sidecar["restartPolicy"], "Always");
    assert!(mounts(sidecar).contains("token"));
    let client = &pod["containers"][0];
    assert_eq!(mounts(client), BTreeSet::from(["config"]));
    let karma = config_map(&objects, "karma", "karma.yaml");
    let karma = yaml::read(karma).expect("YAML");
    for server in karma["alertmanager"]["servers"]
        .as_array()
        .expect("servers")
    {
        assert!(server.get("headers").is_none(), "{server}");
    }
    for probe in ["startupProbe", "readinessProbe"] {
        assert_eq!(sidecar[probe]["httpGet"]["path"], "/ready", "{probe}");
    }
}

#[tokio::test]
async fn the_sidecar_takes_its_configuration() {
    let objects = documents::of_file(FILE);
    let sidecar = &pod(&objects)["initContainers"][0];
    assert_eq!(
        sidecar["args"],
        json!(["attach", "--config=/etc/attach/attach.yaml"])
    );
    let config = config_map(&objects, "karma-attach", "attach.yaml");
    let mut config = yaml::read(config).expect("YAML");
    // The ports of the manifest are those that Karma and the probes use.
    let karma = config_map(&objects, "karma", "karma.yaml");
    let listen = config["forwards"][0]["listen"]
        .as_str()
        .expect("an address");
    assert!(
        karma.contains(&format!("uri: http://{listen}\n")),
        "{karma}"
    );
    let metrics = sidecar["ports"][0]["containerPort"].to_string();
    assert_eq!(config["metrics"], format!("0.0.0.0:{metrics}"));
    let token = config["token_file"].as_str().expect("a path");
    let folder_of_token = sidecar["volumeMounts"][1]["mountPath"]
        .as_str()
        .expect("a path");
    assert_eq!(token, format!("{folder_of_token}/token"));

    let (folder, app) = (folder::fresh("attach"), App::start("alertmanager").await);
    let (listen, metrics, token) = (port::free(), port::free(), folder.join("token"));
    fs::write(&token, "a.projected.token").expect("a token");
    config["token_file"] = json!(token);
    config["metrics"] = json!(metrics);
    config["forwards"][0]["listen"] = json!(listen);
    config["forwards"][0]["to"] = json!(format!("http://{}", app.address()));
    let file = folder.join("attach.yaml");
    fs::write(&file, config.to_string()).expect("a file");
    let mut command = Command::new(tools::companion());
    command
        .arg("attach")
        .arg(format!("--config={}", file.display()));
    let mut process = Process::start("attach", &folder, command);
    process.ready_at(metrics, "/ready").await;
    let response = Call::get("127.0.0.1", "/api/v2/alerts").send(listen).await;
    assert_eq!(response.status, 200);
    let received = app.requests().remove(0).to_string();
    assert!(received.contains("Bearer a.projected.token"), "{received}");
}
