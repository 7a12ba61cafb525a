//! Token requests, with the client authentication method that the provider accepts.
//!
//! Many providers register one method for each client (`token_endpoint_auth_method` of OpenID Connect Dynamic
//! Client Registration 1.0 section 2), and list all methods that they know in their metadata. So after
//! `invalid_client` the next listed method is tried, and the one that was accepted is used from then on.

use std::sync::atomic::{AtomicUsize, Ordering};

use openidconnect::AuthType;

use super::Provider;
use super::discovery::ProviderInfo;
use super::error::TokenEndpointError;
use super::http::HttpClient;
use super::secret::SecretFile;
use super::token_endpoint::{self, Grant, TokenResponse};

/// Which of the listed methods the provider has accepted last: an index.
#[derive(Debug, Default)]
pub(super) struct AcceptedMethod(AtomicUsize);

impl Provider {
    /// Redeems a code or a refresh token. Without a valid authentication of the client, a provider redeems
    /// neither, so the same one can be sent again.
    pub(super) async fn request_tokens(
        &self,
        http: &HttpClient,
        info: &ProviderInfo,
        grant: &Grant<'_>,
    ) -> Result<TokenResponse, TokenEndpointError> {
        let secret = self.secret.as_ref().map(SecretFile::current);
        let assertion = self.assertion.as_ref().map(SecretFile::current);
        let methods = &info.metadata.auth_types;
        let first = self.accepted_method.0.load(Ordering::Relaxed);
        let in_order = methods.iter().enumerate().cycle().skip(first);
        let mut in_order = in_order.take(methods.len());
        let (mut index, mut method) = in_order.next().unwrap_or((0, &AuthType::BasicAuth));
        loop {
            let client = token_endpoint::client(
                &self.relying_party,
                &info.metadata,
                method.clone(),
                secret.as_deref(),
            );
            let outcome = token_endpoint::redeem(&client, assertion.as_deref(), http, grant).await;
            if !outcome
                .as_ref()
                .is_err_and(TokenEndpointError::is_about_client)
            {
                self.accepted_method.0.store(index, Ordering::Relaxed);
                return outcome;
            }
            match in_order.next() {
                Some(next) => (index, method) = next,
                None => return outcome,
            }
        }
    }
}
