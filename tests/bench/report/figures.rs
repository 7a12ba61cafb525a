//! Samples and their statistics.

use std::time::Duration;

use crate::rounds::Variant;

/// One turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// The number of responses.
    pub(crate) requests: u64,
    /// The duration.
    pub(crate) elapsed: Duration,
    /// The CPU time of the measured processes.
    pub(crate) cpu: Duration,
    /// The 99th percentile of the time of a response, if there was one request at a time.
    pub(crate) p99: Option<Duration>,
}

/// All turns of one variant, in the order of the rounds.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The variant's name.
    pub(crate) name: &'static str,
    /// The names of the variants that it is compared with.
    pub(crate) baselines: &'static [&'static str],
    /// The turns.
    pub(crate) samples: Vec<Sample>,
}

impl Sample {
    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// Microseconds of CPU time per request.
    pub(crate) fn cpu_microseconds(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests as f64
    }

    /// Microseconds per request: the latency, if there was one request at a time.
    pub(crate) fn microseconds(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e6 / self.requests as f64
    }

    /// The 99th percentile of the latency in microseconds; 0 if it was not measured.
    pub(crate) fn p99_microseconds(&self) -> f64 {
        self.p99.map_or(0.0, |p99| p99.as_secs_f64() * 1e6)
    }

    /// The utilization of its core.
    pub(crate) fn busy(&self) -> f64 {
        self.cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }
}

impl Series {
    /// An empty series of a variant.
    pub(crate) fn of(variant: &Variant) -> Self {
        Self {
            name: variant.name,
            baselines: variant.baselines,
            samples: Vec::new(),
        }
    }

    /// The median of a figure.
    pub(crate) fn median(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(figure).collect())
    }

    /// The minimum and the maximum of a figure.
    pub(crate) fn range(&self, figure: impl Fn(&Sample) -> f64) -> (f64, f64) {
        let figures = self.samples.iter().map(figure);
        figures.fold((f64::INFINITY, 0.0), |(lowest, highest), figure| {
            (lowest.min(figure), highest.max(figure))
        })
    }

    /// The series in `all` that it is compared with.
    pub(crate) fn baselines_among<'a>(&self, all: &'a [Self]) -> impl Iterator<Item = &'a Self> {
        let baselines = self.baselines;
        all.iter().filter(|other| baselines.contains(&other.name))
    }

    /// The median of the differences to another variant in the same rounds.
    pub(crate) fn difference(&self, other: &Self, figure: impl Fn(&Sample) -> f64) -> f64 {
        let pairs = self.samples.iter().zip(&other.samples);
        median(
            pairs
                .map(|(own, other)| figure(own) - figure(other))
                .collect(),
        )
    }

    /// The median of the ratios to another variant in the same rounds.
    pub(crate) fn ratio(&self, other: &Self, figure: impl Fn(&Sample) -> f64) -> f64 {
        let pairs = self.samples.iter().zip(&other.samples);
        median(
            pairs
                .map(|(own, other)| figure(own) / figure(other))
                .collect(),
        )
    }
}

/// The median; of an even number, the mean of the middle two.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len() % 2 == 1 {
        figures[middle]
    } else {
        (figures[middle - 1] + figures[middle]) / 2.0
    }
}

#[cfg(test)]
mod tests;
