//! Enforces the engine's decision on the request of the effective context.

use log::Level;
use portcullis_core::local_reply::LocalReply;
use portcullis_core::outcome::{Outcome, Verdict};
use portcullis_engine::{Step, client_address, log_level};

use crate::host::{self, Map};

/// How a request was handled. Only [`enforce`] forwards a request, after it has removed everything
/// that the app must not receive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(crate) enum RequestState {
    /// A local reply was sent.
    Replied,
    /// The request is forwarded.
    Forwarded,
    /// The request waits.
    Waiting,
}

/// Enforces the engine's decision on the request of the effective context.
pub(crate) fn enforce(step: &Step<'_>) -> RequestState {
    match step {
        Step::Wait => RequestState::Waiting,
        Step::Decided(Outcome::Reply(reply, verdict)) => {
            record(verdict);
            send_local_reply(reply)
        }
        Step::Decided(Outcome::Forward(verdict)) => {
            record(verdict);
            let changed = verdict.change_headers(|name, value| match value {
                Some(value) => host::replace_header(Map::Request, name, value),
                None => host::remove_header(Map::Request, name),
            });
            changed.map_or_else(refuse_unchangeable, |()| RequestState::Forwarded)
        }
    }
}

/// Sends a local reply to a request whose headers can't be read.
pub(crate) fn refuse_unreadable(error: host::Error) -> RequestState {
    refuse("read", error)
}

/// Sends a local reply to a request whose headers or trailers can't be changed.
pub(crate) fn refuse_unchangeable(error: host::Error) -> RequestState {
    refuse("changed", error)
}

fn refuse(what: &str, error: host::Error) -> RequestState {
    let line = format!("portcullis: request refused: its headers can't be {what}: {error}");
    host::log(Level::Error, &line);
    send_local_reply(&LocalReply::internal())
}

fn send_local_reply(reply: &LocalReply) -> RequestState {
    let sent = host::send_local_response(reply);
    if let Err(error) = sent.or_else(|_| host::send_local_response(&LocalReply::internal())) {
        // The request stays paused: it gets no response, and it is not forwarded.
        let line = format!("portcullis: a local reply can't be sent: {error}");
        host::log(Level::Error, &line);
    }
    RequestState::Replied
}

/// Records the decision in the filter state, for access logs, and in the audit log.
fn record(verdict: &Verdict<'_>) {
    verdict.record(
        |name, value| {
            // A failure is not an error: the access log then lacks the value.
            let _is_set = host::set_property(name.as_bytes(), value.as_bytes());
        },
        |level| host::is_logged(log_level(level)),
        || client_address(&host::source_address().ok()?),
        |level, line| host::log(log_level(level), line),
    );
}
