//! Signing out at the provider too (OpenID Connect RP-Initiated Logout 1.0 section 2).

use url::Url;

use super::metadata::Metadata;
use super::secret::Secret;
use super::settings::{EndSessionEndpoint, RelyingParty, https_url};
use super::tokens::ProviderTokens;

/// How the browser signs out at the provider.
#[derive(Clone, Debug)]
pub(crate) enum EndSession {
    /// By posting a form. In a URL the ID token would end up in histories and logs; providers must
    /// support both (section 2).
    Form(EndSessionForm),
    /// By visiting the configured URL, which has no parameters but its own.
    Visit(String),
}

/// A form that the browser posts to the provider.
#[derive(Clone, Debug)]
pub(crate) struct EndSessionForm {
    /// The URL that it is posted to.
    pub(crate) action: Url,
    /// Its hidden fields.
    pub(crate) fields: Vec<(&'static str, Secret)>,
}

impl EndSession {
    /// The sign-out of a session; `None` where the provider has no end session endpoint, or none is
    /// to be used.
    pub(super) fn new(
        relying_party: &RelyingParty,
        metadata: Option<&Metadata>,
        tokens: &ProviderTokens,
        post_logout_redirect_uri: &Url,
        state: &str,
    ) -> Option<Self> {
        let action = match &relying_party.end_session {
            EndSessionEndpoint::Discovered => metadata?.end_session_endpoint.clone()?,
            EndSessionEndpoint::None => return None,
            EndSessionEndpoint::Url(url) => return Some(Self::Visit(url.clone())),
        };
        let mut fields = vec![
            ("client_id", Secret::new(relying_party.client_id.as_str())),
            (
                "post_logout_redirect_uri",
                Secret::new(post_logout_redirect_uri.as_str()),
            ),
            ("state", Secret::new(state)),
        ];
        if let Some(token) = &tokens.id_token {
            fields.insert(0, ("id_token_hint", token.clone()));
        }
        Some(Self::Form(EndSessionForm { action, fields }))
    }

    /// The origin where users are signed out; `None` where they are not.
    pub(super) fn origin(
        relying_party: &RelyingParty,
        metadata: Option<&Metadata>,
    ) -> Option<String> {
        let url = match &relying_party.end_session {
            EndSessionEndpoint::Discovered => metadata?.end_session_endpoint.clone()?,
            EndSessionEndpoint::None => return None,
            EndSessionEndpoint::Url(url) => https_url(url)?,
        };
        Some(url.origin().ascii_serialization())
    }
}
