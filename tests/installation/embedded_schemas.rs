//! The schemas of the policy and of the companion's configuration in the chart's values.schema.json.

use std::fs;
use std::process::Command;

use portcullis_tests::lab::tools;
use serde_json::Value;

use crate::{generated, helm};

/// What `portcullis schema` prints for this kind of file, without what a file of values need not have.
fn schema(kind: &str) -> Value {
    let mut command = Command::new(tools::companion());
    let output = command.args(["schema", kind]).output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "portcullis schema {kind}: {error}");
    let mut schema: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let members = schema.as_object_mut().expect("an object");
    members.remove("$schema");
    if kind == "policy" {
        // `policyFiles` may have all apps.
        for keyword in ["if", "then", "else"] {
            members.remove(keyword);
        }
        let apps = schema.pointer_mut("/properties/apps").expect("apps");
        apps.as_object_mut().expect("an object").remove("minItems");
    }
    schema
}

#[test]
fn generated_schemas_are_those_of_the_companion() {
    let file = helm::chart().join("values.schema.json");
    let text = fs::read_to_string(&file).expect("a schema");
    let mut values: Value = serde_json::from_str(&text).expect("JSON");
    for kind in ["policy", "companion"] {
        values["$defs"][kind] = schema(kind);
    }
    generated::hold(&file, &format!("{values:#}\n"));
}
