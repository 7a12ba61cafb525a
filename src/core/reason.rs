//! The closed list of reasons.

use std::fmt;

/// Why a request was allowed or refused: one closed list of codes, the same in responses, logs,
/// metrics, the audit record and the documentation.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Reason {
    /// A rule of the app lists the caller.
    Rule,
    /// A public rule matches the request; no token was checked.
    Public,
    /// A CORS preflight request, which has no credentials.
    Preflight,
    /// An endpoint of the companion, on its own host.
    Companion,
    /// A host that the policy lists in `ungated`: forwarded without a decision about access.
    Ungated,
    /// The app's rules would refuse the request, and refusals of this app are only reported until its
    /// `report_until`.
    ReportOnly,
    /// The request has no credentials, and no public rule matches.
    NoCredentials,
    /// The Authorization header is not of the form `Bearer <token>`.
    AuthorizationMalformed,
    /// More than one Authorization header, or a bearer token beside other credentials.
    AuthorizationAmbiguous,
    /// A host, path or method that a proxy and an app could interpret differently.
    RequestAmbiguous,
    /// The bearer token is not an acceptable JWT.
    TokenMalformed,
    /// The bearer token is longer than `max_token`.
    TokenTooLarge,
    /// No trust entry has the token's issuer, or the policy lacks the session's provider.
    IssuerUnknown,
    /// No trust entry of the issuer has a key with the token's `kid`.
    KeyUnknown,
    /// The token's algorithm is not the key's.
    AlgorithmRefused,
    /// The signature does not verify with the key that the token names.
    SignatureInvalid,
    /// The token has expired.
    Expired,
    /// The token is not valid yet.
    NotYetValid,
    /// The token's lifetime is longer than `max_lifetime`.
    LifetimeTooLong,
    /// The token is for another audience.
    AudienceMismatch,
    /// The token's subject is empty, has control characters, or contradicts its other claims.
    SubjectInvalid,
    /// The token is bound to a key, whose possession the request does not prove.
    BindingUnproven,
    /// The session was revoked or signed out.
    Revoked,
    /// The session has expired.
    SessionExpired,
    /// The session could not be refreshed.
    SessionUnavailable,
    /// An unsafe request with a user's session from another origin.
    CrossSite,
    /// A forward auth request from a peer that is not a trusted proxy.
    ProxyUntrusted,
    /// The issuer's keys could not be fetched.
    KeysUnavailable,
    /// The issuer's keys are older than `max_stale`.
    KeysStale,
    /// Several trust entries of the issuer have the token's key, and it is unknown which had it
    /// first.
    KeyAmbiguous,
    /// No app has this host or, on the companion's own host, there is no endpoint at this path.
    AppUnknown,
    /// The policy lists the caller in `refuse_callers`.
    CallerRefused,
    /// The caller is authenticated, but no rule of the app allows the request.
    CallerNotAllowed,
}

/// The class of the response to a reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// The request is forwarded.
    Allowed,
    /// The client should present credentials, or sign in again: 401.
    Unauthenticated,
    /// The token is not valid: 401 `invalid_token`.
    InvalidToken,
    /// Not allowed: 403 `insufficient_scope`.
    Forbidden,
    /// The request itself is invalid: 400 `invalid_request`.
    BadRequest,
    /// It can't be decided now: 503, try again.
    Unavailable,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 33] = [
        Self::Rule,
        Self::Public,
        Self::Preflight,
        Self::Companion,
        Self::Ungated,
        Self::ReportOnly,
        Self::NoCredentials,
        Self::AuthorizationMalformed,
        Self::AuthorizationAmbiguous,
        Self::RequestAmbiguous,
        Self::TokenMalformed,
        Self::TokenTooLarge,
        Self::IssuerUnknown,
        Self::KeyUnknown,
        Self::AlgorithmRefused,
        Self::SignatureInvalid,
        Self::Expired,
        Self::NotYetValid,
        Self::LifetimeTooLong,
        Self::AudienceMismatch,
        Self::SubjectInvalid,
        Self::BindingUnproven,
        Self::Revoked,
        Self::SessionExpired,
        Self::SessionUnavailable,
        Self::CrossSite,
        Self::ProxyUntrusted,
        Self::KeysUnavailable,
        Self::KeysStale,
        Self::KeyAmbiguous,
        Self::AppUnknown,
        Self::CallerRefused,
        Self::CallerNotAllowed,
    ];

    /// The code, in kebab-case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Public => "public",
            Self::Preflight => "preflight",
            Self::Companion => "companion",
            Self::Ungated => "ungated",
            Self::ReportOnly => "report-only",
            Self::NoCredentials => "no-credentials",
            Self::AuthorizationMalformed => "authorization-malformed",
            Self::AuthorizationAmbiguous => "authorization-ambiguous",
            Self::RequestAmbiguous => "request-ambiguous",
            Self::TokenMalformed => "token-malformed",
            Self::TokenTooLarge => "token-too-large",
            Self::IssuerUnknown => "issuer-unknown",
            Self::KeyUnknown => "key-unknown",
            Self::AlgorithmRefused => "algorithm-refused",
            Self::SignatureInvalid => "signature-invalid",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::LifetimeTooLong => "lifetime-too-long",
            Self::AudienceMismatch => "audience-mismatch",
            Self::SubjectInvalid => "subject-invalid",
            Self::BindingUnproven => "binding-unproven",
            Self::Revoked => "revoked",
            Self::SessionExpired => "session-expired",
            Self::SessionUnavailable => "session-unavailable",
            Self::CrossSite => "cross-site",
            Self::ProxyUntrusted => "proxy-untrusted",
            Self::KeysUnavailable => "keys-unavailable",
            Self::KeysStale => "keys-stale",
            Self::KeyAmbiguous => "key-ambiguous",
            Self::AppUnknown => "app-unknown",
            Self::CallerRefused => "caller-refused",
            Self::CallerNotAllowed => "caller-not-allowed",
        }
    }

    /// The class of the response to this reason.
    pub const fn class(self) -> Class {
        match self {
            Self::Rule
            | Self::Public
            | Self::Preflight
            | Self::Companion
            | Self::Ungated
            | Self::ReportOnly => Class::Allowed,
            Self::NoCredentials | Self::Revoked | Self::SessionExpired => Class::Unauthenticated,
            Self::TokenMalformed
            | Self::TokenTooLarge
            | Self::IssuerUnknown
            | Self::KeyUnknown
            | Self::AlgorithmRefused
            | Self::SignatureInvalid
            | Self::Expired
            | Self::NotYetValid
            | Self::LifetimeTooLong
            | Self::AudienceMismatch
            | Self::SubjectInvalid
            | Self::BindingUnproven => Class::InvalidToken,
            Self::CrossSite
            | Self::ProxyUntrusted
            | Self::AppUnknown
            | Self::CallerRefused
            | Self::CallerNotAllowed => Class::Forbidden,
            Self::AuthorizationMalformed
            | Self::AuthorizationAmbiguous
            | Self::RequestAmbiguous => Class::BadRequest,
            Self::SessionUnavailable
            | Self::KeysUnavailable
            | Self::KeysStale
            | Self::KeyAmbiguous => Class::Unavailable,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests;
