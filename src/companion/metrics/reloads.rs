//! Metrics of files that are read again when they change, for each command that watches some.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The reloads of changed files. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReloadMetrics {
    reloads: Family<ReloadLabels, Counter>,
    stale: Family<FileLabels, Gauge>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ReloadLabels {
    file: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct FileLabels {
    file: &'static str,
}

impl ReloadMetrics {
    /// Adds them to those of a command.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let (reloads, stale) = (self.reloads.clone(), self.stale.clone());
        registry.register("reloads", "Reloads of changed files", reloads);
        let help = "1 while the last reload of a file has failed";
        registry.register("file_stale", help, stale);
    }

    /// Counts a reload of a changed file. After a failed one the previous version stays in use.
    pub(crate) fn reloaded(&self, file: &'static str, succeeded: bool) {
        let outcome = if succeeded { "reloaded" } else { "failed" };
        self.reloads
            .get_or_create(&ReloadLabels { file, outcome })
            .inc();
        let stale = self.stale.get_or_create(&FileLabels { file });
        stale.set(i64::from(!succeeded));
    }
}
