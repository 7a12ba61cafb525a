//! The relying party of one OpenID provider: OpenID Connect Core 1.0 with the authorization code
//! flow and PKCE, Discovery, RP-Initiated and Back-Channel Logout, RFC 9207 and RFC 9700.
//!
//! [`Provider::begin`] makes the authorization request and the [`Attempt`] to remember,
//! [`Provider::finish`] takes the [`Callback`] and returns the [`Authentication`].
//! [`Provider::refresh`] redeems a refresh token, [`Provider::end_session`] signs out at the
//! provider, and [`Provider::logout_token`] verifies a back-channel logout.
//!
//! The crate `openidconnect` implements the protocol. Where it is too strict or not strict enough, the
//! modules here do it themselves, and say so. Nothing in here keeps sessions or cookies.

mod attempt;
mod callback;
mod discovery;
mod end_session;
mod error;
pub(crate) mod fuzzing;
mod http;
mod id_token;
mod issuer;
mod keys;
mod logout_token;
mod metadata;
mod probe;
mod proxy;
mod refresh;
mod scope_hints;
mod secret;
mod settings;
mod signed_jwt;
#[cfg(test)]
mod tests;
mod token_endpoint;
mod token_request;
mod tokens;
mod user;
mod userinfo;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openidconnect::AuthType;
use portcullis_core::endpoints;
use portcullis_core::json::Json;
use portcullis_core::timestamp::Timestamp;
use url::Url;

pub(crate) use attempt::Attempt;
pub(crate) use callback::Callback;
pub(crate) use end_session::EndSession;
pub(crate) use error::{DiscoveryError, ErrorCategory, KeySetError, ProviderError};
pub(crate) use http::FetchError;
pub(crate) use issuer::TENANT_PLACEHOLDER;
pub(crate) use logout_token::{LogoutToken, LogoutTokenError};
pub(crate) use metadata::MetadataError;
pub(crate) use probe::{ClientResponse, RedirectResponse};
pub(crate) use proxy::{ProxyError, ProxySettings};
pub(crate) use refresh::RefreshError;
pub(crate) use secret::Secret;
pub(crate) use settings::{
    ClientAuthentication, EndSessionEndpoint, ProviderSettings, ProviderSettingsError,
};
pub(crate) use signed_jwt::LEEWAY;
pub(crate) use tokens::{ProviderTokens, UserInfoClaims};
pub(crate) use user::User;

use discovery::{Discovery, ProviderInfo};
use http::HttpClient;
use id_token::IdTokenContext;
use logout_token::{ReplayCache, UnverifiedLogoutToken};
use scope_hints::ScopeHints;
use secret::{SecretFile, SecretKind};
use settings::RelyingParty;
use signed_jwt::JwtError;
use token_endpoint::Grant;
use token_request::AcceptedMethod;
use user::UserClaims;

/// The provider whose callback path has no name, if there are several.
const DEFAULT_NAME: &str = "sso";

/// How long an access token is valid where the provider does not say.
const DEFAULT_EXPIRY: Duration = Duration::from_secs(60 * 60);

/// The shortest pause of [`Provider::keep_fresh`] between two fetches.
const MIN_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause: the clock may step back.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// The path of the redirect URI of a provider with this name. Each provider has its own, as a defence against mix-up
/// attacks (RFC 9700 section 4.4.2). The only provider, and the one named `sso`, has the path without a name.
pub(crate) fn callback_path(name: &str, is_only: bool) -> String {
    if has_unnamed_callback(name, is_only) {
        endpoints::CALLBACK.path.to_owned()
    } else {
        endpoints::CALLBACK.subpath(name)
    }
}

/// Whether the redirect URI of a provider has no name.
pub(crate) fn has_unnamed_callback(name: &str, is_only: bool) -> bool {
    is_only || name == DEFAULT_NAME
}

/// One configured provider. Nothing is requested until it is needed, so the provider may be down
/// when the companion starts.
#[derive(Debug)]
pub(crate) struct Provider {
    relying_party: Arc<RelyingParty>,
    secret: Option<SecretFile>,
    assertion: Option<SecretFile>,
    http: HttpClient,
    discovery: Arc<Discovery>,
    accepted_method: AcceptedMethod,
    replay_cache: Mutex<ReplayCache>,
    scope_hints: ScopeHints,
}

/// The result of a sign-in or a refresh.
#[derive(Debug)]
pub(crate) struct Authentication {
    /// The user.
    pub(crate) user: User,
    /// All claims of the user, as an object. A session keeps those that rules match on.
    pub(crate) claims: Json,
    /// The tokens to keep for the session.
    pub(crate) tokens: ProviderTokens,
}

