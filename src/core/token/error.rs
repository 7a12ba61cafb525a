//! The errors of tokens, and the reason for each.

use std::fmt;

use crate::reason::Reason;

/// Why a token is refused, for the operator's log. The messages contain nothing of the token; a
/// client gets [`TokenError::reason`] only.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// `alg` is not the key's algorithm, or is not supported by the signature verification.
    #[error("`alg` is not the algorithm of the key")]
    AlgorithmMismatch,
    /// `alg` is not a supported algorithm; `none` and HMAC are not.
    #[error("`alg` is not an accepted algorithm")]
    AlgorithmUnknown,
    /// None of the trust entry's audiences is in `aud`.
    #[error("`aud` contains none of the audiences of the trust entry")]
    AudienceMismatch,
    /// `cnf` binds the token to a key (RFC 7800), and proof of possession is not supported.
    #[error("`cnf` binds the token to a key, and proof of possession is not supported")]
    Bound,
    /// A claim is missing, or does not have the type of RFC 7519.
    #[error("`{0}` is missing or has a wrong type")]
    Claim(&'static str),
    /// `crit` or `b64` requires an extension (RFC 7515 section 4.1.11, RFC 7797), and none is
    /// supported.
    #[error("`crit` or `b64` requires an extension, and none is supported")]
    Critical,
    /// A part is not base64url without padding, or not in canonical form.
    #[error("the {0} is not strict base64url")]
    Encoding(Part),
    /// The clock has reached `exp`.
    #[error("`exp` has passed")]
    Expired,
    /// A header parameter is missing, has a wrong type or is too long.
    #[error("header parameter `{0}` is missing, has a wrong type or is too long")]
    HeaderParameter(&'static str),
    /// `iss` is not the trust entry's.
    #[error("`iss` is not an issuer of the trust entry")]
    IssuerMismatch,
    /// A part is not a valid JSON object.
    #[error("the {0} is not a valid JSON object")]
    Json(Part),
    /// The lifetime is longer than `max_lifetime`.
    #[error("the lifetime from `iat` to `exp` is longer than `max_lifetime`")]
    LifetimeTooLong,
    /// `cty` is present: the payload is not a claims set, but for example a nested token.
    #[error("`cty` is present, which marks a nested token")]
    Nested,
    /// The token does not consist of three non-empty parts, separated by dots.
    #[error("the token is not three parts separated by dots")]
    NotCompact,
    /// `nbf` or `iat` is in the future.
    #[error("`nbf` or `iat` is in the future")]
    NotYetValid,
    /// `idp` of a session token is not one of the policy's `sso.providers`.
    #[error("`idp` is not one of the policy's `sso.providers`")]
    ProviderUnknown,
    /// The signature does not verify with the key.
    #[error("the signature does not verify with the key")]
    SignatureInvalid,
    /// `sub` is empty or contains control characters.
    #[error("`sub` is empty or contains control characters")]
    Subject,
    /// `sub` is not a service account, or not the one in the `kubernetes.io` claims.
    #[error("`sub` is not the service account in the `kubernetes.io` claims")]
    SubjectMismatch,
    /// It is longer than [`super::Token::MAX_BYTES`].
    #[error("the token is longer than {} bytes", super::Token::MAX_BYTES)]
    TooLarge,
    /// `typ` is that of another kind of token (RFC 8725 section 3.11).
    #[error("`typ` names another kind of token")]
    Type,
}

/// A part of the compact form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The first.
    Header,
    /// The second.
    Payload,
    /// The third.
    Signature,
}

impl TokenError {
    /// The one reason of this error.
    pub const fn reason(self) -> Reason {
        match self {
            Self::AlgorithmMismatch | Self::AlgorithmUnknown => Reason::AlgorithmRefused,
            Self::AudienceMismatch => Reason::AudienceMismatch,
            Self::Bound => Reason::BindingUnproven,
            Self::Claim(_)
            | Self::Critical
            | Self::Encoding(_)
            | Self::HeaderParameter(_)
            | Self::Json(_)
            | Self::Nested
            | Self::NotCompact
            | Self::Type => Reason::TokenMalformed,
            Self::Expired => Reason::Expired,
            Self::IssuerMismatch | Self::ProviderUnknown => Reason::IssuerUnknown,
            Self::LifetimeTooLong => Reason::LifetimeTooLong,
            Self::NotYetValid => Reason::NotYetValid,
            Self::SignatureInvalid => Reason::SignatureInvalid,
            Self::Subject | Self::SubjectMismatch => Reason::SubjectInvalid,
            Self::TooLarge => Reason::TokenTooLarge,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}
