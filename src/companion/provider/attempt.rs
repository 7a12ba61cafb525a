//! A sign-in attempt: the authorization request, and what to remember until the callback.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::CoreResponseType;
use openidconnect::{AuthenticationFlow, CsrfToken, Nonce, PkceCodeChallenge, RedirectUrl};
use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use url::Url;

use super::secret::Secret;
use super::settings::RelyingParty;
use super::token_endpoint::Client;

/// How long a sign-in attempt may take.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// What is remembered of a sign-in attempt, sealed and bound to the browser, until the callback.
///
/// `state` binds the callback to this browser, `nonce` the ID token to this attempt, and `verifier`
/// the authorization code (PKCE, RFC 7636). Each is new and has at least 128 random bits.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Attempt {
    pub(super) provider: String,
    /// The hash of the `state`, which is long if it contains the redirect target.
    #[serde(rename = "state")]
    state_hash: Secret,
    pub(super) nonce: Secret,
    pub(super) verifier: Secret,
    /// Seconds since the epoch.
    pub(super) began: u64,
}

impl Attempt {
    /// A new attempt with this `state`, and the URL of its authorization request.
    pub(super) fn begin(
        relying_party: &RelyingParty,
        client: &Client,
        redirect_uri: &Url,
        state: &Secret,
        now: Timestamp,
    ) -> (Url, Self) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let redirect_uri = RedirectUrl::from_url(redirect_uri.clone());
        let csrf_token = CsrfToken::new(state.expose().to_owned());
        let mut request = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                move || csrf_token,
                Nonce::new_random,
            )
            .add_scopes(relying_party.scopes.clone())
            .set_pkce_challenge(challenge)
            .set_redirect_uri(Cow::Borrowed(&redirect_uri));
        for (name, value) in &relying_party.authorize_params {
            request = request.add_extra_param(name, value);
        }
        let (url, _, nonce) = request.url();
        let attempt = Self {
            provider: relying_party.name.clone(),
            state_hash: Secret::new(hash_of(state.expose())),
            nonce: Secret::new(nonce.secret().clone()),
            verifier: Secret::new(verifier.into_secret()),
            began: now.secs(),
        };
        (url, attempt)
    }

    /// A `state` for a sign-out at the provider.
    pub(crate) fn random_state() -> Secret {
        Secret::new(CsrfToken::new_random().into_secret())
    }

    /// The id of this attempt, see [`Attempt::id_of`].
    pub(crate) fn id(&self) -> String {
        id_of_hash(self.state_hash.expose())
    }

    /// Whether this is the `state` of the attempt.
    pub(super) fn has_state(&self, state: &Secret) -> bool {
        self.state_hash.is(&hash_of(state.expose()))
    }

    /// The id of the attempt that a `state` belongs to, which names its cookie, so that several
    /// tabs can sign in at once. Sixteen characters that do not reveal the `state`.
    pub(crate) fn id_of(state: &str) -> String {
        id_of_hash(&hash_of(state))
    }

    /// Whether the attempt has expired, or is from the future, which only another clock can cause.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        let began = Timestamp::from_secs(self.began);
        now.since(began) > MAX_AGE || began.since(now) > MAX_AGE
    }
}

fn hash_of(state: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(state))
}

fn id_of_hash(hash: &str) -> String {
    hash.chars().take(16).collect()
}
