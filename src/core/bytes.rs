//! Comparisons and checks of bytes that run for every request, eight bytes at a time: in WebAssembly
//! the standard library compares each byte alone, and that took half of the instructions of a request
//! with a cached token.

#[cfg(test)]
mod tests;

/// Whether two texts are the same. The time depends on where they differ.
pub(crate) fn is_same(left: &[u8], right: &[u8]) -> bool {
    let ((left_blocks, left_rest), (right_blocks, right_rest)) =
        (left.as_chunks::<8>(), right.as_chunks::<8>());
    let mut blocks = left_blocks.iter().zip(right_blocks);
    left.len() == right.len()
        && left_rest == right_rest
        && blocks.all(|(left, right)| u64::from_ne_bytes(*left) == u64::from_ne_bytes(*right))
}

/// Whether all bytes are visible ASCII characters or spaces.
pub(crate) fn is_printable(text: &[u8]) -> bool {
    const HIGHEST_BITS: u64 = 0x8080_8080_8080_8080;
    const SPACES: u64 = 0x2020_2020_2020_2020;
    const ONES: u64 = 0x0101_0101_0101_0101;

    let (blocks, rest) = text.as_chunks::<8>();
    blocks.iter().all(|block| {
        let bytes = u64::from_ne_bytes(*block);
        // The highest bit of a byte is set from 0x80, after subtraction below the space, and after
        // addition for DEL. Another byte's carry or borrow reaches it only if that one has it set.
        (bytes | bytes.wrapping_sub(SPACES) | bytes.wrapping_add(ONES)) & HIGHEST_BITS == 0
    }) && rest.iter().all(|byte| matches!(byte, b' '..=b'~'))
}
