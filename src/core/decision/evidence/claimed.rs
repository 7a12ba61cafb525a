//! What a refused token claimed, as the audit record shows it: bounded, escaped, and with
//! a member that says whether it is verified.

use super::Evidence;
use crate::escape;
use crate::json::{Json, ObjectWriter, quoted};
use crate::token;

/// The longest text, in bytes.
const MAX_TEXT: usize = 256;

/// The maximum number of audiences.
const MAX_AUDIENCES: usize = 4;

/// What a refused token claimed, as an object in JSON; `None` if there is no token, or nothing of it can be read.
/// `verified` says whether a key of the trust entry signed the token. If not, anyone can have written it. Another
/// member is absent if the token has no such claim, or one of a wrong type.
///
/// `text` is the bearer token of the request: if it is not an acceptable token, it is read leniently, because an
/// operator needs its claims to find the cause.
pub(crate) fn claimed(evidence: &Evidence, text: Option<&str>) -> Option<String> {
    let parts;
    let (claims, alg, kid, is_verified) = match evidence.token() {
        Some(token) => {
            let header = token.header();
            let claims = Some(&**token.claims().body());
            let alg = Some(header.algorithm().name());
            (claims, alg, header.kid(), evidence.is_verified())
        }
        None => {
            parts = token::unverified_parts(text?);
            if let (None, None) = &parts {
                return None;
            }
            let header = |name| parts.0.as_ref()?.member(name)?.as_str();
            (parts.1.as_ref(), header("alg"), header("kid"), false)
        }
    };
    let claim = |name| claims?.member(name);
    let mut object = ObjectWriter::default();
    object.json("verified", if is_verified { "true" } else { "false" });
    let claimed_text = |name| claim(name)?.as_str();
    let texts = [("iss", claimed_text("iss")), ("sub", claimed_text("sub"))];
    for (name, text) in texts {
        object.text(name, text.map(bounded).as_deref());
    }
    let audiences = match claim("aud") {
        Some(Json::Array(all)) => all,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let audiences = audiences.iter().filter_map(Json::as_str);
    let audiences = audiences
        .take(MAX_AUDIENCES)
        .map(|one| quoted(&bounded(one)));
    let audiences: Vec<String> = audiences.collect();
    if !audiences.is_empty() {
        object.json("aud", &["[", &audiences.join(","), "]"].concat());
    }
    for name in ["exp", "nbf", "iat"] {
        if let Some(at) = claim(name).and_then(token::numeric_date) {
            object.json(name, &at.secs().to_string());
        }
    }
    for (name, text) in [("alg", alg), ("kid", kid)] {
        object.text(name, text.map(bounded).as_deref());
    }
    Some(object.finish())
}

/// A text of the token, escaped and truncated to about [`MAX_TEXT`] bytes.
fn bounded(text: &str) -> String {
    let mut bounded = String::new();
    for one in text.chars() {
        if bounded.len() >= MAX_TEXT {
            bounded.push('…');
            break;
        }
        bounded.push_str(&escape::line(one.encode_utf8(&mut [0; 4])));
    }
    bounded
}
