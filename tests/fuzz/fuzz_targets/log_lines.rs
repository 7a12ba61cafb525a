//! Logs of proxies, whose lines have texts of clients.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::fuzzing::replay;

/// A longer line is read in parts, and each counts.
const MAX_LINE: usize = 1 << 20;

fuzz_target!(|log: &[u8]| {
    if log.len() > MAX_LINE {
        return;
    }
    let (lines, text) = replay(log).expect("a log in memory");
    let expected = log.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!(lines, expected, "a line is lost or counted twice: {text}");
    let is_hidden = |one: char| one.is_control() && one != '\n';
    assert!(!text.contains(is_hidden), "{text:?}");
    assert_eq!(replay(log).expect("a log in memory"), (lines, text));
});
