//! The pods of objects, and the Pod Security Standard "restricted".

use serde_json::{Value, json};

/// The kinds of volumes that "restricted" allows.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// The pod specification of a workload.
pub(crate) fn spec(object: &Value) -> Option<&Value> {
    match object["kind"].as_str()? {
        "Pod" => Some(&object["spec"]),
        "DaemonSet" | "Deployment" | "Job" | "ReplicaSet" | "StatefulSet" => {
            Some(&object["spec"]["template"]["spec"])
        }
        "CronJob" => Some(&object["spec"]["jobTemplate"]["spec"]["template"]["spec"]),
        _ => None,
    }
}

/// What a pod violates of "restricted", and of what a container of ours can do without.
pub(crate) fn violations(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut require = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    for name in ["hostNetwork", "hostPID", "hostIPC"] {
        require(spec[name] != json!(true), name);
    }
    let pod = &spec["securityContext"];
    require(pod["runAsNonRoot"] == json!(true), "runAsNonRoot");
    require(pod["runAsUser"] != json!(0), "runAsUser");
    require(
        pod["seccompProfile"]["type"] == "RuntimeDefault",
        "seccompProfile",
    );
    require(
        spec["automountServiceAccountToken"] == json!(false),
        "automountServiceAccountToken",
    );
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        let kinds = volume
            .as_object()
            .expect("a volume")
            .keys()
            .filter(|name| *name != "name");
        for kind in kinds {
            require(
                VOLUMES.contains(&kind.as_str()),
                &format!("volume of kind {kind}"),
            );
        }
    }
    let containers = ["containers", "initContainers"].map(|name| spec[name].as_array());
    for container in containers.into_iter().flatten().flatten() {
        let context = &container["securityContext"];
        require(
            context["allowPrivilegeEscalation"] == json!(false),
            "allowPrivilegeEscalation",
        );
        require(
            context["readOnlyRootFilesystem"] == json!(true),
            "readOnlyRootFilesystem",
        );
        require(
            context["capabilities"] == json!({"drop": ["ALL"]}),
            "capabilities",
        );
        require(context["privileged"] != json!(true), "privileged");
        require(context["runAsUser"] != json!(0), "runAsUser");
        require(
            container["resources"]["limits"]["memory"].is_string(),
            "limits.memory",
        );
        for port in container["ports"].as_array().into_iter().flatten() {
            require(port.get("hostPort").is_none(), "hostPort");
        }
    }
    found
}

#[test]
fn each_violation_is_found() {
    let good = json!({
        "automountServiceAccountToken": false,
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "a", "emptyDir": {}}],
        "containers": [{
            "name": "a",
            "resources": {"limits": {"memory": "1Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
        }],
    });
    assert_eq!(violations(&good), Vec::<String>::new());
    for (pointer, value) in [
        ("/automountServiceAccountToken", json!(true)),
        ("/securityContext/runAsNonRoot", json!(false)),
        ("/securityContext/seccompProfile/type", json!("Unconfined")),
        (
            "/volumes/0",
            json!({"name": "a", "hostPath": {"path": "/"}}),
        ),
        ("/containers/0/resources", json!({})),
        (
            "/containers/0/securityContext/allowPrivilegeEscalation",
            json!(true),
        ),
        (
            "/containers/0/securityContext/readOnlyRootFilesystem",
            json!(false),
        ),
        (
            "/containers/0/securityContext/capabilities",
            json!({"add": ["NET_ADMIN"], "drop": ["ALL"]}),
        ),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).expect(pointer) = value;
        assert_eq!(violations(&bad).len(), 1, "{pointer}");
    }
}
