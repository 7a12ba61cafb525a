//! Validates a policy that was found, by core and by its teams.

use std::rc::Rc;

use portcullis_core::policy::{Policy, PolicyError};

use super::{FoundPolicy, Kind};
use crate::document::{Diagnostic, Report};
use crate::manifests::teams::{self, Teams};
use crate::manifests::{PolicyProblem, Warning, all_errors, join};

impl FoundPolicy {
    /// Validates it. The errors are all that do not follow from another one.
    pub(crate) fn validate(&self) -> Result<Policy, Vec<Report>> {
        self.validated(|first| all_errors::find(&self.root, first))
    }

    /// Validates it. The error is the first, for a policy that is read again and again.
    pub(crate) fn validate_to_first_error(&self) -> Result<Policy, Report> {
        let first = |error: &PolicyError| vec![PolicyProblem::of(error)];
        self.validated(first).map_err(|reports| {
            let first = reports.into_iter().next();
            first.unwrap_or_else(|| {
                self.document
                    .report(".", "invalid", "run `portcullis check`")
            })
        })
    }

    /// Validates it. `problems` are those of core, from the first one.
    fn validated(
        &self,
        problems: impl Fn(&PolicyError) -> Vec<PolicyProblem>,
    ) -> Result<Policy, Vec<Report>> {
        let mut errors: Vec<Report> = self.document.findings(self.value()).collect();
        for part in &self.parts {
            if let Some(list) = part.document.root().at(&part.at)
                && !(Rc::ptr_eq(&part.document, &self.document) && self.at.is_empty())
            {
                errors.extend(part.document.findings(list));
            }
        }
        // Values that parsers read differently have no certain meaning, which others may depend on.
        if !errors.is_empty() {
            return Err(errors);
        }
        let teams = self.teams().unwrap_or_else(|reports| {
            errors.extend(reports);
            None
        });
        match Policy::from_json(&self.json()) {
            Ok(policy) => {
                if let Some(teams) = teams {
                    errors.extend(teams.check(self, &policy));
                }
                if errors.is_empty() {
                    return Ok(policy);
                }
            }
            Err(first) => {
                if let Some(teams) = teams {
                    errors.extend(teams.check_each_file(self));
                }
                let problems = problems(&first);
                errors.extend(problems.iter().map(|problem| self.report(problem)));
            }
        }
        Err(errors)
    }

    /// The teams, if there are any.
    fn teams(&self) -> Result<Option<Teams>, Vec<Report>> {
        let Some(teams) = &self.teams else {
            return Ok(None);
        };
        if !matches!(self.kind, Kind::Folder | Kind::Values) {
            return Err(vec![self.definition_report(&PolicyProblem {
                path: teams::FIELD.to_owned(),
                problem: "teams need files of their own, and all apps are in this one".to_owned(),
                help: "write the apps to files in a folder `apps` beside `portcullis.yaml`, and name the folder"
                    .to_owned(),
            })]);
        }
        Teams::read(teams).map(Some).map_err(|problems| {
            let problems = problems.iter();
            problems
                .map(|problem| self.definition_report(problem))
                .collect()
        })
    }

    /// Warnings about teams that have no errors.
    pub(in crate::manifests) fn team_warnings(&self) -> Vec<Warning> {
        match self.teams() {
            Ok(Some(teams)) => teams.warnings(self),
            _ => Vec::new(),
        }
    }

    /// The report of a problem in `teams`.
    pub(in crate::manifests) fn definition_report(&self, problem: &PolicyProblem) -> Report {
        let PolicyProblem {
            path,
            problem,
            help,
        } = problem;
        let local = path.strip_prefix(teams::FIELD).unwrap_or(path);
        let span = self.teams.as_ref().and_then(|teams| {
            let place = teams.locate(local, problem);
            place.or_else(|| Some(teams.head()))
        });
        self.document.report_of(Diagnostic {
            span,
            path: Some(join(&self.at, path)),
            problem: problem.clone(),
            help: help.clone(),
        })
    }
}
