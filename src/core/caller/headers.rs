//! The names of header fields that claim an identity.

/// The prefix of our own header names.
const OWN_PREFIX: &str = "x-portcullis-";

/// Prefixes of header names in which proxies and apps expect identities.
pub const PREFIXES: [&str; 2] = ["x-auth-request-", OWN_PREFIX];

/// Header names in which proxies and apps expect identities or the original URL.
pub const NAMES: [&str; 7] = [
    "x-forwarded-access-token",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-user",
    "x-original-url",
    "x-rewrite-url",
];

/// The header with the user's name for apps.
pub(crate) const USER: &str = "x-auth-request-user";
/// The header with the caller's name.
pub(crate) const CALLER: &str = "x-portcullis-caller";
/// The header with the e-mail address.
pub(crate) const EMAIL: &str = "x-auth-request-email";
/// The header with the groups.
pub(crate) const GROUPS: &str = "x-auth-request-groups";
/// The header with the user name that the user prefers.
pub(crate) const PREFERRED_USERNAME: &str = "x-auth-request-preferred-username";

/// What a policy calls the identities of a caller, and the headers that have them for every app.
pub(crate) const IDENTITIES: [(&str, &str); 5] = [
    ("user", USER),
    ("caller", CALLER),
    ("email", EMAIL),
    ("groups", GROUPS),
    ("preferred_username", PREFERRED_USERNAME),
];

/// Whether a header field of this name claims an identity, in any spelling.
pub(crate) fn claims_identity(name: &[u8]) -> bool {
    // All names here begin alike, and most headers don't: this runs for each header.
    let listed = name
        .first()
        .is_some_and(|first| first.eq_ignore_ascii_case(&b'x'));
    listed
        && (PREFIXES.iter().any(|prefix| starts_with(name, prefix))
            || NAMES.into_iter().any(|own| same(name, own.as_bytes())))
}

/// Whether a header field of this name is one of ours, in any spelling.
pub(crate) fn is_own(name: &[u8]) -> bool {
    starts_with(name, OWN_PREFIX)
}

/// Whether a name begins like this, in any spelling.
pub(crate) fn starts_with(name: &[u8], prefix: &str) -> bool {
    name.get(..prefix.len())
        .is_some_and(|head| same(head, prefix.as_bytes()))
}

/// Whether two names are equal to an app.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && canonical(one).eq(canonical(other))
}

/// A name as an app may read it: case is ignored, and every byte that is no letter or digit counts as
/// `-`. Servers that hand headers over as variables (CGI, FastCGI, WSGI, Rack) write `_` for `-`, and
/// many of them for every other such byte too.
pub(crate) fn canonical(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().map(|byte| {
        if byte.is_ascii_alphanumeric() {
            byte.to_ascii_lowercase()
        } else {
            b'-'
        }
    })
}
