//! The results as text, as JSON, as JUnit XML, and as annotations in GitHub Actions.

use serde_json::{Value, json};

use super::{Change, Effect, Replay};
use crate::document::Report;

const NOTE: &str = "each caller is evaluated with a token or a session as the policy requires, and apps that only report \
    refusals as if they refused";

impl Replay {
    /// The log's name.
    pub(crate) fn log(&self) -> &str {
        &self.log
    }

    /// The member of a JSON object.
    pub(crate) fn json(&self) -> Value {
        let skipped = self.skipped.iter().map(
            |(why, lines)| json!({"why": why, "lines": lines.count, "first_line": lines.first}),
        );
        json!({
            "log": self.log,
            "policy": self.policy,
            "requests": self.requests(),
            "unchanged": self.unchanged,
            "unlisted": self.unlisted,
            "changes": self.changes.iter().map(Change::json).collect::<Vec<_>>(),
            "not_evaluated": skipped.collect::<Vec<_>>(),
        })
    }

    /// Lines for a person.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut effect = None;
        for change in &self.changes {
            if effect != Some(change.effect) {
                effect = Some(change.effect);
                lines.push(format!("{}:", change.effect.title()));
            }
            lines.push(format!("  {}:{}: {}", self.log, change.line, change.text()));
            lines.extend(change.why.iter().map(|why| format!("    {why}")));
        }
        lines.extend(self.summary());
        lines
    }

    /// Workflow commands of GitHub Actions.
    pub(crate) fn annotations(&self) -> Vec<String> {
        let of = |change: &Change| {
            let kind = match change.effect {
                Effect::Loses | Effect::Gains => "error",
                Effect::Depends => "warning",
            };
            let problem = change.headline();
            let why = change.why.as_deref().unwrap_or_default();
            Report::at_line(&self.log, change.line, &problem, why).annotation(kind)
        };
        let annotations = self.changes.iter().map(of);
        annotations.chain(self.summary()).collect()
    }

    /// The changes that are failures: where, what, and why.
    pub(crate) fn failed(&self) -> impl Iterator<Item = (usize, String, String)> {
        self.failures().map(|change| {
            (
                change.line,
                change.headline(),
                change.why.clone().unwrap_or_default(),
            )
        })
    }

    /// How many requests there are, and what was not evaluated.
    fn summary(&self) -> Vec<String> {
        let [loses, gains, depends] =
            [Effect::Loses, Effect::Gains, Effect::Depends].map(|effect| self.requests_of(effect));
        let mut lines = vec![format!(
            "{} by {}: {} requests: {} as before, {loses} lose access, {gains} gain access, {depends} depend on what the \
             log does not have",
            self.log,
            self.policy,
            self.requests(),
            self.unchanged,
        )];
        if self.unlisted > 0 {
            let unlisted = self.unlisted;
            lines.push(format!("  and {unlisted} requests of further changes"));
        }
        for (why, skipped) in &self.skipped {
            let first = skipped.first;
            let which = match skipped.count {
                1 => format!("line {first}"),
                count => format!("{count} lines, the first is {first}"),
            };
            lines.push(format!("  not evaluated: {which}: {why}"));
        }
        lines.push(format!("  {NOTE}"));
        lines
    }
}

impl Change {
    /// What becomes of whom.
    fn headline(&self) -> String {
        format!("{}: {}", self.effect.title(), self.text())
    }

    /// Who does what, and the reason.
    fn text(&self) -> String {
        let caller = self.caller.as_deref().unwrap_or("without credentials");
        let path = self.paths.first().map_or("", String::as_str);
        let (method, host, reason) = (&self.method, &self.host, self.reason);
        let others = match self.paths.len() {
            0 | 1 => String::new(),
            super::MAX_PATHS => " and others".to_owned(),
            paths => format!(" and {} more", paths.saturating_sub(1)),
        };
        let requests = match self.requests {
            1 => "1 request".to_owned(),
            requests => format!("{requests} requests"),
        };
        // Where it depends, `why` names the rule.
        let rule = self.rule.as_ref();
        let rule = rule.filter(|_| self.effect != Effect::Depends);
        let rule = rule.map_or_else(String::new, |rule| format!(" {rule}"));
        format!("{caller}: {method} {host}{path}{others} ({requests}): {reason}{rule}")
    }

    fn json(&self) -> Value {
        json!({
            "effect": self.effect.code(),
            "caller": self.caller,
            "method": self.method,
            "host": self.host,
            "paths": self.paths,
            "app": self.app,
            "rule": self.rule,
            "reason": self.reason,
            "why": self.why,
            "requests": self.requests,
            "line": self.line,
        })
    }
}

impl Effect {
    const fn code(self) -> &'static str {
        match self {
            Self::Loses => "loses",
            Self::Gains => "gains",
            Self::Depends => "depends",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Loses => "loses access",
            Self::Gains => "gains access",
            Self::Depends => "depends on what the log does not have",
        }
    }
}
