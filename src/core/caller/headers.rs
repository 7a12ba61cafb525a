//! Which headers of a request an app gets to see.

use crate::policy::App;

/// Names below which proxies and apps look for identities.
pub const PREFIXES: [&str; 2] = ["x-auth-request-", "x-portcullis-"];

/// Names under which proxies and apps look for identities, or for the address that a gate judged.
pub const NAMES: [&str; 7] = [
    "x-forwarded-access-token",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-user",
    "x-original-url",
    "x-rewrite-url",
];

/// Whether a header of the client's reaches the app: not if it claims an identity, in any case and
/// with `_` for `-`, because many servers take one for the other, and `authorization` only where
/// the app asks for it.
pub fn is_forwarded(name: &[u8], app: Option<&App>) -> bool {
    let is = |other: &str| same(name, other.as_bytes());
    if is("authorization") {
        return app.is_some_and(App::forward_authorization);
    }
    // All names below begin alike, and most headers don't: this is asked of each header.
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

/// Whether a trailer of the client's goes on. Some servers put trailers among the headers, so that none
/// may have a name that any app believes in; nobody has use for `authorization` there.
pub fn is_forwarded_late(name: &[u8], apps: &[App]) -> bool {
    is_forwarded(name, None) && apps.iter().all(|app| is_forwarded(name, Some(app)))
}

/// Whether a header of the client's reaches the companion on its own host. What it takes for itself
/// stays: cookies, `authorization`, and what proxies in front of it say of the original request.
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
