//! Carries a decision out: the request goes on with what the app should know, or is answered here.

use log::Level;
use portcullis_core::answer::LocalReply;
use portcullis_core::decision::{Decision, Outcome as Fate, Verdict, removed_trailers};
use portcullis_core::policy::{self, Policy};
use portcullis_core::request::Headers;
use portcullis_core::session::Cookies;

use crate::host;

/// Whether a request may go on. Only [`carry_out`] says yes, after everything that an app must not
/// see is off it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(crate) enum Outcome {
    /// It may go on.
    GoesOn,
    /// It was answered.
    Answered,
}

/// Carries out the decision on the request of the effective context, whose headers these are.
pub(crate) fn carry_out(
    policy: &Policy,
    decision: &Decision<'_>,
    headers: &Headers<'_>,
) -> Outcome {
    let fate = decision.clone().outcome(headers, policy.audit());
    show(fate.verdict());
    match fate {
        Fate::Reply(reply, _) => refuse(&reply),
        Fate::Forward(verdict) => match prepare(&verdict) {
            Ok(()) => Outcome::GoesOn,
            Err(error) => unprepared(error),
        },
    }
}

/// Answers a request that can't even be read.
pub(crate) fn unreadable(error: host::Error) -> Outcome {
    log::error!("portcullis: a request's headers can't be read ({error}); it is refused");
    internal_error()
}

/// Answers a request that the app must not see, because its headers could not be put right.
fn unprepared(error: host::Error) -> Outcome {
    log::error!("portcullis: a request's headers can't be put right ({error}); it is refused");
    internal_error()
}

fn internal_error() -> Outcome {
    let answer = host::send_local_response(500, "portcullis{internal}", &[], b"", Some(13));
    if let Err(error) = answer {
        // The request stays paused: it is not answered, but it does not go on either.
        log::error!("portcullis: a refusal can't be sent: {error}");
    }
    Outcome::Answered
}

fn refuse(answer: &LocalReply) -> Outcome {
    let headers: Vec<(&str, &str)> = answer
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let sent = host::send_local_response(
        answer.status.into(),
        &answer.details,
        &headers,
        answer.body.as_bytes(),
        Some(answer.grpc_status),
    );
    match sent {
        Ok(()) => Outcome::Answered,
        Err(_) => internal_error(),
    }
}

/// Takes off the request what the app must not believe or see, and puts on who calls.
fn prepare(verdict: &Verdict<'_>) -> Result<(), host::Error> {
    for name in verdict.removals() {
        host::remove_request_header(name)?;
    }
    match verdict.cookies() {
        Cookies::AsTheyCame => {}
        Cookies::Nothing => host::remove_request_header(b"cookie")?,
        Cookies::Only(cookies) => host::replace_request_header("cookie", &cookies)?,
    }
    for (name, value) in verdict.identity() {
        host::replace_request_header(name, value)?;
    }
    Ok(())
}

/// Takes off the effective context's trailers what an app must not believe. Its headers may be with
/// the app by then, so that a request whose trailers can't be put right is broken off.
pub(crate) fn strip_trailers(policy: &Policy) -> Outcome {
    let strip = || {
        let trailers = host::request_trailers()?;
        let trailers = Headers::new(host::Pairs::iter(&trailers).collect());
        for name in removed_trailers(policy.apps(), &trailers) {
            host::remove_request_trailer(name)?;
        }
        Ok(())
    };
    match strip() {
        Ok(()) => Outcome::GoesOn,
        Err(error) => unprepared(error),
    }
}

/// Leaves the decision where operators look: in the filter state for the access log, and in the
/// audit trail.
fn show(verdict: &Verdict<'_>) {
    for (name, value) in verdict.filter_state() {
        let _unseen = host::set_property(name, value.as_bytes());
    }
    let Some(level) = verdict.audit_level() else {
        return;
    };
    let level = match level {
        policy::Level::Debug => Level::Debug,
        policy::Level::Error => Level::Error,
        policy::Level::Info => Level::Info,
        policy::Level::Warn => Level::Warn,
    };
    if host::logs(level) {
        host::log(level, &verdict.audit_record());
    }
}
