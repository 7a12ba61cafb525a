use super::*;

#[test]
fn durations_of_go_are_whole_seconds() {
    for (text, expected) in [
        ("0", Some(0)),
        ("0s", Some(0)),
        ("168h0m0s", Some(168 * 3600)),
        ("1h30m", Some(5400)),
        ("1.5h", Some(5400)),
        ("1500ms", Some(1)),
        ("+5m", Some(300)),
        ("", None),
        ("-5m", None),
        ("5", None),
        ("5d", None),
        ("h", None),
        ("1..5h", None),
        ("five minutes", None),
    ] {
        assert_eq!(seconds(text), expected, "{text:?}");
    }
    assert_eq!(seconds(&format!("{}h", "9".repeat(400))), None, "infinite");
}

#[test]
fn durations_are_written_in_the_largest_exact_unit() {
    for (seconds, expected) in [
        (0, "0s"),
        (90, "90s"),
        (300, "5m"),
        (7200, "2h"),
        (604_800, "168h"),
    ] {
        assert_eq!(text(seconds), expected);
    }
}
