//! As much DER (X.690) as keys and signatures need to be understood by BoringSSL.

const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;

/// `AlgorithmIdentifier` of RSA keys (RFC 3279, section 2.3.1): rsaEncryption, NULL.
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// `AlgorithmIdentifier` of keys on P-256 (RFC 5480, section 2.1): id-ecPublicKey, secp256r1.
const P256: &[u8] =
    b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

/// The same for P-384: id-ecPublicKey, secp384r1.
const P384: &[u8] = b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";

/// The SubjectPublicKeyInfo of an RSA key, from the big-endian numbers of its JWK.
#[must_use]
pub fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = tagged(SEQUENCE, &[&integer(modulus), &integer(exponent)]);
    tagged(SEQUENCE, &[RSA, &tagged(BIT_STRING, &[b"\0", &key])])
}

/// The SubjectPublicKeyInfo of a key on P-256, from the coordinates of its JWK.
#[must_use]
pub fn p256_public_key(x: &[u8; 32], y: &[u8; 32]) -> Vec<u8> {
    point(P256, x, y)
}

/// The SubjectPublicKeyInfo of a key on P-384, from the coordinates of its JWK.
#[must_use]
pub fn p384_public_key(x: &[u8; 48], y: &[u8; 48]) -> Vec<u8> {
    point(P384, x, y)
}

fn point(algorithm: &[u8], x: &[u8], y: &[u8]) -> Vec<u8> {
    const NO_UNUSED_BITS: &[u8] = b"\0";
    const UNCOMPRESSED: &[u8] = b"\x04";
    let key = tagged(BIT_STRING, &[NO_UNUSED_BITS, UNCOMPRESSED, x, y]);
    tagged(SEQUENCE, &[algorithm, &key])
}

/// `Ecdsa-Sig-Value` (RFC 3279, section 2.2.3) from the two numbers of a JWS (RFC 7518, section
/// 3.4), each of exactly `N` bytes.
pub(super) fn ecdsa_signature<const N: usize>(jose: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = jose.split_first_chunk::<N>()?;
    let s: &[u8; N] = s.try_into().ok()?;
    Some(tagged(SEQUENCE, &[&integer(r), &integer(s)]))
}

/// An unsigned number in its shortest form: no zero byte in front but the one that keeps it from
/// being negative.
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
            // At most eight bytes, so that the count can't reach the flag.
            der.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            der.extend_from_slice(long);
        }
    }
    der.extend(content);
    der
}
