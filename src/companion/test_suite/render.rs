//! The results as text, as JSON, and as annotations in GitHub Actions.

use serde_json::{Value, json};

use super::TestRun;
use super::case::CaseResult;
use crate::output;
use crate::replay::Replay;

/// The version of the JSON form.
const VERSION: u32 = 1;

impl TestRun {
    /// One JSON object.
    pub(crate) fn json(&self, with_coverage: bool) -> String {
        let mut document = json!({
            "version": VERSION,
            "passed": self.cases.len().saturating_sub(self.failed()),
            "failed": self.failed(),
            "cases": self.cases.iter().map(case).collect::<Vec<_>>(),
        });
        if with_coverage && let Value::Object(members) = &mut document {
            let coverage = self.coverage.iter().map(|coverage| {
                let missed = coverage.missed.iter().map(|one| {
                    json!({"app": one.app, "rule": one.rule, "entry": one.entry, "callers": one.callers})
                });
                json!({
                    "policy": coverage.policy,
                    "total": coverage.total,
                    "reached": coverage.reached(),
                    "missed": missed.collect::<Vec<_>>(),
                })
            });
            members.insert("coverage".to_owned(), coverage.collect());
        }
        if !self.replays.is_empty()
            && let Value::Object(members) = &mut document
        {
            let replays = self.replays.iter().map(Replay::json);
            members.insert("replay".to_owned(), replays.collect());
        }
        output::json(&document)
    }

    /// Lines for a person.
    pub(crate) fn text(&self, with_coverage: bool) -> String {
        let failed = self.cases.iter().filter(|case| !case.is_passed());
        let mut lines: Vec<String> = failed.flat_map(CaseResult::lines).collect();
        let replays = self.replays.iter().flat_map(Replay::lines);
        lines.extend(output::escaped(&replays.collect::<Vec<_>>()));
        lines.extend(self.summary(with_coverage));
        lines.join("\n")
    }

    /// Workflow commands of GitHub Actions, which annotate the lines of the failed cases.
    pub(crate) fn github(&self, with_coverage: bool) -> String {
        let failures = self.cases.iter().filter_map(|case| case.failure.as_ref());
        let mut lines: Vec<String> = failures.map(|report| report.annotation("error")).collect();
        let replays = self.replays.iter().flat_map(Replay::annotations);
        lines.extend(output::escaped(&replays.collect::<Vec<_>>()));
        lines.extend(self.summary(with_coverage));
        lines.join("\n")
    }

    /// How many cases passed, and what no case reaches.
    fn summary(&self, with_coverage: bool) -> Vec<String> {
        let (all, failed) = (self.cases.len(), self.failed());
        let passed = all.saturating_sub(failed);
        let mut lines = Vec::new();
        if all > 0 {
            lines.push(format!("{all} cases: {passed} passed, {failed} failed"));
        }
        if with_coverage {
            for coverage in &self.coverage {
                let (policy, reached) = (&coverage.policy, coverage.reached());
                let total = coverage.total;
                lines.push(format!(
                    "coverage of {policy}: {reached} of {total} entries and public rules"
                ));
                let missed = coverage.missed.iter();
                lines.extend(missed.map(|one| format!("  not reached: {}", one.text())));
            }
        }
        output::escaped(&lines)
    }
}

fn case(case: &CaseResult) -> Value {
    let mismatches = case
        .mismatches
        .iter()
        .map(|one| json!({"field": one.field, "expected": one.expected, "actual": one.actual}));
    json!({
        "file": case.file,
        "line": case.line,
        "name": case.name,
        "passed": case.is_passed(),
        "request": case.request,
        "caller": case.caller,
        "app": case.app,
        "decision": case.decision,
        "reason": case.reason,
        "rule": case.rule,
        "status": case.status,
        "mismatches": mismatches.collect::<Vec<_>>(),
        "why": case.why,
    })
}

impl CaseResult {
    /// The lines about a case that failed.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("FAILED {}:{}: {}", self.file, self.line, self.name)];
        let caller = match &self.caller {
            Some(caller) => format!("as {caller}"),
            None => "without a verified caller".to_owned(),
        };
        lines.push(format!("  {} {caller}", self.request));
        let mismatches = self.mismatches.iter();
        lines.extend(mismatches.map(|mismatch| format!("  {}", mismatch.text())));
        lines.extend(self.why.iter().map(|why| format!("  {why}")));
        lines.push(String::new());
        output::escaped(&lines)
    }

    /// The details of a failure, for JUnit.
    pub(super) fn details(&self) -> String {
        self.lines().join("\n").trim_end().to_owned()
    }
}
