use super::{Pattern, Uncovered};

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

fn uncovered(text: &str, others: &[&str]) -> Uncovered {
    let others: Vec<Pattern> = others.iter().map(|text| pattern(text)).collect();
    pattern(text).uncovered_by(&others.iter().collect::<Vec<_>>())
}

#[test]
fn a_shortest_path_outside_the_other_patterns_is_found() {
    for (text, others, expected) in [
        ("/api", &[][..], "/api"),
        ("/api/**", &["/api"], "/api/other"),
        ("/api/**", &["/api", "/api/*", "/api/*/**"], "/api/"),
        ("/api/**", &["/api", "/api/*", "/api/"], "/api/other/other"),
        ("/**", &["/*", "/"], "/other/other"),
        ("/a/*/c", &["/a/b/c"], "/a/other/c"),
        ("/a/**/d", &["/a/d", "/a/*/d"], "/a/other/other/d"),
        ("/*", &["/other", "/other1"], "/other2"),
        ("/**", &["/a/**", "/b/**"], "/other"),
    ] {
        let found = uncovered(text, others);
        assert_eq!(
            found,
            Uncovered::Path(expected.to_owned()),
            "{text} {others:?}"
        );
    }
}

#[test]
fn covered_patterns_have_no_such_path() {
    for (text, others) in [
        ("/api", &["/api"][..]),
        ("/api", &["/*"]),
        ("/api/v2", &["/api/**"]),
        ("/api/**", &["/**"]),
        ("/api/**", &["/api", "/api/*", "/api/*/**", "/api/"]),
        ("/**/a/**", &["/**"]),
        ("/a/*/**", &["/a/**"]),
        ("/*", &["/**/*"]),
    ] {
        assert_eq!(
            uncovered(text, others),
            Uncovered::None,
            "{text} {others:?}"
        );
    }
}

/// Patterns and paths of few segments, all of them: the search finds what trying every path finds.
#[test]
fn the_search_agrees_with_trying_every_path() {
    const SEGMENTS: [&str; 4] = ["a", "b", "*", "**"];
    let mut patterns = Vec::new();
    for one in SEGMENTS {
        patterns.push(format!("/{one}"));
        for two in SEGMENTS {
            patterns.push(format!("/{one}/{two}"));
            for three in SEGMENTS {
                patterns.push(format!("/{one}/{two}/{three}"));
            }
        }
    }
    let mut paths = vec!["".to_owned()];
    for _ in 0..4 {
        let longer = paths
            .iter()
            .flat_map(|path| ["a", "b", "c"].map(|text| format!("{path}/{text}")));
        let longer: Vec<String> = longer.collect();
        paths.extend(longer);
    }
    paths.retain(|path| !path.is_empty());
    paths.extend(
        paths
            .iter()
            .map(|path| format!("{path}/"))
            .collect::<Vec<_>>(),
    );
    paths.push("/".to_owned());
    paths.sort();
    paths.dedup();
    let parsed: Vec<Pattern> = patterns.iter().map(|text| pattern(text)).collect();
    let mut found = [0, 0];
    for (index, one) in parsed.iter().enumerate() {
        for (other_index, other) in parsed.iter().enumerate() {
            let third = &parsed[(index * 31 + other_index * 7) % parsed.len()];
            let is_outside =
                |path: &String| one.matches(path) && !other.matches(path) && !third.matches(path);
            let exists = paths.iter().any(is_outside);
            match one.uncovered_by(&[other, third]) {
                Uncovered::Path(path) => {
                    assert!(is_outside(&path), "{one} {other} {third}: {path}");
                    found[0] += 1;
                }
                Uncovered::None => {
                    assert!(!exists, "{one} {other} {third}");
                    found[1] += 1;
                }
                Uncovered::Unknown => panic!("{one} {other} {third}"),
            }
        }
    }
    assert!(found.iter().all(|count| *count > 1000), "{found:?}");
}

#[test]
fn a_search_that_is_too_large_is_unknown() {
    let text = |name: char| format!("/**{}", format!("/{name}/*").repeat(24));
    let others: Vec<String> = ('b'..'h').map(text).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    assert_eq!(
        uncovered("/**/a", &others),
        Uncovered::Path("/a".to_owned())
    );
    let covered = [&others[..], &["/**/a"]].concat();
    let covered = uncovered(&format!("{}/a", text('a')), &covered);
    assert_eq!(covered, Uncovered::Unknown);
}
