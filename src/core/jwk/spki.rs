//! Public keys as DER SubjectPublicKeyInfo, by RFC 3279, RFC 5480 and RFC 8410. The headers are
//! constant except for RSA keys, which have lengths to encode.

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The algorithm of an RSA key: rsaEncryption, and NULL for its parameters.
const RSA: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// All bytes before the coordinates of a point on P-256: id-ecPublicKey, secp256r1, and the
/// prefix of an uncompressed point.
const P256: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// The same for P-384: id-ecPublicKey, secp384r1.
const P384: [u8; 24] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04,
];

/// All bytes before an Ed25519 key: id-Ed25519.
const ED25519: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// An RSA key from a modulus and an exponent without leading zeros.
pub(super) fn rsa(n: &[u8], e: &[u8]) -> Vec<u8> {
    let numbers = value(SEQUENCE, &[&unsigned(n), &unsigned(e)]);
    // The zero is the number of unused bits in the last byte.
    let key = value(BIT_STRING, &[&[0], &numbers]);
    value(SEQUENCE, &[&RSA, &key])
}

pub(super) fn p256(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&P256, x, y].concat()
}

pub(super) fn p384(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&P384, x, y].concat()
}

pub(super) fn ed25519(x: &[u8]) -> Vec<u8> {
    [&ED25519, x].concat()
}

/// A positive integer: integers in DER are signed, so a high first bit needs a zero byte before it.
fn unsigned(number: &[u8]) -> Vec<u8> {
    let sign: &[u8] = match number.first() {
        Some(0x00..=0x7f) => &[],
        Some(0x80..) | None => &[0],
    };
    value(INTEGER, &[sign, number])
}

/// A tag, the total length of the parts, and the parts.
fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ ..=0x7f) => out.push(short),
        Ok(long) => out.extend([0x81, long]),
        Err(_) => {
            let length = content.len().to_be_bytes();
            let digits = length.iter().skip_while(|byte| **byte == 0);
            // At most eight bytes, so the count never overlaps the flag 0x80.
            out.push(0x80 | digits.clone().count() as u8);
            out.extend(digits);
        }
    }
    out.extend(content);
    out
}
