//! One OpenID provider, seen from the relying party's side: OpenID Connect Core 1.0 with the code
//! flow and PKCE, Discovery, RP-Initiated and Back-Channel Logout, RFC 9207 and RFC 9700.
//!
//! A sign-in reads: [`Provider::begin`] sends the browser away with an [`Attempt`] to remember,
//! [`Provider::finish`] takes it back with a [`Callback`] and says who it is. [`Provider::refresh`]
//! keeps a session in step with the provider, [`Provider::end_session`] and
//! [`Provider::logout_token`] end it.
//!
//! The protocol is the crate `openidconnect`'s; where it is not strict enough, the modules here say
//! what they check themselves. Nothing in here keeps sessions or cookies.

mod attempt;
mod callback;
mod end_session;
mod error;
mod http;
mod id_token;
mod known;
mod logout_token;
mod metadata;
mod person;
mod refresh;
mod secret;
mod settings;
mod signed;
#[cfg(test)]
mod tests;
mod token_endpoint;
mod tokens;
mod userinfo;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use url::Url;

pub(crate) use attempt::Attempt;
pub(crate) use callback::Callback;
pub(crate) use end_session::EndSession;
pub(crate) use error::{Blame, ProviderError};
pub(crate) use logout_token::{LogoutToken, LogoutTokenError};
pub(crate) use person::Person;
pub(crate) use refresh::{RefreshError, Renewed};
pub(crate) use secret::Secret;
pub(crate) use settings::{Settings, SettingsError};
pub(crate) use tokens::ProviderTokens;

use http::HttpClient;
use id_token::Occasion;
use known::{Facts, Known};
use logout_token::{Claimed, Replays};
use person::Said;
use secret::SecretFile;
use settings::Party;
use signed::SignedError;

/// How long a provider's token counts as good where nothing says how long it is.
const DEFAULT_EXPIRY: Duration = Duration::from_secs(60 * 60);

/// How often, at most, [`Provider::tend`] looks whether something is due.
const TEND: Duration = Duration::from_secs(1);

/// How often, at least: a clock that steps back must not put it to sleep.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// One configured provider. It is asked nothing until somebody needs it, so it may be down when
/// this starts.
#[derive(Debug)]
pub(crate) struct Provider {
    party: Arc<Party>,
    secret: Option<SecretFile>,
    http: HttpClient,
    known: Known,
    replays: Mutex<Replays>,
}

/// Somebody who has signed in.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// Who it is.
    pub(crate) person: Person,
    /// What to keep for the session.
    pub(crate) tokens: ProviderTokens,
}

