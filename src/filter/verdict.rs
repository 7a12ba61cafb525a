//! Enforces the engine's decision on the request of the effective context.

use log::Level;
use portcullis_core::local_reply::LocalReply;
use portcullis_core::outcome::{self, Verdict};
use portcullis_core::session::Cookies;
use portcullis_engine::{Step, log_level};

use crate::host::{self, Map};

/// How a request was handled. Only [`carry_out`] forwards a request, after it has removed
/// everything that the app must not receive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(crate) enum Outcome {
    /// A local reply was sent.
    Answered,
    /// The request is forwarded.
    Forwarded,
    /// The request waits.
    Waits,
}

/// Enforces the engine's decision on the request of the effective context.
pub(crate) fn carry_out(step: &Step<'_>) -> Outcome {
    match step {
        Step::Wait => Outcome::Waits,
        Step::Decided(outcome::Outcome::Reply(reply, verdict)) => {
            show(verdict);
            answer(reply)
        }
        Step::Decided(outcome::Outcome::Forward(verdict)) => {
            show(verdict);
            match prepare(verdict) {
                Ok(()) => Outcome::Forwarded,
                Err(error) => unprepared(error),
            }
        }
    }
}

/// Sends a local reply to a request whose headers can't be read.
pub(crate) fn unreadable(error: host::Error) -> Outcome {
    refuse("read", error)
}

/// Sends a local reply to a request whose headers or trailers can't be changed.
pub(crate) fn unprepared(error: host::Error) -> Outcome {
    refuse("changed", error)
}

fn refuse(what: &str, error: host::Error) -> Outcome {
    let line = format!("portcullis: a request's headers can't be {what} ({error}); it is refused");
    host::log(Level::Error, &line);
    answer(&LocalReply::internal())
}

fn answer(reply: &LocalReply) -> Outcome {
    let sent = host::send_local_response(reply);
    if let Err(error) = sent.or_else(|_| host::send_local_response(&LocalReply::internal())) {
        // The request stays paused: it gets no response, and it is not forwarded.
        let line = format!("portcullis: a refusal can't be sent: {error}");
        host::log(Level::Error, &line);
    }
    Outcome::Answered
}

/// Removes headers that the app must not receive, and sets the identity headers.
fn prepare(verdict: &Verdict<'_>) -> Result<(), host::Error> {
    for name in verdict.removals() {
        host::remove_header(Map::Request, name)?;
    }
    match verdict.cookies() {
        Cookies::AsTheyCame => {}
        Cookies::Nothing => host::remove_header(Map::Request, b"cookie")?,
        Cookies::Only(cookies) => host::replace_header(Map::Request, b"cookie", &cookies)?,
    }
    for (name, value) in verdict.identity() {
        host::replace_header(Map::Request, name.as_bytes(), value.as_bytes())?;
    }
    Ok(())
}

/// Records the decision in the filter state, for access logs, and in the audit log.
fn show(verdict: &Verdict<'_>) {
    for (name, value) in verdict.filter_state() {
        let _unseen = host::set_property(name.as_bytes(), value.as_bytes());
    }
    if let Some(level) = verdict.audit_level().map(log_level)
        && host::logs(level)
    {
        host::log(level, &verdict.audit_record());
    }
}
