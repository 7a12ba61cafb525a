//! Whether a request is a navigation or comes from within a page.

use axum::http::HeaderMap;

/// Whether the request comes from within a page, such as from an image or an iframe, by W3C Fetch
/// Metadata. Clients that do not send these headers count as navigations.
pub(super) fn is_embedded(headers: &HeaderMap) -> bool {
    let other_than = |name: &str, expected: &str| {
        let mut values = headers.get_all(name).iter();
        values.any(|value| value != expected)
    };
    other_than("sec-fetch-mode", "navigate") || other_than("sec-fetch-dest", "document")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_top_level_navigations_are_not_embedded() {
        for (mode, dest, embedded) in [
            (None, None, false),
            (Some("navigate"), None, false),
            (Some("navigate"), Some("document"), false),
            (Some("navigate"), Some("iframe"), true),
            (Some("no-cors"), Some("image"), true),
            (Some("cors"), None, true),
            (Some(""), None, true),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-mode", mode), ("sec-fetch-dest", dest)] {
                if let Some(value) = value {
                    headers.append(name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(is_embedded(&headers), embedded, "{mode:?} {dest:?}");
        }
    }
}
