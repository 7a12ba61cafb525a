//! Carries out what the engine says of a request, on the effective context.

use log::Level;
use portcullis_core::answer::LocalReply;
use portcullis_core::decision::{self, Verdict};
use portcullis_core::session::Cookies;
use portcullis_engine::{Step, log_level};

use crate::host::{self, Map};

/// What has become of a request. Only [`carry_out`] forwards one, after everything that an app must
/// not see is off it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(crate) enum Outcome {
    /// It was answered.
    Answered,
    /// It is forwarded.
    Forwarded,
    /// It waits.
    Waits,
}

/// Carries out what the engine says of the request of the effective context.
pub(crate) fn carry_out(step: &Step<'_>) -> Outcome {
    match step {
        Step::Wait => Outcome::Waits,
        Step::Decided(decision::Outcome::Reply(reply, verdict)) => {
            show(verdict);
            answer(reply)
        }
        Step::Decided(decision::Outcome::Forward(verdict)) => {
            show(verdict);
            match prepare(verdict) {
                Ok(()) => Outcome::Forwarded,
                Err(error) => unprepared(error),
            }
        }
    }
}

/// Answers a request that can't even be read.
pub(crate) fn unreadable(error: host::Error) -> Outcome {
    refuse("read", error)
}

/// Answers a request that the app must not see, because its headers or trailers could not be changed.
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
        // The request stays paused: it is not answered, but it is not forwarded either.
        let line = format!("portcullis: a refusal can't be sent: {error}");
        host::log(Level::Error, &line);
    }
    Outcome::Answered
}

/// Removes from the request what the app must not believe or see, and adds who calls.
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

/// Leaves the decision where operators look: in the filter state for the access log, and in the
/// audit trail.
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
