use super::*;

#[test]
fn texts_that_differ_in_any_byte_or_in_length_are_different() {
    let text = b"0123456789abcdefghijklmnopqrstuvwxyz";
    for length in 0..=text.len() {
        let one = &text[..length];
        assert!(is_same(one, one), "{length}");
        for place in 0..length {
            let mut other = one.to_vec();
            other[place] ^= 1;
            assert!(!is_same(one, &other), "{length} {place}");
        }
        for shorter in 0..length {
            assert!(!is_same(one, &text[..shorter]));
            assert!(!is_same(&text[..shorter], one));
        }
    }
}

#[test]
fn any_other_byte_at_any_place_makes_a_text_unprintable() {
    for length in 1..=18 {
        for place in 0..length {
            for byte in 0..=u8::MAX {
                let mut text = vec![b'~'; length];
                text[place] = byte;
                let expected = byte == b' ' || byte.is_ascii_graphic();
                assert_eq!(is_printable(&text), expected, "{length} {place} {byte}");
            }
        }
    }
}

#[test]
fn the_first_place_of_a_byte_is_found() {
    for byte in [0, 1, b';', 0x3a, 0x3c, 0x7f, 0x80, 0xbb, 0xff] {
        for length in 0..=34 {
            // Neighbours of the byte, and the byte with another highest bit, are not taken for it.
            for other in [
                byte ^ 1,
                byte ^ 0x80,
                byte.wrapping_sub(1),
                byte.wrapping_add(1),
            ] {
                let mut text = vec![other; length];
                assert_eq!(position(byte, &text), None, "{byte} {length} {other}");
                for place in (0..length).rev() {
                    text[place] = byte;
                    assert_eq!(
                        position(byte, &text),
                        Some(place),
                        "{byte} {length} {other}"
                    );
                }
            }
        }
    }
}
