//! Which header fields claim an identity, in other words than the code's.

/// Whether an app may take a header field of this name for an identity. Servers that pass header
/// fields as variables (CGI, WSGI, PHP, Rack) replace every byte that is no letter or digit.
#[must_use]
pub fn is_claimed_by(name: &[u8], more: &[&str]) -> bool {
    let folded: String = name
        .iter()
        .map(|byte| match byte {
            letter if letter.is_ascii_alphanumeric() => char::from(letter.to_ascii_lowercase()),
            _ => '-',
        })
        .collect();
    let listed = [
        "x-forwarded-access-token",
        "x-forwarded-email",
        "x-forwarded-groups",
        "x-forwarded-preferred-username",
        "x-forwarded-user",
        "x-original-url",
        "x-rewrite-url",
    ];
    folded.starts_with("x-auth-request-")
        || folded.starts_with("x-portcullis-")
        || listed.contains(&folded.as_str())
        || more.contains(&folded.as_str())
}
