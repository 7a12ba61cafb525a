//! Comparisons of bytes that run for every request, eight bytes at a time: in WebAssembly the standard
//! library compares each byte alone, and that took half of the instructions of a request with a cached
//! token. The crate `memchr` would take two kilobytes of the module.

#[cfg(test)]
mod tests;

/// One number in each of eight bytes.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
const SPACES: u64 = u64::from_ne_bytes([b' '; 8]);
const HIGHEST_BITS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Whether two texts are the same. The time depends on where they differ.
pub(crate) fn is_same(left: &[u8], right: &[u8]) -> bool {
    let ((left_blocks, left_rest), (right_blocks, right_rest)) =
        (left.as_chunks::<8>(), right.as_chunks::<8>());
    let mut blocks = left_blocks.iter().zip(right_blocks);
    left.len() == right.len()
        && left_rest == right_rest
        && blocks.all(|(left, right)| u64::from_ne_bytes(*left) == u64::from_ne_bytes(*right))
}

/// The place of the first byte of this value.
pub(crate) fn position(byte: u8, text: &[u8]) -> Option<usize> {
    let pattern = u64::from_ne_bytes([byte; 8]);
    let (blocks, _) = text.as_chunks::<8>();
    let is_without = |block: &&[u8; 8]| {
        // A byte that is 0 is the only one whose subtraction can set a highest bit that was not set.
        let bytes = u64::from_ne_bytes(**block) ^ pattern;
        bytes.wrapping_sub(ONES) & !bytes & HIGHEST_BITS == 0
    };
    let blocks = blocks.iter().take_while(is_without).count();
    let start = blocks.saturating_mul(8);
    let rest = text.get(start..)?.iter();
    let place = rest.take_while(|other| **other != byte).count();
    let place = start.saturating_add(place);
    (place < text.len()).then_some(place)
}

/// The text, if all bytes are visible ASCII characters or spaces.
pub(crate) fn printable(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    is_printable(text.as_bytes()).then_some(text)
}

/// Whether all bytes are visible ASCII characters or spaces.
pub(crate) fn is_printable(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<8>();
    blocks.iter().all(|block| {
        let bytes = u64::from_ne_bytes(*block);
        // The highest bit of a byte is set from 0x80, after subtraction below the space, and after
        // addition for DEL. Another byte's carry or borrow reaches it only if that one has it set.
        (bytes | bytes.wrapping_sub(SPACES) | bytes.wrapping_add(ONES)) & HIGHEST_BITS == 0
    }) && rest.iter().all(|byte| matches!(byte, b' '..=b'~'))
}
