//! The token endpoint (RFC 6749 sections 3.2 and 5), by the library: redeems authorization codes
//! and refresh tokens.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreGenderClaim, CoreIdToken, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientSecret, EmptyAdditionalClaims,
    EndpointNotSet, EndpointSet, JsonWebKeySet, OAuth2TokenResponse, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, Scope, TokenResponse as OidcTokenResponse, TokenUrl,
};
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use super::attempt::Attempt;
use super::error::{ErrorCode, TokenEndpointError};
use super::http::{HttpClient, TokenFetchError};
use super::metadata::Metadata;
use super::secret::Secret;
use super::settings::RelyingParty;

/// RFC 7523 section 2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What is wrong with a response without tokens, or without their type.
const MISSING: &str = "a required member is missing";

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

/// A token response (RFC 6749 section 5.1), as far as it is used here. Members that are null or an empty
/// string are missing.
///
/// The library's own type rejects a whole response for what its ID token says, and then can't say
/// why. Nothing in it is ever serialized, though the library requires `Serialize`.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct TokenResponse {
    #[serde(default, deserialize_with = "secret", skip_serializing)]
    access_token: Option<Secret>,
    #[serde(default, deserialize_with = "text")]
    token_type: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
    #[serde(default, deserialize_with = "secret", skip_serializing)]
    refresh_token: Option<Secret>,
    #[serde(default, deserialize_with = "secret", skip_serializing)]
    id_token: Option<Secret>,
    /// For the library, which requires one and does not use it.
    #[serde(default = "no_access_token", skip)]
    library: AccessToken,
}

/// The library's client for a provider, with the client secret where there is one.
pub(super) fn client(
    relying_party: &RelyingParty,
    metadata: &Metadata,
    auth_type: AuthType,
    secret: Option<&Secret>,
) -> Client {
    let (id, issuer) = (
        relying_party.client_id.clone(),
        relying_party.issuer.url().clone(),
    );
    let client = openidconnect::Client::new(id, issuer, JsonWebKeySet::default())
        .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
        .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()))
        .set_auth_type(auth_type);
    match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
        None => client,
    }
}

/// The fields that authenticate the client by an assertion.
fn assertion_fields(assertion: Option<&Secret>) -> impl Iterator<Item = (&str, &str)> {
    let fields = assertion.map(|assertion| {
        [
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", assertion.expose()),
        ]
    });
    fields.into_iter().flatten()
}

/// What a token request redeems.
pub(super) enum Grant<'a> {
    /// The authorization code of an attempt.
    Code {
        code: &'a Secret,
        attempt: &'a Attempt,
        redirect_uri: &'a Url,
    },
    /// A refresh token.
    RefreshToken(&'a Secret),
}

/// Redeems a code or a refresh token. An assertion authenticates the client if it has no secret.
pub(super) async fn redeem(
    client: &Client,
    assertion: Option<&Secret>,
    http: &HttpClient,
    grant: &Grant<'_>,
) -> Result<TokenResponse, TokenEndpointError> {
    let response = match grant {
        Grant::Code {
            code,
            attempt,
            redirect_uri,
        } => {
            let redirect_uri = RedirectUrl::from_url((*redirect_uri).clone());
            let mut request = client
                .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
                .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier.expose().to_owned()))
                .set_redirect_uri(Cow::Owned(redirect_uri));
            for (name, value) in assertion_fields(assertion) {
                request = request.add_extra_param(name, value);
            }
            request.request_async(http).await
        }
        Grant::RefreshToken(token) => {
            let token = RefreshToken::new(token.expose().to_owned());
            let mut request = client.exchange_refresh_token(&token);
            for (name, value) in assertion_fields(assertion) {
                request = request.add_extra_param(name, value);
            }
            request.request_async(http).await
        }
    };
    response.map_err(token_error)?.checked()
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
            TokenEndpointError::Response(member.unwrap_or(MISSING))
        }
        RequestTokenError::Other(_) => {
            TokenEndpointError::Response("it is empty or not application/json")
        }
    }
}

// === impl TokenResponse ===

impl TokenResponse {
    /// Rejects a response without usable tokens. Without an access token, its type does not matter:
    /// Azure AD B2C issues none where no scope of an API is requested.
    fn checked(self) -> Result<Self, TokenEndpointError> {
        let is_bearer = |kind: &String| kind.eq_ignore_ascii_case("bearer");
        match (&self.access_token, &self.id_token) {
            (None, None) => Err(TokenEndpointError::Response(MISSING)),
            (None, Some(_)) => Ok(self),
            // No other access token can be used (RFC 6749 section 7.1).
            (Some(_), _) if self.token_type.as_ref().is_some_and(is_bearer) => Ok(self),
            (Some(_), _) if self.token_type.is_none() => Err(TokenEndpointError::Response(MISSING)),
            (Some(_), _) => Err(TokenEndpointError::Response("token_type")),
        }
    }

    /// The access token, if there is one.
    pub(super) fn access_token(&self) -> Option<&Secret> {
        self.access_token.as_ref()
    }

    /// How long the access token is valid.
    pub(super) fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(Duration::from_secs)
    }

    pub(super) fn refresh_token(&self) -> Option<&Secret> {
        self.refresh_token.as_ref()
    }

    pub(super) fn id_token(&self) -> Option<&Secret> {
        self.id_token.as_ref()
    }
}

impl OAuth2TokenResponse for TokenResponse {
    type TokenType = CoreTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.library
    }

    fn token_type(&self) -> &CoreTokenType {
        &CoreTokenType::Bearer
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in()
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        None
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
        None
    }
}

fn no_access_token() -> AccessToken {
    AccessToken::new(String::new())
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(text(deserializer)?.map(Secret::new))
}

/// Whole seconds. Some providers write a string, or a number with a fraction.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Integer(u64),
        Number(f64),
        Text(String),
    }
    let seconds = match Option::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Seconds::Integer(seconds)) => Some(seconds),
        Some(Seconds::Number(seconds)) => whole(seconds),
        Some(Seconds::Text(text)) => match text.trim() {
            "" => return Ok(None),
            text if text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.') =>
            {
                text.parse().ok().and_then(whole)
            }
            _ => None,
        },
    };
    let invalid = || serde::de::Error::custom("not a number of seconds");
    seconds.map(Some).ok_or_else(invalid)
}

/// The seconds without their fraction; `None` if they are negative or not a time.
fn whole(seconds: f64) -> Option<u64> {
    let span = Duration::try_from_secs_f64(seconds);
    span.map(|span| span.as_secs()).ok()
}
