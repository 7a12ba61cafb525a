//! The filter in the manifests for Istio and Envoy Gateway: its image, how it fails, and its policy.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_core::policy::Policy;
use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::{ExampleConfig, yaml};
use serde_json::{Value, json};

use crate::documents::{self, Object, of_kind, texts};
use crate::helm;

/// The repository of the filter's image.
const IMAGE: &str = "registry.example.com/portcullis/filter@sha256:";

/// The files with the policy of a gateway that the demo and `envoy/gateway.yaml` have too.
const GATEWAY: [&str; 5] = [
    "istio/envoy-gateway/companion-values.yaml",
    "istio/envoy-gateway/envoyextensionpolicy.yaml",
    "istio/mesh/companion-values.yaml",
    "istio/mesh/trafficextension-gateway.yaml",
    "istio/mesh/wasmplugin-gateway.yaml",
];
/// Those with the same for a gateway that has other hosts as well.
const SHARED: [&str; 2] = [
    "istio/mesh/trafficextension-shared-gateway.yaml",
    "istio/mesh/wasmplugin-shared-gateway.yaml",
];
/// Those with the policy of one workload.
const WORKLOAD: [&str; 4] = [
    "istio/mesh/trafficextension-sidecar.yaml",
    "istio/mesh/trafficextension-waypoint.yaml",
    "istio/mesh/wasmplugin-sidecar.yaml",
    "istio/mesh/wasmplugin-waypoint.yaml",
];

/// The filter in a manifest.
#[derive(Debug)]
struct Plugin {
    object: Object,
    policy: Value,
}

impl Plugin {
    /// The members of a WasmPlugin that a TrafficExtension has in `wasm`.
    fn wasm(&self) -> &Value {
        let spec = &self.object.value["spec"];
        if self.object.kind() == "TrafficExtension" {
            &spec["wasm"]
        } else {
            spec
        }
    }

    fn digest(&self) -> String {
        let policy = Policy::from_json(&self.policy.to_string());
        let policy = policy.unwrap_or_else(|error| panic!("{}: {error}", self.object.file));
        policy.digest().to_string()
    }
}

/// All plugins, and the values of the chart, which have a policy too.
fn plugins() -> Vec<Plugin> {
    let folders = ["istio/envoy-gateway", "istio/mesh"];
    let objects = folders.into_iter().flat_map(documents::of_folder);
    let plugins = objects.filter_map(|object| {
        let value = &object.value;
        let policy = match object.kind() {
            "WasmPlugin" => &value["spec"]["pluginConfig"],
            "TrafficExtension" => &value["spec"]["wasm"]["pluginConfig"],
            "EnvoyExtensionPolicy" => &value["spec"]["wasm"][0]["config"],
            "" => &value["policy"],
            _ => return None,
        };
        let policy = policy.clone();
        (!policy.is_null()).then_some(Plugin { object, policy })
    });
    plugins.collect()
}

