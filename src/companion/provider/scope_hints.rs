//! Hints about scopes: some providers issue groups or refresh tokens only for a scope of their own, which the
//! configuration then must name. It says so at the start, by the provider's metadata, and once after a sign-in.

use std::sync::atomic::{AtomicBool, Ordering};

use super::metadata::Metadata;
use super::settings::RelyingParty;
use super::{Authentication, ProviderTokens};

#[cfg(test)]
mod tests;

/// OpenID Connect Core 1.0 section 11.
const OFFLINE_ACCESS: &str = "offline_access";

/// Not in a standard; the scope of Dex, Okta, Authelia and others.
const GROUPS: &str = "groups";

/// What was logged of the sign-ins at one provider.
#[derive(Debug, Default)]
pub(super) struct ScopeHints {
    groups: AtomicBool,
    refresh_token: AtomicBool,
}

/// Logs which of the scopes the provider supports and the configuration does not request.
pub(super) fn log_unrequested(relying_party: &RelyingParty, metadata: &Metadata) {
    let provider = &relying_party.name;
    for scope in unrequested(relying_party, metadata) {
        let meaning = match scope {
            OFFLINE_ACCESS => {
                "it may issue refresh tokens for this scope only, and without one a session ends when the provider's token expires"
            }
            _ => "it may send groups for this scope only",
        };
        let help = "if you miss them, add the scope to `providers[].scopes`";
        tracing::info!(
            provider,
            scope,
            meaning,
            help,
            "scope supported but not requested"
        );
    }
}

fn unrequested(relying_party: &RelyingParty, metadata: &Metadata) -> Vec<&'static str> {
    let mut scopes = vec![OFFLINE_ACCESS, GROUPS];
    scopes.retain(|scope| {
        let is_supported = metadata.scopes_supported.iter().any(|own| own == scope);
        is_supported && !requests(relying_party, scope)
    });
    scopes
}

fn requests(relying_party: &RelyingParty, scope: &str) -> bool {
    relying_party.scopes.iter().any(|own| own.as_str() == scope)
}

// === impl ScopeHints ===

impl ScopeHints {
    /// Logs once that a sign-in has no refresh token, and once that one has no groups.
    pub(super) fn log_missing(&self, relying_party: &RelyingParty, signed_in: &Authentication) {
        let Authentication { user, tokens, .. } = signed_in;
        let provider = &relying_party.name;
        if self.is_first_without_refresh_token(tokens) {
            let help = match requests(relying_party, OFFLINE_ACCESS) {
                false => {
                    "add `offline_access` to `providers[].scopes`, if the provider has this scope"
                }
                true => "allow refresh tokens for this client at the provider",
            };
            tracing::warn!(
                provider,
                help,
                "no refresh token: sessions end when the provider's token expires"
            );
        }
        if user.groups.is_empty() && !self.groups.swap(true, Ordering::Relaxed) {
            let help = match requests(relying_party, GROUPS) {
                false => {
                    "if rules need groups: add `groups` to `providers[].scopes`, if the provider has this scope, or set `providers[].groups_claim`"
                }
                true => {
                    "if rules need groups: set `providers[].groups_claim`, or let the provider send them to this client"
                }
            };
            tracing::info!(provider, help, "a user has no groups");
        }
    }

    fn is_first_without_refresh_token(&self, tokens: &ProviderTokens) -> bool {
        tokens.refresh_token.is_none() && !self.refresh_token.swap(true, Ordering::Relaxed)
    }
}
