//! What a provider says of a person besides the ID token (OpenID Connect Core, section 5.3).
//!
//! Not by way of the library, which panics at an access token that can't stand in a header, and
//! takes a member that stands twice.

use portcullis_core::json::Json;

use super::error::UserInfoError;
use super::http::HttpClient;
use super::metadata::Metadata;
use super::person::Said;
use super::secret::Secret;

/// What userinfo says of the person `sub`; `None` where the provider has none.
pub(super) async fn ask(
    http: &HttpClient,
    metadata: &Metadata,
    access_token: &Secret,
    sub: &str,
    groups_claim: &[String],
) -> Result<Option<Said>, UserInfoError> {
    let Some(url) = &metadata.userinfo_endpoint else {
        return Ok(None);
    };
    let claims = http
        .get(url, Some(access_token))
        .await
        .map_err(UserInfoError::Fetch)?;
    if claims.member("sub").and_then(Json::as_str) != Some(sub) {
        return Err(UserInfoError::Subject);
    }
    Ok(Some(Said::read(&claims, groups_claim)))
}
