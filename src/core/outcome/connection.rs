//! Header fields that are for one connection only (RFC 9110 section 7.6.1).
//!
//! Envoy removes them from a request, except from an upgrade. There the app's server would get the
//! client's Connection field, and would remove every header field that it nominates: also identity
//! headers that the gate has set.

use crate::request::Headers;

#[cfg(test)]
mod tests;

/// What happens to the fields of a request that are for one connection only.
pub(super) struct ConnectionFields<'h> {
    connection: Connection,
    is_upgrade: bool,
    /// The names that the client nominates.
    nominated: Vec<&'h [u8]>,
}

/// What happens to the Connection field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Connection {
    /// There is none, or it has the upgrade only.
    Unchanged,
    /// It has more than the upgrade.
    Replaced,
    /// The request is no upgrade, or has too many options: then the app's server gets none of them.
    Removed,
}

/// The maximum number of options in all Connection fields. Envoy refuses ten in other requests, and
/// browsers send two.
const MAX_OPTIONS: usize = 16;

/// The options of a Connection field that are not names of fields.
const OPTIONS: [&[u8]; 3] = [b"close", b"keep-alive", b"upgrade"];

/// Fields for one connection, removed even if they are not nominated.
const REMOVED: [&str; 3] = ["http2-settings", "keep-alive", "proxy-connection"];

/// Fields that stay if they are nominated: every recipient needs them.
const KEPT: [&str; 9] = [
    "content-length",
    "cookie",
    "forwarded",
    "host",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-real-ip",
    "x-request-id",
];

/// Prefixes of fields that stay if they are nominated: proxies set them, and a client must not be able
/// to remove them.
const KEPT_PREFIXES: [&str; 2] = ["x-envoy-", "x-forwarded-"];

impl<'h> ConnectionFields<'h> {
    pub(super) fn of(headers: &Headers<'h>) -> Self {
        let is_upgrade = headers.is_upgrade();
        let options = headers.connection_options();
        let mut options: Vec<&[u8]> = options.take(MAX_OPTIONS.saturating_add(1)).collect();
        let upgrade = |option: &[u8]| option.eq_ignore_ascii_case(b"upgrade");
        let connection = match options.as_slice() {
            [] => Connection::Unchanged,
            [one] if upgrade(one) => Connection::Unchanged,
            more if more.len() > MAX_OPTIONS => Connection::Removed,
            more if headers.has("upgrade") && more.iter().any(|one| upgrade(one)) => {
                Connection::Replaced
            }
            _ => Connection::Removed,
        };
        options.retain(|option| !OPTIONS.iter().any(|own| own.eq_ignore_ascii_case(option)));
        Self {
            connection,
            is_upgrade,
            nominated: options,
        }
    }

    /// Whether a header field of the client is removed.
    pub(super) fn removes(&self, name: &[u8]) -> bool {
        let is = |other: &&str| name.eq_ignore_ascii_case(other.as_bytes());
        if is(&"connection") {
            return self.connection == Connection::Removed;
        }
        REMOVED.iter().any(is)
            || (self.is_upgrade && is(&"te"))
            || (self
                .nominated
                .iter()
                .any(|own| own.eq_ignore_ascii_case(name))
                && !is_kept(name))
    }

    /// The value that replaces the Connection field, if it must be replaced.
    pub(super) fn replacement(&self) -> Option<&'static str> {
        (self.connection == Connection::Replaced).then_some("Upgrade")
    }
}

/// Whether a field stays although the client nominates it.
fn is_kept(name: &[u8]) -> bool {
    let begins = |prefix: &&str| {
        name.get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    name.starts_with(b":")
        || KEPT
            .iter()
            .any(|kept| name.eq_ignore_ascii_case(kept.as_bytes()))
        || KEPT_PREFIXES.iter().any(begins)
}
