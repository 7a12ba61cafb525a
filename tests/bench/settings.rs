//! How long to measure.

use std::env;
use std::time::Duration;

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Turns of each variant.
    pub(crate) rounds: u32,
    /// How long a turn is.
    pub(crate) turn: Duration,
}

impl Settings {
    /// From `BENCH_ROUNDS` and `BENCH_SECONDS`; by default it is all over in under four minutes.
    pub(crate) fn read() -> Result<Self, String> {
        Ok(Self {
            rounds: number("BENCH_ROUNDS", 5)?,
            turn: Duration::from_secs(number("BENCH_SECONDS", 4)?.into()),
        })
    }
}

fn number(name: &str, default: u32) -> Result<u32, String> {
    let Some(value) = env::var_os(name) else {
        return Ok(default);
    };
    let number = value.to_str().and_then(|value| value.parse().ok());
    number
        .filter(|number| (1..=1000).contains(number))
        .ok_or_else(|| {
            let value = value.to_string_lossy();
            format!("{name} is `{value}`: give a whole number from 1 to 1000, or leave it out")
        })
}
