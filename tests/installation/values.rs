//! Wrong values, which the chart refuses before anything is applied.

use std::process::Command;

use serde_json::{Value, json};

use crate::{helm, manifests};

/// A digest for the filter.
const DIGEST: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// Renders everything with these values, which must be refused.
fn refusal(values: &Value) -> String {
    match helm::render_with(&[&helm::everything()], values) {
        Ok(release) => panic!("accepted: {values}:\n{}", release.text()),
        Err(error) => error,
    }
}

#[test]
fn a_typo_is_refused_at_every_level() {
    for (values, name) in [
        (json!({"replica": 1}), "replica"),
        (json!({"image": {"registri": "r"}}), "registri"),
        (json!({"image": {"companion": {"digset": ""}}}), "digset"),
        (json!({"image": {"pullSecrets": [{"nam": "a"}]}}), "nam"),
        (json!({"policyFiles": {"a": {"app": []}}}), "app"),
        (
            json!({"policyFiles": {"a": {"apps": [{"host": []}]}}}),
            "host",
        ),
        (json!({"policy": {"trusts": []}}), "trusts"),
        (json!({"policy": {"sso": {"uri": "a"}}}), "uri"),
        (
            json!({"policy": {"apps": [{"rules": [{"metods": []}]}]}}),
            "metods",
        ),
        (
            json!({"policy": {"apps": [{"rules": [{"allow": [{"grup": "a"}]}]}]}}),
            "grup",
        ),
        (json!({"companion": {"sesion": {}}}), "sesion"),
        (
            json!({"companion": {"providers": [{"clientid": "a"}]}}),
            "clientid",
        ),
        (
            json!({"companion": {"session": {"cookie": {"domains": "a"}}}}),
            "domains",
        ),
        (json!({"secrets": {"sesionKeys": {}}}), "sesionKeys"),
        (json!({"secrets": {"sessionKeys": {"file": "a"}}}), "file"),
        (json!({"caBundle": {"configmap": "a"}}), "configmap"),
        (json!({"persistence": {"storage": "1Gi"}}), "storage"),
        (json!({"plugin": {"targetRef": {}}}), "targetRef"),
        (
            json!({"plugin": {"targetRefs": [{"kind": "Gateway", "nam": "a"}]}}),
            "nam",
        ),
        (json!({"check": {"enable": true}}), "enable"),
        (json!({"networkPolicy": {"form": []}}), "form"),
        (
            json!({"networkPolicy": {"from": [{"namespace": {}}]}}),
            "namespace",
        ),
        (
            json!({"monitoring": {"serviceMonitor": {"enable": true}}}),
            "enable",
        ),
        (json!({"resources": {"limit": {}}}), "limit"),
        (json!({"tolerations": [{"keys": "a"}]}), "keys"),
        (json!({"extraEnv": [{"name": "A", "val": "b"}]}), "val"),
        (
            json!({"securityContext": {"privileged": true}}),
            "privileged",
        ),
    ] {
        let error = refusal(&values);
        assert!(error.contains(&format!("'{name}'")), "{name}: {error}");
    }
}

#[test]
fn a_wrong_value_is_refused() {
    for (values, place) in [
        (json!({"replicas": "two"}), "/replicas"),
        (json!({"store": "memory"}), "/store"),
        (
            json!({"policy": {"max_token": "16384"}}),
            "/policy/max_token",
        ),
        // `off` without quotes.
        (
            json!({"policy": {"audit": {"allowed": false}}}),
            "/policy/audit/allowed",
        ),
        (
            json!({"companion": {"log": {"level": "loud"}}}),
            "/companion/log/level",
        ),
        (
            json!({"image": {"companion": {"digest": "sha256:12"}}}),
            "/image/companion/digest",
        ),
        (
            json!({"image": {"filter": {"digest": "latest"}}}),
            "/image/filter/digest",
        ),
        (json!({"plugin": {"kind": "EnvoyFilter"}}), "/plugin/kind"),
        (
            json!({"podSecurityContext": {"runAsNonRoot": false}}),
            "/podSecurityContext/runAsNonRoot",
        ),
        (
            json!({"podSecurityContext": {"runAsUser": 0}}),
            "/podSecurityContext/runAsUser",
        ),
        (
            json!({"securityContext": {"readOnlyRootFilesystem": false}}),
            "/securityContext/readOnlyRootFilesystem",
        ),
        (
            json!({"securityContext": {"capabilities": {"drop": []}}}),
            "/securityContext/capabilities/drop",
        ),
        (
            json!({"companion": {"listen": "0.0.0.0:80"}}),
            "/companion/listen",
        ),
        (
            json!({"companion": {"metrics": "0.0.0.0:80"}}),
            "/companion/metrics",
        ),
    ] {
        let error = refusal(&values);
        assert!(error.contains(&format!("'{place}'")), "{place}: {error}");
    }
}

#[test]
fn several_replicas_need_redis() {
    let error = helm::render_with(&[], &json!({"replicas": 2})).unwrap_err();
    assert!(error.contains("'/replicas'"), "{error}");
    let example = &manifests::folders()[0].1[0];
    for store in ["cookie", "file"] {
        let values = json!({"store": store, "replicas": 2});
        let error = helm::render_with(&[example], &values).unwrap_err();
        assert!(error.contains("'/replicas'"), "{store}: {error}");
    }
    let error = helm::render_with(&[example], &json!({"store": "redis"})).unwrap_err();
    assert!(error.contains("'/companion/session'"), "{error}");
    let error = refusal(&json!({"companion": {"session": {"store": "file:/tmp/sessions"}}}));
    assert!(error.contains("'/companion/session/store'"), "{error}");
}

