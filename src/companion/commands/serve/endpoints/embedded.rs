//! Who asks: a person whose window goes there, or something within a page.

use axum::http::HeaderMap;

/// Whether something within a page asks, an image or a frame perhaps, by what browsers say of it
/// themselves (W3C Fetch Metadata). Whoever says nothing is no such browser.
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
    fn only_what_a_window_goes_to_is_asked_for_by_a_person() {
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
