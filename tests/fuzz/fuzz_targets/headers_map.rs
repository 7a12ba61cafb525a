//! Header maps in the serialization of the proxy-wasm ABI, compared with a naive parser.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_filter::fuzzing::{decode_header_map, encode_header_map};

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The pairs by the words of the ABI: a count, the lengths of each pair, and then the names and
/// values, each with a zero byte after it.
fn naive(bytes: &[u8]) -> Option<Pairs> {
    if bytes.is_empty() {
        return Some(Pairs::new());
    }
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let count = number(0)? as usize;
    let mut at = count.checked_mul(8)?.checked_add(4)?;
    let mut part = |length: u32| {
        let end = at.checked_add(length as usize)?;
        let text = bytes.get(at..end)?.to_vec();
        at = end + 1;
        (*bytes.get(end)? == 0).then_some(text)
    };
    let mut pairs = Pairs::new();
    for index in 0..count {
        let lengths = index.checked_mul(8)?.checked_add(4)?;
        let (name, value) = (number(lengths)?, number(lengths + 4)?);
        pairs.push((part(name)?, part(value)?));
    }
    (at == bytes.len()).then_some(pairs)
}

fuzz_target!(|data: &[u8]| {
    let decoded = decode_header_map(data.to_vec());
    assert_eq!(decoded, naive(data));
    if let Some(pairs) = decoded.filter(|pairs| !pairs.is_empty()) {
        if let Some(encoded) = encode_header_map(&pairs) {
            assert_eq!(encoded, data, "each map has one serialization");
        }
    }
    // Any lines are a header map that is read as it was written.
    let pairs = data.split(|byte| *byte == b'\n').map(|line| {
        let (name, value) = line.split_at(line.len() / 2);
        (name.to_vec(), value.to_vec())
    });
    let pairs: Pairs = pairs.collect();
    if let Some(encoded) = encode_header_map(&pairs) {
        assert_eq!(decode_header_map(encoded), Some(pairs));
    }
});