/// The clusters that a policy names.
fn clusters(policy: &Value) -> BTreeSet<String> {
    let trust = policy["trust"].as_array().into_iter().flatten();
    let issuers = trust.map(|entry| &entry["keys"]["envoy_cluster"]);
    let names = issuers.chain([&policy["sso"]["envoy_cluster"]]);
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The clusters that Istio makes of the hosts in `istio/mesh`, and of the companion's Service.
fn clusters_of_the_mesh() -> BTreeSet<String> {
    let objects = documents::of_folder("istio/mesh");
    let mut clusters = BTreeSet::new();
    for entry in of_kind(&objects, "ServiceEntry") {
        let spec = &entry.value["spec"];
        for port in spec["ports"].as_array().expect("ports") {
            for host in texts(&spec["hosts"]) {
                clusters.insert(format!("outbound|{}||{host}", port["number"]));
            }
        }
    }
    clusters
}

/// The clusters that Envoy Gateway makes of the routes.
fn clusters_of_the_routes() -> BTreeSet<String> {
    let objects = documents::of_folder("istio/envoy-gateway");
    let mut clusters = BTreeSet::new();
    for route in of_kind(&objects, "HTTPRoute") {
        for (index, rule) in route.value["spec"]["rules"]
            .as_array()
            .expect("rules")
            .iter()
            .enumerate()
        {
            // With several backends, each would be a cluster.
            assert_eq!(
                rule["backendRefs"].as_array().map(Vec::len),
                Some(1),
                "{}",
                route.file
            );
            clusters.insert(format!(
                "httproute/{}/{}/rule/{index}",
                route.namespace(),
                route.name()
            ));
        }
    }
    clusters
}

#[test]
fn files_with_the_same_policy_have_the_same_digest() {
    let plugins = plugins();
    let mut digests: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for plugin in &plugins {
        digests
            .entry(plugin.digest())
            .or_default()
            .insert(&plugin.object.file);
    }
    let groups: BTreeSet<BTreeSet<&str>> = digests.into_values().collect();
    let expected = [&GATEWAY[..], &SHARED, &WORKLOAD].map(|files| files.iter().copied().collect());
    assert_eq!(groups, BTreeSet::from(expected));
}

#[test]
fn the_policy_of_gateways_is_that_of_the_example_for_envoy() {
    let mut example = ExampleConfig::read("gateway.yaml").policy().clone();
    // Envoy's example writes audit records to Envoy's log.
    example["audit"] = json!({"access_log": true});
    let example = Policy::from_json(&example.to_string()).expect("a policy");
    for plugin in plugins() {
        let file = &plugin.object.file;
        if GATEWAY.contains(&file.as_str()) {
            assert_eq!(plugin.digest(), example.digest().to_string(), "{file}");
        }
    }
}

#[test]
fn the_filter_is_pinned_and_fails_closed() {
    let mut digests = BTreeSet::new();
    for plugin in plugins() {
        let file = &plugin.object.file;
        let spec = &plugin.object.value["spec"];
        let url = match plugin.object.kind() {
            "EnvoyExtensionPolicy" => {
                let wasm = &spec["wasm"][0];
                assert_eq!(wasm["failOpen"], json!(false), "{file}");
                let image = &wasm["code"]["image"];
                let url = image["url"].as_str().expect("a URL");
                let digest = image["sha256"].as_str().expect("a digest");
                assert!(
                    url.ends_with(&format!("@sha256:{digest}")),
                    "{file}: {digest}"
                );
                url
            }
            // The chart has this in its templates.
            "" => continue,
            _ => {
                let wasm = plugin.wasm();
                assert_eq!(wasm["failStrategy"], "FAIL_RELOAD", "{file}");
                assert_eq!(spec["phase"], "AUTHN", "{file}");
                assert_eq!(wasm["pluginName"], "portcullis", "{file}");
                let is_sidecar = file.ends_with("-sidecar.yaml");
                let server = is_sidecar.then(|| json!([{"mode": "SERVER"}]));
                assert_eq!(spec["match"], server.unwrap_or(Value::Null), "{file}");
                let url = wasm["url"].as_str().expect("a URL");
                url.strip_prefix("oci://").expect("a registry")
            }
        };
        let digest = url
            .strip_prefix(IMAGE)
            .unwrap_or_else(|| panic!("{file}: {url}"));
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_digest, "{file}: {digest}");
        digests.insert(digest.to_owned());
    }
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[test]
fn every_cluster_of_a_policy_is_defined_beside_it() {
    let (mesh, routes) = (clusters_of_the_mesh(), clusters_of_the_routes());
    for plugin in plugins() {
        let file = &plugin.object.file;
        let defined = if file.starts_with("istio/mesh/") {
            &mesh
        } else {
            &routes
        };
        let named = clusters(&plugin.policy);
        assert!(!named.is_empty(), "{file}");
        assert!(named.is_subset(defined), "{file}: {named:?} of {defined:?}");
    }
}

/// An API server has one reader however many sidecars there are, and sidecars have no CAs.
#[test]
fn workloads_read_keys_from_the_mirror_and_gateways_from_issuers() {
    for plugin in plugins() {
        let file = plugin.object.file.as_str();
        for entry in plugin.policy["trust"].as_array().expect("trust") {
            let is_mirror = entry["keys"]["mirror"] == true;
            assert_eq!(is_mirror, WORKLOAD.contains(&file), "{file}: {entry}");
        }
    }
}

#[test]
fn peers_are_verified_by_name() {
    let mut count = 0;
    for folder in ["istio/envoy-gateway", "istio/mesh"] {
        let objects = documents::of_folder(folder);
        for rule in of_kind(&objects, "DestinationRule") {
            // Without the names, Istio verifies none if `sni` is set.
            let tls = &rule.value["spec"]["trafficPolicy"]["tls"];
            assert!(
                !texts(&tls["subjectAltNames"]).is_empty(),
                "{}: {tls}",
                rule.file
            );
            let has_ca = tls["mode"] == "ISTIO_MUTUAL" || tls["caCertificates"].is_string();
            assert!(has_ca, "{}: {tls}", rule.file);
            count += 1;
        }
        for policy in of_kind(&objects, "BackendTLSPolicy") {
            let validation = &policy.value["spec"]["validation"];
            assert!(validation["hostname"].is_string(), "{}", policy.file);
            assert!(
                validation["caCertificateRefs"].is_array(),
                "{}",
                policy.file
            );
            count += 1;
        }
        // An issuer without one of them would get clear text.
        let verified = |host: &str| {
            of_kind(&objects, "DestinationRule").any(|rule| rule.value["spec"]["host"] == host)
        };
        for entry in of_kind(&objects, "ServiceEntry") {
            for host in texts(&entry.value["spec"]["hosts"]) {
                assert!(verified(host), "{}: {host}", entry.file);
            }
        }
    }
    assert_eq!(count, 6);
}

#[test]
fn the_waypoint_has_the_clusters_of_its_policy() {
    let objects = documents::of_file("istio/mesh/waypoint.yaml");
    let filter = of_kind(&objects, "EnvoyFilter")
        .next()
        .expect("an EnvoyFilter");
    let services =
        &filter.value["metadata"]["annotations"]["envoyfilter.istio.io/referenced-services"];
    let services = services.as_str().expect("an annotation").split(',');
    let hosts: Vec<&str> = services
        .filter_map(|service| service.split('/').nth(1))
        .collect();
    for plugin in plugins() {
        if plugin.object.file.ends_with("-waypoint.yaml") {
            for cluster in clusters(&plugin.policy) {
                let host = cluster.rsplit('|').next().expect("a host");
                assert!(hosts.contains(&host), "{}: {cluster}", plugin.object.file);
            }
        }
    }
}

/// One policy for the companion and the gateway: the chart renders both.
#[test]
fn the_values_of_the_guide_give_the_plugin_of_the_gateway() {
    for (values, kind, shipped) in [
        (
            "istio/mesh/companion-values.yaml",
            "TrafficExtension",
            "istio/mesh/trafficextension-gateway.yaml",
        ),
        (
            "istio/envoy-gateway/companion-values.yaml",
            "EnvoyExtensionPolicy",
            "istio/envoy-gateway/envoyextensionpolicy.yaml",
        ),
    ] {
        let release = helm::render(&[&workspace().join(values)]).expect("a release");
        let rendered = release.of_kind(kind).next().expect(kind);
        let shipped = documents::of_file(shipped).remove(0).value;
        for member in ["name", "namespace"] {
            let (rendered, shipped) = (&rendered["metadata"], &shipped["metadata"]);
            assert_eq!(rendered[member], shipped[member], "{values}: {member}");
        }
        let [(rendered, policy), (shipped, expected)] =
            [rendered, &shipped].map(|object| without_policy(object.clone()));
        assert_eq!(rendered, shipped, "{values}");
        let expected = digest(&expected);
        assert_eq!(digest(&policy), expected, "{values}");
        let companion = release.file("portcullis-policy", "portcullis.yaml");
        let companion = yaml::read(companion).expect("YAML");
        assert_eq!(digest(&companion), expected, "{values}");
    }
}

/// The `spec` of a plugin without the policy, and the policy.
fn without_policy(mut object: Value) -> (Value, Value) {
    let mut spec = object["spec"].take();
    let policy = match object["kind"].as_str() {
        Some("TrafficExtension") => spec["wasm"]["pluginConfig"].take(),
        _ => spec["wasm"][0]["config"].take(),
    };
    // The chart always has it. For a digest it makes no difference.
    if let Some(wasm) = spec["wasm"].as_object_mut() {
        wasm.remove("imagePullPolicy");
    }
    (spec, policy)
}

fn digest(policy: &Value) -> String {
    let policy = Policy::from_json(&policy.to_string()).expect("a policy");
    policy.digest().to_string()
}
