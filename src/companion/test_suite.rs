//! Test suites of policies: requests, who sends them, and what the gate has to decide.
//!
//! The decisions are made by [`Simulator`], with the code that makes them in a proxy.

mod case;
mod coverage;
mod expectation;
mod field;
mod junit;
mod render;
mod table;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use portcullis_core::timestamp::Timestamp;

use crate::document::{Document, Report};
use crate::replay::Replay;
use crate::simulation::Simulator;

use case::{Case, CaseResult};
use coverage::Coverage;
use field::Field;

const EMPTY: &str =
    "write `policy: portcullis.yaml` and `tests`; `portcullis test --help` shows a small one";

/// The fields of a test file.
const FIELDS: [&str; 2] = ["policy", "tests"];

/// The cases of a file.
pub(crate) struct TestSuite {
    document: Document,
    /// The policy, relative to the working directory.
    policy: PathBuf,
    cases: Vec<Case>,
}

/// What the cases of all files came to.
#[derive(Debug)]
pub(crate) struct TestRun {
    cases: Vec<CaseResult>,
    /// One for each policy.
    coverage: Vec<Coverage>,
    /// One for each log.
    replays: Vec<Replay>,
}

/// The policies of test files, by their paths.
pub(crate) type Policies = BTreeMap<PathBuf, Simulator>;

impl TestSuite {
    /// Reads a test file, or standard input for `-`.
    ///
    /// # Errors
    /// The first mistake in it.
    pub(crate) fn open(path: &Path) -> Result<Self, Report> {
        Self::of(Document::open(path, EMPTY)?, path)
    }

    /// Parses the text of a test file.
    #[cfg(test)]
    pub(crate) fn parse(text: &str) -> Result<Self, Report> {
        let document = Document::parse("test.yaml".to_owned(), text.into(), EMPTY)?;
        Self::of(document, Path::new("test.yaml"))
    }

    fn of(document: Document, path: &Path) -> Result<Self, Report> {
        let root = Field::root(&document);
        root.only(&FIELDS)?;
        let policy = policy(&root, path)?;
        let help = "write cases, like `- {name: …, request: {url: …}, expect: {decision: …}}`";
        let mut cases = Vec::new();
        let mut names = BTreeSet::new();
        for field in root.required("tests", help)?.elements(help)? {
            for (node, row) in table::expanded(&field)? {
                let case = Case::read(&field.with(&node), row)?;
                if !names.insert(case.name.clone()) {
                    let problem = format!("duplicate name `{}`", case.name);
                    let help = "give each case a name of its own";
                    return Err(case.place.report(&document, &problem, help));
                }
                cases.push(case);
            }
        }
        Ok(Self {
            policy,
            cases,
            document,
        })
    }

    /// The same for a file that can be a policy too: `None` if it is no test file, or can't be parsed.
    pub(crate) fn find(path: &Path) -> Option<Result<Self, Report>> {
        let document = Document::open(path, EMPTY).ok()?;
        let root = Field::root(&document);
        let is_one = FIELDS.iter().any(|name| root.member(name).is_some());
        is_one.then(|| Self::of(document, path))
    }

    /// The policy, relative to the working directory.
    pub(crate) fn policy(&self) -> &Path {
        &self.policy
    }
}

/// The path of the policy, which the file has relative to itself.
fn policy(root: &Field<'_>, path: &Path) -> Result<PathBuf, Report> {
    let help = "write `policy: portcullis.yaml`, the path relative to this file";
    let field = root.required("policy", help)?;
    match field.text(help)? {
        "-" => Err(field.error("the policy can't be standard input", help)),
        text => Ok(path.with_file_name(text)),
    }
}

impl TestRun {
    /// Runs the cases of these files. Cases without a time of their own are evaluated at `now`.
    ///
    /// # Errors
    /// Callers that a policy can't have.
    pub(crate) fn of(
        suites: &[TestSuite],
        policies: &Policies,
        now: Timestamp,
    ) -> Result<Self, Vec<Report>> {
        let mut run = Self {
            cases: Vec::new(),
            coverage: Vec::new(),
            replays: Vec::new(),
        };
        let mut errors = Vec::new();
        for suite in suites {
            let Some(simulator) = policies.get(&suite.policy) else {
                continue;
            };
            let policy = simulator.policy();
            // Several files may test one policy.
            let known = run.coverage.iter().position(|one| one.is_of(policy));
            let mut coverage = match known {
                Some(index) => run.coverage.remove(index),
                None => Coverage::of(suite.policy.display().to_string(), policy),
            };
            for case in &suite.cases {
                match case.run(&suite.document, simulator, now) {
                    Ok(result) => {
                        coverage.add(&result);
                        run.cases.push(result);
                    }
                    Err(report) => errors.push(report),
                }
            }
            run.coverage.push(coverage);
        }
        if errors.is_empty() {
            Ok(run)
        } else {
            Err(errors)
        }
    }

    /// Adds what the requests in a log come to.
    pub(crate) fn add_replay(&mut self, replay: Replay) {
        self.replays.push(replay);
    }

    /// Whether all cases pass, and nobody loses or gains access.
    pub(crate) fn is_passed(&self) -> bool {
        self.cases.iter().all(CaseResult::is_passed)
            && self.replays.iter().all(Replay::is_unchanged)
    }

    /// How many cases fail.
    fn failed(&self) -> usize {
        self.cases.iter().filter(|case| !case.is_passed()).count()
    }
}
