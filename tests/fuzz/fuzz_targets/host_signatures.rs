//! The formats of keys and signatures for the proxy's own crypto.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portcullis_engine::signatures::{HostAlgorithm, is_verified};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// `r` and `s`.
    numbers: [[u8; 32]; 2],
    zeros: [u8; 2],
    signature: &'a [u8],
    result: &'a [u8],
}

/// The numbers of a DER `Ecdsa-Sig-Value`, each with its leading zeros, as 48 bytes.
fn numbers(der: &[u8]) -> Option<[Vec<u8>; 2]> {
    let (tag, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    if *tag != 0x30 || usize::from(*length) != rest.len() || *length > 0x7f {
        return None;
    }
    let mut rest = rest;
    let mut number = || {
        let [tag, length, content @ ..] = rest else {
            return None;
        };
        let (digits, behind) = content.split_at_checked((*length).into())?;
        rest = behind;
        let minimal = match digits {
            [] => false,
            [0, second, ..] => *second >= 0x80,
            [first, ..] => *first < 0x80,
        };
        let digits: Vec<u8> = digits
            .iter()
            .copied()
            .skip_while(|byte| *byte == 0)
            .collect();
        (*tag == 2 && minimal).then_some(digits)
    };
    let both = [number()?, number()?];
    rest.is_empty().then_some(both)
}

fn check(algorithm: HostAlgorithm, half: usize, signature: &[u8]) {
    let converted = algorithm.signature(signature);
    assert_eq!(
        converted.is_some(),
        signature.len() == 2 * half,
        "the length decides"
    );
    let Some(der) = converted else { return };
    let strip = |digits: &[u8]| -> Vec<u8> {
        digits
            .iter()
            .copied()
            .skip_while(|byte| *byte == 0)
            .collect()
    };
    let expected = [strip(&signature[..half]), strip(&signature[half..])];
    assert_eq!(numbers(&der), Some(expected));
}

/// The fields of a message by the words of protobuf, if they are all varints and bytes.
fn says_verified(mut message: &[u8]) -> bool {
    fn varint(message: &mut &[u8]) -> Option<u128> {
        let mut value = 0_u128;
        for index in 0..10 {
            let (byte, rest) = message.split_first()?;
            *message = rest;
            value |= u128::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                return (value <= u64::MAX.into()).then_some(value);
            }
        }
        None
    }
    let mut verified = false;
    while !message.is_empty() {
        match varint(&mut message) {
            Some(0x08) if varint(&mut message) == Some(1) => verified = true,
            Some(0x12) if varint(&mut message) == Some(0) => {}
            _ => return false,
        }
    }
    verified
}

fuzz_target!(|input: Input<'_>| {
    let mut numbers = input.numbers;
    for (number, zeros) in numbers.iter_mut().zip(input.zeros) {
        number[..usize::from(zeros % 33)].fill(0);
    }
    check(HostAlgorithm::Es256, 32, &numbers.concat());
    check(HostAlgorithm::Es256, 32, input.signature);
    let long = numbers.concat().repeat(2);
    check(HostAlgorithm::Es384, 48, &long[..96]);
    check(HostAlgorithm::Es384, 48, input.signature);
    for algorithm in [
        HostAlgorithm::Rs256,
        HostAlgorithm::Rs384,
        HostAlgorithm::Rs512,
    ] {
        let converted = algorithm
            .signature(input.signature)
            .expect("RSA needs no conversion");
        assert_eq!(&*converted, input.signature);
    }
    assert_eq!(is_verified(input.result), says_verified(input.result));
});
