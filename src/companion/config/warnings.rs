//! Warnings about a valid configuration that is probably a mistake. They are logged at the start.

use std::ffi::OsString;
use std::path::Path;

use crate::files::{WriteAccess, Writer};
use crate::manifests::PolicyFiles;
use crate::provider::ClientAuthentication;
use crate::session::StoreSettings;

use super::settings::SETTINGS;
use super::{Config, Listen, SignInSettings};

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

    /// Warnings about files that every user may change. `own` is the configuration file.
    pub(crate) fn file_warnings(&self, own: Option<&Path>) -> Vec<String> {
        let tls = self.tls.as_ref();
        // One warning about a folder, which probably holds for all of its files.
        let policy = PolicyFiles::paths(&self.policy);
        let mut policy = policy.iter().filter_map(|path| warning("policy", path));
        let policy = policy.next();
        let mut files = vec![("--config", own), ("tls.cert", tls.map(|tls| &*tls.cert))];
        for trust in self.trust.values() {
            files.push(("trust.*.ca_file", trust.ca_file.as_deref()));
            files.push(("trust.*.token_file", trust.token_file.as_deref()));
        }
        if let Some(SignInSettings {
            providers, session, ..
        }) = &self.sign_in
        {
            for provider in providers {
                match &provider.client_authentication {
                    ClientAuthentication::Assertion(file) => {
                        files.push(("providers[].client_assertion_file", Some(file)));
                    }
                    ClientAuthentication::None => {}
                    ClientAuthentication::Secret(file) => {
                        files.push(("providers[].client_secret_file", Some(file)));
                    }
                }
                files.push(("providers[].ca_file", provider.ca_file.as_deref()));
            }
            match &session.store {
                StoreSettings::Cookie { state_file } => {
                    files.push(("session.state_file", Some(state_file)));
                }
                // The store refuses a file that others may change.
                StoreSettings::File { .. } => {}
                StoreSettings::Redis(redis) => {
                    let password = redis.password_file.as_deref();
                    files.push(("session.redis.password_file", password));
                    let password = redis.sentinel_password_file.as_deref();
                    files.push(("session.redis.sentinel_password_file", password));
                    files.push(("session.redis.ca_file", redis.ca_file.as_deref()));
                }
            }
        }
        let warnings = files
            .into_iter()
            .filter_map(|(setting, path)| warning(setting, path?));
        policy.into_iter().chain(warnings).collect()
    }
}

/// A warning if every user may change the file. Group access is left to the operator: these files have no
/// key that forges sessions, and a group may own them on purpose (`fsGroup` in Kubernetes).
fn warning(setting: &str, path: &Path) -> Option<String> {
    let access = WriteAccess::of_others(path).ok()??;
    (access.writer() == Writer::Everyone).then(|| {
        let (path, help) = (path.display(), access.help());
        format!("{setting}: {path}: {access}; help: {help}")
    })
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
