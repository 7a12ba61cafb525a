//! Which entries of rules no case reaches.

use portcullis_core::policy::Policy;

use super::case::CaseResult;
use crate::grants::Grant;

/// What the cases reach of a policy.
#[derive(Debug)]
pub(crate) struct Coverage {
    /// The path of the policy.
    pub(super) policy: String,
    digest: String,
    /// How many entries of `allow` and public rules it has.
    pub(super) total: usize,
    pub(super) missed: Vec<RuleEntry>,
}

/// An entry of a rule, or a public rule.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct RuleEntry {
    pub(super) app: String,
    pub(super) rule: String,
    /// `allow[0]`; `None` for a public rule.
    pub(super) entry: Option<String>,
    /// Whom it allows.
    pub(super) callers: String,
}

impl Coverage {
    /// A policy of which nothing is reached yet.
    pub(super) fn of(path: String, policy: &Policy) -> Self {
        let missed = entries(policy);
        Self {
            policy: path,
            digest: policy.digest().to_string(),
            total: missed.len(),
            missed,
        }
    }

    /// Whether it is of this policy, under whatever path.
    pub(super) fn is_of(&self, policy: &Policy) -> bool {
        self.digest == policy.digest().to_string()
    }

    /// Adds the entry that allows the request of a case.
    pub(super) fn add(&mut self, case: &CaseResult) {
        let (Some(app), Some(rule)) = (&case.app, &case.rule) else {
            return;
        };
        self.missed
            .retain(|one| (&one.app, &one.rule, &one.entry) != (app, rule, &case.entry));
    }

    /// How many are reached.
    pub(super) fn reached(&self) -> usize {
        self.total.saturating_sub(self.missed.len())
    }
}

fn entries(policy: &Policy) -> Vec<RuleEntry> {
    let mut entries = Vec::new();
    for app in policy.apps() {
        for rule in app.rules() {
            entries.extend(Grant::of(rule).map(|Grant { entry, callers }| RuleEntry {
                app: app.name().to_owned(),
                rule: rule.name().to_owned(),
                entry: entry.map(|index| format!("allow[{index}]")),
                callers,
            }));
        }
    }
    entries
}

// === impl RuleEntry ===

impl RuleEntry {
    /// Its place in the policy.
    pub(super) fn text(&self) -> String {
        let Self {
            app,
            rule,
            entry,
            callers,
        } = self;
        match entry {
            Some(entry) => format!("{app}: {rule}: {entry}: {callers}"),
            None => format!("{app}: {rule}: public"),
        }
    }
}
