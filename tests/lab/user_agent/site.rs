//! The relation between the page that makes a request and its target.

use std::net::IpAddr;

use url::Url;

/// The values of `Sec-Fetch-Site`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Site {
    /// Not initiated by a page: typed, or a bookmark.
    Typed,
    Origin,
    Same,
    Cross,
}

impl Site {
    /// The relation of `to` to the page `from`.
    pub(super) fn between(from: Option<&Url>, to: &Url) -> Self {
        let Some(from) = from else {
            return Self::Typed;
        };
        if from.origin() == to.origin() {
            Self::Origin
        } else if from.scheme() == to.scheme() && registrable(from) == registrable(to) {
            Self::Same
        } else {
            Self::Cross
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Typed => "none",
            Self::Origin => "same-origin",
            Self::Same => "same-site",
            Self::Cross => "cross-site",
        }
    }
}

/// `https://host:port`, the value of `Origin`.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The value of `Referer` (strict-origin-when-cross-origin).
pub(super) fn referrer(from: &Url, to: &Url) -> Option<String> {
    if from.scheme() == "https" && to.scheme() != "https" {
        return None;
    }
    let mut referrer = from.clone();
    referrer.set_fragment(None);
    if from.origin() != to.origin() {
        referrer.set_path("/");
        referrer.set_query(None);
    }
    Some(referrer.to_string())
}

/// The registrable domain of a host. The lab has no public suffixes with two labels.
fn registrable(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    if host.parse::<IpAddr>().is_ok() {
        return host;
    }
    let second_last_dot = host.rmatch_indices('.').nth(1);
    second_last_dot
        .and_then(|(position, _)| host.get(position + 1..))
        .unwrap_or(host)
}
