//! Envoy's admin interface.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use url::Url;

use super::super::check::{CheckId, Checks};
use crate::http_client;

/// The timeout of a response.
const TIMEOUT: Duration = Duration::from_secs(6);

/// The maximum size of a response: a configuration can have thousands of clusters.
const MAX_BYTES: usize = 256 << 20;

/// The oldest supported minor version of Envoy 1.
const OLDEST: u32 = 36;

/// The URL of an admin interface: `http`, a host and a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AdminUrl(Url);

/// It is not the URL of an admin interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected `http://`, a host and a port, such as `http://127.0.0.1:9901`")]
pub(crate) struct InvalidAdminUrl;

/// An admin interface that has responded.
#[derive(Debug)]
pub(super) struct Admin {
    client: Client,
    url: AdminUrl,
    info: Value,
}

impl FromStr for AdminUrl {
    type Err = InvalidAdminUrl;

    fn from_str(text: &str) -> Result<Self, InvalidAdminUrl> {
        let url = Url::parse(text).map_err(|_| InvalidAdminUrl)?;
        let is_plain = url.scheme() == "http"
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        is_plain.then_some(Self(url)).ok_or(InvalidAdminUrl)
    }
}

impl fmt::Display for AdminUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

// === impl Admin ===

impl Admin {
    /// Reads which server it is.
    pub(super) async fn connect(url: &AdminUrl) -> Result<Self, String> {
        let client = http_client::plain_client(TIMEOUT).map_err(|error| error.to_string())?;
        let mut admin = Self {
            client,
            url: url.clone(),
            info: Value::Null,
        };
        admin.info = admin.json("/server_info").await?;
        match admin.info["version"].as_str() {
            Some(_) => Ok(admin),
            None => Err("not Envoy's admin interface: `/server_info` has no version".to_owned()),
        }
    }

    /// Reports its version and its state.
    pub(super) fn report(&self, checks: &Checks) {
        let id = CheckId::EnvoyAdmin;
        // `COMMIT/VERSION/…`.
        let version = self.info["version"].as_str().unwrap_or_default();
        let version = version.split('/').nth(1).unwrap_or(version);
        let state = self.info["state"].as_str().unwrap_or("unknown");
        let detail = format!("Envoy {version} at {}, state {state}", self.url);
        let minor = version
            .strip_prefix("1.")
            .and_then(|rest| rest.split('.').next());
        let minor = minor.and_then(|minor| minor.parse::<u32>().ok());
        if state != "LIVE" {
            checks.warning(id, &detail, "see Envoy's log for what it waits for");
        } else if minor.is_some_and(|minor| minor < OLDEST) {
            checks.warning(id, &detail, &format!("use Envoy 1.{OLDEST} or later"));
        } else {
            checks.ok(id, &detail);
        }
    }

    /// The JSON at a path.
    pub(super) async fn json(&self, path: &str) -> Result<Value, String> {
        let response = self.client.get(format!("{}{path}", self.url)).send().await;
        let response = response.map_err(|error| http_client::root_cause(&error.without_url()))?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("{path}: unexpected status {}", status.as_u16()));
        }
        let body = http_client::body(response, MAX_BYTES).await;
        let body = body.map_err(|error| format!("{path}: {}", http_client::root_cause(&error)))?;
        serde_json::from_slice(&body).map_err(|_| format!("{path}: the response is not JSON"))
    }
}
