use super::*;

#[test]
fn plain_lines_are_unchanged() {
    for line in ["", "portcullis: trust blue: x", "{\"app\":\"ä€😀\"}"] {
        assert!(matches!(escape_line(line), Cow::Borrowed(same) if same == line));
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
        assert_eq!(escape_line(&line), format!("a{escape}é{escape}"));
    }
}

#[test]
fn an_escaped_json_line_has_the_same_content() {
    let content = "a\u{2028}b\u{2029}c\u{202e}d\u{85}e\u{7f}f\u{1b}g\n\"\\";
    let line = serde_json::json!({"error": content}).to_string();
    let escaped = escape_line(&line);
    assert!(escaped.chars().all(|character| !is_hidden(character)));
    let read: serde_json::Value = serde_json::from_str(&escaped).unwrap();
    assert_eq!(read["error"], content);
}
