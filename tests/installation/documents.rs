//! The objects in the folders of `istio/`.

use std::fs;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::yaml;
use serde_json::Value;

/// An object, and the file that it is in.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// The path below the workspace.
    pub(crate) file: String,
    /// The object.
    pub(crate) value: Value,
}

impl Object {
    /// The kind; empty for a document without one, such as values of a chart.
    pub(crate) fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap_or_default()
    }

    /// `metadata.name`.
    pub(crate) fn name(&self) -> &str {
        self.value["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// `metadata.namespace`.
    pub(crate) fn namespace(&self) -> &str {
        self.value["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default()
    }
}

/// The documents of a file.
pub(crate) fn of_file(file: &str) -> Vec<Object> {
    let text = fs::read_to_string(workspace().join(file));
    let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
    let values = yaml::read_all(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let object = |value| Object {
        file: file.to_owned(),
        value,
    };
    values.into_iter().map(object).collect()
}

/// The documents of all YAML files of a folder.
pub(crate) fn of_folder(folder: &str) -> Vec<Object> {
    let entries = fs::read_dir(workspace().join(folder)).expect(folder);
    let names = entries.map(|entry| entry.expect("a file").file_name());
    let mut files: Vec<String> = names
        .filter_map(|name| name.to_str().map(str::to_owned))
        .filter(|name| name.ends_with(".yaml"))
        .map(|name| format!("{folder}/{name}"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no files");
    files.iter().flat_map(|file| of_file(file)).collect()
}

/// Those of one kind.
pub(crate) fn of_kind<'a>(
    objects: &'a [Object],
    kind: &'a str,
) -> impl Iterator<Item = &'a Object> {
    objects.iter().filter(move |object| object.kind() == kind)
}

/// The members of a list of strings.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).collect()
}
