//! The turns that are taken.

use std::time::{Duration, Instant};

use crate::load::Load;
use crate::machine;
use crate::report::{Sample, Series};
use crate::settings::Settings;

/// Before the first round: a program's own first times.
const WARM_UP: Duration = Duration::from_secs(1);

/// One line of a table.
#[derive(Debug)]
pub(crate) struct Variant {
    /// What it is called there.
    pub(crate) name: &'static str,
    /// The variants that it should be judged by.
    pub(crate) baselines: &'static [&'static str],
    /// Who answers: the number of a process.
    pub(crate) process: u32,
    /// What asks.
    pub(crate) load: Load,
}

/// Lets each variant take its turns.
pub(crate) fn run(variants: &mut [Variant], settings: &Settings) -> Result<Vec<Series>, String> {
    for variant in &mut *variants {
        variant.turn(WARM_UP)?;
    }
    let mut all: Vec<Series> = variants.iter().map(Series::of).collect();
    for round in 0..settings.rounds {
        let mut turns: Vec<_> = variants.iter_mut().zip(&mut all).collect();
        // To and fro, so that nobody always follows the same neighbour.
        if round % 2 == 1 {
            turns.reverse();
        }
        for (variant, series) in turns {
            series.samples.push(variant.turn(settings.turn)?);
        }
    }
    Ok(all)
}

impl Variant {
    /// Asks as fast as the program answers, for this long.
    fn turn(&mut self, length: Duration) -> Result<Sample, String> {
        let (began, cpu) = (Instant::now(), machine::cpu_time(self.process));
        let requests = self
            .load
            .run(length)
            .map_err(|error| format!("{}: {error}", self.name))?;
        Ok(Sample {
            requests,
            elapsed: began.elapsed(),
            cpu: machine::cpu_time(self.process).saturating_sub(cpu),
        })
    }
}
