use super::*;

#[track_caller]
fn exact(expression: &str, patterns: &[&str]) {
    let found = super::patterns(expression);
    let patterns = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
    let expected = Patterns {
        patterns,
        missing: None,
    };
    assert_eq!(found, Ok(expected), "{expression}");
}

#[track_caller]
fn narrower(expression: &str, patterns: &[&str], missing: &str) {
    let found = super::patterns(expression).unwrap();
    assert_eq!(found.patterns, patterns, "{expression}");
    assert_eq!(found.missing.as_deref(), Some(missing), "{expression}");
}

#[test]
fn expressions_of_whole_segments_have_patterns_that_match_the_same_paths() {
    exact("^/metrics$", &["/metrics"]);
    exact(r"^\/favicon\.ico$", &["/favicon.ico"]);
    exact("^/api/", &["/api/", "/api/*/**"]);
    exact("^/api/.*", &["/api/", "/api/*/**"]);
    exact("^/api/.*$", &["/api/", "/api/*/**"]);
    exact("^/api/.+$", &["/api/*/**"]);
    exact("^/api(/.*)?$", &["/api/**"]);
    exact("^/api(/|$)", &["/api/**"]);
    exact("^/(healthz|readyz)$", &["/healthz", "/readyz"]);
    exact("^/(?:healthz|readyz)$", &["/healthz", "/readyz"]);
    exact("^/healthz$|^/readyz$", &["/healthz", "/readyz"]);
    exact("^/health/?$", &["/health", "/health/"]);
    exact("^/users/[^/]+/avatar$", &["/users/*/avatar"]);
    exact("^/users/[^/]+$", &["/users/*"]);
    exact("^/", &["/**"]);
    exact("^/.*", &["/**"]);
    exact("^/.*?$", &["/**"]);
    exact("^/a/.+?$", &["/a/*/**"]);
    exact("^", &["/**"]);
}

#[test]
fn an_open_end_has_narrower_patterns() {
    narrower("^/metrics", &["/metrics/**"], "/metrics-x");
    narrower("^/metrics.*$", &["/metrics/**"], "/metrics-x");
    narrower("^/favicon.ico$", &["/favicon.ico"], "/favicon-");
}

#[test]
fn everything_else_has_no_patterns() {
    for expression in [
        "",
        "/metrics",
        "metrics$",
        "^/a|/b",
        "^/[a-z]+$",
        r"^/\d+$",
        "^/a*$",
        "^/a+",
        "^/a{2}$",
        "^(?i)/a$",
        "^/(a$",
        "^/a)",
        "^/x[^/]+$",
        "^/[^/]+x$",
        "^/.*/health$",
        "^api/",
        "^/a$b",
        "^/a\\",
        "^/*$",
        "^[^/]+$",
        "^/a|",
    ] {
        assert!(super::patterns(expression).is_err(), "{expression}");
    }
}

#[test]
fn no_text_makes_it_panic_or_take_long() {
    let many = format!("^{}", "/(a|b)?".repeat(1000));
    assert!(super::patterns(&many).is_err());
    let alphabet = [
        '^', '/', '(', ')', '|', '?', '.', '*', '+', '$', '\\', '[', ']', 'a', ':',
    ];
    let mut seed = 1_u64;
    for _ in 0..20_000 {
        let mut expression = "^/".to_owned();
        for _ in 0..8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let index = usize::try_from(seed >> 33).unwrap() % alphabet.len();
            expression.push(alphabet[index]);
        }
        let _ = super::patterns(&expression);
    }
}
