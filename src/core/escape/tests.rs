use super::*;
use crate::json::Json;

/// Characters of each kind that must not be in a log.
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

#[test]
fn plain_lines_are_unchanged() {
    for line in ["", "portcullis: trust blue: x", "{\"app\":\"ä€😀\"}"] {
        assert!(matches!(json(line), Cow::Borrowed(same) if same == line));
    }
}

#[test]
fn controls_separators_and_bidirectional_controls_are_escaped() {
    for (character, escape) in [
        ('\n', "\\u000a"),
        ('\r', "\\u000d"),
        ('\t', "\\u0009"),
        ('\0', "\\u0000"),
        ('\u{1b}', "\\u001b"),
        ('\u{7f}', "\\u007f"),
        ('\u{85}', "\\u0085"),
        ('\u{9b}', "\\u009b"),
        ('\u{61c}', "\\u061c"),
        ('\u{200b}', "\\u200b"),
        ('\u{200f}', "\\u200f"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
        ('\u{202e}', "\\u202e"),
        ('\u{2066}', "\\u2066"),
        ('\u{2069}', "\\u2069"),
        ('\u{feff}', "\\ufeff"),
    ] {
        let line = format!("a{character}é{character}");
        assert_eq!(json(&line), format!("a{escape}é{escape}"));
    }
}

#[test]
fn an_escaped_json_line_has_the_same_content() {
    let content = "a\u{2028}b\u{2029}c\u{202e}d\u{85}e\u{7f}f\u{1b}g\n\"\\";
    let line = serde_json::json!({"error": content}).to_string();
    let escaped = json(&line);
    assert!(escaped.chars().all(|character| !is_hidden(character)));
    let read: serde_json::Value = serde_json::from_str(&escaped).unwrap();
    assert_eq!(read["error"], content);
}
