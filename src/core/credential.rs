//! The credentials of a request.

use crate::reason::Reason;
use crate::request::{Headers, is_token};

/// The credentials that a request presents.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Credential<'a> {
    /// No bearer token: no Authorization header, or one of another scheme.
    Nothing,
    /// A bearer token (RFC 6750, section 2.1), not parsed yet.
    Bearer(&'a str),
}

impl<'a> Credential<'a> {
    /// Reads the credentials. Tokens in queries and forms are not read (RFC 9700, section
    /// 4.3.2). More than one Authorization header, or a bearer token beside other credentials in
    /// it, is refused: proxies join repeated headers with commas, so the two are equivalent. What
    /// begins like a bearer token and is none is refused too, and never counts as another scheme.
    pub fn read(headers: &Headers<'a>, max_token: usize) -> Result<Self, Reason> {
        let mut values = headers.all("authorization");
        let Some(value) = values.next() else {
            return Ok(Credential::Nothing);
        };
        if values.next().is_some() {
            return Err(Reason::AuthorizationAmbiguous);
        }
        if let Some(after) = after_bearer(value) {
            return bearer(after, max_token);
        }
        if value.split(|byte| *byte == b',').skip(1).any(is_bearer) {
            return Err(Reason::AuthorizationAmbiguous);
        }
        let has_scheme = value.first().is_some_and(u8::is_ascii_alphabetic);
        if has_scheme {
            Ok(Credential::Nothing)
        } else {
            Err(Reason::AuthorizationMalformed)
        }
    }
}

/// The bearer token, if exactly one follows the scheme and a space.
fn bearer(after: &[u8], max_token: usize) -> Result<Credential<'_>, Reason> {
    let spaces = after.iter().take_while(|byte| **byte == b' ').count();
    let token = after.get(spaces..).unwrap_or_default();
    if spaces == 0 {
        return Err(Reason::AuthorizationMalformed);
    }
    let body = b64token_length(token);
    let padding = token.get(body..).unwrap_or_default();
    let is_whole = body > 0 && padding.iter().all(|byte| *byte == b'=');
    if !is_whole && token.contains(&b',') {
        return Err(Reason::AuthorizationAmbiguous);
    }
    if token.len() > max_token {
        return Err(Reason::TokenTooLarge);
    }
    let token = std::str::from_utf8(token).ok().filter(|_| is_whole);
    token
        .map(Credential::Bearer)
        .ok_or(Reason::AuthorizationMalformed)
}

/// Whether one of several credentials is a bearer token. `bearer=` and `bearer"` are a part of the
/// parameters of another scheme.
fn is_bearer(credentials: &[u8]) -> bool {
    let blank = |byte: &&u8| !is_token(**byte);
    let blanks = credentials.iter().take_while(blank).count();
    let after = credentials.get(blanks..).and_then(after_bearer);
    after.is_some_and(|after| !matches!(after.first(), Some(b'=' | b'"')))
}

/// What follows the scheme `Bearer` (in any case); `None` for another scheme, such as `BearerX`. Any
/// byte that can't be part of a scheme ends it, because some servers accept a tab or a no-break space
/// there: the credentials are then malformed, not those of another scheme.
fn after_bearer(credentials: &[u8]) -> Option<&[u8]> {
    let (scheme, after) = credentials.split_at_checked("bearer".len())?;
    let ends = after.first().is_none_or(|byte| !is_token(*byte));
    (ends && scheme.eq_ignore_ascii_case(b"bearer")).then_some(after)
}

/// The bytes of a `b64token` (RFC 6750) without its padding. A table, because this runs for every byte
/// of every token, and comparisons took longer than everything else that a cached token needs.
static B64TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let (mut byte, mut rest) = (0_u8, table.as_mut_slice());
    while let Some((place, after)) = rest.split_first_mut() {
        *place =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        byte = byte.wrapping_add(1);
        rest = after;
    }
    table
};

fn is_b64token(byte: u8) -> bool {
    B64TOKEN.get(usize::from(byte)).copied().unwrap_or_default()
}

/// The number of bytes at the start of a text that a `b64token` may have, without its padding. Eight
/// bytes with one branch, for the same reason.
fn b64token_length(text: &[u8]) -> usize {
    let (blocks, _) = text.as_chunks::<8>();
    let all = |block: &&[u8; 8]| {
        let [a, b, c, d, e, f, g, h] = **block;
        is_b64token(a)
            & is_b64token(b)
            & is_b64token(c)
            & is_b64token(d)
            & is_b64token(e)
            & is_b64token(f)
            & is_b64token(g)
            & is_b64token(h)
    };
    let start = blocks.iter().take_while(all).count().saturating_mul(8);
    let rest = text.get(start..).unwrap_or_default();
    start.saturating_add(rest.iter().take_while(|byte| is_b64token(**byte)).count())
}

#[cfg(test)]
mod tests;
