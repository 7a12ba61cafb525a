use super::*;

#[test]
fn the_provider_of_a_user_is_the_beginning_of_their_handle() {
    let mut provider = [0; 16];
    provider[..4].copy_from_slice(&[7; 4]);
    assert_eq!(Id([7; 16]).provider(), Id(provider));
    assert_eq!(Id(provider).provider(), Id(provider));
}

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
