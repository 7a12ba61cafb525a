use super::*;

#[test]
fn a_content_security_policy_allows_only_what_it_lists() {
    assert_eq!(
        policy(None, "'none'"),
        format!(
            "default-src 'none'; style-src {}; form-action 'none'; base-uri 'none'; \
             frame-ancestors 'none'",
            hash(STYLE)
        )
    );
    // The well-known digest of the empty text.
    let script = "script-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';";
    assert!(policy(Some(""), "https:").contains(script));
}

#[test]
fn a_page_is_a_complete_document_with_the_style() {
    let page = document(
        "Title",
        "<meta>\n",
        "<p>main</p>\n",
        "<script>behind</script>\n",
    );
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">\n"));
    for part in [
        format!("<style>{STYLE}</style>\n<meta>\n</head>"),
        "<title>Title</title>".to_owned(),
        "<h1>Title</h1>\n<p>main</p>\n</main>\n<script>behind</script>\n</body>".to_owned(),
    ] {
        assert_eq!(page.matches(&part).count(), 1, "{part}");
    }
    assert!(STYLE.contains(":focus-visible") && STYLE.contains("prefers-color-scheme: dark"));
}
