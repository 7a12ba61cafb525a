//! Who a caller is.

use crate::json::Json;

/// A caller that somebody vouched for: what rules ask about and what apps are told.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The trust entry or provider that vouched.
    pub(crate) from: String,
    pub(crate) subject: Subject,
    /// The e-mail address, only where the issuer says that it is verified.
    pub(crate) email: Option<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) preferred_username: Option<String>,
    /// Everything that the token claims.
    pub(crate) claims: Json,
}

/// Whom the token speaks of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// A Kubernetes service account.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name in the namespace.
        name: String,
    },
    /// Anybody else, by the issuer's `sub`.
    User(String),
}
