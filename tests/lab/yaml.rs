//! YAML as Envoy reads it, for the example configurations.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value};

/// Reads one document, limited to what JSON can express.
///
/// # Errors
/// What is wrong, and where if the parser knows it.
pub fn read(text: &str) -> Result<Value, String> {
    let documents = read_all(text)?;
    match <[Value; 1]>::try_from(documents) {
        Ok([document]) => Ok(document),
        Err(other) => Err(format!("expected one document, found {}", other.len())),
    }
}

/// Reads all documents, limited to what JSON can express.
///
/// # Errors
/// What is wrong, and where if the parser knows it.
pub fn read_all(text: &str) -> Result<Vec<Value>, String> {
    let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
    documents.iter().map(value).collect()
}

fn value(yaml: &Yaml<'_>) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(flag)) => (*flag).into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::FloatingPoint(number)) => number.into_inner().into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(list) => Value::Array(list.iter().map(value).collect::<Result<_, _>>()?),
        Yaml::Mapping(members) => {
            let mut object = Map::new();
            for (name, member) in members {
                let Yaml::Value(Scalar::String(name)) = name else {
                    return Err(format!("{name:?} is not a string key; put it in quotes"));
                };
                object.insert(name.to_string(), value(member)?);
            }
            Value::Object(object)
        }
        other => return Err(format!("{other:?} has no equivalent in JSON")),
    })
}
