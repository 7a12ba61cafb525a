use super::*;
use crate::json::Json;

/// Characters of each kind that must not stand in a log.
const HIDDEN: [char; 24] = [
    '\0',
    '\t',
    '\n',
    '\r',
    '\u{1b}',
    '\u{7f}',
    '\u{80}',
    '\u{85}',
    '\u{9b}',
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
    '\u{fff9}',
    '\u{e0041}',
];

#[test]
fn t16_hidden_characters_are_escaped_in_lines() {
    for one in HIDDEN {
        let text = format!("a{one}b");
        assert_eq!(line(&text), format!("a\\u{{{:x}}}b", u32::from(one)));
    }
    assert_eq!(line("a\u{1b}[31m\u{2028}"), r"a\u{1b}[31m\u{2028}");
}

#[test]
fn t16_hidden_characters_are_escaped_in_json_with_the_same_value() {
    for one in HIDDEN {
        let text = format!("a{one}b");
        let document = serde_json::to_string(&[&text]).unwrap();
        let escaped = json(&document);
        assert!(!escaped.chars().any(is_hidden), "{escaped}");
        let value = Json::Array(vec![Json::String(text)]);
        assert_eq!(Json::parse(escaped.as_bytes()), Ok(value), "{escaped}");
    }
}

#[test]
fn visible_texts_stay_as_they_are() {
    for text in [
        "",
        "plain",
        "caf\u{e9} \u{65e5}\u{672c} \u{1f600}",
        "\\ \" \u{fffd}",
    ] {
        assert!(matches!(line(text), Cow::Borrowed(same) if same == text));
        assert!(matches!(json(text), Cow::Borrowed(same) if same == text));
    }
}
