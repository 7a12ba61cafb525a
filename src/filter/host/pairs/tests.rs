use super::*;

impl Pairs {
    /// How many pairs there are.
    fn len(&self) -> usize {
        self.spans.len()
    }

    /// All values of the header `name`, whose case does not matter, in order.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(move |(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }
}

/// The example of the ABI: one header `a: bc`.
const ONE: &[u8] = b"\x01\0\0\0\x01\0\0\0\x02\0\0\0a\0bc\0";

type OwnedPairs = Vec<(Vec<u8>, Vec<u8>)>;

fn decoded(bytes: &[u8]) -> Result<OwnedPairs, Error> {
    let pairs = Pairs::decode(bytes.to_vec())?;
    assert_eq!(pairs.len(), pairs.iter().count());
    assert_eq!(pairs.is_empty(), pairs.iter().next().is_none());
    Ok(pairs
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect())
}

#[test]
fn the_form_of_the_abi_is_read_and_written() {
    assert_eq!(decoded(ONE), Ok(vec![(b"a".to_vec(), b"bc".to_vec())]));
    assert_eq!(encode(&[("a", "bc")]).as_deref(), Ok(ONE));
}

#[test]
fn no_bytes_and_no_pairs_are_an_empty_map() {
    assert_eq!(decoded(b""), Ok(vec![]));
    assert_eq!(decoded(b"\0\0\0\0"), Ok(vec![]));
    assert_eq!(encode::<&str, &str>(&[]).as_deref(), Ok(&b"\0\0\0\0"[..]));
}

#[test]
fn every_byte_and_every_duplicate_survives_the_round_trip() {
    let every_byte: Vec<u8> = (0..=255).collect();
    let pairs = vec![
        (b"cookie".to_vec(), every_byte),
        (b"cookie".to_vec(), Vec::new()),
        (Vec::new(), b"nameless".to_vec()),
        (b"\xff\xfe".to_vec(), b"\x80".to_vec()),
    ];
    assert_eq!(decoded(&encode(&pairs).unwrap()), Ok(pairs));
}

#[test]
fn values_come_in_order_whatever_the_case_of_the_name() {
    let bytes = encode(&[("cookie", "a=1"), ("accept", "*/*"), ("Cookie", "b=2")]).unwrap();
    let pairs = Pairs::decode(bytes).unwrap();
    assert_eq!(pairs.values("COOKIE").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
    assert_eq!(pairs.values("authorization").count(), 0);
}

#[test]
fn every_truncation_is_malformed() {
    let bytes = encode(&[("name", "value"), ("", ""), ("other", "\u{e9}")]).unwrap();
    for end in 1..bytes.len() {
        assert_eq!(decoded(&bytes[..end]), Err(Error::Malformed), "{end} bytes");
    }
}

#[test]
fn left_over_bytes_are_malformed() {
    assert_eq!(decoded(&[ONE, b"\0"].concat()), Err(Error::Malformed));
    assert_eq!(decoded(b"\0\0\0\0x"), Err(Error::Malformed));
}

#[test]
fn a_missing_zero_byte_is_malformed() {
    let mut bytes = ONE.to_vec();
    *bytes.last_mut().unwrap() = b'x';
    assert_eq!(decoded(&bytes), Err(Error::Malformed));
}

#[test]
fn a_count_or_length_beyond_the_bytes_is_malformed() {
    for field in [0, 4, 8] {
        for claim in [3_u32, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX] {
            let mut bytes = ONE.to_vec();
            bytes[field..field + 4].copy_from_slice(&claim.to_le_bytes());
            assert_eq!(decoded(&bytes), Err(Error::Malformed), "{claim} at {field}");
        }
    }
}

#[test]
fn any_change_of_one_byte_is_read_or_refused() {
    let good = encode(&[("name", "value"), ("x", "y")]).unwrap();
    for place in 0..good.len() {
        for byte in 0..=255 {
            let mut bytes = good.clone();
            bytes[place] = byte;
            if let Ok(pairs) = decoded(&bytes) {
                assert!(pairs.len() <= 2);
            }
        }
    }
}

#[test]
fn what_envoy_would_read_as_an_empty_map_is_never_sent() {
    assert!(encode(&vec![("a", "b"); MAX_PAIRS]).is_ok());
    assert_eq!(
        encode(&vec![("a", "b"); MAX_PAIRS + 1]),
        Err(Error::TooLarge)
    );
    assert_eq!(
        encode(&[("a", "b".repeat(MAX_BYTES))]),
        Err(Error::TooLarge)
    );
}
