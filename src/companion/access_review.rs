//! Who may do what in each app, and when it was last used.
//!
//! One row for each entry of `allow`, as the policy has it. Use is what audit records say: a record names the rule and the
//! entry by which a request was allowed.

mod render;

#[cfg(test)]
mod tests;

use std::path::Path;

use portcullis_core::policy::{App, HostPattern, Pattern, Policy};
use portcullis_core::timestamp::Timestamp;
use serde_json::Value;

use crate::document::{self, Report};
use crate::explain::{MAX_LINE, record_in};
use crate::files;
use crate::grants::{EVERYBODY, Grant};

/// What one entry of a rule, or a public rule, allows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Row {
    app: String,
    hosts: Vec<String>,
    rule: String,
    /// Its place in `allow`; `None` for a public rule.
    entry: Option<usize>,
    callers: String,
    /// Empty for all.
    methods: Vec<String>,
    /// Empty for all.
    paths: Vec<String>,
    used: Use,
}

/// How a row was used.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Use {
    requests: usize,
    /// When last, as the record has it.
    last: Option<String>,
    /// By whom last.
    last_caller: Option<String>,
}

/// The review of a policy.
#[derive(Debug)]
pub(crate) struct AccessReview {
    digest: String,
    rows: Vec<Row>,
    /// Whom no rule lets in.
    refused_callers: Vec<String>,
    /// What was read of a log; `None` without one.
    seen: Option<Seen>,
}

/// What was read of a log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Seen {
    /// Audit records of allowed requests.
    records: usize,
    /// Those of a rule or an entry that the policy does not have.
    unknown: usize,
}

impl AccessReview {
    /// What a policy allows at a time.
    pub(crate) fn of(policy: &Policy, now: Timestamp) -> Self {
        let apps = policy.apps().iter().flat_map(|app| rows(app, now));
        Self {
            digest: policy.digest().to_string(),
            rows: apps.chain(ungated(policy)).collect(),
            refused_callers: policy.refused_callers().map(str::to_owned).collect(),
            seen: None,
        }
    }

    /// Adds the use that the audit records in a log show. The log is standard input for `-`.
    ///
    /// # Errors
    /// The log can't be read.
    pub(crate) fn add_log(&mut self, path: &Path) -> Result<(), Report> {
        let read = files::each_line(path, MAX_LINE, |line| {
            if let Some(record) = record_in(line) {
                self.add(&record);
            }
        });
        self.seen.get_or_insert_default();
        read.map_err(|error| document::unreadable(path, &error))
    }

    /// Adds an audit record.
    fn add(&mut self, record: &Value) {
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        // A request that is only reported was not allowed by a rule.
        let (Some("allowed"), Some(app), Some(rule)) =
            (text("decision"), text("app"), text("rule"))
        else {
            return;
        };
        let entry = text("allow").and_then(|place| {
            place
                .strip_prefix("allow[")?
                .strip_suffix(']')?
                .parse()
                .ok()
        });
        let seen = self.seen.get_or_insert_default();
        seen.records = seen.records.saturating_add(1);
        let mut rows = self.rows.iter_mut();
        let Some(row) = rows.find(|row| row.app == app && row.rule == rule && row.entry == entry)
        else {
            seen.unknown = seen.unknown.saturating_add(1);
            return;
        };
        row.used.requests = row.used.requests.saturating_add(1);
        // Times of one form are ordered as their texts are.
        let time = text("time");
        if time >= row.used.last.as_deref() {
            row.used.last = time.map(str::to_owned);
            row.used.last_caller = text("caller").map(str::to_owned);
        }
    }
}

/// The hosts at which everybody may do everything.
fn ungated(policy: &Policy) -> Option<Row> {
    let apps: Vec<&HostPattern> = policy.apps().iter().flat_map(App::hosts).collect();
    let hosts = policy.host_patterns().filter(|host| !apps.contains(host));
    let hosts: Vec<String> = hosts.map(ToString::to_string).collect();
    (!hosts.is_empty()).then(|| Row {
        app: "(ungated)".to_owned(),
        hosts,
        rule: "ungated".to_owned(),
        entry: None,
        callers: EVERYBODY.to_owned(),
        methods: Vec::new(),
        paths: Vec::new(),
        used: Use::default(),
    })
}

/// The rows of an app.
fn rows(app: &App, now: Timestamp) -> Vec<Row> {
    let hosts: Vec<String> = match app.hosts() {
        [] => vec!["any".to_owned()],
        hosts => hosts.iter().map(ToString::to_string).collect(),
    };
    let mut rows = Vec::new();
    if let Some(until) = app.report_until().filter(|_| app.is_report_only(now)) {
        rows.push(Row {
            app: app.name().to_owned(),
            hosts: hosts.clone(),
            rule: format!("OPEN until {}", until.text),
            entry: None,
            callers: EVERYBODY.to_owned(),
            methods: Vec::new(),
            paths: Vec::new(),
            used: Use::default(),
        });
    }
    for rule in app.rules() {
        rows.extend(Grant::of(rule).map(|Grant { entry, callers }| Row {
            app: app.name().to_owned(),
            hosts: hosts.clone(),
            rule: rule.name().to_owned(),
            entry,
            callers,
            methods: rule.methods().to_vec(),
            paths: rule.paths().iter().map(Pattern::to_string).collect(),
            used: Use::default(),
        }));
    }
    rows
}
