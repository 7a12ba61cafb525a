//! The turns of the variants.

use std::time::{Duration, Instant};

use crate::load::Load;
use crate::machine;
use crate::report::{Sample, Series};
use crate::settings::Settings;

/// Before the first round, for one-time work of a program.
const WARM_UP: Duration = Duration::from_secs(1);

/// One line of a table.
#[derive(Debug)]
pub(crate) struct Variant {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// The variants that it is compared with.
    pub(crate) baselines: &'static [&'static str],
    /// The measured processes: their IDs.
    pub(crate) processes: Vec<u32>,
    /// The load.
    pub(crate) load: Load,
}

/// Runs the turns of all variants.
pub(crate) fn run(variants: &mut [Variant], settings: &Settings) -> Result<Vec<Series>, String> {
    let mut all: Vec<Series> = variants.iter().map(Series::of).collect();
    warm_up(variants, settings)?;
    for round in 0..settings.rounds {
        run_one(variants, &mut all, settings, round)?;
    }
    Ok(all)
}

/// Sends requests to each variant before its first turn.
pub(crate) fn warm_up(variants: &mut [Variant], settings: &Settings) -> Result<(), String> {
    for variant in variants {
        variant.turn(WARM_UP.min(settings.turn))?;
    }
    Ok(())
}

/// Runs one turn of each variant. `all` has their samples, in the same order.
pub(crate) fn run_one(
    variants: &mut [Variant],
    all: &mut [Series],
    settings: &Settings,
    round: u32,
) -> Result<(), String> {
    let mut turns: Vec<_> = variants.iter_mut().zip(all).collect();
    // In alternating direction, so that no variant always follows the same one.
    if round % 2 == 1 {
        turns.reverse();
    }
    for (variant, series) in turns {
        series.samples.push(variant.turn(settings.turn)?);
    }
    Ok(())
}

impl Variant {
    /// Sends requests as fast as the program responds, for this long.
    pub(crate) fn turn(&mut self, length: Duration) -> Result<Sample, String> {
        let cpu_time = |processes: &[u32]| processes.iter().copied().map(machine::cpu_time).sum();
        let (began, cpu): (_, Duration) = (Instant::now(), cpu_time(&self.processes));
        let requests = self
            .load
            .run(length)
            .map_err(|error| format!("{}: {error}", self.name))?;
        Ok(Sample {
            requests,
            elapsed: began.elapsed(),
            cpu: cpu_time(&self.processes).saturating_sub(cpu),
            p99: p99(self.load.take_latencies()),
        })
    }
}

/// The 99th percentile; `None` without latencies.
fn p99(mut latencies: Vec<Duration>) -> Option<Duration> {
    latencies.sort_unstable();
    let place = latencies.len() * 99 / 100;
    latencies.get(place).copied()
}
