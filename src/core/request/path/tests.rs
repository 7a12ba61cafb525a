use super::*;

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'.' | b'/' => char::from(byte).to_string(),
            _ => format!("%{byte:02x}"),
        })
        .collect()
}

fn refused(target: &str, ambiguity: Ambiguity) {
    assert_eq!(path(target.as_bytes()), Err(ambiguity), "{target}");
}

/// Each pattern of each rule is compared with the segments, before any credential is checked.
#[test]
fn h08_a_path_has_at_most_256_segments() {
    for segment in ["/a", "/%61", "/a%20b", "/\u{61}"] {
        let longest = segment.repeat(256);
        assert!(path(longest.as_bytes()).is_ok());
        let with_query = format!("{longest}?{}", "/".repeat(1000));
        assert!(path(with_query.as_bytes()).is_ok());
        for more in ["/a", "/"] {
            refused(&format!("{longest}{more}"), Ambiguity::PathDepth);
        }
    }
    // An app that takes encoded slashes literally sees one segment.
    let encoded = format!("/{}", "a%2F".repeat(300));
    assert!(lenient_path(encoded.as_bytes()).is_ok());
}

/// Servers trim blanks, ignore invisible characters, and normalize look-alikes, before or after they
/// resolve dot segments.
#[test]
fn h08_segments_that_a_server_may_read_as_dot_segments_are_refused() {
    let blanks = [
        " ",
        "  ",
        "\u{a0}",
        "\u{ad}",
        "\u{2003}",
        "\u{200b}",
        "\u{200d}",
        "\u{2060}",
        "\u{202e}",
        "\u{3000}",
        "\u{feff}",
        "\u{fe0e}",
        "\u{e0020}",
    ];
    for dots in [".", "..", "..."] {
        for blank in blanks {
            for segment in [
                format!("{dots}{blank}"),
                format!("{blank}{dots}"),
                format!("{blank}{dots}{blank}"),
                format!(".{blank}."),
                blank.to_owned(),
            ] {
                let segment = encoded(&segment);
                for target in [
                    format!("/pub/{segment}/x"),
                    format!("/{segment}/x"),
                    format!("/pub/{segment}"),
                    format!("/pub/{segment}/?x"),
                ] {
                    refused(&target, Ambiguity::PathSegment);
                }
            }
        }
    }
}

#[test]
fn h08_segments_of_look_alike_dots_are_refused() {
    for dot in [
        '\u{ff0e}', '\u{2024}', '\u{2025}', '\u{2026}', '\u{fe52}', '\u{3002}', '\u{ff61}',
        '\u{fe19}', '\u{fe30}', '\u{a4f8}',
    ] {
        for segment in [
            format!("{dot}"),
            format!("{dot}{dot}"),
            format!(".{dot}"),
            format!("{dot}."),
            format!("{dot}{dot}{dot}"),
            format!("{dot} "),
        ] {
            let segment = encoded(&segment);
            refused(&format!("/pub/{segment}/x"), Ambiguity::PathSegment);
            let parted = format!("/pub/{}", segment.replace('%', "/%"));
            refused(&parted, Ambiguity::PathEncoding);
            refused(
                &format!("/{}", segment.replace('%', "%25")),
                Ambiguity::PathEncoding,
            );
        }
        // Beside other characters it is a part of a name.
        let name = format!("/a{}b", encoded(&dot.to_string()));
        assert_eq!(path(name.as_bytes()), Ok(name.as_str()));
    }
    // Not encoded, they are bytes outside ASCII.
    refused("/pub/\u{ff0e}\u{ff0e}/x", Ambiguity::PathByte);
    // Encodings of a dot that no standard knows.
    for dots in [
        "%2e%2e",
        ".%2E",
        "%c0%ae%c0%ae",
        "%e0%80%ae",
        "%f0%80%80%ae",
        "%u002e%u002e",
        "%252e",
    ] {
        refused(&format!("/pub/{dots}/x"), Ambiguity::PathEncoding);
    }
}

