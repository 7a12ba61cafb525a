use super::*;

#[test]
fn an_id_has_one_text_form() {
    let id = Id::from_bytes([7; 16]);
    assert_eq!(id.to_string().len(), 22);
    assert_eq!(Id::parse(&id.to_string()), Some(id));
    assert_eq!(Id::parse("AAAAAAAAAAAAAAAAAAAAAA"), Some(Id([0; 16])));
    for text in [
        "",
        "AAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAB",
        "AAAAAAAAAAAAAAAAAAAAAA==",
        "AAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAA+A",
        " AAAAAAAAAAAAAAAAAAAAA",
    ] {
        assert_eq!(Id::parse(text), None, "{text}");
    }
}
