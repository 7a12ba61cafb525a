use super::*;

fn read(text: &str) -> Result<Value, String> {
    plain(text, &(0..text.len())).map_err(|diagnostic| diagnostic.problem)
}

#[test]
fn the_core_schema_is_read() {
    for null in ["", "~", "null", "Null", "NULL"] {
        assert_eq!(read(null), Ok(Value::Null), "{null}");
    }
    for text in ["true", "True", "TRUE"] {
        assert_eq!(read(text), Ok(Value::Bool(true)), "{text}");
    }
    for text in ["false", "False", "FALSE"] {
        assert_eq!(read(text), Ok(Value::Bool(false)), "{text}");
    }
    for text in ["0", "-1", "16384", "1.5", "2e3"] {
        assert_eq!(read(text), Ok(Value::Number(text.to_owned())), "{text}");
    }
}

#[test]
fn strings_stay_strings() {
    for text in [
        "staging",
        "/api/v2/**",
        "30s",
        "24h",
        "10.1.0.1",
        "1.2.3",
        "v1",
        "none",
        "nULL",
        "tRUE",
        "yess",
        "0x",
        "0xg",
        "a:1",
        "1:2:x",
        "::1",
        "2026-01",
        "2026-01-01-build",
        "2026-01-01T00:00:00Z",
        "1-2-3",
        "e5",
        "-",
        ".",
        "+",
        "inf",
        "nan",
        "infinity",
        "-/healthy",
        "5 apples",
        "é",
        "system:serviceaccount:a:b",
    ] {
        assert_eq!(read(text), Ok(Value::String(text.to_owned())), "{text}");
    }
}

#[test]
fn ambiguous_scalars_are_refused() {
    for (texts, other) in [
        (&["on", "Off", "YES", "no", "y", "N"][..], "a boolean"),
        (
            &[
                "012",
                "+1",
                "0x1F",
                "0o17",
                "0b1",
                "1_000",
                ".5",
                "1.",
                "-.5",
                ".inf",
                "-.INF",
                ".NaN",
                "1:30",
                "-190:20:30.15",
                "08",
                "00",
                "0_1",
            ],
            "a number",
        ),
        (
            &[
                "2026-01-01",
                "2026-1-1",
                "2026-01-01T00:00:00.5Z",
                "2026-02-30T00:00:00Z",
                "2001-12-14t21:59:43.10-05:00",
                "2001-12-14 21:59",
            ],
            "a date",
        ),
    ] {
        for text in texts {
            let problem = format!("`{text}` is {other} for some YAML parsers");
            assert_eq!(read(text), Err(problem));
        }
    }
}

#[test]
fn the_help_shows_the_quotes() {
    let diagnostic = plain("on", &(7..9)).expect_err("a boolean elsewhere");
    assert_eq!(diagnostic.span, Some(7..9));
    assert!(
        diagnostic.help.starts_with("write \"on\" with quotes"),
        "{}",
        diagnostic.help
    );
}
