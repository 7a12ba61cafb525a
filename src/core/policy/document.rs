//! The wire types of the policy file. They check names and types only.
//!
//! Every member is optional, none may be `null` or duplicate, and an unknown name is refused. `build`
//! validates values and the relations between them.

mod error;
mod read;
mod shape;
mod value;

#[cfg(test)]
mod tests;

use crate::json::Json;

use error::DocumentError;
use value::{Wire, members};

pub(super) use read::read;
pub use shape::Shape;

/// Declares wire types. Serde's derived code for the same types takes 20 KB more of the filter's module.
macro_rules! wire {
    ($($(#[$about:meta])* struct $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Debug, Default)]
        pub(super) struct $name {
            $(pub(super) $field: Option<$type>,)*
        }

        impl Wire for $name {
            const SHAPE: Shape = Shape::Object(&[
                $((stringify!($field), <$type as Wire>::SHAPE)),*
            ]);

            fn read(value: &Json) -> Result<Self, DocumentError> {
                const NAMES: &[&str] = &[$(stringify!($field)),*];
                let mut read = Self::default();
                for (name, value) in members(value)? {
                    let result = match name.as_str() {
                        $(stringify!($field) => value::read_into(value, &mut read.$field),)*
                        _ => Err(DocumentError::unknown(name, NAMES)),
                    };
                    result.map_err(|error| error.in_member(name))?;
                }
                Ok(read)
            }
        }
    )*};
}

wire! {
    /// The whole document.
    struct Document {
        trust: Vec<Trust>,
        sso: Sso,
        apps: Vec<App>,
        ungated: Vec<String>,
        refuse_callers: Vec<String>,
        revision: String,
        audit: Audit,
        // Numbers in protobuf are doubles, and some tools write `16384.0`.
        max_token: f64,
    }

    /// A trust entry.
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
        trust_unverified_email: bool,
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

    /// The paths of claims: each a name or a list of names.
    struct Claims {
        groups: Json,
        email: Json,
        preferred_username: Json,
    }

    /// How users sign in.
    struct Sso {
        url: String,
        envoy_cluster: String,
        cookie: String,
        providers: Vec<String>,
    }

    /// An app.
    struct App {
        name: String,
        hosts: Hosts,
        rules: Vec<Rule>,
        shadow_rules: Vec<Rule>,
        report_until: String,
        audiences: Vec<String>,
        origins: Vec<String>,
        forward_authorization: bool,
        bearer: String,
        encoded_paths: String,
        strip_headers: Vec<String>,
        identity_headers: Json,
        contact: String,
        preflight: bool,
    }

    /// A rule.
    struct Rule {
        name: String,
        methods: Vec<String>,
        paths: Vec<String>,
        allow: Vec<Entry>,
        public: bool,
    }

    /// An entry of a rule.
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

    /// A claim and its required value, or one of its values.
    struct Claim {
        path: Vec<String>,
        equals: Json,
        contains: Json,
    }

    /// The audit records: their log levels, and what they contain.
    struct Audit {
        allowed: String,
        refused: String,
        access_log: bool,
        people: Vec<String>,
    }
}

/// The fields of a document, as the wire types read them.
pub(super) const SHAPE: Shape = <Document as Wire>::SHAPE;

/// The hosts of an app.
#[derive(Debug)]
pub(super) enum Hosts {
    /// `any`
    Any,
    /// Those of a list.
    Listed(Vec<String>),
}

impl Wire for Hosts {
    const SHAPE: Shape = Shape::Hosts;

    fn read(value: &Json) -> Result<Self, DocumentError> {
        match value {
            Json::String(text) if text == "any" => Ok(Self::Any),
            Json::Array(_) => Vec::read(value).map(Self::Listed),
            _ => Err(DocumentError::wrong_type(value, "a list or `any`")),
        }
    }
}
