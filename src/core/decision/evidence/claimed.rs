//! What a refused token claimed, as the audit record shows it: bounded, escaped, and with
//! a member that says whether it is verified.

use serde::Serialize;

use super::Evidence;
use crate::escape;
use crate::json::Json;
use crate::token::{self, Token};

/// The longest text, in bytes.
const MAX_TEXT: usize = 256;

/// The maximum number of audiences.
const MAX_AUDIENCES: usize = 4;

/// What a refused token claimed. A member is absent if the token has no such claim, or one of a
/// wrong type.
#[derive(Serialize)]
pub(crate) struct Claimed {
    /// Whether a key of the trust entry signed the token. If not, anyone can have written it.
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aud: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
}

impl Claimed {
    /// The claims of the refused token; `None` if there is no token, or nothing of it can be read.
    /// `text` is the bearer token of the request: if it is not an acceptable token, it is read
    /// leniently, because an operator needs its claims to find the cause.
    pub(crate) fn of(evidence: &Evidence, text: Option<&str>) -> Option<Self> {
        match (evidence.token(), text) {
            (Some(token), _) => Some(Self::read(evidence, token)),
            (None, Some(text)) => Self::read_leniently(text),
            (None, None) => None,
        }
    }

    fn read(evidence: &Evidence, token: &Token) -> Self {
        let (header, claims) = (token.header(), token.claims());
        let audiences = claims.audiences().iter().take(MAX_AUDIENCES);
        Self {
            verified: evidence.is_verified(),
            iss: Some(bounded(claims.issuer())),
            sub: Some(bounded(claims.subject())),
            aud: audiences.map(|one| bounded(one)).collect(),
            exp: Some(claims.expires_at().secs()),
            nbf: claims.not_before().map(|at| at.secs()),
            iat: claims.issued_at().map(|at| at.secs()),
            alg: Some(header.algorithm().to_string()),
            kid: header.kid().map(bounded),
        }
    }

    fn read_leniently(text: &str) -> Option<Self> {
        let (header, payload) = token::unverified_parts(text);
        if header.is_none() && payload.is_none() {
            return None;
        }
        let member = |json: &Option<Json>, name: &str| json.as_ref()?.member(name).cloned();
        let text = |json: &Option<Json>, name: &str| member(json, name)?.as_str().map(bounded);
        let date = |name: &str| {
            let date = member(&payload, name)?;
            token::numeric_date(&date).map(|at| at.secs())
        };
        let aud = match member(&payload, "aud") {
            Some(Json::String(one)) => vec![bounded(&one)],
            Some(Json::Array(all)) => {
                let texts = all.iter().filter_map(Json::as_str);
                texts.take(MAX_AUDIENCES).map(bounded).collect()
            }
            _ => Vec::new(),
        };
        Some(Self {
            verified: false,
            iss: text(&payload, "iss"),
            sub: text(&payload, "sub"),
            aud,
            exp: date("exp"),
            nbf: date("nbf"),
            iat: date("iat"),
            alg: text(&header, "alg"),
            kid: text(&header, "kid"),
        })
    }
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
