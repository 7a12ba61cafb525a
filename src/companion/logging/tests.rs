use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;
use tracing::{info, info_span};

use crate::printable::is_unprintable;

use super::*;

/// What was logged.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines of an event that quotes a text in its message, a field, a debugged field and its span.
fn logged(format: Format, text: &str) -> String {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let log = Log {
        format,
        level: LevelFilter::INFO,
    };
    let lines = lines(log, move || Escaped(writer.clone()));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
        let span = info_span!("request", id = text);
        let _entered = span.enter();
        info!(field = text, debugged = ?text, displayed = %text, "message {text}");
    });
    let bytes = buffer.0.lock().expect("no panic").clone();
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn one_event_is_one_line_without_unprintable_characters() {
    for hostile in [
        "\n{\"level\":\"INFO\"}",
        "\r\n2026-01-01T00:00:00Z  INFO forged",
        "\u{2028}",
        "\u{2029}",
        "\u{85}",
        "\u{1b}[2J\u{7}",
        "\u{9b}31m",
        "\u{202e}\u{2066}",
        "\u{7f}\0",
        "\\\u{2028}\"",
        "\u{e0001}",
    ] {
        for format in [Format::Json, Format::Text] {
            let output = logged(format, hostile);
            let line = output.strip_suffix('\n').expect("a line");
            assert!(!line.contains(is_unprintable), "{format:?}: {line}");
            if format == Format::Json {
                let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
                assert_eq!(json["field"], hostile);
                assert_eq!(json["displayed"], hostile);
                assert_eq!(json["span"]["id"], hostile);
                assert_eq!(json["message"], format!("message {hostile}"));
            }
        }
    }
}

#[test]
fn other_lines_are_written_as_they_are() {
    let mut output = Vec::new();
    let mut writer = Escaped(&mut output);
    writer
        .write_all("é {\"a\": \"🙂\"}\n".as_bytes())
        .expect("a vector");
    writer.write_all(b"not UTF-8: \xff").expect("a vector");
    let text = String::from_utf8(output).expect("UTF-8");
    assert_eq!(text, "é {\"a\": \"🙂\"}\nnot UTF-8: \u{fffd}");
}
