//! What a provider says of itself (OpenID Connect Discovery 1.0, section 3), as far as it matters
//! here.
//!
//! Read by hand and not by the library, which takes members that stand twice and endpoints without
//! TLS, and refuses a whole document for an empty `op_tos_uri`.

use openidconnect::AuthType;
use portcullis_core::json::Json;
use portcullis_core::token::Algorithm;
use url::Url;

use super::settings::{Party, https_url};

/// What a provider says of itself.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    pub(super) end_session_endpoint: Option<Url>,
    /// What its tokens may be signed with, in the order in which a key that names no algorithm gets
    /// its one. Never empty.
    pub(super) algorithms: Vec<Algorithm>,
    /// How we say at the token endpoint who we are.
    pub(super) auth_type: AuthType,
    /// Whether each of its answers to a browser names the issuer (RFC 9207).
    pub(super) names_issuer: bool,
}

/// What is wrong with a discovery document.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum MetadataError {
    /// None of the provider's algorithms is one that is accepted here.
    #[error("`id_token_signing_alg_values_supported` names none that is accepted here")]
    Algorithms,
    /// The client secret can be shown in none of the ways that the provider knows.
    #[error(
        "`token_endpoint_auth_methods_supported` names neither client_secret_basic nor \
         client_secret_post"
    )]
    AuthMethods,
    /// It is another provider's document.
    #[error(
        "`issuer` is not the configured one; they must be equal to the byte, also in the slash \
         at the end"
    )]
    Issuer,
    /// A member is missing or of a wrong form.
    #[error("`{0}` is missing or of a wrong form; a URL must be https and plain")]
    Member(&'static str),
}

/// RS256 first, for it is what a provider signs with unless told otherwise (OpenID Connect Core,
/// section 15.1). The order matters only to an RSA key that names no algorithm.
const PREFERRED: [Algorithm; 9] = [
    Algorithm::Rs256,
    Algorithm::Es256,
    Algorithm::EdDsa,
    Algorithm::Ps256,
    Algorithm::Es384,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

impl Metadata {
    /// Reads the document of a provider.
    pub(super) fn read(document: &Json, party: &Party) -> Result<Self, MetadataError> {
        // First, because nothing else in another provider's document is of any interest.
        match document.member("issuer") {
            Some(Json::String(named)) if named == party.issuer.as_str() => {}
            Some(Json::String(_)) => return Err(MetadataError::Issuer),
            _ => return Err(MetadataError::Member("issuer")),
        }
        Ok(Self {
            authorization_endpoint: required(document, "authorization_endpoint")?,
            token_endpoint: required(document, "token_endpoint")?,
            jwks_uri: required(document, "jwks_uri")?,
            userinfo_endpoint: optional(document, "userinfo_endpoint")?,
            end_session_endpoint: optional(document, "end_session_endpoint")?,
            algorithms: algorithms(document)?,
            auth_type: match party.has_secret {
                true => auth_type(document)?,
                // The library then says who we are, and no more.
                false => AuthType::RequestBody,
            },
            names_issuer: truth(document, "authorization_response_iss_parameter_supported")?,
        })
    }
}

fn required(document: &Json, name: &'static str) -> Result<Url, MetadataError> {
    optional(document, name)?.ok_or(MetadataError::Member(name))
}

fn optional(document: &Json, name: &'static str) -> Result<Option<Url>, MetadataError> {
    match document.member(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => https_url(text).map(Some).ok_or(MetadataError::Member(name)),
        Some(_) => Err(MetadataError::Member(name)),
    }
}

fn truth(document: &Json, name: &'static str) -> Result<bool, MetadataError> {
    match document.member(name) {
        None | Some(Json::Null) => Ok(false),
        Some(Json::Bool(truth)) => Ok(*truth),
        Some(_) => Err(MetadataError::Member(name)),
    }
}

/// The strings of a list; `None` where there is no list.
fn list<'a>(document: &'a Json, name: &'static str) -> Result<Option<Vec<&'a str>>, MetadataError> {
    match document.member(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Array(all)) => Ok(Some(all.iter().filter_map(Json::as_str).collect())),
        Some(_) => Err(MetadataError::Member(name)),
    }
}

/// Theirs and ours. A document that says nothing means RS256, which every provider must know.
fn algorithms(document: &Json) -> Result<Vec<Algorithm>, MetadataError> {
    let Some(named) = list(document, "id_token_signing_alg_values_supported")? else {
        return Ok(vec![Algorithm::Rs256]);
    };
    let theirs: Vec<Algorithm> = named.into_iter().filter_map(Algorithm::from_name).collect();
    let both: Vec<Algorithm> = PREFERRED
        .into_iter()
        .filter(|ours| theirs.contains(ours))
        .collect();
    if both.is_empty() {
        return Err(MetadataError::Algorithms);
    }
    Ok(both)
}

/// Basic wherever the provider knows it, which is what silence means (RFC 8414, section 2).
fn auth_type(document: &Json) -> Result<AuthType, MetadataError> {
    let Some(methods) = list(document, "token_endpoint_auth_methods_supported")? else {
        return Ok(AuthType::BasicAuth);
    };
    if methods.contains(&"client_secret_basic") {
        Ok(AuthType::BasicAuth)
    } else if methods.contains(&"client_secret_post") {
        Ok(AuthType::RequestBody)
    } else {
        Err(MetadataError::AuthMethods)
    }
}
