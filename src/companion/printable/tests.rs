use super::*;

const UNPRINTABLE: [char; 26] = [
    '\0',
    '\t',
    '\n',
    '\r',
    '\u{1b}',
    '\u{7f}',
    '\u{80}',
    '\u{85}',
    '\u{9b}',
    '\u{9f}',
    '\u{ad}',
    '\u{61c}',
    '\u{200b}',
    '\u{200e}',
    '\u{200f}',
    '\u{2028}',
    '\u{2029}',
    '\u{202a}',
    '\u{202e}',
    '\u{2060}',
    '\u{2066}',
    '\u{2069}',
    '\u{feff}',
    '\u{fffb}',
    '\u{e0001}',
    '\u{e007f}',
];

#[test]
fn unprintable_characters_are_escaped() {
    for c in UNPRINTABLE {
        assert!(is_unprintable(c), "{c:?}");
        let text = format!("a{c}b{c}{c}");
        let output = escaped(&text);
        assert!(!output.contains(is_unprintable), "{output}");
        // The same text as a JSON string.
        let json: String = serde_json::from_str(&format!("\"{output}\"")).expect("JSON");
        assert_eq!(json, text);
    }
    assert_eq!(escaped("a\u{2028}b\u{e0001}"), "a\\u2028b\\udb40\\udc01");
}

#[test]
fn printable_text_is_not_changed() {
    for text in [
        "",
        "plain",
        "é ü ß",
        "日本語",
        "עברית",
        "🙂",
        "\\u2028",
        "\u{fffd}",
    ] {
        assert!(
            matches!(escaped(text), Cow::Borrowed(same) if same == text),
            "{text}"
        );
    }
}
