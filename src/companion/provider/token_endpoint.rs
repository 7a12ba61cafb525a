//! The token endpoint (RFC 6749, sections 3.2 and 5), by way of the library: codes and refresh
//! tokens go in, tokens come out.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreIdToken,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AuthUrl, AuthorizationCode, ClientSecret, EmptyAdditionalClaims, EndpointNotSet,
    EndpointSet, JsonWebKeySet, OAuth2TokenResponse, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, StandardErrorResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use super::attempt::Attempt;
use super::error::{ErrorCode, TokenError};
use super::http::{FetchError, HttpClient};
use super::metadata::Metadata;
use super::secret::Secret;
use super::settings::Party;

/// The library's client, with answers of our own form.
pub(super) type Client = openidconnect::Client<
    EmptyAdditionalClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    Refusal,
    Answer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

type Refusal = StandardErrorResponse<CoreErrorResponseType>;

/// The tokens that a code or a refresh token bought.
///
/// The library's own type refuses a whole answer for what its ID token says, and then can't tell
/// why. None of it is ever written out, whatever the library asks of the type.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Answer {
    #[serde(skip_serializing)]
    access_token: AccessToken,
    #[serde(deserialize_with = "bearer")]
    token_type: CoreTokenType,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default, skip_serializing)]
    refresh_token: Option<RefreshToken>,
    #[serde(default, skip_serializing)]
    id_token: Option<IdTokenText>,
}

/// An ID token as it came, and as the library reads it, where it can.
pub(super) struct IdTokenText {
    text: Secret,
    token: Option<CoreIdToken>,
}

/// The library's client for a provider, with our secret there, where we have one and it is needed.
pub(super) fn client(party: &Party, metadata: &Metadata, secret: Option<&Secret>) -> Client {
    let (id, issuer) = (party.client_id.clone(), party.issuer.clone());
    let client = openidconnect::Client::new(id, issuer, JsonWebKeySet::default())
        .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
        .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()))
        .set_auth_type(metadata.auth_type.clone());
    match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
        None => client,
    }
}

/// Redeems the code of an attempt.
pub(super) async fn redeem(
    client: &Client,
    http: &HttpClient,
    code: &Secret,
    attempt: &Attempt,
    redirect_uri: &Url,
) -> Result<Answer, TokenError> {
    let redirect_uri = RedirectUrl::from_url(redirect_uri.clone());
    client
        .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier.expose().to_owned()))
        .set_redirect_uri(Cow::Owned(redirect_uri))
        .request_async(http)
        .await
        .map_err(fault)
}

/// Redeems a refresh token.
pub(super) async fn refresh(
    client: &Client,
    http: &HttpClient,
    token: &Secret,
) -> Result<Answer, TokenError> {
    let token = RefreshToken::new(token.expose().to_owned());
    client
        .exchange_refresh_token(&token)
        .request_async(http)
        .await
        .map_err(fault)
}

/// What the library's error means. Its text is left alone, because it quotes answers.
fn fault(error: RequestTokenError<FetchError, Refusal>) -> TokenError {
    match error {
        RequestTokenError::Request(error) => TokenError::Fetch(error),
        RequestTokenError::ServerResponse(refusal) => {
            TokenError::Refused(ErrorCode::new(refusal.error().as_ref()))
        }
        RequestTokenError::Parse(error, _) => {
            let place = error.path().to_string();
            let known = [
                "access_token",
                "error",
                "expires_in",
                "id_token",
                "refresh_token",
                "token_type",
            ];
            let place = known.into_iter().find(|name| *name == place);
            TokenError::Answer(place.unwrap_or("a member that must be there is missing"))
        }
        RequestTokenError::Other(_) => TokenError::Answer("it is empty, or no application/json"),
    }
}

// === impl Answer ===

impl Answer {
    pub(super) fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    /// How long the access token is good.
    pub(super) fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(Duration::from_secs)
    }

    pub(super) fn refresh_token(&self) -> Option<Secret> {
        self.refresh_token
            .as_ref()
            .map(|token| Secret::new(token.secret().clone()))
    }

    pub(super) fn id_token(&self) -> Option<&IdTokenText> {
        self.id_token.as_ref()
    }
}

impl OAuth2TokenResponse for Answer {
    type TokenType = CoreTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &CoreTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in()
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

impl
    TokenResponse<
        EmptyAdditionalClaims,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    > for Answer
{
    fn id_token(&self) -> Option<&CoreIdToken> {
        self.id_token.as_ref()?.library()
    }
}

/// Bearer, in any case: no other kind of access token could be used (RFC 6749, section 7.1).
fn bearer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CoreTokenType, D::Error> {
    let kind = String::deserialize(deserializer)?;
    if kind.eq_ignore_ascii_case("bearer") {
        Ok(CoreTokenType::Bearer)
    } else {
        Err(serde::de::Error::custom("not Bearer"))
    }
}

// === impl IdTokenText ===

impl IdTokenText {
    pub(super) fn new(text: Secret) -> Self {
        let token = CoreIdToken::from_str(text.expose()).ok();
        Self { text, token }
    }

    /// The token as it came.
    pub(super) fn text(&self) -> &Secret {
        &self.text
    }

    /// The token as the library reads it; `None` where it can't.
    pub(super) fn library(&self) -> Option<&CoreIdToken> {
        self.token.as_ref()
    }
}

impl<'de> Deserialize<'de> for IdTokenText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(Secret::new(text)))
    }
}

impl fmt::Debug for IdTokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdTokenText")
    }
}
