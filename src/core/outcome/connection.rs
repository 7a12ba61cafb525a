//! Header fields that are for one connection only (RFC 9110 section 7.6.1).
//!
//! Envoy removes them from a request, except from an upgrade. There the app's server would get the
//! client's Connection field, and would remove every header field that it nominates: also identity
//! headers that the gate has set.

use std::collections::BTreeSet;

use crate::request::Headers;

#[cfg(test)]
mod tests;

/// What happens to the fields of a request that are for one connection only.
pub(super) struct ConnectionFields {
    connection: Connection,
    is_upgrade: bool,
    /// The names that the client nominates, in lower case. A set, because a client can list thousands.
    nominated: BTreeSet<Vec<u8>>,
}

/// What happens to the Connection field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Connection {
    /// There is none, or it has the upgrade only.
    Unchanged,
    /// It has more than the upgrade.
    Replaced,
    /// The request is no upgrade.
    Removed,
}

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

impl ConnectionFields {
    pub(super) fn of(headers: &Headers<'_>) -> Self {
        let is_upgrade = headers.is_upgrade();
        let mut options = headers.connection_options().peekable();
        let is_absent = options.peek().is_none();
        let mut nominated = BTreeSet::new();
        let (mut upgrades, mut more) = (0_usize, false);
        for option in options {
            let option = option.to_ascii_lowercase();
            if option == b"upgrade" {
                upgrades = upgrades.saturating_add(1);
            } else {
                more = true;
            }
            if !OPTIONS.contains(&option.as_slice()) {
                nominated.insert(option);
            }
        }
        let connection = if is_absent || (upgrades == 1 && !more) {
            Connection::Unchanged
        } else if upgrades > 0 && headers.has("upgrade") {
            Connection::Replaced
        } else {
            Connection::Removed
        };
        Self {
            connection,
            is_upgrade,
            nominated,
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
            || (!self.nominated.is_empty()
                && self.nominated.contains(&name.to_ascii_lowercase())
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
