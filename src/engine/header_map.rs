//! Header maps in the wire form of the proxy-wasm ABI.
//!
//! A count; then, for each pair, the length of its name and of its value; then, for each pair, the
//! name and the value, each followed by a zero byte. Counts and lengths are `u32`, little endian.

use portcullis_core::request::Headers;

/// The maximum that Envoy accepts from a filter. It reads a larger map as an *empty* one, which
/// would remove all headers; so a larger map is never sent.
const MAX_PAIRS: usize = 1024;
const MAX_BYTES: usize = 1 << 20;

/// Reads a header map from the proxy: names and values in the proxy's order, with duplicates. No
/// bytes at all are an empty map.
///
/// Names come lower-cased from Envoy and include the pseudo-headers. Values may hold any byte that
/// HTTP allows, so they need not be UTF-8.
///
/// `None` if anything is missing or left over. The work and the memory are bounded by the bytes,
/// whatever count they claim.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Headers<'_>> {
    const LENGTHS: usize = 8;

    if bytes.is_empty() {
        return Some(Headers::default());
    }
    let (count, rest) = take_length(bytes)?;
    let (table, mut rest) = rest.split_at_checked(count.checked_mul(LENGTHS)?)?;
    let mut fields = Vec::with_capacity(count);
    for lengths in table.chunks_exact(LENGTHS) {
        let (name, lengths) = take_length(lengths)?;
        let (value, _) = take_length(lengths)?;
        fields.push((take_part(&mut rest, name)?, take_part(&mut rest, value)?));
    }
    rest.is_empty().then(|| Headers::new(fields))
}

/// Writes a header map for the proxy; `None` if it is larger than Envoy accepts.
#[must_use]
pub fn encode<N, V>(pairs: &[(N, V)]) -> Option<Vec<u8>>
where
    N: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    if pairs.len() > MAX_PAIRS {
        return None;
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
    (bytes.len() <= MAX_BYTES).then_some(bytes)
}

fn put_length(bytes: &mut Vec<u8>, length: usize) -> Option<()> {
    let length = u32::try_from(length).ok()?;
    bytes.extend_from_slice(&length.to_le_bytes());
    Some(())
}

fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*length)).ok()?, rest))
}

/// Takes a name or a value of this length, with its zero byte.
fn take_part<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (part, after) = rest.split_at_checked(length)?;
    *rest = after.strip_prefix(&[0])?;
    Some(part)
}

#[cfg(test)]
mod tests;
