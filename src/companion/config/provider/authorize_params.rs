//! Parameters that are added to the authorization request.

use crate::config::source::{Located, Source};
use crate::document::Report;

/// Parameters of the protocol, which the companion sets itself, which would change its meaning, or which are
/// credentials: the URL is in the history of every browser.
const RESERVED: [&str; 12] = [
    "access_token",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code_verifier",
    "id_token_hint",
    "nonce",
    "redirect_uri",
    "refresh_token",
    "scope",
    "state",
];

/// The prefixes of such parameters: `response_type` and `response_mode`, PKCE, and `request` and
/// `request_uri`, which override all others (OpenID Connect Core 1.0 section 6).
const RESERVED_PREFIXES: [&str; 3] = ["code_challenge", "request", "response_"];

/// The parameters, in the order of the configuration.
pub(super) fn read(source: &Source, path: &str) -> Result<Vec<(String, String)>, Report> {
    let pairs = source.map(path)?;
    pairs
        .into_iter()
        .map(|(name, value)| {
            check(&name, &value)?;
            Ok((name, value.value))
        })
        .collect()
}

fn check(name: &str, value: &Located<'_>) -> Result<(), Report> {
    // RFC 6749 appendix A: `name-char`.
    let is_name_char =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if name.is_empty() || !name.bytes().all(is_name_char) {
        let help = "write letters, digits, `-`, `.` and `_`";
        return Err(value
            .location
            .error("the parameter has an invalid name", help));
    }
    // Some providers ignore case.
    let lower = name.to_ascii_lowercase();
    let has_prefix = |prefix: &&str| lower.starts_with(prefix);
    if RESERVED.contains(&&*lower) || RESERVED_PREFIXES.iter().any(has_prefix) {
        let problem = format!("`{name}` is a parameter of the protocol itself");
        let help = match &*lower {
            "scope" => "remove it, and set `scopes`",
            "client_id" => "remove it, and set the field `client_id` of the provider",
            _ => "remove it: the companion sets what the protocol needs",
        };
        return Err(value.location.error(&problem, help));
    }
    if value.value.chars().any(char::is_control) {
        let help = "write one line of text";
        return Err(value.location.error("has a control character", help));
    }
    let is_none = |word: &str| word.eq_ignore_ascii_case("none");
    if lower == "prompt" && value.value.split_whitespace().any(is_none) {
        return Err(value.error(
            "would make each sign-in fail for users whom the provider must ask",
            "write `login`, `consent` or `select_account`, or remove it",
        ));
    }
    Ok(())
}
