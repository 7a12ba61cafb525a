//! Envoy's metrics.

pub(super) const ACCEPTED: &str = "envoy_listener_manager_lds_update_success";
pub(super) const REJECTED: &str = "envoy_listener_manager_lds_update_rejected";
pub(super) const UNREADABLE: &str = "envoy_listener_manager_lds_update_failure";
pub(super) const WARMING: &str = "envoy_listener_manager_total_listeners_warming";
pub(super) const DRAINING: &str = "envoy_listener_manager_total_listeners_draining";
pub(super) const DRAINING_CHAINS: &str = "envoy_listener_manager_total_filter_chains_draining";

/// Metrics at one moment, in Prometheus's text format.
#[derive(Clone, Debug)]
pub struct Stats(String);

impl Stats {
    pub(in crate::lab) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The sum of the series with this name and all of these labels; `None` if there is none.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        self.0
            .lines()
            .filter_map(|line| series(line, name))
            .filter(|(labels, _)| {
                wanted
                    .iter()
                    .all(|wanted| labels.contains(&wanted.as_str()))
            })
            .map(|(_, value)| value)
            .reduce(|sum, value| sum + value)
    }

    /// The sum of all series with this name; 0 if there is none.
    #[must_use]
    pub fn sum(&self, name: &str) -> f64 {
        self.value(name, &[]).unwrap_or_default()
    }
}

/// The labels and the value of a line with this name. Label values in the lab contain no comma.
fn series<'a>(line: &'a str, name: &str) -> Option<(Vec<&'a str>, f64)> {
    let rest = line.strip_prefix(name)?.strip_prefix('{')?;
    let (labels, value) = rest.rsplit_once("} ")?;
    Some((labels.split(',').collect(), value.trim().parse().ok()?))
}
