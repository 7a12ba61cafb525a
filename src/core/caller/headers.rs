//! Which header fields of a request are forwarded to an app.

use crate::policy::App;

/// Prefixes of header names in which proxies and apps look for identities.
pub const PREFIXES: [&str; 2] = ["x-auth-request-", "x-portcullis-"];

/// Header names in which proxies and apps look for identities, or for the address that was judged.
pub const NAMES: [&str; 7] = [
    "x-forwarded-access-token",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-user",
    "x-original-url",
    "x-rewrite-url",
];

/// Whether a header field of the client's is forwarded to the app: not if it claims an identity, in
/// any case and with `_` for `-`, because many servers treat them alike, and `authorization` only
/// where the app's entry says so.
pub fn is_forwarded(name: &[u8], app: Option<&App>) -> bool {
    let is = |other: &str| same(name, other.as_bytes());
    if is("authorization") {
        return app.is_some_and(App::forward_authorization);
    }
    // All names below begin alike, and most headers don't: this runs for each header.
    let listed = name
        .first()
        .is_some_and(|first| first.eq_ignore_ascii_case(&b'x'));
    let claims_identity = listed
        && (PREFIXES.iter().any(|prefix| {
            name.get(..prefix.len())
                .is_some_and(|head| same(head, prefix.as_bytes()))
        }) || NAMES.into_iter().any(is));
    !claims_identity && !app.is_some_and(|app| app.strip_headers().iter().any(|own| is(own)))
}

/// Whether a trailer of the client's is forwarded. Some servers put trailers among the headers, so that
/// none may have a name that any app trusts; `authorization` has no use there.
pub fn is_forwarded_late(name: &[u8], apps: &[App]) -> bool {
    is_forwarded(name, None) && apps.iter().all(|app| is_forwarded(name, Some(app)))
}

/// Whether a header field of the client's is forwarded to the companion on its own host: also cookies,
/// `authorization`, and the original request as proxies in front of it describe it.
pub fn reaches_companion(name: &[u8]) -> bool {
    let original = name
        .get(.."x-original-".len())
        .is_some_and(|head| same(head, b"x-original-"));
    original || same(name, b"authorization") || is_forwarded(name, None)
}

/// Whether two names are the same to a server that takes `_` for `-`.
fn same(one: &[u8], other: &[u8]) -> bool {
    let fold = |byte: &u8| {
        if *byte == b'_' {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        }
    };
    one.len() == other.len() && one.iter().map(fold).eq(other.iter().map(fold))
}
