//! The clock of this machine, compared with that of a server.

use std::time::Duration;

use portcullis_core::timestamp::Timestamp;

use super::check::{CheckId, Checks};

/// A smaller difference is due to the seconds of `Date`, or to the time of the request.
const PRECISION: Duration = Duration::from_secs(5);

/// Compares the `Date` of a response with the time at which it was received. `leeway` is the difference that tokens
/// may have.
pub(super) fn check(checks: &Checks, date: Option<(Timestamp, Timestamp)>, leeway: Duration) {
    let Some((server, received_at)) = date else {
        return checks.skipped(&[CheckId::Clock], "the response has no valid `Date`");
    };
    let (difference, direction) = if server > received_at {
        (server.since(received_at), "behind")
    } else {
        (received_at.since(server), "ahead of")
    };
    if difference <= PRECISION {
        return checks.ok(CheckId::Clock, "the clock here agrees with the server's");
    }
    let detail = format!(
        "the clock here is {} s {direction} the server's",
        difference.as_secs()
    );
    let help = format!(
        "synchronize both machines with NTP; tokens are accepted with a difference of {} s",
        leeway.as_secs()
    );
    if difference > leeway {
        checks.error(CheckId::Clock, &detail, &help);
    } else {
        checks.warning(CheckId::Clock, &detail, &help);
    }
}
