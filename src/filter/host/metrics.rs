//! Metrics in Envoy's own registry, where they are called `wasmcustom.<name>`.
//!
//! An id belongs to a VM: a metric is defined once by each and kept.

use super::abi::{self, Metric};
use super::error::Error;

/// Something that only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter(u32);

impl Counter {
    /// Defines the counter, or finds the one of that name.
    ///
    /// # Errors
    /// What the host said.
    pub fn define(name: &str) -> Result<Self, Error> {
        abi::define_metric(Metric::Counter, name.as_bytes()).map(Self)
    }

    /// Counts `amount` more; 0 is no call, because Envoy refuses it.
    ///
    /// # Errors
    /// What the host said.
    pub fn increment(self, amount: u32) -> Result<(), Error> {
        if amount == 0 {
            Ok(())
        } else {
            abi::increment_metric(self.0, i64::from(amount))
        }
    }
}

/// Something that has a value now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge(u32);

impl Gauge {
    /// Defines the gauge, or finds the one of that name.
    ///
    /// # Errors
    /// What the host said.
    pub fn define(name: &str) -> Result<Self, Error> {
        abi::define_metric(Metric::Gauge, name.as_bytes()).map(Self)
    }

    /// Adds to the value, or takes away from it: how workers share what is a sum over them.
    ///
    /// # Errors
    /// What the host said.
    pub fn change(self, by: i64) -> Result<(), Error> {
        if by == 0 {
            Ok(())
        } else {
            abi::increment_metric(self.0, by)
        }
    }

    /// Sets the value. The gauge is one for all workers, and the last to write wins.
    ///
    /// # Errors
    /// What the host said.
    pub fn set(self, value: u64) -> Result<(), Error> {
        abi::record_metric(self.0, value)
    }
}

/// Something whose values are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Histogram(u32);

impl Histogram {
    /// Defines the histogram, or finds the one of that name.
    ///
    /// # Errors
    /// What the host said.
    pub fn define(name: &str) -> Result<Self, Error> {
        abi::define_metric(Metric::Histogram, name.as_bytes()).map(Self)
    }

    /// Records one value.
    ///
    /// # Errors
    /// What the host said.
    pub fn record(self, value: u64) -> Result<(), Error> {
        abi::record_metric(self.0, value)
    }
}
