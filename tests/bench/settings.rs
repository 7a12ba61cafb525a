//! What to measure, and for how long.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_tests::lab::folder::workspace;

/// What to measure, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Turns of each variant.
    pub(crate) rounds: u32,
    /// The length of a turn.
    pub(crate) turn: Duration,
    /// Another build of the filter. If set, the filter is compared with it alone.
    pub(crate) other_filter: Option<PathBuf>,
    /// The file that gets all figures as JSON.
    pub(crate) results: PathBuf,
    part: Option<Part>,
}

/// A part that can be measured alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// The filter.
    Filter,
    /// The companion.
    Companion,
    /// The forwarder.
    Attach,
    /// The filter and the module compared with Envoy's ext_authz and oauth2-proxy.
    ExtAuthz,
    /// The filter and the module while forged tokens arrive.
    Flood,
}

impl Settings {
    /// Reads `BENCH_ROUNDS`, `BENCH_SECONDS`, `BENCH_PART`, `BENCH_RESULTS` and `BENCH_OTHER_FILTER`. The defaults take about
    /// twelve minutes.
    pub(crate) fn read() -> Result<Self, String> {
        Ok(Self {
            rounds: rounds()?,
            turn: turn()?,
            other_filter: other_filter()?,
            results: env::var_os("BENCH_RESULTS")
                .map_or_else(|| workspace().join("target/bench.json"), PathBuf::from),
            part: part()?,
        })
    }

    /// Whether this part is measured.
    pub(crate) fn has(&self, part: Part) -> bool {
        self.part.is_none_or(|only| only == part)
    }
}

fn part() -> Result<Option<Part>, String> {
    match env::var("BENCH_PART").as_deref() {
        Err(env::VarError::NotPresent) => Ok(None),
        Ok("filter") => Ok(Some(Part::Filter)),
        Ok("companion") => Ok(Some(Part::Companion)),
        Ok("attach") => Ok(Some(Part::Attach)),
        Ok("ext_authz") => Ok(Some(Part::ExtAuthz)),
        Ok("flood") => Ok(Some(Part::Flood)),
        Ok(other) => Err(format!(
            "invalid BENCH_PART `{other}`: expected `filter`, `companion`, `attach`, `ext_authz` or `flood`, or unset for all"
        )),
        Err(error) => Err(format!("BENCH_PART: {error}")),
    }
}

fn other_filter() -> Result<Option<PathBuf>, String> {
    let Some(path) = env::var_os("BENCH_OTHER_FILTER").map(PathBuf::from) else {
        return Ok(None);
    };
    path.canonicalize().map(Some).map_err(|error| {
        let path = path.display();
        format!("invalid BENCH_OTHER_FILTER `{path}`: {error}\nhelp: give the path of a built portcullis.wasm")
    })
}

fn rounds() -> Result<u32, String> {
    let rounds = number("BENCH_ROUNDS", 5.0, "an integer from 1 to 1000", |number| {
        (1.0..=1000.0).contains(&number) && number.fract() == 0.0
    })?;
    Ok(rounds as u32)
}

fn turn() -> Result<Duration, String> {
    let seconds = number(
        "BENCH_SECONDS",
        4.0,
        "a number from 0.1 to 1000",
        |number| (0.1..=1000.0).contains(&number),
    )?;
    Ok(Duration::from_secs_f64(seconds))
}

fn number(
    name: &str,
    default: f64,
    expected: &str,
    is_valid: impl Fn(f64) -> bool,
) -> Result<f64, String> {
    let Some(value) = env::var_os(name) else {
        return Ok(default);
    };
    let number = value.to_str().and_then(|value| value.parse().ok());
    number.filter(|number| is_valid(*number)).ok_or_else(|| {
        let value = value.to_string_lossy();
        format!("invalid {name} `{value}`: expected {expected}, or unset")
    })
}
