//! What can be wrong with a token, and the reason that each leads to.

use std::fmt;

use crate::reason::Reason;

/// Why a token is refused. Precise enough for an operator's log, and it repeats nothing of the
/// token; a client only ever learns [`TokenError::reason`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The header's `alg` is not the one that the key is for, or can't be checked here.
    #[error("`alg` is not the algorithm of the key")]
    AlgorithmMismatch,
    /// The header's `alg` is no algorithm that is ever accepted, `none` and HMAC among them.
    #[error("`alg` names no accepted algorithm")]
    AlgorithmUnknown,
    /// None of the trust entry's audiences is in `aud`.
    #[error("`aud` contains none of the audiences of the trust entry")]
    AudienceMismatch,
    /// `cnf` binds the token to a key (RFC 7800), which a bearer can't prove to have.
    #[error("`cnf` binds the token to a key, which a bearer token can't prove")]
    Bound,
    /// A claim is missing, or is not of the type that RFC 7519 gives it.
    #[error("`{0}` is missing or of a wrong type")]
    Claim(&'static str),
    /// `crit` or `b64` ask for an extension (RFC 7515 section 4.1.11, RFC 7797), and none is
    /// implemented.
    #[error("`crit` or `b64` asks for an extension, and none is implemented here")]
    Critical,
    /// A part is not base64url without padding, or has more than one spelling.
    #[error("the {0} is not strict base64url")]
    Encoding(Part),
    /// The clock has reached `exp`.
    #[error("`exp` has passed")]
    Expired,
    /// A header parameter is missing, of a wrong type or too long.
    #[error("header parameter `{0}` is missing, of a wrong type or too long")]
    HeaderParameter(&'static str),
    /// `iss` is not the trust entry's.
    #[error("`iss` is not an issuer of the trust entry")]
    IssuerMismatch,
    /// A part is not a JSON object that is accepted here.
    #[error("the {0} is not an acceptable JSON object")]
    Json(Part),
    /// The token lives longer than the trust entry allows.
    #[error("the token lives longer than `max_lifetime`")]
    LifetimeTooLong,
    /// `cty` says that the payload is something other than claims, such as another token.
    #[error("`cty` says that the payload is another token")]
    Nested,
    /// It isn't three non-empty parts between two dots.
    #[error("not three parts between two dots")]
    NotCompact,
    /// `nbf` or `iat` lie ahead.
    #[error("`nbf` or `iat` is in the future")]
    NotYetValid,
    /// The key didn't make the signature.
    #[error("the signature was not made by the key")]
    SignatureInvalid,
    /// `sub` is empty or contains control characters.
    #[error("`sub` is empty or contains control characters")]
    Subject,
    /// It is longer than [`super::Token::MAX_BYTES`].
    #[error("longer than {} bytes", super::Token::MAX_BYTES)]
    TooLarge,
    /// `typ` says that it is a token of another kind (RFC 8725 section 3.11).
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
            Self::IssuerMismatch => Reason::IssuerUnknown,
            Self::LifetimeTooLong => Reason::LifetimeTooLong,
            Self::NotYetValid => Reason::NotYetValid,
            Self::SignatureInvalid => Reason::SignatureInvalid,
            Self::Subject => Reason::SubjectInvalid,
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
