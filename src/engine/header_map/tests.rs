use super::*;

/// The example of the ABI: one header `a: bc`.
const ONE: &[u8] = b"\x01\0\0\0\x01\0\0\0\x02\0\0\0a\0bc\0";

type OwnedPairs = Vec<(Vec<u8>, Vec<u8>)>;

fn decoded(bytes: &[u8]) -> Option<OwnedPairs> {
    let headers = decode(bytes)?;
    let owned = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
    Some(headers.iter().map(owned).collect())
}

#[test]
fn reads_and_writes_the_abis_example() {
    assert_eq!(decoded(ONE), Some(vec![(b"a".to_vec(), b"bc".to_vec())]));
    assert_eq!(encode(&[("a", "bc")]).as_deref(), Some(ONE));
}

#[test]
fn no_bytes_and_no_pairs_are_an_empty_map() {
    assert_eq!(decoded(b""), Some(vec![]));
    assert_eq!(decoded(b"\0\0\0\0"), Some(vec![]));
    let empty = encode::<&str, &str>(&[]);
    assert_eq!(empty.as_deref(), Some(&b"\0\0\0\0"[..]));
}

#[test]
fn round_trip_keeps_every_byte_and_duplicate() {
    let every_byte: Vec<u8> = (0..=255).collect();
    let pairs = vec![
        (b"cookie".to_vec(), every_byte),
        (b"cookie".to_vec(), Vec::new()),
        (Vec::new(), b"nameless".to_vec()),
        (b"\xff\xfe".to_vec(), b"\x80".to_vec()),
    ];
    assert_eq!(decoded(&encode(&pairs).unwrap()), Some(pairs));
}

#[test]
fn values_are_in_order_and_names_case_insensitive() {
    let bytes = encode(&[("cookie", "a=1"), ("accept", "*/*"), ("Cookie", "b=2")]).unwrap();
    let headers = decode(&bytes).unwrap();
    assert_eq!(headers.all("COOKIE").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
    assert_eq!(headers.all("authorization").count(), 0);
}

#[test]
fn refuses_every_truncation() {
    let bytes = encode(&[("name", "value"), ("", ""), ("other", "\u{e9}")]).unwrap();
    for end in 1..bytes.len() {
        assert_eq!(decoded(&bytes[..end]), None, "{end} bytes");
    }
}

#[test]
fn refuses_left_over_bytes() {
    assert_eq!(decoded(&[ONE, b"\0"].concat()), None);
    assert_eq!(decoded(b"\0\0\0\0x"), None);
}

#[test]
fn refuses_a_missing_zero_byte() {
    let mut bytes = ONE.to_vec();
    *bytes.last_mut().unwrap() = b'x';
    assert_eq!(decoded(&bytes), None);
}

#[test]
fn refuses_a_count_or_length_beyond_the_bytes() {
    for field in [0, 4, 8] {
        for claim in [3_u32, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX] {
            let mut bytes = ONE.to_vec();
            bytes[field..field + 4].copy_from_slice(&claim.to_le_bytes());
            assert_eq!(decoded(&bytes), None, "{claim} at {field}");
        }
    }
}

#[test]
fn reads_or_refuses_every_change_of_one_byte() {
    let good = encode(&[("name", "value"), ("x", "y")]).unwrap();
    for place in 0..good.len() {
        for byte in 0..=255 {
            let mut bytes = good.clone();
            bytes[place] = byte;
            if let Some(pairs) = decoded(&bytes) {
                assert!(pairs.len() <= 2);
            }
        }
    }
}

#[test]
fn writes_no_map_that_envoy_would_read_as_empty() {
    assert!(encode(&vec![("a", "b"); MAX_PAIRS]).is_some());
    assert_eq!(encode(&vec![("a", "b"); MAX_PAIRS + 1]), None);
    assert_eq!(encode(&[("a", "b".repeat(MAX_BYTES))]), None);
}

/// The largest map that fits in a megabyte, and claims of more pairs than there are bytes.
#[test]
fn the_work_is_linear_in_the_bytes() {
    let pairs = vec![("", ""); 100_000];
    let lengths = vec![0; 8 * pairs.len()];
    let parts = vec![0; 2 * pairs.len()];
    let count = u32::try_from(pairs.len()).unwrap().to_le_bytes();
    let bytes = [&count[..], &lengths, &parts].concat();
    assert_eq!(decode(&bytes).unwrap().iter().count(), pairs.len());

    for claim in [100_001, 125_000, 1 << 24, 1 << 29, u32::MAX] {
        let mut bytes = bytes.clone();
        bytes[..4].copy_from_slice(&u32::to_le_bytes(claim));
        assert!(decode(&bytes).is_none(), "{claim}");
    }
}
