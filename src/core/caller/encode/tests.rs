use super::*;

#[test]
fn a_text_that_the_encoder_returns_is_recognized_and_no_other() {
    for text in [
        "4711",
        "a/b",
        "100%",
        "ada lovelace",
        "caf\u{e9}",
        "%2F",
        "a@b.example",
        "\u{7f}\n",
    ] {
        let encoded = visible(text, "/%");
        assert!(is_visible(&encoded, "/%"), "{encoded}");
    }
    for text in [
        "a/b",
        "a b",
        "caf\u{e9}",
        "%",
        "%2",
        "%2f",
        "%GG",
        "a%40b.example",
        "%41",
        "%+2",
    ] {
        assert!(!is_visible(text, "/%"), "{text}");
    }
}
