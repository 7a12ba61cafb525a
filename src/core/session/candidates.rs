//! Splits a value into cookies, and joins it again.

use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// The longest value of one cookie, in bytes. With the longest name it stays below the 4,096 that
/// browsers keep of name and value (RFC 6265bis section 5.6).
const MAX_VALUE: usize = 4000;

/// How many pieces a value may have: no proxy takes more in its headers.
const MAX_PIECES: usize = 16;

/// How many values are tried. Other hosts of the companion's domain can set cookies of our names, so
/// that one name has several values; each costs a signature.
const MAX_CANDIDATES: usize = 8;

/// How many of them may be put together from pieces.
const MAX_ASSEMBLED: usize = 4;

/// Cuts the value of a cookie into as many cookies as it needs, each a name and a value: one under
/// its own name or, where it is longer than 4,000 bytes, pieces under `NAME.0`, `NAME.1`, …, all but
/// the last of that very length. The value is visible ASCII.
pub fn cut<'a>(name: &str, value: &'a str) -> Vec<(String, &'a str)> {
    if value.len() <= MAX_VALUE {
        return vec![(name.to_owned(), value)];
    }
    let mut pieces = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at_checked(MAX_VALUE).unwrap_or((rest, ""));
        let name = [name, ".", &pieces.len().to_string()].concat();
        pieces.push((name, piece));
        rest = behind;
    }
    pieces
}

/// The values that cookies of a name may have: whole ones, and what [`cut`] has cut. A name may have
/// several, of which other hosts of the domain may have set some, so that an invalid one is skipped.
/// A missing piece leaves no value, or an invalid one; a surplus piece is never reached.
pub fn candidates<'a>(
    cookies: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    name: &str,
) -> Vec<Cow<'a, str>> {
    let mut whole: Vec<&str> = Vec::new();
    let mut pieces: Vec<Vec<&str>> = vec![Vec::new(); MAX_PIECES];
    for (own, value) in cookies {
        let Some(rest) = own.strip_prefix(name.as_bytes()) else {
            continue;
        };
        let values = match rest.split_first() {
            None => Some(&mut whole),
            Some((b'.', number)) => number_of(number).and_then(|number| pieces.get_mut(number)),
            Some(_) => None,
        };
        let (Some(values), Ok(value)) = (values, std::str::from_utf8(value)) else {
            continue;
        };
        if !value.is_empty() && !values.contains(&value) {
            values.push(value);
        }
    }
    let mut found = Vec::new();
    assemble(&pieces, &mut Vec::new(), &mut found);
    let mut candidates: Vec<Cow<'a, str>> = found.into_iter().map(Cow::Owned).collect();
    candidates.extend(whole.into_iter().map(Cow::Borrowed));
    candidates.truncate(MAX_CANDIDATES);
    candidates
}

/// A number as [`cut`] writes it.
fn number_of(digits: &[u8]) -> Option<usize> {
    let number = std::str::from_utf8(digits).ok()?.parse::<usize>().ok()?;
    (number.to_string().as_bytes() == digits).then_some(number)
}

/// Puts pieces together, behind those of `before`: a full piece asks for the next, and one that is
/// not full is the last.
fn assemble<'a>(pieces: &[Vec<&'a str>], before: &mut Vec<&'a str>, found: &mut Vec<String>) {
    let Some((values, behind)) = pieces.split_first() else {
        return;
    };
    for value in values {
        if found.len() >= MAX_ASSEMBLED {
            return;
        }
        before.push(value);
        if value.len() == MAX_VALUE {
            assemble(behind, before, found);
        }
        // A value whose length is a multiple of a full piece's ends with a full one.
        if value.len() <= MAX_VALUE && before.len() > 1 && found.len() < MAX_ASSEMBLED {
            found.push(before.concat());
        }
        before.pop();
    }
}
