//! The part of DER (X.690) that is needed for ECDSA signatures.

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;

/// `Ecdsa-Sig-Value` (RFC 3279, section 2.2.3) from the two numbers of a JWS (RFC 7518, section
/// 3.4), each of exactly `N` bytes.
pub(super) fn ecdsa_signature<const N: usize>(jose: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = jose.split_first_chunk::<N>()?;
    let s: &[u8; N] = s.try_into().ok()?;
    Some(tagged(SEQUENCE, &[&integer(r), &integer(s)]))
}

/// An unsigned integer in its shortest form, with a leading zero byte only if the high bit is set.
fn integer(big_endian: &[u8]) -> Vec<u8> {
    let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
    let digits = big_endian.get(zeros..).unwrap_or_default();
    let sign: &[u8] = if digits.first().is_none_or(|first| *first >= 0x80) {
        b"\0"
    } else {
        b""
    };
    tagged(INTEGER, &[sign, digits])
}

fn tagged(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let length = length.get(zeros..).unwrap_or_default();
    let mut der = vec![tag];
    match length {
        [] => der.push(0),
        [short @ ..=0x7f] => der.push(*short),
        long => {
            // At most eight bytes, so the count does not overlap the flag 0x80.
            der.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            der.extend_from_slice(long);
        }
    }
    der.extend(content);
    der
}
