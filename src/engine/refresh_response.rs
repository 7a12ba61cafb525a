//! The companion's response to a refresh request.

use std::cell::Cell;
use std::fmt;

use portcullis_core::decision::Reason;
use portcullis_core::gate::RefreshOutcome;
use portcullis_core::session::{CookieNames, Id, pairs};

use crate::metrics::RefreshLabel;

#[cfg(test)]
mod tests;

/// The maximum number of cookies in a response: two values in chunks, and the deletion of the cookies
/// that they replace.
const MAX_COOKIES: usize = 64;

/// The maximum size of all cookies in bytes. Proxies do not accept more in their headers.
const MAX_BYTES: usize = 64 * 1024;

/// Headers that override `cache-control` for some caches (RFC 9213, section 2, and the older Edge
/// Architecture Specification).
const CACHE_HEADERS: [&str; 2] = ["cdn-cache-control", "surrogate-control"];

/// The companion's response to a refresh request, for all requests that waited for it.
pub struct RefreshResponse {
    outcome: RefreshOutcome,
    /// The `Set-Cookie` values of the response, which are added to the responses of the waiting
    /// requests.
    cookies: Vec<Vec<u8>>,
    counted: Cell<bool>,
}

impl RefreshResponse {
    /// The companion could not be called, or did not response.
    pub(crate) const fn unavailable() -> Self {
        Self {
            outcome: RefreshOutcome::Unavailable,
            cookies: Vec::new(),
            counted: Cell::new(false),
        }
    }

    /// Reads the companion's response: its status and the values of its `Set-Cookie` headers. Other
    /// cookies than the companion's are ignored.
    pub(crate) fn read<'a>(
        sid: Id,
        names: &CookieNames,
        status: u16,
        set_cookies: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        let is_ours = |line: &&[u8]| pairs(line).next().is_some_and(|(name, _)| names.has(name));
        let cookies: Vec<Vec<u8>> = set_cookies
            .filter(is_ours)
            .map(<[u8]>::to_vec)
            .take(MAX_COOKIES.saturating_add(1))
            .collect();
        let bytes = cookies.iter().map(Vec::len).fold(0, usize::saturating_add);
        if cookies.len() > MAX_COOKIES || bytes > MAX_BYTES {
            // A truncated value would be worse than none.
            return Self::unavailable();
        }
        let lines = cookies.iter().map(Vec::as_slice);
        match RefreshOutcome::read(sid, names, status, lines) {
            RefreshOutcome::Unavailable => Self::unavailable(),
            outcome => Self {
                outcome,
                cookies,
                counted: Cell::new(false),
            },
        }
    }

    /// The outcome of the refresh.
    pub(crate) const fn outcome(&self) -> &RefreshOutcome {
        &self.outcome
    }

    /// Whether the cookies are added to the response of a request that was decided by this response,
    /// with this reason.
    pub(crate) fn sets_cookies(&self, reason: Reason) -> bool {
        !self.cookies.is_empty() && self.outcome.allows_cookies(reason)
    }

    /// The metric label, returned once: for the first request that was decided by this response, with
    /// its reason.
    pub(crate) fn label(&self, reason: Reason) -> Option<RefreshLabel> {
        if self.counted.replace(true) {
            return None;
        }
        Some(match self.outcome {
            RefreshOutcome::Ended => RefreshLabel::Ended,
            RefreshOutcome::Unavailable => RefreshLabel::Unavailable,
            RefreshOutcome::Refreshed { .. } => match reason {
                Reason::SessionUnavailable => RefreshLabel::Unavailable,
                Reason::SessionExpired => RefreshLabel::Ended,
                _ => RefreshLabel::Refreshed,
            },
        })
    }

    /// The header fields to replace in the response, which must not be cached.
    #[must_use]
    pub fn replaced(&self) -> [(&'static str, &'static str); 1] {
        [("cache-control", "no-store")]
    }

    /// The header fields to remove from the response.
    #[must_use]
    pub fn removed(&self) -> [&'static str; 2] {
        CACHE_HEADERS
    }

    /// The `Set-Cookie` header fields to add to the response, each as a separate field.
    pub fn set_cookies(&self) -> impl Iterator<Item = &[u8]> {
        self.cookies.iter().map(Vec::as_slice)
    }
}

/// Cookies and tokens are credentials.
impl fmt::Debug for RefreshResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RefreshResponse")
            .finish_non_exhaustive()
    }
}
