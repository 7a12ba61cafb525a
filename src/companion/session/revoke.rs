//! Revocation by an operator: of a user, of one session, or of everybody.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::record::id;
use super::revocations::{Revocation, RevocationBatch};
use super::sessions::Sessions;
use super::store::{SessionStore, StoreSettings};
use super::unavailable::Unavailable;
use crate::caller_name;

#[cfg(test)]
mod tests;

/// Which sessions an operator revokes: those that have begun by now.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RevocationTarget {
    /// All sessions of one user.
    Caller {
        /// The name of the provider.
        provider: String,
        /// The subject, as the provider writes it.
        subject: String,
    },
    /// All sessions of all providers.
    Everyone,
    /// One session.
    Session {
        /// Its id.
        #[serde(with = "id")]
        sid: Id,
    },
}

/// What is wrong with a target, and how to fix it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TargetError {
    pub(crate) problem: String,
    pub(crate) help: String,
}

impl RevocationTarget {
    /// The user with a caller's name, `PROVIDER/SUBJECT`. In names, some bytes of a subject are percent-encoded; they
    /// may be written as they are too, except for `%`.
    pub(crate) fn caller(name: &str, providers: &[String]) -> Result<Self, TargetError> {
        let error = |problem: String, help: String| TargetError { problem, help };
        let known = || format!("the providers are {}", providers.join(", "));
        let Some((provider, subject)) = name.split_once('/') else {
            let problem = format!("`{name}` is not a caller's name");
            let help = format!("write `PROVIDER/SUBJECT`; {}", known());
            return Err(error(problem, help));
        };
        if !providers.iter().any(|known| known == provider) {
            let problem = format!("`{provider}` is not a provider");
            let help = format!(
                "{}; callers of trust entries have no sessions: change the policy to refuse them",
                known()
            );
            return Err(error(problem, help));
        }
        match caller_name::decoded(subject) {
            Some(subject) if !subject.is_empty() => Ok(Self::Caller {
                provider: provider.to_owned(),
                subject,
            }),
            _ => Err(error(
                format!("`{subject}` is not a subject"),
                "write it as in the caller's name, in which `%` is `%25`".to_owned(),
            )),
        }
    }

    /// The session with this id.
    pub(crate) fn session(sid: &str) -> Result<Self, TargetError> {
        let sid = Id::parse(sid).ok_or_else(|| TargetError {
            problem: format!("`{sid}` is not the id of a session"),
            help: "write the `sid` of the companion's log line `signed in`, 22 characters"
                .to_owned(),
        })?;
        Ok(Self::Session { sid })
    }

    fn revocations(&self, keys: &Keys, providers: &[String], ends: Timestamp) -> Vec<Revocation> {
        match self {
            Self::Caller { provider, subject } => {
                vec![Revocation::user(keys.handle(provider, subject), ends)]
            }
            Self::Everyone => {
                let ids = providers.iter().map(|name| keys.provider(name));
                ids.map(|id| Revocation::provider(id, ends)).collect()
            }
            Self::Session { sid } => vec![Revocation::session(*sid, ends)],
        }
    }
}

/// What an operator's revocation depends on.
#[derive(Debug)]
pub(crate) struct Revoker<'a> {
    /// The names of all providers.
    pub(crate) providers: &'a [String],
    /// The maximum lifetime of a session.
    pub(crate) lifetime: Duration,
    pub(crate) keys: &'a Keys,
}

impl Revoker<'_> {
    /// Revokes sessions in a store that several processes may use at once. Returns when the revocation ends; `None` if
    /// only the companion that has opened the store may use it.
    pub(crate) async fn revoke_in(
        &self,
        store: StoreSettings,
        url: &str,
        target: &RevocationTarget,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Unavailable> {
        let Some(store) = store.shared(url) else {
            return Ok(None);
        };
        self.revoke(&store, target, now).await.map(Some)
    }

    async fn revoke(
        &self,
        store: &Arc<dyn SessionStore>,
        target: &RevocationTarget,
        now: Timestamp,
    ) -> Result<Timestamp, Unavailable> {
        // Every session that began by now has expired by then.
        let ends = now.after(self.lifetime);
        let batch = RevocationBatch {
            revocations: target.revocations(self.keys, self.providers, ends),
            ..RevocationBatch::default()
        };
        store.revoke(&batch, now).await?;
        Ok(ends)
    }
}

impl Sessions {
    /// Revokes sessions for an operator. After `Ok`, the revocation is stored, and all filters have it within seconds.
    /// Returns when it ends.
    pub(crate) async fn revoke_for_operator(
        &self,
        target: &RevocationTarget,
        providers: &[String],
        now: Timestamp,
    ) -> Result<Timestamp, Unavailable> {
        let revoker = Revoker {
            providers,
            lifetime: self.settings.lifetime,
            keys: &self.keys.load_full(),
        };
        revoker.revoke(&self.store, target, now).await
    }
}
