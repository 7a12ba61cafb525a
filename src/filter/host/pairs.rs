//! Header maps in the serialization of the ABI.
//!
//! A count; then, for each pair, the length of its name and of its value; then, for each pair, the
//! name and the value, each with a zero byte behind it. Counts and lengths are `u32`, little endian.

use super::error::Error;

/// The maximum that Envoy accepts from a filter. It reads a larger map as an *empty* one, which
/// would remove all headers; so a larger map is never sent.
const MAX_PAIRS: usize = 1024;
const MAX_BYTES: usize = 1 << 20;

/// A header map from the host: raw bytes, in the host's order, with duplicates.
///
/// Names come lower-cased from Envoy and include the pseudo-headers; values may hold any byte that
/// HTTP allows, also such as are no UTF-8.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

/// The position of one pair in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    name: (usize, usize),
    value: (usize, usize),
}

impl Pairs {
    /// Reads the ABI's form; no bytes at all are an empty map.
    ///
    /// # Errors
    /// [`Error::Malformed`] if anything is missing or left over. The work and the memory are bounded
    /// by the bytes given, whatever count they claim.
    pub(crate) fn decode(bytes: Vec<u8>) -> Result<Self, Error> {
        let spans = if bytes.is_empty() {
            Vec::new()
        } else {
            spans(&bytes).ok_or(Error::Malformed)?
        };
        Ok(Self { bytes, spans })
    }

    /// Whether there is no pair.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Each name with its value, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.spans
            .iter()
            .map(|span| (self.part(span.name), self.part(span.value)))
    }

    fn part(&self, (start, end): (usize, usize)) -> &[u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }
}

/// Writes pairs in the ABI's form.
///
/// # Errors
/// [`Error::TooLarge`] for more than Envoy takes.
pub(crate) fn encode<N, V>(pairs: &[(N, V)]) -> Result<Vec<u8>, Error>
where
    N: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    if pairs.len() > MAX_PAIRS {
        return Err(Error::TooLarge);
    }
    let mut bytes = Vec::new();
    put_length(&mut bytes, pairs.len())?;
    for (name, value) in pairs {
        put_length(&mut bytes, name.as_ref().len())?;
        put_length(&mut bytes, value.as_ref().len())?;
    }
    for (name, value) in pairs {
        for part in [name.as_ref(), value.as_ref()] {
            bytes.extend_from_slice(part);
            bytes.push(0);
        }
    }
    if bytes.len() > MAX_BYTES {
        Err(Error::TooLarge)
    } else {
        Ok(bytes)
    }
}

fn put_length(bytes: &mut Vec<u8>, length: usize) -> Result<(), Error> {
    let length = u32::try_from(length).map_err(|_| Error::TooLarge)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    Ok(())
}

/// The position of each pair, or `None` if the bytes are malformed.
fn spans(bytes: &[u8]) -> Option<Vec<Span>> {
    const LENGTHS: usize = 8;
    let (count, rest) = take_length(bytes)?;
    let table = rest.get(..count.checked_mul(LENGTHS)?)?;

    let mut spans = Vec::with_capacity(count);
    let mut start = bytes
        .len()
        .checked_sub(rest.len())?
        .checked_add(table.len())?;
    for lengths in table.chunks_exact(LENGTHS) {
        let (name, lengths) = take_length(lengths)?;
        let (value, _) = take_length(lengths)?;
        let name = part(bytes, &mut start, name)?;
        let value = part(bytes, &mut start, value)?;
        spans.push(Span { name, value });
    }
    (start == bytes.len()).then_some(spans)
}

fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*length)).ok()?, rest))
}

/// The part of `length` bytes at `start`, which moves behind its zero byte.
fn part(bytes: &[u8], start: &mut usize, length: usize) -> Option<(usize, usize)> {
    let end = start.checked_add(length)?;
    if bytes.get(end) != Some(&0) {
        return None;
    }
    let span = (*start, end);
    *start = end.checked_add(1)?;
    Some(span)
}

#[cfg(test)]
mod tests;
