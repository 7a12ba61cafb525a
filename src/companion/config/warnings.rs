//! Warnings about a valid configuration that is probably a mistake. They are logged at the start.

use std::ffi::OsString;

use super::settings::SETTINGS;
use super::{Config, Listen};

/// The prefix of the settings' variables.
const PREFIX: &str = "PORTCULLIS_";

/// The prefixes of variables that Kubernetes sets in pods where a service is named `portcullis`.
const KUBERNETES_PREFIXES: [&str; 2] = ["PORTCULLIS_PORT", "PORTCULLIS_SERVICE_"];

impl Config {
    /// Warnings about this configuration. `variables` are the names of the environment variables; their
    /// values are never shown.
    pub(crate) fn warnings(&self, variables: impl Iterator<Item = OsString>) -> Vec<String> {
        let unknown = variables.filter_map(|name| name.into_string().ok());
        let unknown = unknown.filter(|name| is_unknown(name));
        let mut warnings: Vec<String> = unknown
            .map(|name| format!("unknown environment variable {name} ignored"))
            .collect();
        warnings.sort();
        if let Listen::Tcp(address) = &self.listen
            && !address.ip().to_canonical().is_loopback()
            && self.tls.is_none()
        {
            warnings.push(format!(
                "cookies and tokens reach {address} unencrypted: set `tls`, or listen on a loopback address"
            ));
        }
        warnings
    }
}

/// Whether a variable has the prefix of settings, and is not one.
fn is_unknown(name: &str) -> bool {
    name.starts_with(PREFIX)
        && name != "PORTCULLIS_CONFIG"
        && !KUBERNETES_PREFIXES
            .iter()
            .any(|start| name.starts_with(start))
        && !SETTINGS.iter().any(|setting| setting.variable() == name)
}
