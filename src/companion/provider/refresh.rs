//! Buying new tokens with a refresh token (OpenID Connect Core, section 12).

use portcullis_core::timestamp::Timestamp;

use super::Provider;
use super::error::{ErrorCode, ProviderError, TokenError, UserInfoError};
use super::id_token::{self, IdToken, Occasion};
use super::known::Facts;
use super::person::{Person, Said};
use super::secret::Secret;
use super::signed::SignedError;
use super::token_endpoint::{self, Answer, IdTokenText};
use super::tokens::ProviderTokens;
use super::userinfo;

/// What a refresh brought. The tokens it was bought with are spent.
#[derive(Debug)]
pub(crate) struct Renewed {
    /// The same person, as the provider knows them now.
    pub(crate) person: Person,
    /// The tokens from here on.
    pub(crate) tokens: ProviderTokens,
}

/// Why a refresh brought nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum RefreshError {
    /// The provider does not stand by the session any more, or can't be believed in it: the person
    /// has to sign in again.
    #[error("the session is over: {0}")]
    Ended(ProviderError),
    /// Nobody can tell now. The refresh token was not spent, so far as is known.
    #[error("the session can't be renewed just now: {0}")]
    Unavailable(ProviderError),
}

impl Provider {
    /// Redeems the refresh token of a session. The caller sees to it that each is redeemed once
    /// only, for a provider that sees one twice ends the whole grant; and that this runs to its end,
    /// for what is dropped half-way may have bought tokens that nobody then has.
    pub(crate) async fn refresh(
        &self,
        tokens: &ProviderTokens,
        person: &Person,
        now: Timestamp,
    ) -> Result<Renewed, RefreshError> {
        let Some(refresh_token) = &tokens.refresh_token else {
            return Err(RefreshError::Ended(TokenError::NoRefreshToken.into()));
        };
        let facts = self.facts(now).await.map_err(RefreshError::Unavailable)?;
        let answer = self.redeem(&facts, refresh_token).await?;
        // The old token is spent from here on. What can't be had now must not cost the new one.
        let token = match answer.id_token() {
            Some(token) => self
                .judge_renewed(token, &facts, &answer, tokens, person, now)
                .await
                .map_err(RefreshError::Ended)?,
            None => None,
        };
        let said = self
            .said_of(person, token.as_ref(), &facts, &answer)
            .await?;
        let expires_at = match (answer.expires_in(), &token) {
            (Some(span), _) => now.after(span).secs(),
            (None, Some(token)) => token.expires_at().secs(),
            (None, None) => now.after(super::DEFAULT_EXPIRY).secs(),
        };
        Ok(Renewed {
            person: Person::new(&person.sub, said),
            tokens: ProviderTokens {
                refresh_token: answer
                    .refresh_token()
                    .or_else(|| tokens.refresh_token.clone()),
                id_token: match (&token, answer.id_token()) {
                    (Some(_), Some(text)) => Some(text.text().clone()),
                    _ => tokens.id_token.clone(),
                },
                expires_at,
                ..tokens.clone()
            },
        })
    }

    async fn redeem(&self, facts: &Facts, token: &Secret) -> Result<Answer, RefreshError> {
        let client = self.client(facts);
        token_endpoint::refresh(&client, &self.http, token)
            .await
            .map_err(|error| {
                let ends = matches!(&error, TokenError::Refused(code) if ends_a_session(code));
                if ends {
                    RefreshError::Ended(error.into())
                } else {
                    RefreshError::Unavailable(error.into())
                }
            })
    }

    /// The ID token of a refresh; `None` where it can't be judged because the keys can't be had. It
    /// then counts for as much as none at all, which a provider is free to send.
    async fn judge_renewed(
        &self,
        token: &IdTokenText,
        facts: &Facts,
        answer: &Answer,
        tokens: &ProviderTokens,
        person: &Person,
        now: Timestamp,
    ) -> Result<Option<IdToken>, ProviderError> {
        let occasion = Occasion {
            nonce: &tokens.nonce,
            nonce_may_lack: true,
            access_token: answer.access_token(),
            code: None,
        };
        let judged = self
            .with_fresh_keys(facts, now, |facts| {
                id_token::verify(token, &self.party, facts, &occasion, now)
            })
            .await;
        let token = match judged {
            Ok(judged) => judged.map_err(ProviderError::IdToken)?,
            Err(error) => {
                tracing::warn!(provider = self.name(), kind = error.kind(), %error, "the ID token of a refresh is not used");
                return Ok(None);
            }
        };
        let changed = |name| Err(ProviderError::IdToken(SignedError::Changed(name)));
        if token.subject() != person.sub {
            return changed("sub");
        }
        if token.names_authorized_party() != tokens.azp {
            return changed("azp");
        }
        match (token.auth_time(), tokens.auth_time) {
            (Some(now), Some(then)) if now != then => changed("auth_time"),
            _ => Ok(Some(token)),
        }
    }

    /// What the provider says of the person now. Silence of all its documents means that something
    /// is no longer so; what could not be asked stays as it was.
    async fn said_of(
        &self,
        person: &Person,
        token: Option<&IdToken>,
        facts: &Facts,
        answer: &Answer,
    ) -> Result<Said, RefreshError> {
        let groups_claim = &self.party.groups_claim;
        let said = token.map(|token| Said::read(token.claims(), groups_claim));
        if said.as_ref().is_some_and(|said| !said.lacks_something()) {
            return Ok(said.unwrap_or_default());
        }
        let access_token = Secret::new(answer.access_token().secret());
        let more = userinfo::ask(
            &self.http,
            &facts.metadata,
            &access_token,
            &person.sub,
            groups_claim,
        );
        let (more, asked) = match more.await {
            Ok(more) => (more, true),
            Err(error) => {
                let error = ProviderError::from(error);
                if error == ProviderError::UserInfo(UserInfoError::Subject) {
                    return Err(RefreshError::Ended(error));
                }
                tracing::warn!(provider = self.name(), kind = error.kind(), %error, "e-mail and groups stay as they were");
                (None, false)
            }
        };
        let complete = said.is_some() && asked;
        let said = said.unwrap_or_default().or(more.unwrap_or_default());
        Ok(if complete {
            said
        } else {
            said.or(Said::before(person))
        })
    }
}

/// Whether a refusal says that the grant is over. Whatever else a provider says, that it is unwell,
/// or that it does not take us or our requests any more, it does not say of the person.
fn ends_a_session(code: &ErrorCode) -> bool {
    matches!(code.as_str(), "invalid_grant" | "access_denied")
}

impl RefreshError {
    /// Why.
    pub(crate) const fn cause(&self) -> &ProviderError {
        match self {
            Self::Ended(cause) | Self::Unavailable(cause) => cause,
        }
    }
}
