//! The settings of one provider.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use openidconnect::{ClientId, IssuerUrl, Scope};
use portcullis_core::token::Algorithm;
use url::Url;

use super::http::CaError;
use super::issuer::{Issuer, TENANT_PLACEHOLDER};
use super::proxy::{ProxyError, ProxySettings};
use super::secret::SecretFileError;

/// One provider, as configured.
#[derive(Clone, Debug)]
pub(crate) struct ProviderSettings {
    /// The first part of every caller of this provider, and the `provider` of `/oauth2/start`.
    pub(crate) name: String,
    /// The issuer, byte for byte as in `iss`. With `tenants`, a template.
    pub(crate) issuer: String,
    /// The OAuth client ID.
    pub(crate) client_id: String,
    /// How the client authenticates at the token endpoint.
    pub(crate) client_authentication: ClientAuthentication,
    /// Further audiences of ID tokens and logout tokens that are trusted.
    pub(crate) audiences: Vec<String>,
    /// The scopes to request. `openid` is always requested.
    pub(crate) scopes: Vec<String>,
    /// The claim with the user's groups: a path of member names.
    pub(crate) groups_claim: Vec<String>,
    /// Whether email addresses count without `email_verified`.
    pub(crate) trust_unverified_email: bool,
    /// The CA certificates (PEM) to trust instead of the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// The URL of the metadata; `None` where the issuer says.
    pub(crate) discovery: Option<Url>,
    /// The accepted signature algorithms of ID tokens and logout tokens; `None` for those of the
    /// metadata.
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    /// The accepted tenants, by their IDs, which replace [`TENANT_PLACEHOLDER`] in `issuer`.
    pub(crate) tenants: Vec<String>,
    /// Parameters that are added to the authorization request. None of them is one of the protocol.
    pub(crate) authorize_params: Vec<(String, String)>,
    /// Where users are signed out at the provider.
    pub(crate) end_session: EndSessionEndpoint,
    /// How long a request may take, and all requests of a refresh together.
    pub(crate) timeout: Duration,
    /// The proxy for requests to the provider.
    pub(crate) proxy: Option<ProxySettings>,
}

/// How the client authenticates at the token endpoint. The files are read for each use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ClientAuthentication {
    /// With the JWT in this file (RFC 7523 section 2.2).
    Assertion(PathBuf),
    /// Not at all: a public client, whose authorization codes only PKCE protects.
    None,
    /// With the secret in this file.
    Secret(PathBuf),
}

/// Where users are signed out at the provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum EndSessionEndpoint {
    /// At the `end_session_endpoint` of the metadata, if there is one (OpenID Connect RP-Initiated
    /// Logout 1.0).
    Discovered,
    /// Nowhere.
    None,
    /// At this https URL, by a GET without further parameters.
    Url(String),
}

/// Why settings are invalid. Each names the setting and how to fix it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ProviderSettingsError {
    /// `ca_file` can't be used, or the system has no CA certificates.
    #[error("ca_file: {0}")]
    CaFile(#[from] CaError),
    /// A value is empty.
    #[error("{0}: must not be empty")]
    Empty(&'static str),
    /// The issuer is not a valid issuer URL (OpenID Connect Discovery 1.0 section 2).
    #[error(
        "issuer: must be an https URL without user information, query or fragment, \
         such as https://gitlab.example.com"
    )]
    Issuer,
    /// The client assertion can't be read.
    #[error("client_assertion_file: {0}")]
    Assertion(SecretFileError),
    /// The proxy can't be used.
    #[error("proxy: {0}")]
    Proxy(#[from] ProxyError),
    /// The client secret can't be read.
    #[error("client_secret_file: {0}")]
    Secret(SecretFileError),
    /// `tenants` without a template as the issuer, or a template without tenants.
    #[error(
        "tenants: required for an issuer with {TENANT_PLACEHOLDER}, and only for such an issuer"
    )]
    Tenants,
}

