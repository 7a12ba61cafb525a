//! Logout tokens for the fuzz target, without a provider to fetch keys from.

use portcullis_core::keys::KeySet;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::Algorithm;

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
    let settings = ProviderSettings {
        name: "sso".to_owned(),
        issuer: issuer.to_owned(),
        client_id: client_id.to_owned(),
        client_secret_file: None,
        audiences: Vec::new(),
        scopes: Vec::new(),
        groups_claim: vec!["groups".to_owned()],
        trust_unverified_email: false,
        ca_file: None,
    };
    let relying_party = settings
        .relying_party()
        .map_err(|error| error.to_string())?;
    let verified = || -> Result<_, LogoutTokenError> {
        let signed = UnverifiedLogoutToken::read(text)?;
        let unverified = UnverifiedLogoutToken::check(signed, &relying_party, now)?;
        unverified.signed.signed_by(keys, &Algorithm::ALL)?;
        Ok(unverified.into_verified())
    };
    let token = verified().map_err(|error| error.to_string())?;
    Ok((token.sub, token.sid))
}
