//! Splits a value into cookies, and joins it again.

use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// The maximum length of a cookie's value, in bytes. With the longest name it is below the 4,096
/// bytes that browsers accept for name and value (RFC 6265bis section 5.6).
const MAX_VALUE: usize = 4000;

/// The maximum number of pieces of a value. Proxies do not accept more in their headers.
const MAX_PIECES: usize = 16;

/// The maximum number of candidates. Other hosts of the companion's domain can set cookies with our
/// names, so one name can have several values; each costs a signature verification.
const MAX_CANDIDATES: usize = 8;

/// The maximum number of values that are joined from pieces.
const MAX_ASSEMBLED: usize = 4;

/// Splits a value into cookies, each a name and a value: one cookie `NAME` or, for more than 4,000
/// bytes, pieces `NAME.0`, `NAME.1`, …, all but the last of exactly that length. The value must be
/// visible ASCII.
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

/// The candidates for the value of a name: whole values, and values joined from pieces of [`cut`].
/// Other hosts of the domain may have set some of them, so invalid ones are skipped. With a missing
/// piece there is no value, or an invalid one; extra pieces are ignored.
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

/// A piece number as [`cut`] writes it.
fn number_of(digits: &[u8]) -> Option<usize> {
    let number = std::str::from_utf8(digits).ok()?.parse::<usize>().ok()?;
    (number.to_string().as_bytes() == digits).then_some(number)
}

/// Joins pieces after those in `before`: a piece of full length is followed by another, and a
/// shorter one is the last.
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
        // If the length of a value is a multiple of the full length, its last piece has full
        // length.
        if value.len() <= MAX_VALUE && before.len() > 1 && found.len() < MAX_ASSEMBLED {
            found.push(before.concat());
        }
        before.pop();
    }
}
