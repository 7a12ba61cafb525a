//! The review as text, JSON, CSV and Markdown.

use std::fmt::Write as _;

use portcullis_core::escape;
use serde_json::{Value, json};

use super::{AccessReview, Row};
use crate::output;

/// The version of the JSON form.
const VERSION: u32 = 1;

/// The columns of the tables. The last three are there if a log was read.
const COLUMNS: [&str; 9] = [
    "app",
    "hosts",
    "callers",
    "methods",
    "paths",
    "rule",
    "requests",
    "last used",
    "last caller",
];

/// The columns about use.
const OF_USE: usize = 3;

impl AccessReview {
    /// One JSON object.
    pub(crate) fn json(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let mut value = json!({
                "app": row.app, "hosts": row.hosts, "callers": row.callers, "methods": row.methods, "paths": row.paths,
                "rule": row.rule, "entry": row.entry,
            });
            if self.seen.is_some() {
                value["requests"] = json!(row.used.requests);
                value["last_used"] = json!(row.used.last);
                value["last_caller"] = json!(row.used.last_caller);
            }
            value
        });
        let mut document = json!({
            "refused_callers": self.refused_callers,"version": VERSION, "policy": self.digest, "access": rows.collect::<Vec<Value>>()});
        if let Some(seen) = self.seen {
            document["log"] = json!({"records": seen.records, "unknown": seen.unknown});
        }
        output::json(&document)
    }

    /// Comma-separated values (RFC 4180), for a spreadsheet.
    pub(crate) fn csv(&self) -> String {
        let mut text = String::new();
        let titles = self.columns().map(|title| title.replace(' ', "_"));
        let _ = write!(text, "{}", csv_line(titles));
        for row in &self.rows {
            let _ = write!(text, "\r\n{}", csv_line(self.cells(row)));
        }
        text
    }

    /// A table in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let titles: Vec<&str> = self.columns().collect();
        let mut text = format!(
            "| {} |\n|{}",
            titles.join(" | "),
            "---|".repeat(titles.len())
        );
        for row in &self.rows {
            let cells = self.cells(row).map(|cell| output::markdown_cell(&cell));
            let _ = write!(text, "\n| {} |", cells.collect::<Vec<String>>().join(" | "));
        }
        text
    }

    /// Lines for a person, by app.
    pub(crate) fn text(&self) -> String {
        let mut lines = Vec::new();
        let mut app = None;
        for row in &self.rows {
            if app != Some(&row.app) {
                lines.push(format!("{} ({})", row.app, row.hosts.join(", ")));
                app = Some(&row.app);
            }
            lines.push(format!(
                "  {}: {} {}",
                row.callers,
                row.methods(),
                row.paths()
            ));
            let used = match (&row.used.last, row.used.requests) {
                _ if self.seen.is_none() => String::new(),
                (_, 0) => "; not used in the log".to_owned(),
                (last, count) => {
                    let by = row
                        .used
                        .last_caller
                        .as_ref()
                        .map_or_else(String::new, |caller| format!(" by {caller}"));
                    let last = last.as_deref().unwrap_or("at an unknown time");
                    format!("; {count} requests, last {last}{by}")
                }
            };
            lines.push(format!("      rule {}{used}", row.rule));
        }
        if !self.refused_callers.is_empty() {
            let names = self.refused_callers.join(", ");
            lines.push(format!("refused whatever rules say: {names}"));
        }
        if let Some(seen) = self
            .seen
            .filter(|seen| seen.unknown > 0 || seen.records == 0)
        {
            lines.push(match seen.records {
                0 => "the log has no audit record of an allowed request; they are logged at `info`"
                    .to_owned(),
                records => format!(
                    "{} of {records} records are of rules that this policy does not have",
                    seen.unknown
                ),
            });
        }
        output::text(&lines)
    }

    fn columns(&self) -> impl Iterator<Item = &'static str> {
        let without = if self.seen.is_some() { 0 } else { OF_USE };
        COLUMNS
            .into_iter()
            .take(COLUMNS.len().saturating_sub(without))
    }

    fn cells(&self, row: &Row) -> impl Iterator<Item = String> {
        let used = &row.used;
        let cells = [
            row.app.clone(),
            row.hosts.join(" "),
            row.callers.clone(),
            row.methods(),
            row.paths(),
            row.rule.clone(),
            used.requests.to_string(),
            used.last.clone().unwrap_or_default(),
            used.last_caller.clone().unwrap_or_default(),
        ];
        cells.into_iter().take(self.columns().count())
    }
}

/// A line of CSV. A spreadsheet takes what begins with one of these characters for a formula: a quote in front makes it
/// text.
pub(super) fn csv_line(cells: impl Iterator<Item = String>) -> String {
    const FORMULA: [char; 4] = ['=', '+', '-', '@'];
    let cells = cells.map(|cell| {
        let cell = escape::line(&cell);
        let quote = if cell.starts_with(FORMULA) { "'" } else { "" };
        format!("\"{quote}{}\"", cell.replace('"', "\"\""))
    });
    cells.collect::<Vec<String>>().join(",")
}

// === impl Row ===

impl Row {
    fn methods(&self) -> String {
        match self.methods.as_slice() {
            [] => "all methods".to_owned(),
            methods => methods.join(" "),
        }
    }

    fn paths(&self) -> String {
        match self.paths.as_slice() {
            [] => "all paths".to_owned(),
            paths => paths.join(" "),
        }
    }
}
