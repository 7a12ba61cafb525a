//! What came of asking the companion for a fresh session token.

use std::cell::Cell;
use std::fmt;

use portcullis_core::decision::Reason;
use portcullis_core::gate::RefreshOutcome;
use portcullis_core::session::{CookieNames, Id, pairs};

use crate::host;
use crate::metrics::Refresh;

#[cfg(test)]
mod tests;

/// How many cookies the companion may set at once: two values in pieces, and the deletion of what
/// they replace.
const MAX_COOKIES: usize = 64;

/// How many bytes they may have together. No proxy takes more in its headers.
const MAX_BYTES: usize = 64 * 1024;

/// What some caches obey instead of `cache-control` (RFC 9213, section 2, and the older Edge
/// Architecture Specification).
const FOR_SOME_CACHES: [&str; 2] = ["cdn-cache-control", "surrogate-control"];

/// What came of asking the companion for a fresh session token, for all requests that waited for it.
pub(crate) struct Renewal {
    refreshed: RefreshOutcome,
    /// The `Set-Cookie` lines of the answer, which ride on what the waiting requests are answered.
    cookies: Vec<Vec<u8>>,
    counted: Cell<bool>,
}

impl Renewal {
    /// Nobody could be asked, or nobody answered.
    pub(crate) const fn unavailable() -> Self {
        Self {
            refreshed: RefreshOutcome::Unavailable,
            cookies: Vec::new(),
            counted: Cell::new(false),
        }
    }

    /// Reads an answer of the companion: its status and the values of its `Set-Cookie` headers. Those
    /// of other names than the session's are nobody's business here.
    pub(crate) fn read<'a>(
        sid: Id,
        family: &CookieNames,
        status: u16,
        set_cookies: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        let is_ours = |line: &&[u8]| pairs(line).next().is_some_and(|(name, _)| family.has(name));
        let cookies: Vec<Vec<u8>> = set_cookies
            .filter(is_ours)
            .map(<[u8]>::to_vec)
            .take(MAX_COOKIES.saturating_add(1))
            .collect();
        let bytes = cookies.iter().map(Vec::len).fold(0, usize::saturating_add);
        if cookies.len() > MAX_COOKIES || bytes > MAX_BYTES {
            // A part of a value would be worse than none of it.
            return Self::unavailable();
        }
        let lines = cookies.iter().map(Vec::as_slice);
        match RefreshOutcome::read(sid, family, status, lines) {
            RefreshOutcome::Unavailable => Self::unavailable(),
            refreshed => Self {
                refreshed,
                cookies,
                counted: Cell::new(false),
            },
        }
    }

    /// What it says of the session.
    pub(crate) const fn refreshed(&self) -> &RefreshOutcome {
        &self.refreshed
    }

    /// Whether the cookies ride on the answer to a request that was judged by this, for that reason.
    pub(crate) fn rides(&self, reason: Reason) -> bool {
        !self.cookies.is_empty() && self.refreshed.allows_cookies(reason)
    }

    /// What to count of it, once, when the first request was judged by it, for that reason.
    pub(crate) fn outcome(&self, reason: Reason) -> Option<Refresh> {
        if self.counted.replace(true) {
            return None;
        }
        Some(match self.refreshed {
            RefreshOutcome::Ended => Refresh::Ended,
            RefreshOutcome::Unavailable => Refresh::Unavailable,
            RefreshOutcome::Refreshed { .. } => match reason {
                Reason::SessionUnavailable => Refresh::Unavailable,
                Reason::SessionExpired => Refresh::Ended,
                _ => Refresh::Renewed,
            },
        })
    }

    /// Adds the cookies to the answer that the effective context's client gets, each as a line of its
    /// own. Such an answer is for this client alone.
    pub(crate) fn ride(&self) -> Result<(), host::Error> {
        host::replace_response_header("cache-control", "no-store")?;
        for name in FOR_SOME_CACHES {
            host::remove_response_header(name)?;
        }
        let mut cookies = self.cookies.iter();
        cookies.try_for_each(|cookie| host::add_response_header("set-cookie", cookie))
    }
}

/// Cookies and tokens are credentials.
impl fmt::Debug for Renewal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Renewal").finish_non_exhaustive()
    }
}
