//! `istio/cluster`: what a cluster needs whose tokens are accepted.

use serde_json::{Value, json};

use crate::documents::{self, of_kind, texts};

/// What portcullis reads.
const DISCOVERY: [&str; 2] = ["/.well-known/openid-configuration", "/openid/v1/jwks"];
/// kubeadm's default, and the API server's.
const FORMER: &str = "https://kubernetes.default.svc.cluster.local";
const ISSUER: &str = "https://blue.issuers.example.com";

fn document(name: &str) -> Value {
    documents::of_file(&format!("istio/cluster/{name}"))
        .remove(0)
        .value
}

/// The values of an argument of the API server, in their order.
fn arguments(name: &str, argument: &str) -> Vec<String> {
    let config = document(name);
    assert_eq!(config["apiVersion"], "kubeadm.k8s.io/v1beta4", "{name}");
    let arguments = config["apiServer"]["extraArgs"]
        .as_array()
        .expect("arguments")
        .iter();
    let arguments = arguments.filter(|one| one["name"] == argument);
    let values = arguments.map(|one| one["value"].as_str().expect("text").to_owned());
    values.collect()
}

#[test]
fn the_first_issuer_is_the_new_one_also_where_kubeadm_sorts() {
    assert_eq!(
        arguments("kubeadm.yaml", "service-account-issuer"),
        [ISSUER]
    );
    let issuers = arguments("kubeadm-migration.yaml", "service-account-issuer");
    assert_eq!(issuers, [ISSUER, FORMER]);
    assert!(issuers.is_sorted());

    let patch = document("kubeadm-patch.yaml");
    let expected = json!([{
        "op": "add",
        "path": "/spec/containers/0/command/1",
        "value": format!("--service-account-issuer={ISSUER}"),
    }]);
    assert_eq!(patch, expected);
}

#[test]
fn anonymous_clients_get_the_keys_and_what_kubeadm_needs_alone() {
    let config = document("authentication.yaml");
    let conditions = config["anonymous"]["conditions"]
        .as_array()
        .expect("conditions");
    let paths: Vec<&str> = conditions
        .iter()
        .filter_map(|one| one["path"].as_str())
        .collect();
    let probes = ["/livez", "/readyz", "/healthz"];
    let join = ["/api/v1/namespaces/kube-public/configmaps/cluster-info"];
    assert_eq!(paths, [&DISCOVERY[..], &probes, &join].concat());
    assert_eq!(config.as_object().expect("an object").len(), 3);

    let files = arguments("kubeadm-authentication.yaml", "authentication-config");
    let volumes = &document("kubeadm-authentication.yaml")["apiServer"]["extraVolumes"];
    let folder = volumes[0]["mountPath"].as_str().expect("a path");
    assert_eq!(files, [format!("{folder}/authentication.yaml")]);
}

#[test]
fn the_client_has_a_token_for_the_gate_alone() {
    let objects = documents::of_file("istio/cluster/client-job.yaml");
    let job = of_kind(&objects, "Job").next().expect("a Job");
    let pod = &job.value["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    let token = json!([{"serviceAccountToken":
        {"audience": "portcullis", "expirationSeconds": 3600, "path": "token"}}]);
    let volumes = json!([
        {"name": "gateway-ca", "configMap": {"name": "gateway-ca", "optional": true}},
        {"name": "token", "projected": {"sources": token}},
    ]);
    assert_eq!(pod["volumes"], volumes);

    let plugin = documents::of_file("istio/mesh/wasmplugin-gateway.yaml")
        .remove(0)
        .value;
    for entry in plugin["spec"]["pluginConfig"]["trust"]
        .as_array()
        .expect("trust")
    {
        assert_eq!(texts(&entry["audiences"]), ["portcullis"]);
    }
}
