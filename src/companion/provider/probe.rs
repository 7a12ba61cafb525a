//! Requests that show whether users could sign in, for diagnosis. None of them signs anybody in, or changes anything
//! at the provider.

use openidconnect::http::header::{DATE, LOCATION};
use portcullis_core::timestamp::Timestamp;
use rand_core::{OsRng, RngCore as _};
use url::{Url, form_urlencoded};

use super::Provider;
use super::error::{ErrorCode, ProviderError, TokenEndpointError};
use super::http::FetchError;
use super::secret::Secret;
use super::token_endpoint::Grant;
use crate::clock::{from_http_date, now};

#[cfg(test)]
mod tests;

/// A path that no client has registered.
const UNREGISTERED_PATH: &str = "/oauth2/not-registered";

/// A parameter of the authorization request (OpenID Connect Core 1.0 section 3.1.2.1).
const PROMPT: &str = "prompt";

/// How a provider responds to an authorization request without a user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum RedirectResponse {
    /// It knows the redirect URI, and has found nothing wrong.
    Accepted,
    /// It redirects to the redirect URI with this error.
    Error(ErrorCode),
    /// It refuses the request with this status.
    Refused(u16),
    /// It responds with this status, as it does to a redirect URI that nobody has registered.
    Unknown(u16),
}

/// How a provider responds to a token request without a valid grant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ClientResponse {
    /// The client is authenticated.
    Authenticated,
    /// The client's secret or assertion is not accepted.
    Rejected(ErrorCode),
    /// The client may not refresh.
    MayNotRefresh(ErrorCode),
}

/// Why there is no response to an authorization request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum RedirectProbeError {
    /// The metadata or the keys can't be fetched.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The authorization endpoint does not respond.
    #[error("authorization endpoint: {0}")]
    Fetch(#[from] FetchError),
}

impl Provider {
    /// The URL of the metadata.
    pub(crate) fn metadata_url(&self) -> Option<Url> {
        self.relying_party.discovery_url()
    }

    /// Fetches the metadata and the keys. Returns the number of keys.
    pub(crate) async fn probe_documents(&self) -> Result<usize, ProviderError> {
        let info = self.info(now()).await?;
        Ok(info.keys.iter().count())
    }

    /// The `Date` of a response to a request for the metadata, and when it was received.
    pub(crate) async fn probe_date(&self) -> Option<(Timestamp, Timestamp)> {
        let response = self.http.get_response(&self.metadata_url()?).await.ok()?;
        let received_at = now();
        let date = response.headers().get(DATE)?.to_str().ok()?;
        Some((from_http_date(date)?, received_at))
    }

    /// Sends the authorization request of a sign-in, without a user and with `prompt=none`: a provider redirects such a
    /// request to the redirect URI with an error, if the URI is registered, and must not redirect it there otherwise.
    /// Some ignore the prompt and begin a sign-in, so their response is compared with that to another URI.
    pub(crate) async fn probe_redirect(
        &self,
        redirect_uri: &Url,
    ) -> Result<RedirectResponse, RedirectProbeError> {
        let response = self.request_authorization(redirect_uri).await?;
        let (status, location) = match response {
            AuthorizationResponse::Redirect(None) => return Ok(RedirectResponse::Accepted),
            AuthorizationResponse::Redirect(Some(error)) => {
                return Ok(RedirectResponse::Error(error));
            }
            AuthorizationResponse::Other(status @ 400..=499, _) => {
                return Ok(RedirectResponse::Refused(status));
            }
            AuthorizationResponse::Other(status, location) => (status, location),
        };
        let mut unregistered = redirect_uri.clone();
        unregistered.set_path(UNREGISTERED_PATH);
        let other = self.request_authorization(&unregistered).await?;
        Ok(
            match other == AuthorizationResponse::Other(status, location) {
                true => RedirectResponse::Unknown(status),
                false => RedirectResponse::Accepted,
            },
        )
    }

    async fn request_authorization(
        &self,
        redirect_uri: &Url,
    ) -> Result<AuthorizationResponse, RedirectProbeError> {
        let state = Secret::new(format!("{:032x}", u128::from(OsRng.next_u64())));
        let (url, _) = self.begin(redirect_uri, &state, now()).await?;
        let response = self.http.get_response(&without_prompt(url)).await?;
        let location = response.headers().get(LOCATION);
        let location = location.and_then(|location| location.to_str().ok());
        let status = response.status().as_u16();
        Ok(AuthorizationResponse::of(status, location, redirect_uri))
    }

    /// Sends a refresh token that no provider has issued. A provider authenticates the client first (RFC 6749
    /// section 6). `None` where the client has neither a secret nor an assertion.
    pub(crate) async fn probe_client(&self) -> Result<Option<ClientResponse>, ProviderError> {
        if self.secret.is_none() && self.assertion.is_none() {
            return Ok(None);
        }
        let info = self.info(now()).await?;
        let token = Secret::new("portcullis-doctor");
        let grant = Grant::RefreshToken(&token);
        let response = match self.request_tokens(&self.http, &info, &grant).await {
            Ok(_) => ClientResponse::Authenticated,
            Err(TokenEndpointError::NoTokens(code) | TokenEndpointError::Refused(code)) => {
                match code.as_str() {
                    "invalid_client" => ClientResponse::Rejected(code),
                    "unauthorized_client" | "unsupported_grant_type" => {
                        ClientResponse::MayNotRefresh(code)
                    }
                    _ => ClientResponse::Authenticated,
                }
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Some(response))
    }
}

/// A response of the authorization endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
enum AuthorizationResponse {
    /// A redirect to the redirect URI, with this error, unless it only says that no user is signed in.
    Redirect(Option<ErrorCode>),
    /// Another response: the status, and where it redirects to, without the query.
    Other(u16, Option<String>),
}

impl AuthorizationResponse {
    fn of(status: u16, location: Option<&str>, redirect_uri: &Url) -> Self {
        let location = location.map(|location| Url::parse(location).map_err(|_| location));
        match location {
            Some(Ok(url))
                if url.origin() == redirect_uri.origin() && url.path() == redirect_uri.path() =>
            {
                let error = url.query_pairs().find(|(name, _)| name == "error");
                let error = error.map(|(_, error)| ErrorCode::new(&error));
                Self::Redirect(error.filter(|error| !error.is_denial()))
            }
            Some(Ok(url)) => {
                Self::Other(status, Some(format!("{}{}", url.authority(), url.path())))
            }
            Some(Err(path)) => {
                let path = path.split(['?', '#']).next().unwrap_or_default();
                Self::Other(status, Some(path.to_owned()))
            }
            None => Self::Other(status, None),
        }
    }
}

/// The URL of an authorization request that must not show a page to the user.
fn without_prompt(mut url: Url) -> Url {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(url.query_pairs().filter(|(name, _)| name != PROMPT));
    let query = query.append_pair(PROMPT, "none").finish();
    url.set_query(Some(&query));
    url
}
