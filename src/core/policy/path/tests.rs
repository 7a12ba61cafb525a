use super::*;

fn matches(pattern: &str, path: &str) -> bool {
    Pattern::parse(pattern).unwrap().matches(path)
}

#[test]
fn wildcards_take_whole_segments() {
    for (pattern, path, expected) in [
        ("/", "/", true),
        ("/", "/a", false),
        ("/a", "/a", true),
        ("/a", "/A", false),
        ("/a", "/a/", false),
        ("/a", "/ab", false),
        ("/a/", "/a/", true),
        ("/a/", "/a", false),
        ("/*", "/a", true),
        ("/*", "/", false),
        ("/*", "/a/b", false),
        ("/*/b", "/a/b", true),
        ("/*/b", "//b", false),
        ("/a/*/", "/a/b/", true),
        ("/**", "/", true),
        ("/**", "/a/b/", true),
        ("/api/v2/**", "/api/v2", true),
        ("/api/v2/**", "/api/v2/", true),
        ("/api/v2/**", "/api/v2/alerts/groups", true),
        ("/api/v2/**", "/api/v22", false),
        ("/api/v2/**", "/API/v2/alerts", false),
        ("/api/v2/**", "/x/api/v2/alerts", false),
        ("/**/b", "/b", true),
        ("/**/b", "/a/a/b", true),
        ("/**/b", "/a/b/c", false),
        ("/a/**/b", "/a/b", true),
        ("/a/**/b", "/a/b/b/b", true),
        ("/a/**/b/", "/a/x/b", false),
        ("/a/**/*", "/a", false),
        ("/a/**/*", "/a/", false),
        ("/a/**/*", "/a/x/y", true),
        ("/**/a/**/b/**", "/x/a/y/b/z", true),
        ("/**/a/**/b/**", "/x/b/y/a/z", false),
        ("/**/a/b/**/a/c", "/a/a/b/a/b/a/c", true),
        ("/a%20b", "/a%20b", true),
        ("/-/healthy", "/-/healthy", true),
        ("/a.b", "/aXb", false),
        ("/**", "a", false),
        ("/**", "", false),
        ("/**", "*", false),
    ] {
        assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn a_pattern_is_displayed_as_written() {
    for text in ["/", "/a/", "/*/b/**", "/api/v2/**"] {
        assert_eq!(Pattern::parse(text).unwrap().to_string(), text);
    }
}

/// Whether a pattern matches, by its definition: simple and slow.
fn defined(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", after)), _) => (0..=path.len()).any(|taken| defined(after, &path[taken..])),
        (Some((&"*", after)), Some((segment, rest))) => !segment.is_empty() && defined(after, rest),
        (Some((exact, after)), Some((segment, rest))) => exact == segment && defined(after, rest),
        _ => false,
    }
}

#[test]
fn every_short_pattern_matches_as_defined() {
    let words = |letters: &[&'static str], length: usize| {
        let mut words: Vec<Vec<&'static str>> = vec![vec![]];
        for _ in 0..length {
            let longer = words.iter().flat_map(|word| {
                letters
                    .iter()
                    .map(move |letter| [word.as_slice(), &[*letter]].concat())
            });
            words = longer.collect();
        }
        words
    };
    let paths: Vec<_> = (1..=5)
        .flat_map(|length| words(&["a", "b"], length))
        .collect();
    for length in 1..=4 {
        for pattern in words(&["a", "b", "*", "**"], length) {
            let parsed = Pattern::parse(&format!("/{}", pattern.join("/"))).unwrap();
            for path in &paths {
                let text = format!("/{}", path.join("/"));
                assert_eq!(
                    parsed.matches(&text),
                    defined(&pattern, path),
                    "{parsed} {text}"
                );
            }
        }
    }
}

/// Trying every split of every `**` would never end.
#[test]
fn many_wildcards_take_linear_work() {
    let pattern = Pattern::parse(&format!("{}/b", "/**/a".repeat(31))).unwrap();
    assert!(!pattern.matches(&"/a".repeat(30_000)));
    assert!(pattern.matches(&format!("{}/b", "/a".repeat(30_000))));
}
