//! W3C Fetch Metadata: which site started a request, and whether the request is a top-level navigation.
//!
//! `Sec-Purpose` (Fetch standard) marks requests that no user has made yet: a browser prefetches or prerenders
//! the address that it expects the user to enter.

use axum::http::{HeaderMap, HeaderValue};

use crate::session::Initiator;

/// The header with the relation of the site that started the request to our own.
pub(super) const SITE: &str = "sec-fetch-site";

/// How often a header occurs that a browser sends at most once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Occurrence<'a> {
    Absent,
    Once(&'a HeaderValue),
    /// A proxy or another program has added one, so no value is known to be the browser's.
    Repeated,
}

/// The value of a header that a browser sends at most once.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Occurrence<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Occurrence::Absent,
        (Some(value), None) => Occurrence::Once(value),
        (Some(_), Some(_)) => Occurrence::Repeated,
    }
}

/// Who started the navigation: the user, who typed the address or followed a link on our own origin, or
/// another site. If the client sends no `Sec-Fetch-Site`, it may have been another site. A speculative request
/// counts as one of another site, because the user has not started it.
pub(super) fn initiator(headers: &HeaderMap) -> Initiator {
    let is_own = |site: &HeaderValue| site == "same-origin" || site == "none";
    match only(headers, SITE) {
        Occurrence::Once(site) if is_own(site) && !is_speculative(headers) => Initiator::User,
        Occurrence::Absent | Occurrence::Once(_) | Occurrence::Repeated => Initiator::OtherSite,
    }
}

/// Whether the browser prefetches or prerenders the page. Any value counts, because new ones may follow.
pub(super) fn is_speculative(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-purpose")
}

/// Whether the request is not a top-level navigation, but for an image or an iframe in a page, for
/// example. A request without these headers counts as a navigation.
pub(super) fn is_embedded(headers: &HeaderMap) -> bool {
    let other_than = |name: &str, expected: &str| {
        let mut values = headers.get_all(name).iter();
        values.any(|value| value != expected)
    };
    other_than("sec-fetch-mode", "navigate") || other_than("sec-fetch-dest", "document")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_starts_navigations_by_address_bar_and_from_our_own_origin_only() {
        for (sites, expected) in [
            (&["none"][..], Initiator::User),
            (&["same-origin"], Initiator::User),
            (&["same-site"], Initiator::OtherSite),
            (&["cross-site"], Initiator::OtherSite),
            (&["None"], Initiator::OtherSite),
            (&["none, cross-site"], Initiator::OtherSite),
            (&["none", "cross-site"], Initiator::OtherSite),
            (&["none", "none"], Initiator::OtherSite),
            (&[""], Initiator::OtherSite),
            (&[], Initiator::OtherSite),
        ] {
            let mut headers = HeaderMap::new();
            for site in sites {
                headers.append("sec-fetch-site", HeaderValue::from_static(site));
            }
            assert_eq!(initiator(&headers), expected, "{sites:?}");
        }
    }

    #[test]
    fn the_user_does_not_start_prefetching_and_prerendering() {
        for purpose in [
            "prefetch",
            "prefetch;prerender",
            "prefetch;anonymous-client-ip",
            "",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("sec-fetch-site", HeaderValue::from_static("none"));
            assert_eq!(initiator(&headers), Initiator::User);
            headers.insert("sec-purpose", HeaderValue::from_static(purpose));
            assert_eq!(initiator(&headers), Initiator::OtherSite, "{purpose}");
        }
    }

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
