use serde_json::json;

use super::{json, markdown_cell, text};

#[test]
fn hidden_characters_are_escaped_in_every_form() {
    let hidden = "a\u{202e}b";
    assert_eq!(json(&json!({"x": hidden})), "{\n  \"x\": \"a\\u202eb\"\n}");
    let lines = [hidden, "c\nd"].map(str::to_owned);
    assert_eq!(text(&lines), "a\\u{202e}b\nc\\u{a}d");
    assert_eq!(markdown_cell(hidden), "`a\\u{202e}b`");
}

#[test]
fn a_cell_has_no_markdown() {
    assert_eq!(markdown_cell(""), "");
    assert_eq!(markdown_cell("`a` | b\n|"), "`'a' \\| b\\u{a}\\|`");
}
