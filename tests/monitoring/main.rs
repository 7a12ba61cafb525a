//! The alerts and the dashboard in `istio/chart/monitoring`: each alert fires when it should and has a runbook, and
//! every query finds what the filter, Envoy and the companion export.

mod alerts;
mod dashboard;
mod files;
mod names;
mod promql;
