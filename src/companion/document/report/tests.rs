use super::*;

fn lines(text: &str, span: Span) -> Vec<String> {
    let report = Diagnostic::at(span, "it is wrong", "help it").report("p.yaml", text);
    report.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn the_location_is_underlined() {
    assert_eq!(
        lines("a: b\r\n\tc: wörd x\r\nd", 10..15),
        [
            "error: p.yaml:2:5: it is wrong",
            "    2 |  c: wörd x",
            "      |     ^^^^",
            "help: help it",
        ]
    );
}

#[test]
fn a_location_over_several_lines_is_underlined_on_its_first() {
    let output = lines("a: [1,\n2]", 3..9);
    assert_eq!(output[2], "      |    ^^^");
}

#[test]
fn the_end_of_the_file_is_a_location() {
    for (text, at, location) in [
        ("", 0, "1:1"),
        ("a", 1, "1:2"),
        ("a\n", 2, "2:1"),
        ("a", 99, "1:2"),
    ] {
        let output = lines(text, at..at + 1);
        assert_eq!(output[0], format!("error: p.yaml:{location}: it is wrong"));
        assert_eq!(output[2].matches('^').count(), 1);
    }
}

#[test]
fn a_long_line_is_shown_around_the_location() {
    let text = format!("{}wrong{}", "é".repeat(100_000), "x".repeat(100_000));
    let output = lines(&text, 200_000..200_005);
    assert_eq!(output[0], "error: p.yaml:1:100001: it is wrong");
    assert!(output[1].chars().count() < 140, "{}", output[1]);
    let at = output[2].chars().position(|c| c == '^').unwrap();
    let under: String = output[1].chars().skip(at).take(5).collect();
    assert_eq!((&*under, output[2].matches('^').count()), ("wrong", 5));
}

#[test]
fn control_characters_are_not_shown() {
    for hostile in [
        "\u{1b}[31m",
        "\u{7}",
        "\u{85}",
        "\u{9b}",
        "\u{202e}",
        "\u{2028}",
        "\u{2029}",
        "\u{200f}",
    ] {
        let text = format!("a: {hostile}b");
        let (problem, help) = (format!("about `{hostile}`"), format!("write {hostile}"));
        let report =
            Diagnostic::at(3..4, &problem, &help).report(&format!("{hostile}.yaml"), &text);
        for line in report.to_string().lines() {
            assert!(!line.contains(is_unprintable), "{line:?}");
        }
        assert_eq!(report.to_string().lines().count(), 4, "{report}");
    }
}

#[test]
fn a_long_message_is_truncated() {
    let report = Diagnostic::whole(&"x".repeat(100_000), "help").report("p.yaml", "");
    assert!(report.to_string().len() < 500);
}
