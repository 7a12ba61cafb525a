//! The demo: Envoy with `envoy/gateway.yaml`, real apps behind it, callers of two clusters that differ only in their keys,
//! and users who sign in at a real provider. Prometheus scrapes Envoy and the companion.

mod accounts;
mod callers;
mod checks;
pub mod explanations;
mod gateway;
pub mod migration;
pub mod rotation;

pub use accounts::Account;
pub use callers::{Caller, Clusters, FOLDER, LIFETIME};
pub use checks::{Row, run as run_checks};
pub use gateway::{DemoGateway, ENVOY, relative};
