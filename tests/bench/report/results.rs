//! All figures of a run as JSON.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Sample, Series};
use crate::machine::Machine;
use crate::settings::Settings;

/// All figures of a run.
#[derive(Debug)]
pub(crate) struct Results {
    processor: String,
    rounds: u32,
    seconds: f64,
    tables: Vec<Value>,
}

impl Results {
    /// No figures yet.
    pub(crate) fn new(machine: &Machine, settings: &Settings) -> Self {
        Self {
            processor: machine.processor().to_owned(),
            rounds: settings.rounds,
            seconds: settings.turn.as_secs_f64(),
            tables: Vec::new(),
        }
    }

    /// Adds the figures of a table.
    pub(super) fn add(&mut self, table: &str, all: &[Series]) {
        let lines: Vec<Value> = all.iter().map(|series| line(series, all)).collect();
        self.tables.push(json!({"name": table, "lines": lines}));
    }

    /// Writes them to this file.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let document = json!({
            "processor": self.processor,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "tables": self.tables,
        });
        fs::write(path, format!("{document:#}\n"))
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// One line of a table: medians, and the ratios to the lines that it is compared with.
fn line(series: &Series, all: &[Series]) -> Value {
    let (lowest, highest) = series.range(Sample::rate);
    let compared: Vec<Value> = series
        .baselines_among(all)
        .map(|baseline| {
            json!({
                "with": baseline.name,
                "requests_per_second": series.ratio(baseline, Sample::rate),
                "cpu_per_request": series.ratio(baseline, Sample::cpu_microseconds),
                "added_microseconds": series.difference(baseline, Sample::microseconds),
            })
        })
        .collect();
    let mut line = json!({
        "name": series.name,
        "requests_per_second": {
            "median": series.median(Sample::rate), "lowest": lowest, "highest": highest,
        },
        "cpu_microseconds": series.median(Sample::cpu_microseconds),
        "busy": series.median(Sample::busy),
        "compared": compared,
    });
    if series.samples.iter().any(|sample| sample.p99.is_some()) {
        line["p99_microseconds"] = json!(series.median(Sample::p99_microseconds));
    }
    line
}
