//! The HTTP proxy for requests to a provider.

use reqwest::NoProxy;
use url::Url;

use super::secret::Secret;

/// An HTTP proxy, through which TLS connections to the provider are tunnelled (RFC 9110 section
/// 9.3.6, CONNECT).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ProxySettings {
    /// Its URL, which may have a user and a password.
    url: Secret,
    /// The hosts that are reached directly, in the form of `NO_PROXY`.
    no_proxy: Option<String>,
}

/// It is not the URL of an HTTP proxy. Says nothing about it, because it may have a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not the URL of an HTTP proxy")]
pub(crate) struct ProxyError;

impl ProxySettings {
    /// Reads the URL of a proxy, with an optional user and password: `http`, or `https` for TLS to the
    /// proxy itself. `no_proxy` lists the hosts that are reached directly.
    pub(crate) fn parse(url: &str, no_proxy: Option<String>) -> Result<Self, ProxyError> {
        let visible = url.bytes().all(|byte| byte.is_ascii_graphic());
        let has_scheme = url.starts_with("http://") || url.starts_with("https://");
        let parsed = Url::parse(url).map_err(|_| ProxyError)?;
        let is_proxy = visible
            && has_scheme
            && parsed.has_host()
            && parsed.path() == "/"
            && parsed.query().is_none()
            && parsed.fragment().is_none();
        let settings = Self {
            url: Secret::new(url),
            no_proxy,
        };
        // The HTTP library must accept it too.
        if is_proxy && settings.to_reqwest().is_ok() {
            Ok(settings)
        } else {
            Err(ProxyError)
        }
    }

    /// The setting for the HTTP library. Its error may quote the URL, so it is dropped.
    pub(super) fn to_reqwest(&self) -> Result<reqwest::Proxy, ProxyError> {
        let proxy = reqwest::Proxy::https(self.url.expose()).map_err(|_| ProxyError)?;
        let no_proxy = self.no_proxy.as_deref().and_then(NoProxy::from_string);
        Ok(proxy.no_proxy(no_proxy))
    }
}
