use super::*;

#[test]
fn a_duration_is_a_number_and_a_unit() {
    for (text, seconds) in [("30s", 30), ("5m", 300), ("24h", 86_400), ("0s", 0)] {
        assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
    }
    assert_eq!(
        parse("999999999h"),
        Some(Duration::from_secs(3_599_999_996_400))
    );
}

#[test]
fn other_texts_are_not_durations() {
    for text in [
        "",
        "s",
        "30",
        "5 m",
        "1.5h",
        "-5m",
        "+5m",
        "1h30m",
        "5M",
        "5ms",
        "1d",
        "5é",
        "é",
        "9999999999s",
        " 5m",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}
