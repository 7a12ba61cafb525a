//! A relying party as registered at a provider.

use serde_json::{Value, json};

use crate::lab::secrets;

/// A client that may use codes and refresh tokens.
#[derive(Clone, Debug)]
pub struct Client(Value);

impl Client {
    /// A client with a secret, accepted in the header or in the form.
    #[must_use]
    pub fn new(id: &str, secret: &str) -> Self {
        secrets::register("a client's secret", secret);
        Self(json!({
            "client_id": id,
            "client_secret": secret,
            "redirect_uris": [],
            "post_logout_redirect_uris": [],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
        }))
    }

    /// Adds a redirect URI.
    #[must_use]
    pub fn redirect(self, uri: &str) -> Self {
        self.push("redirect_uris", uri)
    }

    /// Adds a post-logout redirect URI.
    #[must_use]
    pub fn post_logout(self, uri: &str) -> Self {
        self.push("post_logout_redirect_uris", uri)
    }

    /// Sets the URI that receives logout tokens.
    #[must_use]
    pub fn backchannel(self, uri: &str) -> Self {
        self.with("backchannel_logout_uri", uri)
            .with("backchannel_logout_session_required", true)
    }

    /// Sets any other member of OpenID Connect Dynamic Client Registration 1.0, section 2, such as
    /// `id_token_signed_response_alg` (default RS256, or ES256).
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0[name] = value.into();
        self
    }

    pub(super) fn metadata(self) -> Value {
        self.0
    }

    fn push(mut self, name: &str, uri: &str) -> Self {
        if let Some(list) = self.0[name].as_array_mut() {
            list.push(json!(uri));
        }
        self
    }
}
