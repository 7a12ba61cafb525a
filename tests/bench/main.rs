//! What the gate costs, beside Envoy's own `jwt_authn`: one Envoy with one worker on one core,
//! asked from another core as fast as it answers, by turns with each filter.
//!
//! Envoy answers by itself, so that a request costs what Envoy and the filter cost and no app is
//! measured. The variants take turns in short rounds, because a machine gets faster and slower
//! while it is measured; what is compared is then always two halves of the same round.
//!
//! `BENCH_ROUNDS` and `BENCH_SECONDS` (a turn's length) make it shorter or longer.
#![forbid(unsafe_code)]

mod envoy;
mod filters;
mod load;
mod machine;
mod report;
mod settings;
mod tokens;
mod variants;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use machine::Machine;
use report::{Sample, Series};
use settings::Settings;
use tokens::Tokens;
use variants::{Gates, Variant};

/// Before the first round: Envoy's own first times, and the filter's.
const WARM_UP: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> Result<(), String> {
    let settings = Settings::read()?;
    let machine = Machine::look()?;
    // Signing takes every core there is, so it comes before this process keeps to one.
    let tokens = Tokens::sign();
    machine.keep_to_own_core()?;
    let gates = Gates::start(&machine, &tokens).await;
    gates.check().await?;
    report::preface(&machine, &settings, &tokens);

    let mut variants = gates.variants(&tokens)?;
    for variant in &mut variants {
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
    drop(variants);
    report::table(&all);
    gates.end();
    Ok(())
}

impl Variant<'_> {
    /// Asks as fast as Envoy answers, for this long.
    fn turn(&mut self, length: Duration) -> Result<Sample, String> {
        let (began, cpu) = (Instant::now(), self.envoy.cpu_time());
        let requests = self
            .load
            .run(length)
            .map_err(|error| format!("{}: {error}", self.name))?;
        Ok(Sample {
            requests,
            elapsed: began.elapsed(),
            cpu: self.envoy.cpu_time().saturating_sub(cpu),
        })
    }
}
