//! The explanation as text and as JSON.

use std::fmt::Write as _;

use portcullis_core::escape;
use serde_json::{Map, Value, json};

use super::{ExplainedRule, Explanation};
use crate::output;

/// The version of the JSON form.
const VERSION: u32 = 1;

impl Explanation {
    /// One JSON object.
    pub(crate) fn json(&self) -> String {
        let set = self.changes.shown();
        let set: Map<String, Value> = set
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        let reply = self.reply.iter();
        let reply: Map<String, Value> = reply
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let steps = self.steps.iter().map(
            |step| json!({"step": step.name, "result": step.result.name(), "detail": step.detail}),
        );
        let rules = self.rules.iter().map(
            |ExplainedRule { name, fits, why }| json!({"name": name, "fits": fits, "why": why}),
        );
        let document = json!({
            "version": VERSION,
            "policy": self.digest,
            "at": self.at.to_rfc3339(),
            "decision": self.decision(),
            "reason": self.reason.code(),
            "status": self.status,
            "app": self.app,
            "rule": self.rule,
            "caller": self.caller,
            "error": self.error,
            "set": set,
            "removed": self.changes.removed,
            "reply": reply,
            "steps": steps.collect::<Vec<_>>(),
            "rules": rules.collect::<Vec<_>>(),
            "notes": self.notes,
        });
        output::json(&document)
    }

    /// Lines for a person.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |line: &str| {
            let _ = writeln!(text, "{}", escape::line(line).trim_end());
        };
        let decision = self.decision().to_uppercase();
        line(&format!("{decision}: {} ({})", self.reason, self.status));
        line(&self.request);
        line("");
        for step in &self.steps {
            let (name, result) = (step.name, step.result.name());
            line(&format!("{name:<11} {result:<8} {}", step.detail));
        }
        if !self.rules.is_empty() {
            let app = self.app.as_deref().unwrap_or_default();
            line("");
            line(&format!("Rules of {app}, the nearest first:"));
            for rule in &self.rules {
                let fits = if rule.fits { "hit" } else { "miss" };
                line(&format!("  {fits:<5} {}: {}", rule.name, rule.why));
            }
        }
        if !self.changes.set.is_empty() || !self.changes.removed.is_empty() {
            line("");
            line("Header fields of the forwarded request:");
            for (name, value) in self.changes.shown() {
                line(&format!("  set     {name}: {value}"));
            }
            for name in &self.changes.removed {
                line(&format!("  removed {name}"));
            }
        }
        line("");
        for note in &self.notes {
            line(&format!("note: {note}"));
        }
        line(&format!(
            "policy {}, at {}",
            self.digest,
            self.at.to_rfc3339()
        ));
        text.trim_end().to_owned()
    }
}