impl Provider {
    /// A provider as configured.
    ///
    /// # Errors
    /// When the settings are invalid, or a file that they name can't be read.
    pub(crate) fn new(settings: &ProviderSettings) -> Result<Self, ProviderSettingsError> {
        let relying_party = Arc::new(settings.relying_party()?);
        let url = relying_party
            .discovery_url()
            .ok_or(ProviderSettingsError::Issuer)?;
        let (mut secret, mut assertion) = (None, None);
        match &settings.client_authentication {
            ClientAuthentication::Assertion(file) => {
                let opened = SecretFile::open(SecretKind::Assertion, file);
                assertion = Some(opened.map_err(ProviderSettingsError::Assertion)?);
            }
            ClientAuthentication::None => {}
            ClientAuthentication::Secret(file) => {
                let opened = SecretFile::open(SecretKind::Secret, file);
                secret = Some(opened.map_err(ProviderSettingsError::Secret)?);
            }
        }
        if let Some(proxy) = &settings.proxy {
            proxy.to_reqwest()?;
        }
        Ok(Self {
            secret,
            assertion,
            http: HttpClient::new(settings)?,
            discovery: Arc::new(Discovery::new(Arc::clone(&relying_party), url)),
            accepted_method: AcceptedMethod::default(),
            replay_cache: Mutex::default(),
            scope_hints: ScopeHints::default(),
            relying_party,
        })
    }

    /// The configured name.
    pub(crate) fn name(&self) -> &str {
        &self.relying_party.name
    }

    /// Whether users can sign in, as far as is known here; else why not.
    pub(crate) fn ready(&self, now: Timestamp) -> Result<(), ProviderError> {
        self.discovery.cached(now).map(|_| ())
    }

    /// Keeps the metadata and the keys fresh until the future is dropped: metadata every hour, keys
    /// every five minutes, and sooner after a failure. Everything works without it, but
    /// [`Provider::ready`] then only knows the result of the last sign-in.
    pub(crate) async fn keep_fresh(&self, clock: impl Fn() -> Timestamp) {
        loop {
            // A failure is logged already, and `ready` reports it.
            let _info = self.info(clock()).await;
            let pause = self.discovery.next_fetch().since(clock());
            let pause = tokio::time::sleep(pause.clamp(MIN_PAUSE, MAX_PAUSE));
            // A sign-in may have fetched meanwhile, and changed what is due next.
            tokio::select! {
                () = pause => {}
                () = self.discovery.changed() => {}
            }
        }
    }

    /// Begins a sign-in: the authorization request, as a URL for the browser, and what to remember
    /// until the callback. `redirect_uri` is always the same for one provider. `state` is new, and has at
    /// least 128 random bits.
    pub(crate) async fn begin(
        &self,
        redirect_uri: &Url,
        state: &Secret,
        now: Timestamp,
    ) -> Result<(Url, Attempt), ProviderError> {
        let info = self.info(now).await?;
        // The authorization request does not authenticate the client.
        let auth_type = AuthType::RequestBody;
        let client = token_endpoint::client(&self.relying_party, &info.metadata, auth_type, None);
        Ok(Attempt::begin(
            &self.relying_party,
            &client,
            redirect_uri,
            state,
            now,
        ))
    }

