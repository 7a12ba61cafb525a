//! Splits a value into cookies, and joins it again.

use std::borrow::Cow;

use crate::bytes::printable;

#[cfg(test)]
mod tests;

/// The maximum length of a cookie's value, in bytes. With the longest name it is below the 4,096
/// bytes that browsers accept for name and value (RFC 6265bis section 5.6).
const MAX_VALUE: usize = 4000;

/// The maximum number of chunks of a value.
pub const MAX_CHUNKS: usize = 4;

/// The maximum length of a value, all chunks together. Proxies accept no more in a request, and each candidate
/// is parsed before its signature is verified.
pub const MAX_COOKIE: usize = MAX_CHUNKS * MAX_VALUE;

/// How many values of one name are kept at each end: the first ones and the last ones. Other hosts of
/// the companion's domain can set cookies of our names, so that one name has several values, and
/// each costs a signature. Browsers send a cookie with a longer path first (RFC 6265 section 5.4),
/// so ours, whose path is `/`, is one of the last, however many others there are.
const MAX_VALUES: usize = 4;

/// The maximum number of values that are joined from chunks.
const MAX_ASSEMBLED: usize = 8;

/// How many of them are joined from the last chunks of each name, and from the first.
const MAX_ALIGNED: usize = 3;

/// The values of one cookie name, each once.
#[derive(Clone, Debug, Default)]
struct Values<'a> {
    first: Vec<&'a str>,
    last: Vec<&'a str>,
}

/// Splits a value into cookies, each a name and a value: one cookie `NAME` or, for more than 4,000
/// bytes, chunks `NAME.0`, `NAME.1`, …, all but the last of exactly that length. The value must be
/// visible ASCII.
pub fn split_cookie<'a>(name: &str, value: &'a str) -> Vec<(String, &'a str)> {
    if value.len() <= MAX_VALUE {
        return vec![(name.to_owned(), value)];
    }
    let mut chunks = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at_checked(MAX_VALUE).unwrap_or((rest, ""));
        let name = [name, ".", &chunks.len().to_string()].concat();
        chunks.push((name, chunk));
        rest = after;
    }
    chunks
}

/// The candidates for the value of a name: whole values, and values joined from chunks of
/// [`split_cookie`].
/// Other hosts of the domain may have set some of them, so invalid ones are skipped. With a missing
/// chunk there is no value, or an invalid one; extra chunks are ignored.
///
/// The time is linear in the size of the cookies, and there are at most 16 candidates.
pub fn candidates<'a>(
    cookies: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    name: &str,
) -> Vec<Cow<'a, str>> {
    let mut whole = Values::default();
    let mut chunks: Vec<Values<'a>> = vec![Values::default(); MAX_CHUNKS];
    for (own, value) in cookies {
        let Some(rest) = own.strip_prefix(name.as_bytes()) else {
            continue;
        };
        let values = match rest.split_first() {
            None => Some(&mut whole),
            Some((b'.', number)) => number_of(number).and_then(|number| chunks.get_mut(number)),
            Some(_) => None,
        };
        if let Some(values) = values
            && let Some(value) = printable(value)
        {
            values.add(value);
        }
    }
    let chunks = chunks.into_iter().map(Values::into_vec);
    // A value can't continue after a missing chunk.
    let chunks: Vec<Vec<&str>> = chunks.take_while(|values| !values.is_empty()).collect();
    let mut found = Vec::new();
    for from_last in [true, false] {
        for at in 0..MAX_ALIGNED {
            add_new(&mut found, aligned(&chunks, at, from_last));
        }
    }
    assemble(&chunks, &mut Vec::new(), &mut found);
    let assembled = found.into_iter().map(Cow::Owned);
    let whole = whole.into_vec().into_iter().map(Cow::Borrowed);
    assembled.chain(whole).collect()
}

impl<'a> Values<'a> {
    fn add(&mut self, value: &'a str) {
        if value.is_empty() || self.first.contains(&value) || self.last.contains(&value) {
            return;
        }
        if self.first.len() < MAX_VALUES {
            self.first.push(value);
            return;
        }
        if self.last.len() == MAX_VALUES {
            self.last.remove(0);
        }
        self.last.push(value);
    }

    fn into_vec(mut self) -> Vec<&'a str> {
        self.first.extend(self.last);
        self.first
    }
}

/// A chunk number as [`split_cookie`] writes it.
fn number_of(digits: &[u8]) -> Option<usize> {
    let number = std::str::from_utf8(digits).ok()?.parse::<usize>().ok()?;
    (number.to_string().as_bytes() == digits).then_some(number)
}

/// Joins the chunks at one place among those of their names, counted from the first or the last.
/// Chunks that were set together have the same place.
fn aligned(chunks: &[Vec<&str>], at: usize, from_last: bool) -> Option<String> {
    let mut joined = Vec::new();
    for values in chunks {
        let place = if from_last {
            values.len().checked_sub(at.saturating_add(1))
        } else {
            Some(at)
        };
        // Where a name has fewer values, the first.
        let chunk = place.and_then(|place| values.get(place));
        let Some(chunk) = chunk.or_else(|| values.first()).copied() else {
            break;
        };
        joined.push(chunk);
        if chunk.len() != MAX_VALUE {
            break;
        }
    }
    let fits = joined.iter().all(|chunk| chunk.len() <= MAX_VALUE);
    (fits && joined.len() > 1).then(|| joined.concat())
}

/// Joins chunks after those in `before`: a chunk of full length is followed by another, and a
/// shorter one is the last.
fn assemble<'a>(chunks: &[Vec<&'a str>], before: &mut Vec<&'a str>, found: &mut Vec<String>) {
    let Some((values, after)) = chunks.split_first() else {
        return;
    };
    for value in values {
        if found.len() >= MAX_ASSEMBLED {
            return;
        }
        before.push(value);
        if value.len() == MAX_VALUE {
            assemble(after, before, found);
        }
        // If the length of a value is a multiple of the full length, its last chunk has full
        // length.
        if value.len() <= MAX_VALUE && before.len() > 1 && found.len() < MAX_ASSEMBLED {
            add_new(found, Some(before.concat()));
        }
        before.pop();
    }
}

fn add_new(found: &mut Vec<String>, value: Option<String>) {
    if let Some(value) = value
        && !found.contains(&value)
    {
        found.push(value);
    }
}
