//! The output.

pub(crate) mod chart;
mod figures;
mod results;

use std::fs;

use portcullis_tests::lab::tools;

pub(crate) use figures::{Sample, Series, median};
pub(crate) use results::Results;

use crate::load;
use crate::machine::Machine;
use crate::settings::Settings;

/// A server that uses less of its core than this had to wait, so its requests per second are not
/// meaningful.
const BUSY: f64 = 0.95;

/// Prints what is measured, and on which machine.
pub(crate) fn preface(machine: &Machine, settings: &Settings) {
    let module = fs::metadata(tools::filter()).map_or(0, |module| module.len());
    println!(
        "The measured program has one of {} cores ({}). {} connections, {} rounds of {} s.\n\
         All figures are medians. A ratio is between two turns of the same round. CPU time per request\n\
         is that of the whole process, and varies less between runs than requests per second.\n\
         The filter has {module} bytes.\n",
        machine.cores(),
        machine.processor(),
        load::CONNECTIONS,
        settings.rounds,
        settings.turn.as_secs_f64(),
    );
    if machine.cores() < 2 {
        println!(
            "Only one core: it is shared with the load generator, so only the CPU figures are meaningful.\n"
        );
    }
}

/// Prints a table with the throughput. The other lines are compared with the first one.
pub(crate) fn throughput(results: &mut Results, table: &str, all: &[Series]) {
    results.add(table, all);
    let Some(first) = all.first() else { return };
    println!(
        "{:<36}{:>11}{:>17}{:>9}{:>8}{:>7}",
        "", "requests/s", "lowest–highest", "relative", "CPU µs", "busy"
    );
    for series in all {
        let (lowest, highest) = series.range(Sample::rate);
        println!(
            "{:<36}{:>11.0}{:>17}{:>9.2}{:>8.1}{:>6.0}%",
            series.name,
            series.median(Sample::rate),
            format!("{lowest:.0}–{highest:.0}"),
            series.ratio(first, Sample::rate),
            series.median(Sample::cpu_microseconds),
            series.median(Sample::busy) * 100.0,
        );
    }
    println!(
        "\n{:<36}{:>11}{:>17}",
        "compared with another", "requests/s", "CPU per request"
    );
    for series in all {
        for baseline in series.baselines_among(all) {
            println!(
                "{:<36}{:>11.2}{:>17.2}   ({})",
                series.name,
                series.ratio(baseline, Sample::rate),
                series.ratio(baseline, Sample::cpu_microseconds),
                baseline.name,
            );
        }
    }
    let idle = all
        .iter()
        .filter(|series| series.median(Sample::busy) < BUSY);
    let idle: Vec<&str> = idle.map(|series| series.name).collect();
    if !idle.is_empty() {
        println!(
            "\nThese used less than 95 % of their core, so their requests per second are not meaningful:\n  {}",
            idle.join("\n  ")
        );
    }
}

/// Prints a table with the latency.
pub(crate) fn latency(results: &mut Results, table: &str, all: &[Series]) {
    results.add(table, all);
    println!(
        "{:<36}{:>11}{:>17}{:>9}{:>9}{:>10}",
        "", "µs", "lowest–highest", "added µs", "p99 µs", "added p99"
    );
    for series in all {
        let (lowest, highest) = series.range(Sample::microseconds);
        let added = |figure: fn(&Sample) -> f64| {
            let baseline = series.baselines_among(all).next();
            let added = baseline.map(|baseline| series.difference(baseline, figure));
            added.map(|added| format!("{added:.1}")).unwrap_or_default()
        };
        println!(
            "{:<36}{:>11.1}{:>17}{:>9}{:>9.1}{:>10}",
            series.name,
            series.median(Sample::microseconds),
            format!("{lowest:.0}–{highest:.0}"),
            added(Sample::microseconds),
            series.median(Sample::p99_microseconds),
            added(Sample::p99_microseconds),
        );
    }
}