#[test]
fn h08_look_alikes_of_slashes_are_refused_in_any_segment() {
    for slash in [
        "\u{2044}", "\u{2215}", "\u{2216}", "\u{29f5}", "\u{29f8}", "\u{29f9}", "\u{fe68}",
        "\u{ff0f}", "\u{ff3c}",
    ] {
        for target in [
            format!("/pub/..{}x", encoded(slash)),
            format!("/pub{}x", encoded(slash)),
            format!("/{}", encoded(slash)),
        ] {
            refused(&target, Ambiguity::PathEncoding);
        }
    }
    for slash in ["%c0%af", "%e0%80%af", "%252f", "%25%32%66"] {
        refused(&format!("/pub/..{slash}x"), Ambiguity::PathEncoding);
    }
    for slash in ["%2f", "%5c%2f", "%5C", "%3b"] {
        refused(&format!("/pub/..{slash}x"), Ambiguity::PathSegment);
        refused(&format!("/pub/a{slash}x"), Ambiguity::PathEncoding);
    }
}

#[test]
fn encoded_separators_are_found_and_dot_segments_between_them_refused() {
    for (target, has_separator) in [
        ("/api/queues/%2F/q", true),
        ("/api/v4/projects/group%2fproject", true),
        (
            "/api/v1/repositories/https%3A%2F%2Fgithub.com%2Forg%2Frepo",
            true,
        ),
        ("/a%5Cb", true),
        ("/a%3Bb", true),
        ("/a%3Fb", true),
        ("/a%23b", true),
        ("/a%20b?%2F", false),
    ] {
        let (path, found) = lenient_path(target.as_bytes()).unwrap();
        assert_eq!(path, target.split('?').next().unwrap());
        assert_eq!(found, has_separator, "{target}");
        if has_separator {
            refused(target, Ambiguity::PathEncoding);
        }
    }
    let lenient = |target: &str| lenient_path(target.as_bytes()).map(|(path, _)| path.to_owned());
    for (target, ambiguity) in [
        ("/a%2F..%2Fb", Ambiguity::PathSegment),
        ("/..%2F", Ambiguity::PathSegment),
        ("/%2F..", Ambiguity::PathSegment),
        ("/a%5C.%5Cb", Ambiguity::PathSegment),
        ("/..%3Bx/b", Ambiguity::PathSegment),
        ("/a%2F%20..%2Fb", Ambiguity::PathSegment),
        ("/a%2F%2e%2e", Ambiguity::PathEncoding),
        ("/a%2F%00", Ambiguity::PathEncoding),
        ("/a%2F%0a", Ambiguity::PathEncoding),
        ("/a%252Fb", Ambiguity::PathEncoding),
        ("/a%2F%c2%85", Ambiguity::PathEncoding),
        ("/a%2F//b", Ambiguity::PathSegment),
        ("/a%2F;b", Ambiguity::PathSeparator),
    ] {
        assert_eq!(lenient(target), Err(ambiguity), "{target}");
    }
}

#[test]
fn h08_encoded_controls_and_line_separators_are_refused() {
    for one in [
        "\0", "\t", "\n", "\r", "\u{1b}", "\u{7f}", "\u{80}", "\u{85}", "\u{9b}", "\u{2028}",
        "\u{2029}",
    ] {
        refused(&format!("/a{}b", encoded(one)), Ambiguity::PathEncoding);
    }
}

#[test]
fn h08_names_in_any_script_are_kept() {
    for name in [
        "/...",
        "/....",
        "/a...b",
        "/.well-known/x",
        "/..a",
        "/a..",
        "/100%25",
        "/a%20b",
        "/\u{e9}",
        "/\u{65e5}\u{672c}\u{3002}pdf",
        "/\u{1f468}\u{200d}\u{1f469}",
        "/a\u{2026}",
        "/\u{a5}100",
    ] {
        let target = if name.is_ascii() {
            name.to_owned()
        } else {
            encoded(name)
        };
        assert_eq!(path(target.as_bytes()), Ok(target.as_str()), "{name}");
    }
}
