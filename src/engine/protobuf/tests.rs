use super::*;

fn read(message: &[u8]) -> Result<Vec<Field<'_>>, Malformed> {
    Fields::new(message, 0).collect()
}

fn refused(message: &[u8]) -> (Reason, usize) {
    let error = read(message).unwrap_err();
    (error.reason, error.offset)
}

#[test]
fn reads_three_wire_types_with_their_offsets() {
    let message = b"\x08\x96\x01\x11\x01\0\0\0\0\0\0\0\x1a\x02hi";
    let expected = [
        (1, Content::Varint(150), 1),
        (2, Content::Fixed64([1, 0, 0, 0, 0, 0, 0, 0]), 4),
        (3, Content::Bytes(b"hi"), 14),
    ];
    let fields = read(message).unwrap();
    let fields: Vec<_> = fields
        .iter()
        .map(|field| (field.number, field.content, field.offset))
        .collect();
    assert_eq!(fields, expected);
}

#[test]
fn reads_what_it_writes() {
    for length in [0, 1, 127, 128, 300, 20_000] {
        let content = vec![7; length];
        let mut message = Vec::new();
        put_bytes(&mut message, 15, &content);
        let fields = read(&message).unwrap();
        assert_eq!(fields.len(), 1);
        assert_eq!(fields[0].number, 15);
        assert_eq!(fields[0].content, Content::Bytes(&content));
    }
}

#[test]
fn truncations_are_refused_except_between_fields() {
    let message = b"\x08\x96\x01\x11\x01\0\0\0\0\0\0\0\x1a\x02hi";
    let ends_of_fields = [0, 3, 12, 16];
    for end in 0..=message.len() {
        assert_eq!(
            read(&message[..end]).is_ok(),
            ends_of_fields.contains(&end),
            "{end}"
        );
    }
}

#[test]
fn integers_have_at_most_64_bits() {
    let most = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_eq!(read(most).unwrap()[0].content, Content::Varint(u64::MAX));

    let more = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
    assert_eq!(refused(more), (Reason::VarintTooLong, 11));
    assert_eq!(refused(&[0x80; 20]), (Reason::VarintTooLong, 10));
}

#[test]
fn a_length_beyond_the_message_is_refused() {
    assert_eq!(refused(b"\x0a\x05hi"), (Reason::Truncated, 2));
    assert_eq!(
        refused(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        (Reason::Truncated, 11)
    );
}

#[test]
fn unknown_wire_types_are_refused() {
    for wire_type in 3..=7 {
        let message = [8 | wire_type, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(refused(&message), (Reason::WireType(wire_type.into()), 1));
    }
}

#[test]
fn iteration_ends_after_an_error() {
    let mut fields = Fields::new(b"\x0b\x08\x01", 0);
    assert!(fields.next().unwrap().is_err());
    assert_eq!(fields.next(), None);
}
