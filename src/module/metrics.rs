//! The engine's metrics as metrics of Envoy, with labels.
//!
//! The engine's names have the labels in them: `FAMILY.LABEL.VALUE`, and so on. Envoy takes a family
//! with the names of its labels while a configuration is loaded, and the values with each change.

use std::collections::BTreeMap;

use portcullis_engine::Engine;
use portcullis_engine::metrics::{Change, Kind, REQUEST_COUNTERS};

/// Identifies a family in Envoy.
pub(crate) type FamilyId = usize;

/// The families that Envoy has.
#[derive(Debug)]
pub(crate) struct Metrics {
    ids: BTreeMap<String, FamilyId>,
}

/// A change of a metric, as Envoy takes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct MetricChange {
    /// The type of the metric.
    pub(crate) kind: Kind,
    /// The family.
    pub(crate) family: FamilyId,
    /// The values of the labels.
    pub(crate) values: Vec<String>,
    /// The change.
    pub(crate) change: Change,
}

impl Metrics {
    /// Defines the families of an engine's metrics: those that it has before the first request, and those
    /// that it counts requests with. If Envoy refuses one, requests are still served.
    pub(crate) fn define(
        engine: &Engine,
        define: impl Fn(Kind, &str, &[&str]) -> Option<FamilyId>,
    ) -> Self {
        let mut ids = BTreeMap::new();
        let mut add = |kind, family: &str, labels: &[&str]| {
            if !ids.contains_key(family)
                && let Some(id) = define(kind, family, labels)
            {
                ids.insert(family.to_owned(), id);
            }
        };
        for (family, labels) in REQUEST_COUNTERS {
            add(Kind::Counter, family, labels);
        }
        for metric in engine.metrics() {
            let (family, labels) = parts(&metric.name);
            let names: Vec<&str> = labels.iter().map(|(name, _)| *name).collect();
            add(metric.kind, family, &names);
        }
        Self { ids }
    }

    /// Passes the changes since the last call to `sink`.
    pub(crate) fn flush(&self, engine: &mut Engine, mut sink: impl FnMut(&MetricChange)) {
        engine.take_changes(&mut |metric, change| {
            let (family, labels) = parts(&metric.name);
            if let Some(family) = self.ids.get(family) {
                let values = labels.iter().map(|(_, value)| (*value).to_owned());
                sink(&MetricChange {
                    kind: metric.kind,
                    family: *family,
                    values: values.collect(),
                    change,
                });
            }
        });
    }
}

/// The family of a metric, and its labels with their values, none of which has a dot.
fn parts(name: &str) -> (&str, Vec<(&str, &str)>) {
    let mut parts = name.split('.');
    let family = parts.next().unwrap_or_default();
    let mut labels = Vec::new();
    while let (Some(label), Some(value)) = (parts.next(), parts.next()) {
        labels.push((label, value));
    }
    (family, labels)
}
