//! Redeeming refresh tokens (OpenID Connect Core 1.0 section 12).

use portcullis_core::timestamp::Timestamp;

use super::discovery::ProviderInfo;
use super::error::{ProviderError, TokenEndpointError, UserInfoError};
use super::http::HttpClient;
use super::id_token::{self, IdToken, IdTokenContext};
use super::secret::Secret;
use super::signed_jwt::JwtError;
use super::token_endpoint::{Grant, TokenResponse};
use super::tokens::{ProviderTokens, UserInfoClaims};
use super::user::{User, UserClaims};
use super::userinfo;
use super::{Authentication, Provider};

/// Why a refresh failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum RefreshError {
    /// The grant has ended, or the response is not valid: the user must sign in again.
    #[error("the session has ended: {0}")]
    Ended(ProviderError),
    /// The provider is unavailable or misconfigured. As far as is known, the refresh token was not
    /// redeemed.
    #[error("the session can't be refreshed now: {0}")]
    Unavailable(ProviderError),
}

impl Provider {
    /// Redeems the refresh token of a session. The caller must redeem each token only once, because
    /// a provider that sees one twice revokes the grant; and must run this to its end, because new
    /// tokens are lost otherwise.
    pub(crate) async fn refresh(
        &self,
        tokens: &ProviderTokens,
        user: &User,
        now: Timestamp,
    ) -> Result<Authentication, RefreshError> {
        let Some(refresh_token) = &tokens.refresh_token else {
            return Err(RefreshError::Ended(
                TokenEndpointError::NoRefreshToken.into(),
            ));
        };
        // One budget for all requests, because the filter waits. The documents that are cached are
        // good enough, and fetching them again would use it up.
        let http = &self.http.with_deadline();
        let info = match self.discovery.cached(now) {
            Ok(cached) => cached,
            Err(_) => {
                let info = self.discovery.info(http, now).await;
                info.map_err(RefreshError::Unavailable)?
            }
        };
        let response = self.redeem(http, &info, refresh_token).await?;
        // The old token is redeemed now. No later failure may lose the new one.
        let token = match response.id_token() {
            Some(token) => self
                .verify_refreshed(http, token, &info, &response, tokens, user, now)
                .await
                .map_err(RefreshError::Ended)?,
            None => None,
        };
        let before = (user, &tokens.userinfo_claims);
        let (claims, userinfo_claims) = self
            .claims_of(http, before, token.as_ref(), &info, &response)
            .await?;
        let expires_at = match (response.expires_in(), &token) {
            (Some(span), _) => now.after(span).secs(),
            (None, Some(token)) => token.expires_at().secs(),
            (None, None) => now.after(super::DEFAULT_EXPIRY).secs(),
        };
        let (user, claims) = User::new(&user.sub, claims);
        Ok(Authentication {
            user,
            claims,
            tokens: ProviderTokens {
                refresh_token: response
                    .refresh_token()
                    .or(tokens.refresh_token.as_ref())
                    .cloned(),
                id_token: match (&token, response.id_token()) {
                    (Some(_), Some(text)) => Some(text.clone()),
                    _ => tokens.id_token.clone(),
                },
                expires_at,
                userinfo_claims,
                ..tokens.clone()
            },
        })
    }

    async fn redeem(
        &self,
        http: &HttpClient,
        info: &ProviderInfo,
        token: &Secret,
    ) -> Result<TokenResponse, RefreshError> {
        let grant = Grant::RefreshToken(token);
        let response = self.request_tokens(http, info, &grant).await;
        response.map_err(|error| {
            if error.ends_grant() {
                RefreshError::Ended(error.into())
            } else {
                RefreshError::Unavailable(error.into())
            }
        })
    }

    /// The verified ID token of a refresh; `None` where the keys can't be fetched. A response
    /// without an ID token is valid too.
    #[expect(clippy::too_many_arguments, reason = "what a refresh knows")]
    async fn verify_refreshed(
        &self,
        http: &HttpClient,
        token: &Secret,
        info: &ProviderInfo,
        response: &TokenResponse,
        tokens: &ProviderTokens,
        user: &User,
        now: Timestamp,
    ) -> Result<Option<IdToken>, ProviderError> {
        let context = IdTokenContext {
            nonce: &tokens.nonce,
            nonce_optional: true,
            access_token: response.access_token(),
            code: None,
        };
        let verified = self
            .with_fresh_keys(http, info, now, |info| {
                id_token::verify(token, &self.relying_party, info, &context, now)
            })
            .await;
        let token = match verified {
            Ok(verified) => verified.map_err(ProviderError::IdToken)?,
            Err(error) => {
                tracing::warn!(provider = self.name(), kind = error.kind(), %error, "ID token of the refresh ignored: no keys to verify it");
                return Ok(None);
            }
        };
        let changed = |name| Err(ProviderError::IdToken(JwtError::Changed(name)));
        if token.subject() != user.sub {
            return changed("sub");
        }
        let is_template = self.relying_party.issuer.is_template();
        let of_sign_in = tokens.id_token.as_ref().filter(|_| is_template);
        if of_sign_in.is_some_and(|of_sign_in| !token.has_issuer_of(of_sign_in)) {
            return changed("iss");
        }
        if token.has_azp() != tokens.azp {
            return changed("azp");
        }
        match (token.auth_time(), tokens.auth_time) {
            (Some(now), Some(then)) if now != then => changed("auth_time"),
            _ => Ok(Some(token)),
        }
    }

    /// The user's current claims, and which of them came from userinfo. A claim that is in no document has
    /// been removed. If userinfo is unavailable, missing claims keep their last value. Without an ID token,
    /// those keep it that did not come from userinfo.
    async fn claims_of(
        &self,
        http: &HttpClient,
        (user, of_userinfo): (&User, &UserInfoClaims),
        token: Option<&IdToken>,
        info: &ProviderInfo,
        response: &TokenResponse,
    ) -> Result<(UserClaims, UserInfoClaims), RefreshError> {
        let relying_party = &self.relying_party;
        let claims = token.map(|token| UserClaims::read(token.claims(), relying_party));
        if claims
            .as_ref()
            .is_some_and(|claims| !claims.is_incomplete())
        {
            return Ok((claims.unwrap_or_default(), UserInfoClaims::default()));
        }
        let more = userinfo::fetch(
            http,
            &info.metadata,
            response.access_token(),
            &user.sub,
            relying_party,
        );
        let (more, fetched) = match more.await {
            Ok(more) => (more, true),
            Err(error) => {
                let error = ProviderError::from(error);
                if error == ProviderError::UserInfo(UserInfoError::Subject) {
                    return Err(RefreshError::Ended(error));
                }
                tracing::warn!(provider = self.name(), kind = error.kind(), %error, "userinfo failed; email and groups unchanged");
                (None, false)
            }
        };
        let last = UserClaims::from_user(user);
        Ok(match (claims, more) {
            (Some(claims), more) if fetched => {
                let more = more.unwrap_or_default();
                let taken = claims.taken_from(&more);
                (claims.or(more), taken)
            }
            (None, Some(more)) => {
                let taken = UserClaims::default().taken_from(&more);
                (more.or(last.without(of_userinfo)), taken)
            }
            (claims, _) => {
                let claims = claims.unwrap_or_default();
                let taken = claims.taken_from(&last).and(of_userinfo);
                (claims.or(last), taken)
            }
        })
    }
}

impl RefreshError {
    /// The underlying error.
    pub(crate) const fn cause(&self) -> &ProviderError {
        match self {
            Self::Ended(cause) | Self::Unavailable(cause) => cause,
        }
    }
}