/// The relying party at one provider: the settings after validation.
#[derive(Debug)]
pub(super) struct RelyingParty {
    pub(super) name: String,
    pub(super) issuer: Issuer,
    pub(super) client_id: ClientId,
    pub(super) audiences: Vec<String>,
    pub(super) scopes: Vec<Scope>,
    pub(super) groups_claim: Vec<String>,
    pub(super) trust_unverified_email: bool,
    pub(super) has_secret: bool,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) authorize_params: Vec<(String, String)>,
    pub(super) end_session: EndSessionEndpoint,
    discovery: Option<Url>,
}

impl ProviderSettings {
    /// The default of `timeout`.
    pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

    /// A public client of a provider, with the defaults of all other settings and no proxy.
    pub(crate) fn new(name: &str, issuer: &str, client_id: &str) -> Self {
        Self {
            name: name.to_owned(),
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            client_authentication: ClientAuthentication::None,
            audiences: Vec::new(),
            scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
            groups_claim: vec!["groups".to_owned()],
            trust_unverified_email: false,
            ca_file: None,
            discovery: None,
            algorithms: None,
            tenants: Vec::new(),
            authorize_params: Vec::new(),
            end_session: EndSessionEndpoint::Discovered,
            timeout: Self::TIMEOUT,
            proxy: None,
        }
    }

    /// Validates the settings.
    pub(super) fn relying_party(&self) -> Result<RelyingParty, ProviderSettingsError> {
        let groups_claim = &self.groups_claim;
        for (name, empty) in [
            ("name", self.name.is_empty()),
            ("client_id", self.client_id.is_empty()),
            ("audiences", self.audiences.iter().any(String::is_empty)),
            ("scopes", self.scopes.iter().any(String::is_empty)),
            (
                "groups_claim",
                groups_claim.is_empty() || groups_claim.iter().any(String::is_empty),
            ),
        ] {
            if empty {
                return Err(ProviderSettingsError::Empty(name));
            }
        }
        let plain = https_url(&self.issuer).is_some_and(|url| url.query().is_none());
        let issuer =
            IssuerUrl::new(self.issuer.clone()).map_err(|_| ProviderSettingsError::Issuer)?;
        if !plain {
            return Err(ProviderSettingsError::Issuer);
        }
        if self.tenants.is_empty() == self.issuer.contains(TENANT_PLACEHOLDER) {
            return Err(ProviderSettingsError::Tenants);
        }
        // The library requests `openid` by itself.
        let scopes = self.scopes.iter().filter(|scope| *scope != "openid");
        Ok(RelyingParty {
            name: self.name.clone(),
            issuer: Issuer::new(issuer, self.tenants.clone()),
            client_id: ClientId::new(self.client_id.clone()),
            audiences: self.audiences.clone(),
            scopes: scopes.cloned().map(Scope::new).collect(),
            groups_claim: groups_claim.clone(),
            trust_unverified_email: self.trust_unverified_email,
            has_secret: matches!(self.client_authentication, ClientAuthentication::Secret(_)),
            algorithms: self.algorithms.clone(),
            authorize_params: self.authorize_params.clone(),
            end_session: self.end_session.clone(),
            discovery: self.discovery.clone(),
        })
    }
}

impl RelyingParty {
    /// The URL of the metadata, as configured or else by OpenID Connect Discovery 1.0 section 4: the
    /// issuer without a trailing slash, and the well-known path.
    pub(super) fn discovery_url(&self) -> Option<Url> {
        if let Some(url) = &self.discovery {
            return https_url(url.as_str());
        }
        let issuer = self.issuer.url().as_str();
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        https_url(&format!("{base}/.well-known/openid-configuration"))
    }
}

/// An https URL with a host and without user information or fragment. The `url` crate drops tabs
/// and line breaks silently, so everything but visible ASCII is rejected first.
pub(super) fn https_url(text: &str) -> Option<Url> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    let url = Url::parse(text).ok().filter(|_| visible)?;
    let plain = url.scheme() == "https"
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    plain.then_some(url)
}
