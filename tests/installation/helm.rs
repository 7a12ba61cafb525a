//! `helm` on the chart.

use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_tests::lab::folder::{self, workspace};
use portcullis_tests::lab::{tools, yaml};
use serde_json::Value;

/// The folder of the chart.
pub(crate) fn chart() -> PathBuf {
    workspace().join("istio/chart")
}

/// Values that turn everything on.
pub(crate) fn everything() -> PathBuf {
    workspace().join("tests/installation/everything.yaml")
}

/// A rendered release.
#[derive(Debug)]
pub(crate) struct Release {
    text: String,
    objects: Vec<Value>,
}

/// Runs `helm SUBCOMMAND` on the chart, as the release `portcullis` of the namespace `portcullis`.
pub(crate) fn run(subcommand: &[&str], values: &[&Path]) -> Result<String, String> {
    let home = folder::fresh("helm");
    let mut command = Command::new(tools::helm());
    // Without the user's own configuration and plugins.
    for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(name, &home);
    }
    command.args(subcommand).arg(chart());
    command.args(["--namespace", "portcullis"]);
    for file in values {
        command.arg("--values").arg(file);
    }
    let output = command.output().expect("helm runs");
    let [out, error] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
    if output.status.success() {
        Ok(out)
    } else {
        Err(format!("{out}{error}"))
    }
}

/// Renders the chart with these files of values.
pub(crate) fn render(values: &[&Path]) -> Result<Release, String> {
    let text = run(&["template", "portcullis"], values)?;
    let objects = yaml::read_all(&text)?;
    Ok(Release { text, objects })
}

/// Renders the chart with these values, after the files.
pub(crate) fn render_with(files: &[&Path], values: &Value) -> Result<Release, String> {
    let file = folder::fresh("values").join("values.yaml");
    // JSON is YAML.
    std::fs::write(&file, values.to_string()).expect("a file");
    let mut all = files.to_vec();
    all.push(&file);
    render(&all)
}

// === impl Release ===

impl Release {
    /// What helm printed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// All objects.
    pub(crate) fn objects(&self) -> &[Value] {
        &self.objects
    }

    /// The objects of this kind.
    pub(crate) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects
            .iter()
            .filter(move |object| object["kind"] == kind)
    }

    /// The object of this kind and name.
    pub(crate) fn object(&self, kind: &str, name: &str) -> &Value {
        let is_it = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
        let found = self.objects.iter().find(is_it);
        found.unwrap_or_else(|| panic!("no {kind} {name} in:\n{}", self.text))
    }

    /// The text of a file in a ConfigMap.
    pub(crate) fn file(&self, config_map: &str, name: &str) -> &str {
        let text = &self.object("ConfigMap", config_map)["data"][name];
        text.as_str()
            .unwrap_or_else(|| panic!("no {name} in {config_map}"))
    }
}
