//! What to measure, and for how long.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

/// What to measure, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Turns of each variant.
    pub(crate) rounds: u32,
    /// The length of a turn.
    pub(crate) turn: Duration,
    /// Another build of the filter. If set, the filter is compared with it alone.
    pub(crate) other_filter: Option<PathBuf>,
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
}

impl Settings {
    /// Reads `BENCH_ROUNDS`, `BENCH_SECONDS`, `BENCH_PART` and `BENCH_OTHER_FILTER`. The defaults take less than ten
    /// minutes.
    pub(crate) fn read() -> Result<Self, String> {
        Ok(Self {
            rounds: number("BENCH_ROUNDS", 5)?,
            turn: Duration::from_secs(number("BENCH_SECONDS", 4)?.into()),
            other_filter: other_filter()?,
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
        Ok(other) => Err(format!(
            "invalid BENCH_PART `{other}`: expected `filter`, `companion` or `attach`, or unset for all"
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

fn number(name: &str, default: u32) -> Result<u32, String> {
    let Some(value) = env::var_os(name) else {
        return Ok(default);
    };
    let number = value.to_str().and_then(|value| value.parse().ok());
    number
        .filter(|number| (1..=1000).contains(number))
        .ok_or_else(|| {
            let value = value.to_string_lossy();
            format!("invalid {name} `{value}`: expected an integer from 1 to 1000, or unset")
        })
}
