//! The comparison as text, as JSON, and as a comment for a pull request.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Access, Comparison, Setting};
use crate::output;

/// The version of the JSON form.
const VERSION: u32 = 1;

impl Comparison {
    /// One JSON object.
    pub(crate) fn json(&self) -> String {
        let [old, new] = &self.digests;
        let settings = self.settings.iter().map(|setting| {
            let Setting {
                path,
                change,
                widens,
                narrows,
            } = setting;
            json!({"path": path, "change": change, "widens": widens, "narrows": narrows})
        });
        let document = json!({
            "version": VERSION,
            "old": old,
            "new": new,
            "widened": self.is_widened(),
            "gained": self.gained.iter().map(access).collect::<Vec<_>>(),
            "lost": self.lost.iter().map(access).collect::<Vec<_>>(),
            "settings": settings.collect::<Vec<_>>(),
        });
        output::json(&document)
    }

    /// Lines for a person.
    pub(crate) fn text(&self) -> String {
        let mut lines = Vec::new();
        for (title, list) in [("gained", &self.gained), ("lost", &self.lost)] {
            if list.is_empty() {
                continue;
            }
            lines.push(format!("{title}:"));
            for access in list {
                lines.push(format!("  {}", access.summary()));
                let rule = access.rule.as_ref().map(|rule| format!("rule {rule}"));
                let details: Vec<String> = rule.into_iter().chain(access.example()).collect();
                lines.push(format!("      {}", details.join("; ")));
            }
        }
        if !self.settings.is_empty() {
            lines.push("settings:".to_owned());
            for setting in &self.settings {
                let Setting { path, change, .. } = setting;
                lines.push(format!("  {path}: {change} ({})", setting.direction()));
            }
        }
        if lines.is_empty() {
            lines.push("access is the same".to_owned());
        }
        output::text(&lines)
    }

    /// A comment in GitHub's Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = match (self.is_widened(), self.has_differences()) {
            (true, _) => "### The policy gives more access\n".to_owned(),
            (false, true) => "### The policy gives less access\n".to_owned(),
            (false, false) => "### Access is the same\n".to_owned(),
        };
        for (title, list) in [("Gained", &self.gained), ("Lost", &self.lost)] {
            if list.is_empty() {
                continue;
            }
            let _ = write!(
                text,
                "\n**{title}**\n\n| app | methods | paths | who | rule | example |\n|---|---|---|---|---|---|\n"
            );
            for access in list {
                let Access {
                    app,
                    methods,
                    paths,
                    callers,
                    rule,
                    ..
                } = access;
                let app = app.as_deref().unwrap_or("ungated");
                let example = access.example().unwrap_or_default();
                let cells = [
                    app,
                    methods,
                    paths,
                    callers,
                    rule.as_deref().unwrap_or_default(),
                    &example,
                ];
                let cells = cells.map(output::markdown_cell);
                let _ = writeln!(text, "| {} |", cells.join(" | "));
            }
        }
        if !self.settings.is_empty() {
            text.push_str("\n**Settings**\n\n| setting | change | access |\n|---|---|---|\n");
            for setting in &self.settings {
                let cells = [
                    output::markdown_cell(&setting.path),
                    output::markdown_cell(&setting.change),
                    setting.direction().to_owned(),
                ];
                let _ = writeln!(text, "| {} |", cells.join(" | "));
            }
        }
        text.trim_end().to_owned()
    }
}

fn access(access: &Access) -> Value {
    let Access {
        app,
        paths,
        methods,
        callers,
        rule,
        example,
    } = access;
    let example = example.as_ref().map(
        |example| json!({"method": example.method, "url": example.url, "caller": example.caller}),
    );
    json!({
        "app": app, "methods": methods, "paths": paths, "callers": callers, "rule": rule, "example": example,
    })
}

// === impl Access ===

impl Access {
    /// All but the rule and the example.
    pub(super) fn summary(&self) -> String {
        let Self {
            app,
            methods,
            paths,
            callers,
            ..
        } = self;
        let app = app.as_deref().unwrap_or("ungated hosts");
        format!("{app}  {methods}  {paths}  {callers}")
    }

    /// The request of the example, in one line.
    pub(super) fn example(&self) -> Option<String> {
        let example = self.example.as_ref()?;
        let caller = example.caller.as_ref();
        let caller = caller.map_or_else(
            || "no credentials".to_owned(),
            |caller| format!("as {caller}"),
        );
        Some(format!("{} {} {caller}", example.method, example.url))
    }
}

// === impl Setting ===

impl Setting {
    const fn direction(&self) -> &'static str {
        match (self.widens, self.narrows) {
            (true, false) => "more",
            (false, true) => "less",
            (_, _) => "other",
        }
    }
}
