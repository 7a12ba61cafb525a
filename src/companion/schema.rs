//! JSON Schemas of the files, for editors, Helm and other validators.
//!
//! Names and types are those of the types that read the files: [`Policy::SHAPE`] and the table of the companion's
//! settings. What else a schema can say about a value (patterns, bounds, required fields) is in the tables here,
//! and tests compare both directions: what the readers accept, the schema accepts, and each mistake of a corpus is
//! refused by both. A schema can't say that a name is unique or that a reference exists; `portcullis check` does.
//!
//! The keywords mean the same in draft 7 and in draft 2020-12, there is no `$ref`, and patterns are valid for
//! ECMAScript, Go and Rust, so that a schema can be part of another one, such as a chart's `values.schema.json`.
//!
//! [`Policy::SHAPE`]: portcullis_core::policy::Policy::SHAPE

mod policy;
pub(crate) mod rule;
mod test_file;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use policy::policy;
pub(crate) use test_file::test_file;

use serde_json::{Map, Value, json};

/// The schema of a file: the schema of its root with the members that say what it is.
pub(crate) fn document(title: &str, root: Value) -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
    });
    merge(&mut schema, root);
    schema
}

/// A mapping with these fields and no others.
pub(crate) fn mapping(fields: Map<String, Value>) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": fields})
}

/// Adds what one schema requires to another one. Of two values for one keyword, the added one remains.
pub(crate) fn merge(schema: &mut Value, added: Value) {
    match (schema, added) {
        (Value::Object(members), Value::Object(added)) => {
            for (name, value) in added {
                merge(members.entry(name).or_insert(Value::Null), value);
            }
        }
        (schema, added) => *schema = added,
    }
}
