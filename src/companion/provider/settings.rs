//! The settings of one provider.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use openidconnect::{ClientId, IssuerUrl, Scope};
use url::Url;

use super::http::CaError;
use super::secret::SecretFileError;

/// One provider, as configured.
#[derive(Clone, Debug)]
pub(crate) struct ProviderSettings {
    /// The first part of every caller of this provider, and the `provider` of `/oauth2/start`.
    pub(crate) name: String,
    /// The issuer, byte for byte as in `iss`.
    pub(crate) issuer: String,
    /// The OAuth client ID.
    pub(crate) client_id: String,
    /// The file of the client secret, read for each use; `None` for a public client, whose
    /// authorization codes only PKCE protects.
    pub(crate) client_secret_file: Option<PathBuf>,
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
    /// The client secret can't be read.
    #[error("client_secret_file: {0}")]
    Secret(#[from] SecretFileError),
}

/// The relying party at one provider: the settings after validation.
#[derive(Debug)]
pub(super) struct RelyingParty {
    pub(super) name: String,
    pub(super) issuer: IssuerUrl,
    pub(super) client_id: ClientId,
    pub(super) audiences: Vec<String>,
    pub(super) scopes: Vec<Scope>,
    pub(super) groups_claim: Vec<String>,
    pub(super) trust_unverified_email: bool,
    pub(super) has_secret: bool,
}

impl ProviderSettings {
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
        // The library requests `openid` by itself.
        let scopes = self.scopes.iter().filter(|scope| *scope != "openid");
        Ok(RelyingParty {
            name: self.name.clone(),
            issuer,
            client_id: ClientId::new(self.client_id.clone()),
            audiences: self.audiences.clone(),
            scopes: scopes.cloned().map(Scope::new).collect(),
            groups_claim: groups_claim.clone(),
            trust_unverified_email: self.trust_unverified_email,
            has_secret: self.client_secret_file.is_some(),
        })
    }
}

impl RelyingParty {
    /// The URL of the metadata: the issuer without a trailing slash, and the well-known path
    /// (OpenID Connect Discovery 1.0 section 4).
    pub(super) fn discovery_url(&self) -> Option<Url> {
        let base = self.issuer.strip_suffix('/').unwrap_or(&self.issuer);
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
