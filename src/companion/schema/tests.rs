use super::*;

/// A validator for a schema, which must be valid itself.
pub(crate) fn validator(schema: &Value) -> jsonschema::Validator {
    let draft = jsonschema::draft7::meta::validate(schema);
    draft.unwrap_or_else(|error| panic!("draft 7: {error}"));
    let mut newest = schema.clone();
    newest["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    let draft = jsonschema::draft202012::meta::validate(&newest);
    draft.unwrap_or_else(|error| panic!("draft 2020-12: {error}"));
    jsonschema::validator_for(schema).expect("a schema")
}

/// Calls `found` for each schema in a schema, with its path.
pub(crate) fn walk(path: &str, schema: &Value, found: &mut impl FnMut(&str, &Value)) {
    found(path, schema);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        walk(path.trim_start_matches('.'), field, found);
    }
    if schema["items"].is_object() {
        walk(&format!("{path}[]"), &schema["items"], found);
    }
    if schema["additionalProperties"].is_object() {
        walk(&format!("{path}.*"), &schema["additionalProperties"], found);
    }
}

/// Each value of a document replaced by others: the path, and the changed document. Nothing in members named
/// `inline` is changed.
pub(crate) fn mutations(document: &Value) -> Vec<(String, Value)> {
    fn pointers(at: &str, value: &Value, found: &mut Vec<String>) {
        found.push(at.to_owned());
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    pointers(&format!("{at}/{}", name.replace('/', "~1")), member, found);
                }
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    pointers(&format!("{at}/{index}"), element, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    pointers("", document, &mut found);
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(7),
        json!(0.5),
        json!(""),
        json!("a\nb"),
        json!("any"),
        json!([]),
        json!([[]]),
        json!([""]),
        json!([7]),
        json!({}),
        json!({"unknown": 1}),
    ];
    let mut mutations = Vec::new();
    for pointer in found.iter().filter(|pointer| !pointer.contains("/inline/")) {
        let mut add = |what: &str, change: &dyn Fn(&mut Value)| {
            let mut changed = document.clone();
            change(changed.pointer_mut(pointer).expect("a value"));
            if changed != *document {
                mutations.push((format!("{pointer}: {what}"), changed));
            }
        };
        for value in &values {
            add(&value.to_string(), &|place| *place = value.clone());
        }
        add("an unknown field", &|place| {
            if let Value::Object(members) = place {
                members.insert("unknown".to_owned(), json!(1));
            }
        });
        let names = document
            .pointer(pointer)
            .and_then(Value::as_object)
            .cloned();
        for (name, _) in names.into_iter().flatten() {
            add(&format!("without {name}"), &|place| {
                place.as_object_mut().expect("an object").remove(&name);
            });
        }
    }
    mutations
}

#[test]
fn merging_keeps_both_and_prefers_the_added_value() {
    let mut schema = json!({"type": "array", "items": {"type": "string"}});
    merge(
        &mut schema,
        json!({"items": {"minLength": 1}, "type": "object"}),
    );
    let merged = json!({"type": "object", "items": {"type": "string", "minLength": 1}});
    assert_eq!(schema, merged);
}

#[test]
fn schemas_can_be_embedded_and_their_patterns_are_valid_in_go() {
    for schema in [
        policy(),
        crate::config::schema(),
        crate::config::attach_schema(),
    ] {
        let text = schema.to_string();
        assert!(!text.contains("$ref") && !text.contains("$id"), "{text}");
        // Go's regular expressions have no look-around and no back-references.
        walk("", &schema, &mut |path, schema| {
            let pattern = schema["pattern"].as_str().unwrap_or_default();
            assert!(!pattern.contains("(?"), "{path}: {pattern}");
            assert!(pattern.is_empty() || pattern.starts_with('^'), "{path}");
        });
    }
}
