//! Header maps in the serialization of the proxy-wasm ABI, compared with a naive parser.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_engine::header_map::{decode, encode};

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

fn decoded(bytes: &[u8]) -> Option<Pairs> {
    let headers = decode(bytes)?;
    let owned = headers
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()));
    Some(owned.collect())
}

fuzz_target!(|data: &[u8]| {
    let found = decoded(data);
    assert_eq!(found, naive(data));
    if let Some(pairs) = found.filter(|pairs| !pairs.is_empty()) {
        if let Some(encoded) = encode(&pairs) {
            assert_eq!(encoded, data, "each map has one serialization");
        }
    }
    // Any lines are a header map that is read as it was written.
    let pairs = data.split(|byte| *byte == b'\n').map(|line| {
        let (name, value) = line.split_at(line.len() / 2);
        (name.to_vec(), value.to_vec())
    });
    let pairs: Pairs = pairs.collect();
    if let Some(encoded) = encode(&pairs) {
        assert_eq!(decoded(&encoded), Some(pairs));
    }
});
