//! The policy file as it is written: wire types, which know names and types and nothing else.
//!
//! All of them are alike: every member is optional, none may be `null` or duplicate, and an unknown
//! name is refused. `build` validates what belongs together.

mod error;
mod read;
mod value;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Deserializer};

use crate::json::Json;

pub(super) use read::read;

/// Declares wire types: all of them alike, by serde's derived code.
macro_rules! wire {
    ($($(#[$about:meta])* struct $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields, expecting = "an object")]
        pub(super) struct $name {
            $(
                #[serde(deserialize_with = "given")]
                pub(super) $field: Option<$type>,
            )*
        }
    )*};
}

wire! {
    /// The whole document.
    struct Document {
        trust: Vec<Trust>,
        sso: Sso,
        apps: Vec<App>,
        audit: Audit,
        // Protobuf's numbers are doubles, and some writers say `16384.0`.
        max_token: f64,
    }

    /// Who may vouch for a caller.
    struct Trust {
        name: String,
        kind: String,
        issuer: String,
        former_issuers: Vec<String>,
        audiences: Vec<String>,
        keys: Keys,
        algorithms: Vec<String>,
        leeway: String,
        max_lifetime: String,
        claims: Claims,
    }

    /// Where the keys of a trust entry come from.
    struct Keys {
        envoy_cluster: String,
        discovery: String,
        jwks: String,
        mirror: bool,
        inline: Json,
        refresh: String,
        max_stale: String,
        refuse_kids: Vec<String>,
        pins: Vec<String>,
    }

    /// Where a token says what the rules ask about: each a name or a list of names.
    struct Claims {
        groups: Json,
        email: Json,
        preferred_username: Json,
    }

    /// How people sign in.
    struct Sso {
        url: String,
        envoy_cluster: String,
        cookie: String,
        providers: Vec<String>,
    }

    /// What is protected.
    struct App {
        name: String,
        hosts: Vec<String>,
        rules: Vec<Rule>,
        audiences: Vec<String>,
        origins: Vec<String>,
        forward_authorization: bool,
        strip_headers: Vec<String>,
        preflight: bool,
    }

    /// Who may do what.
    struct Rule {
        name: String,
        methods: Vec<String>,
        paths: Vec<String>,
        allow: Vec<Entry>,
        public: bool,
    }

    /// Whom a rule lists.
    struct Entry {
        from: String,
        service_account: String,
        user: String,
        email: String,
        email_domain: String,
        group: String,
        claim: Claim,
        anyone: bool,
    }

    /// A claim that must have a value.
    struct Claim {
        path: Vec<String>,
        equals: Json,
    }

    /// At which level decisions are recorded.
    struct Audit {
        allowed: String,
        refused: String,
    }
}

/// Reads a member that is there. Serde's own `Option` would take `null` for a member left out, and
/// `paths:` with no value would then match every path.
fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
