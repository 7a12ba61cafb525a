//! The results of `check`, in each of the output formats.

use std::fmt::Write as _;

use portcullis_core::escape;
use portcullis_core::policy::{App, Policy};
use serde_json::{Value, json};

use crate::clock::now;
use crate::document::Report;
use crate::manifests::{Found, FoundPolicy, Kind, Warning};

#[cfg(test)]
mod tests;

/// What was checked.
pub(super) struct Results {
    /// How many files were read.
    files: usize,
    /// How many documents have no policy.
    others: usize,
    valid: Vec<ValidPolicy>,
    pub(super) errors: Vec<Report>,
    pub(super) warnings: Vec<Warning>,
}

/// A policy without errors.
struct ValidPolicy {
    file: String,
    document: Option<usize>,
    line: usize,
    kind: Kind,
    name: Option<String>,
    digest: String,
    summary: String,
    /// The apps whose refusals are only reported, and until when.
    open: Vec<(String, String)>,
    json: String,
}

impl Results {
    /// Validates what was found. `for_envoy_yaml` adds warnings about YAML that Envoy parses.
    pub(super) fn of(mut found: Found, for_envoy_yaml: bool) -> Self {
        let mut errors = std::mem::take(&mut found.errors);
        let mut warnings = std::mem::take(&mut found.warnings);
        let mut valid = Vec::new();
        for policy in &found.policies {
            match policy.validate() {
                Ok(validated) => {
                    warnings.extend(found.warnings_of(policy, &validated));
                    if for_envoy_yaml {
                        warnings.extend(policy.envoy_yaml_warnings());
                    }
                    valid.push(ValidPolicy::of(policy, &validated));
                }
                Err(reports) => errors.extend(reports),
            }
        }
        Self {
            files: found.files,
            others: found.others,
            valid,
            errors,
            warnings,
        }
    }

    /// The JSON of the only policy.
    pub(super) fn only_json(&mut self) -> Option<String> {
        let first = self.valid.first();
        if self.valid.len() > 1
            && let Some(first) = first
        {
            let problem = format!(
                "`--json` prints one policy, and there are {}",
                self.valid.len()
            );
            let help = "name the file of one of them";
            self.errors.push(Report::of(&first.file, &problem, help));
            return None;
        }
        first.map(|policy| policy.json.clone())
    }

    /// The lines about valid policies.
    pub(super) fn text(&self) -> String {
        let mut lines = Vec::new();
        for policy in &self.valid {
            let place = escape::line(&policy.place()).into_owned();
            lines.push(format!("{place}: valid: {}", policy.summary));
            lines.push(format!("digest: {}", policy.digest));
            let open = policy.open.iter();
            lines.extend(open.map(|(app, until)| {
                format!("app {app}: OPEN until {until}: its refusals are only reported")
            }));
        }
        if self.others > 0 {
            lines.push(format!(
                "{} without a policy",
                count(self.others, "other document", "other documents")
            ));
        }
        lines.join("\n")
    }

    /// The errors, each with its place and help, and how many there are.
    pub(super) fn errors_text(&self) -> String {
        let mut text = String::new();
        for error in &self.errors {
            let _ = writeln!(text, "{error}");
        }
        if self.errors.len() > 1 {
            let _ = writeln!(text, "{} errors", self.errors.len());
        }
        text.trim_end().to_owned()
    }

    /// All of it as one JSON object.
    pub(super) fn json(&self) -> String {
        let policies = self.valid.iter().map(|policy| {
            json!({
                "file": policy.file,
                "document": policy.document,
                "line": policy.line,
                "kind": policy.kind.name(),
                "name": policy.name,
                "digest": policy.digest,
                "summary": policy.summary,
                "open": policy.open.iter().map(|(app, until)| json!({"app": app, "until": until})).collect::<Vec<_>>(),
            })
        });
        let results = json!({
            "version": 1,
            "files": self.files,
            "others": self.others,
            "policies": policies.collect::<Vec<_>>(),
            "errors": self.errors.iter().map(problem).collect::<Vec<_>>(),
            "warnings": self.warnings.iter().map(|Warning(report)| problem(report)).collect::<Vec<_>>(),
        });
        format!("{results:#}")
    }

    /// Workflow commands of GitHub Actions, which annotate the lines of the files.
    pub(super) fn github(&self) -> String {
        let errors = self.errors.iter().map(|report| report.annotation("error"));
        let warnings = self.warnings.iter();
        let warnings = warnings.map(|Warning(report)| report.annotation("warning"));
        let mut lines: Vec<String> = errors.chain(warnings).collect();
        lines.push(self.text());
        lines.retain(|line| !line.is_empty());
        lines.join("\n")
    }
}

/// An error or a warning as JSON.
fn problem(report: &Report) -> Value {
    let (line, column) = report.line_and_column().unzip();
    json!({
        "file": report.name(),
        "document": report.document(),
        "line": line,
        "column": column,
        "path": report.path(),
        "message": report.problem(),
        "help": report.help(),
    })
}

// === impl ValidPolicy ===

impl ValidPolicy {
    fn of(found: &FoundPolicy, policy: &Policy) -> Self {
        Self {
            file: found.document.name().to_owned(),
            document: found.document.number(),
            line: found.position().0,
            kind: found.kind,
            name: found.name.clone(),
            digest: policy.digest().to_string(),
            summary: summary(policy),
            open: open(policy),
            json: found.json(),
        }
    }

    /// Where it is: the file alone for a policy file.
    fn place(&self) -> String {
        let mut place = self.file.clone();
        if let Some(number) = self.document {
            let _ = write!(place, ": document {number}");
        }
        if self.kind != Kind::Policy {
            let _ = write!(place, ": {}", self.kind.name());
        }
        if let Some(name) = &self.name {
            let _ = write!(place, " {name}");
        }
        place
    }
}

fn open(policy: &Policy) -> Vec<(String, String)> {
    let apps = policy.report_only_apps(now()).map(|(app, _)| app);
    let until = |app: &App| Some((app.name().to_owned(), app.report_until()?.text.clone()));
    apps.filter_map(until).collect()
}

fn summary(policy: &Policy) -> String {
    let rules = policy.apps().iter().map(|app| app.rules().len()).sum();
    let mut counts = vec![
        count(policy.trusts().len(), "trust entry", "trust entries"),
        count(policy.apps().len(), "app", "apps"),
        count(rules, "rule", "rules"),
    ];
    let refused = policy.refused_callers().count();
    if refused > 0 {
        counts.push(count(refused, "refused caller", "refused callers"));
    }
    counts.join(", ")
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
