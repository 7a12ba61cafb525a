//! What comes out.

mod figures;

use std::fs;

use portcullis_tests::lab::tools;

pub(crate) use figures::{Sample, Series};

use crate::load;
use crate::machine::{self, Machine};
use crate::settings::Settings;
use crate::tokens::Tokens;

/// Below this share of its core Envoy had to wait, and its requests per second say little.
const BUSY: f64 = 0.95;

/// Says what is measured, and on what.
pub(crate) fn preface(machine: &Machine, settings: &Settings, tokens: &Tokens) {
    let module = fs::metadata(tools::module()).map_or(0, |module| module.len());
    println!(
        "Envoy {}, one worker on one core of {} ({}); module {module} bytes",
        machine::envoy_version(),
        machine.cores(),
        machine.processor(),
    );
    println!(
        "turns of {} s, {} rounds, {} connections; {} tokens of {} bytes (RS256) and {} (ES256)\n",
        settings.turn.as_secs(),
        settings.rounds,
        load::CONNECTIONS,
        tokens.rs256.len(),
        tokens.rs256[0].len(),
        tokens.es256[0].len(),
    );
    if machine.cores() < 2 {
        println!("There is one core only: Envoy shares it with the load, so look at CPU alone.\n");
    }
}

/// Prints the table. The first line is what all others are compared with.
pub(crate) fn table(all: &[Series]) {
    let Some(open) = all.first() else { return };
    println!(
        "{:<36}{:>11}{:>17}{:>9}{:>8}{:>7}",
        "", "requests/s", "lowest–highest", "to none", "CPU µs", "busy"
    );
    for series in all {
        let (lowest, highest) = series.range(Sample::rate);
        println!(
            "{:<36}{:>11.0}{:>17}{:>9.2}{:>8.1}{:>6.0}%",
            series.name,
            series.median(Sample::rate),
            format!("{lowest:.0}–{highest:.0}"),
            series.ratio(open, Sample::rate),
            series.median(Sample::cpu_microseconds),
            series.median(Sample::busy) * 100.0,
        );
    }
    println!(
        "\n{:<36}{:>11}{:>17}",
        "against", "requests/s", "CPU a request"
    );
    for series in all {
        let rival = all.iter().find(|other| Some(other.name) == series.rival);
        if let Some(rival) = rival {
            println!(
                "{:<36}{:>11.2}{:>17.2}   ({})",
                series.name,
                series.ratio(rival, Sample::rate),
                series.ratio(rival, Sample::cpu_microseconds),
                rival.name,
            );
        }
    }
    println!(
        "\nMedians of the rounds; ratios are medians of each round's own ratio. CPU is that of the \
         whole\nEnvoy a request, and steadier than requests a second. jwt_authn checks tokens \
         only; Portcullis\nalso judges rules, names the caller to the app, and counts."
    );
    let idle = all
        .iter()
        .filter(|series| series.median(Sample::busy) < BUSY);
    let idle: Vec<&str> = idle.map(|series| series.name).collect();
    if !idle.is_empty() {
        println!(
            "\nEnvoy waited for the load, or shared its core with others, so that its requests a \
             second say\nlittle of:\n  {}",
            idle.join("\n  ")
        );
    }
}