    /// Completes a sign-in: redeems the authorization code and verifies the ID token. The attempt
    /// must be deleted before, even if this fails: a code and its attempt are for one use.
    pub(crate) async fn finish(
        &self,
        redirect_uri: &Url,
        attempt: &Attempt,
        callback: &Callback,
        now: Timestamp,
    ) -> Result<Authentication, ProviderError> {
        // Before any request: a forged callback must not cost the provider anything.
        callback.check_attempt(attempt, self.name(), now)?;
        let info = self.info(now).await?;
        let code = callback.code(&self.relying_party.issuer, info.metadata.iss_supported)?;

        let grant = Grant::Code {
            code,
            attempt,
            redirect_uri,
        };
        let response = self.request_tokens(&self.http, &info, &grant).await?;
        let text = response
            .id_token()
            .ok_or(ProviderError::IdToken(JwtError::Missing))?;
        let context = IdTokenContext {
            nonce: &attempt.nonce,
            nonce_optional: false,
            access_token: response.access_token(),
            code: Some(code),
        };
        let token = self
            .with_fresh_keys(&self.http, &info, now, |info| {
                id_token::verify(text, &self.relying_party, info, &context, now)
            })
            .await?
            .map_err(ProviderError::IdToken)?;

        let relying_party = &self.relying_party;
        let mut claims = UserClaims::read(token.claims(), relying_party);
        let mut userinfo_claims = UserInfoClaims::default();
        if claims.is_incomplete() {
            let more = userinfo::fetch(
                &self.http,
                &info.metadata,
                response.access_token(),
                token.subject(),
                relying_party,
            );
            claims = match more.await {
                Ok(more) => {
                    let more = more.unwrap_or_default();
                    userinfo_claims = claims.taken_from(&more);
                    claims.or(more)
                }
                Err(error) if claims.are_sufficient() && error.is_permanent() => {
                    let error = ProviderError::from(error);
                    let help = "if the missing claims are needed, configure the provider to put \
                                them into the ID token";
                    tracing::warn!(provider = self.name(), kind = error.kind(), %error, help, "userinfo failed; the claims of the ID token are used alone");
                    claims
                }
                Err(error) => return Err(error.into()),
            };
        }
        let expires_at = response
            .expires_in()
            .map_or_else(|| token.expires_at(), |span| now.after(span));
        let (user, claims) = User::new(token.subject(), claims);
        let signed_in = Authentication {
            user,
            claims,
            tokens: ProviderTokens {
                refresh_token: response.refresh_token().cloned(),
                id_token: Some(text.clone()),
                sid: token.sid().map(str::to_owned),
                expires_at: expires_at.secs(),
                nonce: attempt.nonce.clone(),
                azp: token.has_azp(),
                auth_time: token.auth_time(),
                userinfo_claims,
            },
        };
        self.scope_hints.log_missing(relying_party, &signed_in);
        Ok(signed_in)
    }

    /// How the browser signs out at the provider too; `None` where that is off, the provider has no
    /// end session endpoint, or its metadata is not known yet.
    pub(crate) fn end_session(
        &self,
        tokens: &ProviderTokens,
        post_logout_redirect_uri: &Url,
        state: &str,
    ) -> Option<EndSession> {
        EndSession::new(
            &self.relying_party,
            self.discovery.metadata().as_deref(),
            tokens,
            post_logout_redirect_uri,
            state,
        )
    }

    /// The origin of the end session endpoint, for a content security policy; `None` where there is
    /// none, or the metadata is not known yet.
    pub(crate) fn end_session_origin(&self) -> Option<String> {
        EndSession::origin(&self.relying_party, self.discovery.metadata().as_deref())
    }

    /// Verifies a logout token. `is_replay` is set if it was used before: using it again would
    /// end sessions that began since.
    pub(crate) async fn logout_token(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<LogoutToken, ProviderError> {
        let signed = UnverifiedLogoutToken::read(text)?;
        let unverified = UnverifiedLogoutToken::check(signed, &self.relying_party, now)?;
        let info = self.info(now).await?;
        let issuer = &self.relying_party.issuer;
        self.with_fresh_keys(&self.http, &info, now, |info| {
            let algorithms = &info.metadata.algorithms;
            let signer = unverified.signed.signed_by(&info.keys, algorithms, issuer);
            signer.map(|_| ())
        })
        .await?
        .map_err(LogoutTokenError::from)?;
        let mut token = unverified.into_verified();
        token.is_replay = self.replay_cache().contains(&token.jti, now);
        Ok(token)
    }

    /// Remembers that a logout token was used. Not before the sessions have ended: where that
    /// fails, the provider sends the same token again.
    pub(crate) fn mark_used(&self, token: &LogoutToken, now: Timestamp) {
        self.replay_cache()
            .insert(&token.jti, token.good_until, now);
    }

    fn replay_cache(&self) -> MutexGuard<'_, ReplayCache> {
        self.replay_cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn info(&self, now: Timestamp) -> Result<ProviderInfo, ProviderError> {
        self.discovery.info(&self.http, now).await
    }

    /// Verifies a token, and once more with freshly fetched keys where no known key fits. The outer
    /// error is a failed fetch, the inner one an invalid token.
    async fn with_fresh_keys<T>(
        &self,
        http: &HttpClient,
        info: &ProviderInfo,
        now: Timestamp,
        verify: impl Fn(&ProviderInfo) -> Result<T, JwtError>,
    ) -> Result<Result<T, JwtError>, ProviderError> {
        match verify(info) {
            Err(error) if error.may_need_fresh_keys() => {
                let fresh = self.discovery.info_with_fresh_keys(info, http, now);
                let info = fresh.await?;
                Ok(verify(&info))
            }
            verified => Ok(verified),
        }
    }
}
