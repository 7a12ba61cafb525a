//! Logout tokens for the fuzz target, without a provider to fetch keys from.

use portcullis_core::keys::KeySet;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::Algorithm;

use super::keys::ProviderKeys;
use super::logout_token::UnverifiedLogoutToken;
use super::{LogoutTokenError, ProviderSettings};

pub use super::logout_token::LOGOUT_EVENT;

/// Verifies a logout token of a provider with this issuer and these keys, all of whose algorithms it
/// accepts. Returns `sub` and `sid`.
///
/// # Errors
/// Why it is rejected.
pub fn verify_logout_token(
    text: &str,
    issuer: &str,
    client_id: &str,
    keys: &KeySet,
    now: Timestamp,
) -> Result<(Option<String>, Option<String>), String> {
    let settings = ProviderSettings::new("sso", issuer, client_id);
    let keys = ProviderKeys::from(keys);
    let relying_party = settings
        .relying_party()
        .map_err(|error| error.to_string())?;
    let verified = || -> Result<_, LogoutTokenError> {
        let signed = UnverifiedLogoutToken::read(text)?;
        let unverified = UnverifiedLogoutToken::check(signed, &relying_party, now)?;
        let issuer = &relying_party.issuer;
        unverified
            .signed
            .signed_by(&keys, &Algorithm::ALL, issuer)?;
        Ok(unverified.into_verified())
    };
    let token = verified().map_err(|error| error.to_string())?;
    Ok((token.sub, token.sid))
}
