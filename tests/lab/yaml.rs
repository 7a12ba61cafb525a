//! YAML as Envoy reads it, for the example configurations.

use std::fs;
use std::path::{Path, PathBuf};

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

/// Reads the documents of all YAML files in a folder, sorted by path. Empty documents are omitted.
///
/// # Panics
/// If a file can't be read; the message has its path.
#[must_use]
pub fn read_folder(folder: &Path) -> Vec<Value> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    let documents = files.iter().flat_map(|file| {
        let text = fs::read_to_string(file).map_err(|error| error.to_string());
        text.and_then(|text| read_all(&text))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    });
    documents.filter(|document| !document.is_null()).collect()
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
