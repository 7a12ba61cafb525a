//! Signing out at the provider too (OpenID Connect RP-Initiated Logout 1.0 section 2).

use url::Url;

use super::metadata::Metadata;
use super::secret::Secret;
use super::settings::RelyingParty;
use super::tokens::ProviderTokens;

/// A form that the browser posts to the provider. In a URL the ID token would end up in histories
/// and logs; providers must support both (section 2).
#[derive(Clone, Debug)]
pub(crate) struct EndSession {
    /// The URL that it is posted to.
    pub(crate) action: Url,
    /// Its hidden fields.
    pub(crate) fields: Vec<(&'static str, Secret)>,
}

impl EndSession {
    /// The form for a session; `None` where the provider has no end session endpoint.
    pub(super) fn new(
        relying_party: &RelyingParty,
        metadata: &Metadata,
        tokens: &ProviderTokens,
        post_logout_redirect_uri: &Url,
        state: &str,
    ) -> Option<Self> {
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
        Some(Self {
            action: metadata.end_session_endpoint.clone()?,
            fields,
        })
    }
}