impl Provider {
    /// A provider as it is configured.
    ///
    /// # Errors
    /// Where the settings can't be right, or a file that they name can't be read.
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let party = Arc::new(settings.party()?);
        let discovery = party.discovery_url().ok_or(SettingsError::Issuer)?;
        Ok(Self {
            secret: match &settings.client_secret_file {
                Some(file) => Some(SecretFile::open(file)?),
                None => None,
            },
            http: HttpClient::new(settings.ca_file.as_deref())?,
            known: Known::new(Arc::clone(&party), discovery),
            replays: Mutex::default(),
            party,
        })
    }

    /// Its name here.
    pub(crate) fn name(&self) -> &str {
        &self.party.name
    }

    /// Its name in `iss`.
    pub(crate) fn issuer(&self) -> &str {
        &self.party.issuer
    }

    /// Whether people could sign in with it now, as far as is known; else why not.
    pub(crate) fn ready(&self, now: Timestamp) -> Result<(), ProviderError> {
        self.known.at_hand(now).map(|_| ())
    }

    /// Keeps what is known of the provider fresh, for as long as the future lives: discovery each
    /// hour, keys each five minutes, and again soon where that failed. Everything works without it,
    /// but [`Provider::ready`] then learns only what a sign-in brings to light.
    pub(crate) async fn tend(&self, clock: impl Fn() -> Timestamp) {
        loop {
            // A failure is in the log already, and in `ready`.
            let _known = self.facts(clock()).await;
            let pause = self.known.next().since(clock());
            tokio::time::sleep(pause.clamp(TEND, LONGEST_REST)).await;
        }
    }

    /// Begins a sign-in: where to send the browser, and what to remember until it is back.
    /// `redirect_uri` is where the provider sends it, always the same for one provider.
    pub(crate) async fn begin(
        &self,
        redirect_uri: &Url,
        now: Timestamp,
    ) -> Result<(Url, Attempt), ProviderError> {
        let facts = self.facts(now).await?;
        let client = token_endpoint::client(&self.party, &facts.metadata, None);
        Ok(Attempt::begin(&self.party, &client, redirect_uri, now))
    }

    /// Ends a sign-in. The attempt must be forgotten before, whatever comes of this: a code and its
    /// attempt are for one use.
    pub(crate) async fn finish(
        &self,
        redirect_uri: &Url,
        attempt: &Attempt,
        callback: &Callback,
        now: Timestamp,
    ) -> Result<SignedIn, ProviderError> {
        // What belongs to no attempt costs the provider nothing.
        callback.check_attempt(attempt, self.name(), now)?;
        let facts = self.facts(now).await?;
        let code = callback.code(self.issuer(), facts.metadata.names_issuer)?;

        let client = self.client(&facts);
        let answer =
            token_endpoint::redeem(&client, &self.http, code, attempt, redirect_uri).await?;
        let text = answer
            .id_token()
            .ok_or(ProviderError::IdToken(SignedError::Missing))?;
        let occasion = Occasion {
            nonce: &attempt.nonce,
            nonce_may_lack: false,
            access_token: answer.access_token(),
            code: Some(code),
        };
        let token = self
            .with_fresh_keys(&facts, now, |facts| {
                id_token::verify(text, &self.party, facts, &occasion, now)
            })
            .await?
            .map_err(ProviderError::IdToken)?;

        let groups_claim = &self.party.groups_claim;
        let mut said = Said::read(token.claims(), groups_claim);
        if said.lacks_something() {
            let access_token = Secret::new(answer.access_token().secret());
            let sub = token.subject();
            let more = userinfo::ask(
                &self.http,
                &facts.metadata,
                &access_token,
                sub,
                groups_claim,
            );
            said = said.or(more.await?.unwrap_or_default());
        }
        let expires_at = answer
            .expires_in()
            .map_or_else(|| token.expires_at(), |span| now.after(span));
        Ok(SignedIn {
            person: Person::new(token.subject(), said),
            tokens: ProviderTokens {
                refresh_token: answer.refresh_token(),
                id_token: Some(text.text().clone()),
                sid: token.sid().map(str::to_owned),
                expires_at: expires_at.secs(),
                nonce: attempt.nonce.clone(),
                azp: token.names_authorized_party(),
                auth_time: token.auth_time(),
            },
        })
    }

    /// What the browser posts to the provider to sign out there too; `None` where the provider has
    /// no such place, or nothing is known of it yet.
    pub(crate) fn end_session(
        &self,
        tokens: &ProviderTokens,
        post_logout_redirect_uri: &Url,
        state: &str,
    ) -> Option<EndSession> {
        let metadata = self.known.metadata()?;
        EndSession::new(
            &self.party,
            &metadata,
            tokens,
            post_logout_redirect_uri,
            state,
        )
    }

    /// The origin of the place where the provider signs people out, as content security policies
    /// name it; `None` where it has none, or nothing is known of it yet.
    pub(crate) fn end_session_origin(&self) -> Option<String> {
        let place = self.known.metadata()?.end_session_endpoint.clone()?;
        Some(place.origin().ascii_serialization())
    }

    /// Judges a logout token. One that was acted on before is marked as a replay: to act on it again
    /// would end sessions that began since.
    pub(crate) async fn logout_token(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<LogoutToken, ProviderError> {
        let claimed = Claimed::judge(Claimed::read(text)?, &self.party, now)?;
        let facts = self.facts(now).await?;
        self.with_fresh_keys(&facts, now, |facts| {
            let signer = claimed
                .signed
                .signed_by(&facts.keys, &facts.metadata.algorithms);
            signer.map(|_| ())
        })
        .await?
        .map_err(LogoutTokenError::from)?;
        let mut token = claimed.believed();
        token.is_replay = self.replays().has(&token.jti, now);
        Ok(token)
    }

    /// Remembers that a logout token was acted on. Not before the sessions have ended: a provider
    /// sends the same token again where that failed.
    pub(crate) fn acted_on(&self, token: &LogoutToken, now: Timestamp) {
        self.replays().remember(&token.jti, token.good_until, now);
    }

    /// What speaks to the token endpoint in our name.
    fn client(&self, facts: &Facts) -> token_endpoint::Client {
        let secret = self.secret.as_ref().map(SecretFile::current);
        token_endpoint::client(&self.party, &facts.metadata, secret.as_deref())
    }

    fn replays(&self) -> MutexGuard<'_, Replays> {
        self.replays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn facts(&self, now: Timestamp) -> Result<Facts, ProviderError> {
        self.known.facts(&self.http, now).await
    }

    /// Judges a token, and once more with freshly read keys where none of those known fits it. The
    /// outer error says that the keys can't be had, the inner one that the token is no good.
    async fn with_fresh_keys<T>(
        &self,
        facts: &Facts,
        now: Timestamp,
        judge: impl Fn(&Facts) -> Result<T, SignedError>,
    ) -> Result<Result<T, SignedError>, ProviderError> {
        match judge(facts) {
            Err(error) if error.may_be_a_new_key() => {
                let known = &self.known;
                let facts = known
                    .facts_after_another_look(facts, &self.http, now)
                    .await?;
                Ok(judge(&facts))
            }
            judged => Ok(judged),
        }
    }
}
