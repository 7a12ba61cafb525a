//! What is valid and yet seldom meant. It is said when the companion starts.

use std::ffi::OsString;

use super::settings::SETTINGS;
use super::{Config, Listen};

/// How the variables of settings begin.
const PREFIX: &str = "PORTCULLIS_";

/// How the variables begin that Kubernetes sets in the pods beside a service called `portcullis`.
const OF_KUBERNETES: [&str; 2] = ["PORTCULLIS_PORT", "PORTCULLIS_SERVICE_"];

impl Config {
    /// What is valid and yet seldom meant. `variables` are the names of those that are set; what is
    /// in them is never told.
    pub(crate) fn doubts(&self, variables: impl Iterator<Item = OsString>) -> Vec<String> {
        let strange = variables.filter_map(|name| name.into_string().ok());
        let strange = strange.filter(|name| is_none_of_ours(name));
        let mut doubts: Vec<String> = strange
            .map(|name| format!("the variable {name} is no setting's, so nothing follows from it"))
            .collect();
        doubts.sort();
        if let Listen::Tcp(address) = &self.listen
            && !address.ip().to_canonical().is_loopback()
            && self.tls.is_none()
        {
            doubts.push(format!(
                "cookies and tokens come to {address} in clear text: set `tls`, or listen on loopback"
            ));
        }
        doubts
    }
}

/// Whether a variable looks like a setting's, and is none.
fn is_none_of_ours(name: &str) -> bool {
    name.starts_with(PREFIX)
        && name != "PORTCULLIS_CONFIG"
        && !OF_KUBERNETES.iter().any(|start| name.starts_with(start))
        && !SETTINGS.iter().any(|setting| setting.variable() == name)
}
