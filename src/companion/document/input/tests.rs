use crate::files::MAX_BYTES;

use super::*;

#[test]
fn unreadable_files_are_errors_with_help() {
    for (path, help) in [
        ("no/such/file.yaml", "check the path, or write `-`"),
        (env!("CARGO_MANIFEST_DIR"), "write the path of a file in it"),
    ] {
        let diagnostic = read(Path::new(path)).expect_err(path);
        assert!(
            diagnostic.problem.starts_with("can't be read: "),
            "{diagnostic:?}"
        );
        assert!(diagnostic.help.starts_with(help), "{diagnostic:?}");
    }
}

#[test]
fn files_are_limited_to_sixteen_mebibytes() {
    let whole = bounded(io::repeat(b' ').take(MAX_BYTES as u64)).unwrap();
    assert_eq!(whole.len(), MAX_BYTES);
    let diagnostic = bounded(io::repeat(b' ')).expect_err("endless");
    assert_eq!(diagnostic.problem, "larger than 16 MiB");
}

#[test]
fn text_is_utf8_without_control_characters() {
    let (_, diagnostic) = text(b"name: caf\xe9\n".to_vec()).expect_err("Latin-1");
    assert_eq!(
        (diagnostic.span, &*diagnostic.problem),
        (Some(9..10), "not UTF-8")
    );
    let (_, diagnostic) = text(b"\xff\xfea\0:\0".to_vec()).expect_err("UTF-16");
    assert_eq!(
        (diagnostic.span, &*diagnostic.problem),
        (Some(0..1), "not UTF-8")
    );
    for stray in ["\0", "\x1b", "\x07"] {
        let (_, diagnostic) = text(format!("a: {stray}b").into()).expect_err("a stray byte");
        assert_eq!(
            (diagnostic.span, &*diagnostic.problem),
            (Some(3..4), "unexpected control character")
        );
    }
    assert_eq!(
        text(b"\xef\xbb\xbfa: b\r\n\t".to_vec()).unwrap(),
        "a: b\r\n\t"
    );
}
