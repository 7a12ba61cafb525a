//! What a decision came to, for comparison with what was expected.

use std::borrow::Cow;

use portcullis_core::reason::Reason;
use portcullis_core::request::Headers;

use super::steps::StepResult;
use super::{Explanation, HeaderChanges};

// What is compared with an expected decision.
impl Explanation {
    /// The reason.
    pub(crate) const fn reason(&self) -> Reason {
        self.reason
    }

    /// The status of the gate's answer; 200 for a forwarded request.
    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    /// The app, if the request is for one.
    pub(crate) fn app(&self) -> Option<&str> {
        self.app.as_deref()
    }

    /// The rule that allows the request.
    pub(crate) fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    /// The entry of the rule that lists the caller: `allow[0]`.
    pub(crate) fn entry(&self) -> Option<&str> {
        self.entry.as_deref()
    }

    /// The name of the caller, where one was verified.
    pub(crate) fn caller(&self) -> Option<&str> {
        self.caller.as_deref()
    }

    /// Method, host and path.
    pub(crate) fn request(&self) -> &str {
        &self.request
    }

    /// The value of a header field of the request that the app receives or, if the gate answers, of its answer. `headers`
    /// are those of the request as it arrives. Several fields of one name are joined with `, `.
    pub(crate) fn header(&self, name: &str, headers: &Headers<'_>) -> Option<String> {
        let of = |fields: &[(String, String)]| {
            let fields = fields.iter().filter(|(own, _)| own == name);
            joined(fields.map(|(_, value)| value.clone()))
        };
        if !self.is_allowed {
            return of(&self.reply);
        }
        let HeaderChanges { set, removed } = &self.changes;
        let unchanged = || {
            let values = headers.all(name).map(String::from_utf8_lossy);
            joined(values.map(Cow::into_owned))
        };
        of(set).or_else(|| {
            let is_removed = removed.iter().any(|removed| removed == name);
            if is_removed { None } else { unchanged() }
        })
    }

    /// Why the decision is what it is: the step that refuses the request or, where rules decide, the nearest rule.
    pub(crate) fn why(&self) -> Option<String> {
        let refusing = self
            .steps
            .iter()
            .find(|step| step.result == StepResult::Refused && step.name != "answer");
        match (refusing, self.rules.first()) {
            (Some(step), _) if step.name != "rules" => {
                Some(format!("{}: {}", step.name, step.detail))
            }
            (_, Some(rule)) => {
                let nearest = if rule.fits { "rule" } else { "nearest rule" };
                Some(format!("{nearest} {}: {}", rule.name, rule.why))
            }
            (Some(step), None) => Some(format!("{}: {}", step.name, step.detail)),
            (None, None) => None,
        }
    }
}

fn joined(values: impl Iterator<Item = String>) -> Option<String> {
    let values: Vec<String> = values.collect();
    Some(values.join(", ")).filter(|_| !values.is_empty())
}
