//! The userinfo endpoint (OpenID Connect Core 1.0 section 5.3).
//!
//! Not by the library, which panics at an access token that is not a valid header value, and
//! accepts duplicate members.

use portcullis_core::json::Json;

use super::error::UserInfoError;
use super::http::HttpClient;
use super::metadata::Metadata;
use super::secret::Secret;
use super::settings::RelyingParty;
use super::user::UserClaims;

/// Fetches the claims of the user `sub`; `None` where the provider has no userinfo endpoint, or issued
/// no access token for it.
pub(super) async fn fetch(
    http: &HttpClient,
    metadata: &Metadata,
    access_token: Option<&Secret>,
    sub: &str,
    relying_party: &RelyingParty,
) -> Result<Option<UserClaims>, UserInfoError> {
    let (Some(url), Some(access_token)) = (&metadata.userinfo_endpoint, access_token) else {
        return Ok(None);
    };
    let claims = http
        .get_protected(url, access_token)
        .await
        .map_err(UserInfoError::Fetch)?;
    match claims.member("sub") {
        Some(Json::String(own)) if own == sub => {}
        None | Some(Json::Null) => return Err(UserInfoError::NoSubject),
        Some(_) => return Err(UserInfoError::Subject),
    }
    Ok(Some(UserClaims::read(&claims, relying_party)))
}