#[test]
fn what_values_contradict_says_how_to_fix_it() {
    let digest = json!({"filter": {"digest": ""}});
    for (values, expected) in [
        (
            json!({"image": digest}),
            "image.filter.digest: required for `plugin.kind: TrafficExtension`",
        ),
        (
            json!({"plugin": {"targetRefs": []}}),
            "plugin.targetRefs: required",
        ),
        (
            json!({"plugin": {"selector": {"a": "b"}}}),
            "plugin.selector: can't be combined",
        ),
        (
            json!({"plugin": {"kind": "EnvoyExtensionPolicy"}}),
            "plugin.match, plugin.priority: only for Istio",
        ),
        (
            json!({"secrets": {"sessionKeys": {"name": ""}}}),
            "secrets.sessionKeys.name:",
        ),
        (
            json!({"preStopSeconds": 30}),
            "terminationGracePeriodSeconds:",
        ),
        (
            json!({"secrets": {"clientSecrets": {"other": {"name": "a", "key": "b"}}}}),
            "secrets.clientSecrets.other:",
        ),
        (json!({"caBundle": {"secret": "a"}}), "caBundle: both"),
        (
            json!({"check": {"enabled": false}, "policy": {"teams": [{"name": "a", "files": ["apps/a.yaml"], "hosts": ["a.example.com"]}]}}),
            "policy.teams: nothing would check",
        ),
        (
            json!({"networkPolicy": {"metricsFrom": []}}),
            "networkPolicy.metricsFrom: nobody may read metrics",
        ),
    ] {
        let error = refusal(&values);
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(error.contains("help: "), "{error}");
    }
}

#[test]
fn sign_in_is_complete_or_absent() {
    let provider = json!({"issuer": "https://gitlab.example.com", "client_id": "portcullis"});
    let providers = json!({"companion": {"providers": [provider]}});
    let error = helm::render_with(&[], &providers).unwrap_err();
    assert!(
        error.contains("companion.providers: `policy.sso` is missing"),
        "{error}"
    );
    let sso = json!({"url": "https://auth.example.com", "envoy_cluster": "portcullis"});
    let error = helm::render_with(&[], &json!({"policy": {"sso": sso}})).unwrap_err();
    assert!(
        error.contains("policy.sso: `companion.providers` is missing"),
        "{error}"
    );
    let example = &manifests::folders()[0].1[0];
    let error = helm::render_with(&[example], &json!({"store": "none"})).unwrap_err();
    assert!(error.contains("store: `none`"), "{error}");
}

#[test]
fn another_chart_can_depend_on_this_one() {
    let values = json!({"global": {"imageRegistry": "r"}, "enabled": true, "image": {"filter": {"digest": DIGEST}}});
    helm::render_with(&[], &values).unwrap();
}

#[test]
fn several_files_of_values_add_apps() {
    let folder = portcullis_tests::lab::folder::fresh("teams");
    let files = ["b", "a"].map(|name| {
        let app = json!({"name": name, "hosts": [format!("{name}.example.com")], "rules": [{"name": "r", "public": true, "paths": ["/"]}]});
        let values = json!({"policy": {"apps": []}, "policyFiles": {name: {"apps": [app]}}});
        let file = folder.join(format!("{name}.yaml"));
        std::fs::write(&file, values.to_string()).unwrap();
        file
    });
    let release = helm::render(&[&files[0], &files[1]]).unwrap();
    let policy =
        portcullis_tests::lab::yaml::read(release.file("portcullis-policy", "portcullis.yaml"))
            .unwrap();
    let names: Vec<&Value> = policy["apps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|app| &app["name"])
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn teams_are_checked_before_an_upgrade_and_not_passed_on() {
    let values = |host: &str| {
        let app = json!({"name": "a", "hosts": [host], "rules": [{"name": "r", "public": true, "paths": ["/"]}]});
        let team = json!({"name": "a", "files": ["apps/a.yaml"], "hosts": ["a.example.com"], "public": true});
        json!({
            "policy": {"apps": [], "teams": [team]},
            "policyFiles": {"a": {"apps": [app]}, "b": null},
            "check": {"enabled": true},
        })
    };
    let check = |host: &str| {
        let release = helm::render_with(&[], &values(host)).unwrap();
        let policy = release.file("portcullis-policy", "portcullis.yaml");
        assert!(
            policy.contains(host) && !policy.contains("teams"),
            "{policy}"
        );
        let job = release.object("Job", "portcullis-check");
        let arguments = job["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
        assert_eq!(arguments, r#"["check","/etc/portcullis/values.yaml"]"#);
        let folder = portcullis_tests::lab::folder::fresh("chart-teams");
        let file = folder.join("values.yaml");
        std::fs::write(&file, release.file("portcullis-check", "values.yaml")).unwrap();
        let mut command = Command::new(portcullis_tests::lab::tools::companion());
        let output = command.arg("check").arg(file).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    assert_eq!(check("a.example.com"), (Some(0), String::new()));
    let (code, error) = check("b.example.com");
    assert_eq!(code, Some(2), "{error}");
    assert!(
        error.contains(
            "policyFiles.a.apps[0].hosts[0]: `b.example.com` is not a host of the team `a`"
        ),
        "{error}"
    );
}
