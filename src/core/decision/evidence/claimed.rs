//! What a refused token claimed, as the audit record shows it: bounded, escaped, and marked.

use serde::Serialize;

use super::Evidence;
use crate::json::Json;
use crate::token::{self, Token};

/// After how many bytes a text is cut.
const MAX_TEXT: usize = 256;

/// How many audiences are shown.
const MAX_AUDIENCES: usize = 4;

/// What a refused token claimed. Absent members say that the token had no such claim, or not in the
/// right form.
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
    /// What the token claimed that a refusal rests on; `None` where there was none, or none that can
    /// be read. `text` is the bearer token of the request, which is read leniently where it is no
    /// acceptable token, because what it claims is what an operator looks for.
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
            iss: Some(shown(claims.issuer())),
            sub: Some(shown(claims.subject())),
            aud: audiences.map(|one| shown(one)).collect(),
            exp: Some(claims.expires_at().secs()),
            nbf: claims.not_before().map(|at| at.secs()),
            iat: claims.issued_at().map(|at| at.secs()),
            alg: Some(header.algorithm().to_string()),
            kid: header.kid().map(shown),
        }
    }

    fn read_leniently(text: &str) -> Option<Self> {
        let (header, payload) = token::unverified_parts(text);
        if header.is_none() && payload.is_none() {
            return None;
        }
        let member = |json: &Option<Json>, name: &str| json.as_ref()?.member(name).cloned();
        let text = |json: &Option<Json>, name: &str| member(json, name)?.as_str().map(shown);
        let date = |name: &str| {
            let date = member(&payload, name)?;
            token::numeric_date(&date).map(|at| at.secs())
        };
        let aud = match member(&payload, "aud") {
            Some(Json::String(one)) => vec![shown(&one)],
            Some(Json::Array(all)) => {
                let texts = all.iter().filter_map(Json::as_str);
                texts.take(MAX_AUDIENCES).map(shown).collect()
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

/// A text of the token, cut to [`MAX_TEXT`] bytes. What a terminal or a log viewer could take for more
/// than text (control characters, line separators, changes of the writing direction) is escaped.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        if shown.len() >= MAX_TEXT {
            shown.push('…');
            break;
        }
        let is_hidden = character.is_control()
            || matches!(
                character,
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
            );
        if is_hidden {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}
