//! All configured providers.

use std::sync::Arc;

use portcullis_core::timestamp::Timestamp;

use super::Provider;
use super::error::ProviderError;
use super::logout_token::{LogoutToken, LogoutTokenError};
use super::settings::{Settings, SettingsError};
use super::signed::SignedError;

/// All configured providers, each by a name of its own, in the order of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Providers(Vec<Arc<Provider>>);

/// Which provider's settings can't be right, and why. Reads as a place in the configuration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("providers[{position}].{error}")]
pub(crate) struct ProvidersError {
    /// Its place in the list, from zero.
    pub(crate) position: usize,
    /// What is wrong.
    pub(crate) error: SettingsError,
}

impl Providers {
    /// The providers as they are configured.
    pub(crate) fn new(all: &[Settings]) -> Result<Self, ProvidersError> {
        let mut providers = Self(Vec::with_capacity(all.len()));
        for (position, settings) in all.iter().enumerate() {
            let fault = |error| ProvidersError { position, error };
            if providers.get(&settings.name).is_some() {
                return Err(fault(SettingsError::DoubleName(settings.name.clone())));
            }
            let provider = Provider::new(settings).map_err(fault)?;
            providers.0.push(Arc::new(provider));
        }
        Ok(providers)
    }

    /// The provider of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.name() == name)
    }

    /// The only provider, where there are not several to choose from.
    pub(crate) fn only(&self) -> Option<&Arc<Provider>> {
        match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.0.iter()
    }

    /// Judges a logout token that may be any provider's, and says whose it is. That it is another's
    /// is found out before anybody is asked for anything.
    pub(crate) async fn logout_token(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<(Arc<Provider>, LogoutToken), ProviderError> {
        let mut anothers = LogoutTokenError::Signed(SignedError::Issuer);
        for provider in self.iter() {
            match provider.logout_token(text, now).await {
                Ok(token) => return Ok((Arc::clone(provider), token)),
                Err(ProviderError::LogoutToken(error)) if error.is_anothers() => {
                    // Of two, the one that is nearer to the truth.
                    if error == LogoutTokenError::Signed(SignedError::Audience) {
                        anothers = error;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(anothers.into())
    }
}
