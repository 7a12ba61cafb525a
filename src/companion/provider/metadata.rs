//! Provider metadata (OpenID Connect Discovery 1.0 section 3), as far as it is used here.
//!
//! Not parsed by the library, which accepts duplicate members and endpoints without TLS, and
//! rejects a whole document for an empty `op_tos_uri`.

use openidconnect::AuthType;
use portcullis_core::json::Json;
use portcullis_core::token::Algorithm;
use url::Url;

use super::settings::{RelyingParty, https_url};

/// The metadata of a provider.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    pub(super) end_session_endpoint: Option<Url>,
    /// The accepted signature algorithms. Never empty.
    pub(super) algorithms: Vec<Algorithm>,
    /// The client authentication methods to try at the token endpoint, in this order. Never empty.
    pub(super) auth_types: Vec<AuthType>,
    /// Whether every authorization response has `iss` (RFC 9207).
    pub(super) iss_supported: bool,
    /// The scopes that the provider lists; empty if it does not.
    pub(super) scopes_supported: Vec<String>,
}

/// Why metadata is invalid.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum MetadataError {
    /// None of the provider's algorithms is accepted.
    #[error(
        "`id_token_signing_alg_values_supported` has no accepted algorithm; if it is wrong, set `algorithms`"
    )]
    Algorithms,
    /// The provider supports no client authentication method with a secret.
    #[error(
        "`token_endpoint_auth_methods_supported` has neither client_secret_basic nor \
         client_secret_post"
    )]
    AuthMethods,
    /// It is the metadata of another provider.
    #[error(
        "`issuer` is not the configured one; they must be identical, including a trailing slash"
    )]
    Issuer,
    /// A member is missing or invalid.
    #[error(
        "`{0}` is missing or invalid; a URL must be https, without user information or fragment"
    )]
    Member(&'static str),
}

impl Metadata {
    /// Reads the metadata of a provider.
    pub(super) fn read(
        document: &Json,
        relying_party: &RelyingParty,
    ) -> Result<Self, MetadataError> {
        // First: other members of another provider's metadata do not matter.
        match document.member("issuer") {
            Some(Json::String(named)) if named == relying_party.issuer.url().as_str() => {}
            Some(Json::String(_)) => return Err(MetadataError::Issuer),
            _ => return Err(MetadataError::Member("issuer")),
        }
        Ok(Self {
            authorization_endpoint: required(document, "authorization_endpoint")?,
            token_endpoint: required(document, "token_endpoint")?,
            jwks_uri: required(document, "jwks_uri")?,
            userinfo_endpoint: optional(document, "userinfo_endpoint", relying_party),
            end_session_endpoint: optional(document, "end_session_endpoint", relying_party),
            algorithms: match &relying_party.algorithms {
                Some(configured) => configured.clone(),
                None => algorithms(document)?,
            },
            auth_types: match relying_party.has_secret {
                true => auth_types(document)?,
                // The library then sends the client_id alone, which an assertion is added to.
                false => vec![AuthType::RequestBody],
            },
            iss_supported: boolean(document, "authorization_response_iss_parameter_supported")?,
            // For hints only.
            scopes_supported: match list(document, "scopes_supported") {
                Ok(Some(scopes)) => scopes.into_iter().map(str::to_owned).collect(),
                Ok(None) | Err(_) => Vec::new(),
            },
        })
    }
}

fn required(document: &Json, name: &'static str) -> Result<Url, MetadataError> {
    let url = document.member(name).and_then(Json::as_str);
    url.and_then(https_url).ok_or(MetadataError::Member(name))
}

/// An endpoint that a sign-in does not need. An invalid one is not used; an empty one is missing.
fn optional(document: &Json, name: &'static str, relying_party: &RelyingParty) -> Option<Url> {
    let member = document.member(name).filter(|member| is_set(member))?;
    let url = member.as_str().and_then(https_url);
    if url.is_none() {
        let (provider, error) = (&relying_party.name, MetadataError::Member(name));
        tracing::warn!(provider, %error, "endpoint of the provider's metadata ignored");
    }
    url
}

/// Whether a member has a value: it is neither null nor an empty string.
fn is_set(member: &Json) -> bool {
    !matches!(member, Json::Null) && member.as_str() != Some("")
}

/// A boolean, or the same as a string.
fn boolean(document: &Json, name: &'static str) -> Result<bool, MetadataError> {
    match document.member(name).filter(|member| is_set(member)) {
        None => Ok(false),
        Some(Json::Bool(boolean)) => Ok(*boolean),
        Some(Json::String(text)) => text.parse().map_err(|_| MetadataError::Member(name)),
        Some(_) => Err(MetadataError::Member(name)),
    }
}

/// The strings of a list, or one string; `None` if the member is missing.
fn list<'a>(document: &'a Json, name: &'static str) -> Result<Option<Vec<&'a str>>, MetadataError> {
    match document.member(name).filter(|member| is_set(member)) {
        None => Ok(None),
        Some(Json::Array(all)) => Ok(Some(all.iter().filter_map(Json::as_str).collect())),
        Some(Json::String(one)) => Ok(Some(vec![one])),
        Some(_) => Err(MetadataError::Member(name)),
    }
}

/// The algorithms that both sides accept: all asymmetric ones of the provider. Without the member: RS256, which every provider must
/// support.
fn algorithms(document: &Json) -> Result<Vec<Algorithm>, MetadataError> {
    let Some(named) = list(document, "id_token_signing_alg_values_supported")? else {
        return Ok(vec![Algorithm::Rs256]);
    };
    let theirs: Vec<Algorithm> = named.into_iter().filter_map(Algorithm::from_name).collect();
    if theirs.is_empty() {
        return Err(MetadataError::Algorithms);
    }
    Ok(theirs)
}

/// Basic first, which is the default (RFC 8414 section 2).
fn auth_types(document: &Json) -> Result<Vec<AuthType>, MetadataError> {
    let Some(methods) = list(document, "token_endpoint_auth_methods_supported")? else {
        return Ok(vec![AuthType::BasicAuth]);
    };
    let known = [
        ("client_secret_basic", AuthType::BasicAuth),
        ("client_secret_post", AuthType::RequestBody),
    ];
    let known = known.into_iter();
    let supported: Vec<AuthType> = known
        .filter_map(|(method, auth_type)| methods.contains(&method).then_some(auth_type))
        .collect();
    if supported.is_empty() {
        return Err(MetadataError::AuthMethods);
    }
    Ok(supported)
}
