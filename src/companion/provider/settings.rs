//! What the operator says of one provider.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use openidconnect::{ClientId, IssuerUrl, Scope};
use url::Url;

use super::http::TrustError;
use super::secret::SecretFileError;

/// One provider, as the configuration names it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The first word of every caller from here, and the `provider` of `/oauth2/start`.
    pub(crate) name: String,
    /// What the provider calls itself in `iss`, byte for byte.
    pub(crate) issuer: String,
    /// The name under which the provider knows us.
    pub(crate) client_id: String,
    /// Where our secret at the provider stands, which is read again whenever it is needed; `None`
    /// for a public client, whose codes PKCE alone protects.
    pub(crate) client_secret_file: Option<PathBuf>,
    /// What to ask for. `openid` is asked for even where it is not listed.
    pub(crate) scopes: Vec<String>,
    /// Where a person's groups stand among the claims: a path of member names.
    pub(crate) groups_claim: Vec<String>,
    /// The certificates (PEM) of the only authorities that may vouch for the provider's servers;
    /// `None` means the system's.
    pub(crate) ca_file: Option<PathBuf>,
}

/// What is wrong with the settings of a provider. Each names the place and how to fix it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum SettingsError {
    /// `ca_file` can't be used, or the system has no authorities.
    #[error("ca_file: {0}")]
    Authorities(#[from] TrustError),
    /// Nothing stands where something must.
    #[error("{0}: it is empty; leave it out or name something")]
    Empty(&'static str),
    /// The issuer is no URL that a provider may have (OpenID Connect Discovery, section 2).
    #[error(
        "issuer: must be an https URL without user information, query or fragment, \
         such as https://gitlab.example.com"
    )]
    Issuer,
    /// The client's secret can't be read.
    #[error("client_secret_file: {0}")]
    Secret(#[from] SecretFileError),
}

/// Who we are, and at whose: the settings once they were judged.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) name: String,
    pub(super) issuer: IssuerUrl,
    pub(super) client_id: ClientId,
    pub(super) scopes: Vec<Scope>,
    pub(super) groups_claim: Vec<String>,
    pub(super) has_secret: bool,
}

impl Settings {
    /// Judges the settings.
    pub(super) fn party(&self) -> Result<Party, SettingsError> {
        let groups_claim = &self.groups_claim;
        for (place, empty) in [
            ("name", self.name.is_empty()),
            ("client_id", self.client_id.is_empty()),
            ("scopes", self.scopes.iter().any(String::is_empty)),
            (
                "groups_claim",
                groups_claim.is_empty() || groups_claim.iter().any(String::is_empty),
            ),
        ] {
            if empty {
                return Err(SettingsError::Empty(place));
            }
        }
        let plain = https_url(&self.issuer).is_some_and(|url| url.query().is_none());
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(|_| SettingsError::Issuer)?;
        if !plain {
            return Err(SettingsError::Issuer);
        }
        // The library asks for `openid` by itself.
        let scopes = self.scopes.iter().filter(|scope| *scope != "openid");
        Ok(Party {
            name: self.name.clone(),
            issuer,
            client_id: ClientId::new(self.client_id.clone()),
            scopes: scopes.cloned().map(Scope::new).collect(),
            groups_claim: groups_claim.clone(),
            has_secret: self.client_secret_file.is_some(),
        })
    }
}

impl Party {
    /// Where discovery is: the issuer, less one slash at its end, and the well-known path
    /// (OpenID Connect Discovery, section 4).
    pub(super) fn discovery_url(&self) -> Option<Url> {
        let base = self.issuer.strip_suffix('/').unwrap_or(&self.issuer);
        https_url(&format!("{base}/.well-known/openid-configuration"))
    }
}

/// An https URL with a host and without user information or fragment. The `url` crate drops tabs
/// and line breaks without a word, so whatever is not visible ASCII is refused before it looks.
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
