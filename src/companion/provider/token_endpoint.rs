//! The token endpoint (RFC 6749 sections 3.2 and 5), by the library: redeems authorization codes
//! and refresh tokens.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreGenderClaim, CoreIdToken, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AuthUrl, AuthorizationCode, ClientSecret, EmptyAdditionalClaims, EndpointNotSet,
    EndpointSet, JsonWebKeySet, OAuth2TokenResponse, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, TokenResponse as OidcTokenResponse, TokenUrl,
};
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use super::attempt::Attempt;
use super::error::{ErrorCode, TokenEndpointError};
use super::http::{HttpClient, TokenFetchError};
use super::metadata::Metadata;
use super::secret::Secret;
use super::settings::RelyingParty;

/// The library's client, with our own response type.
pub(super) type Client = openidconnect::Client<
    EmptyAdditionalClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    ErrorResponse,
    TokenResponse,
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

/// An error response (RFC 6749 section 5.2). The library's own type rejects it for what its
/// `error_description` is.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct ErrorResponse {
    error: String,
}

impl openidconnect::ErrorResponse for ErrorResponse {}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ErrorCode::new(&self.error).fmt(f)
    }
}

/// A token response (RFC 6749 section 5.1).
///
/// The library's own type rejects a whole response for what its ID token says, and then can't say
/// why. No token in it is ever serialized, though the library requires `Serialize`.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct TokenResponse {
    #[serde(skip_serializing)]
    access_token: AccessToken,
    #[serde(deserialize_with = "bearer")]
    token_type: CoreTokenType,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default, skip_serializing)]
    refresh_token: Option<RefreshToken>,
    #[serde(default, skip_serializing)]
    id_token: Option<RawIdToken>,
}

/// An ID token as it was received, and as the library parses it, where it can.
pub(super) struct RawIdToken {
    text: Secret,
    token: Option<CoreIdToken>,
}

/// The library's client for a provider, with the client secret where there is one.
pub(super) fn client(
    relying_party: &RelyingParty,
    metadata: &Metadata,
    secret: Option<&Secret>,
) -> Client {
    let (id, issuer) = (
        relying_party.client_id.clone(),
        relying_party.issuer.clone(),
    );
    let client = openidconnect::Client::new(id, issuer, JsonWebKeySet::default())
        .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
        .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()))
        .set_auth_type(metadata.auth_type.clone());
    match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
        None => client,
    }
}

/// Redeems the authorization code of an attempt.
pub(super) async fn redeem(
    client: &Client,
    http: &HttpClient,
    code: &Secret,
    attempt: &Attempt,
    redirect_uri: &Url,
) -> Result<TokenResponse, TokenEndpointError> {
    let redirect_uri = RedirectUrl::from_url(redirect_uri.clone());
    client
        .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier.expose().to_owned()))
        .set_redirect_uri(Cow::Owned(redirect_uri))
        .request_async(http)
        .await
        .map_err(token_error)
}

/// Redeems a refresh token.
pub(super) async fn refresh(
    client: &Client,
    http: &HttpClient,
    token: &Secret,
) -> Result<TokenResponse, TokenEndpointError> {
    let token = RefreshToken::new(token.expose().to_owned());
    client
        .exchange_refresh_token(&token)
        .request_async(http)
        .await
        .map_err(token_error)
}

/// Converts the library's error. Its text is dropped, because it quotes responses.
fn token_error(error: RequestTokenError<TokenFetchError, ErrorResponse>) -> TokenEndpointError {
    match error {
        RequestTokenError::Request(TokenFetchError::Fetch(error)) => {
            TokenEndpointError::Fetch(error)
        }
        RequestTokenError::Request(TokenFetchError::NoTokens(code)) => {
            TokenEndpointError::NoTokens(code)
        }
        RequestTokenError::ServerResponse(response) => {
            TokenEndpointError::Refused(ErrorCode::new(&response.error))
        }
        RequestTokenError::Parse(error, _) => {
            let path = error.path().to_string();
            let members = [
                "access_token",
                "error",
                "expires_in",
                "id_token",
                "refresh_token",
                "token_type",
            ];
            let member = members.into_iter().find(|name| *name == path);
            TokenEndpointError::Response(member.unwrap_or("a required member is missing"))
        }
        RequestTokenError::Other(_) => {
            TokenEndpointError::Response("it is empty or not application/json")
        }
    }
}

// === impl TokenResponse ===

impl TokenResponse {
    pub(super) fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    /// How long the access token is valid.
    pub(super) fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(Duration::from_secs)
    }

    pub(super) fn refresh_token(&self) -> Option<Secret> {
        self.refresh_token
            .as_ref()
            .map(|token| Secret::new(token.secret().clone()))
    }

    pub(super) fn id_token(&self) -> Option<&RawIdToken> {
        self.id_token.as_ref()
    }
}

impl OAuth2TokenResponse for TokenResponse {
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
    OidcTokenResponse<
        EmptyAdditionalClaims,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    > for TokenResponse
{
    fn id_token(&self) -> Option<&CoreIdToken> {
        self.id_token.as_ref()?.library()
    }
}

/// `Bearer`, in upper or lower case: no other access token can be used (RFC 6749 section 7.1).
fn bearer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CoreTokenType, D::Error> {
    let kind = String::deserialize(deserializer)?;
    if kind.eq_ignore_ascii_case("bearer") {
        Ok(CoreTokenType::Bearer)
    } else {
        Err(serde::de::Error::custom("not Bearer"))
    }
}

// === impl RawIdToken ===

impl RawIdToken {
    pub(super) fn new(text: Secret) -> Self {
        let token = CoreIdToken::from_str(text.expose()).ok();
        Self { text, token }
    }

    /// The token as it was received.
    pub(super) fn text(&self) -> &Secret {
        &self.text
    }

    /// The token as the library parses it; `None` where it can't.
    pub(super) fn library(&self) -> Option<&CoreIdToken> {
        self.token.as_ref()
    }
}

impl<'de> Deserialize<'de> for RawIdToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(Secret::new(text)))
    }
}

impl fmt::Debug for RawIdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawIdToken")
    }
}
