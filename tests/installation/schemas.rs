//! JSON schemas for kubeconform, from the custom resource definitions in `.tools/schemas/crds`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use portcullis_tests::lab::{folder, tools, yaml};
use serde_json::{Value, json};

/// The folder with the schemas of custom resources: `GROUP/KIND_VERSION.json`.
pub(crate) fn of_custom_resources() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = folder::fresh("schemas");
        for module in ["istio", "envoy-gateway", "prometheus-operator"] {
            for definition in yaml::read_folder(&tools::definitions(module)) {
                if definition["kind"] == "CustomResourceDefinition" {
                    convert(&definition, &folder);
                }
            }
        }
        folder
    })
}

/// Writes the schema of each version.
fn convert(definition: &Value, folder: &Path) {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let folder = folder.join(text(&spec["group"]));
    fs::create_dir_all(&folder).expect("a folder");
    let kind = text(&spec["names"]["kind"]).to_lowercase();
    for version in spec["versions"].as_array().expect("versions") {
        let mut schema = version["schema"]["openAPIV3Schema"].clone();
        close(&mut schema);
        // What every object has is the API server's own, and not in the definition.
        let properties = &mut schema["properties"];
        properties["metadata"] = json!({"type": "object", "required": ["name"]});
        properties["apiVersion"] = json!({"type": "string"});
        properties["kind"] = json!({"type": "string"});
        let name = format!("{kind}_{}.json", text(&version["name"]));
        fs::write(folder.join(name), schema.to_string()).expect("a file");
    }
}

/// Makes a structural schema of Kubernetes a JSON schema that refuses unknown fields.
fn close(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    members.remove("description");
    let is = |members: &serde_json::Map<String, Value>, name: &str| {
        members.get(name) == Some(&json!(true))
    };
    if is(members, "x-kubernetes-int-or-string") {
        members.remove("type");
        members.remove("anyOf");
        members.insert("type".to_owned(), json!(["integer", "string"]));
    }
    if is(members, "nullable")
        && let Some(Value::String(kind)) = members.get("type")
    {
        let kinds = json!([kind, "null"]);
        members.insert("type".to_owned(), kinds);
    }
    let is_open = is(members, "x-kubernetes-preserve-unknown-fields")
        || members.contains_key("additionalProperties");
    if members.contains_key("properties") && !is_open {
        members.insert("additionalProperties".to_owned(), json!(false));
    }
    if let Some(properties) = members.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(close);
    }
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = members.get_mut(name) {
            close(inner);
        }
    }
}
