//! `GET /oauth2/callback[/<provider>]`: completes a sign-in.
//!
//! The attempt may not be known any more: the login page was open for too long, the callback is loaded
//! again, or the browser has restored more tabs than it keeps attempts for. Then nothing is redeemed. A
//! browser that has a session continues at the redirect target in the `state`, and one that has none signs
//! in once more. That does no more than a link to `/oauth2/start` can do, which anybody can write. The user
//! also signs in once more if the provider asks for another authorization request.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tracing::{error, info, warn};

use crate::clock::now;
use crate::commands::serve::extract::Segment;
use crate::commands::serve::identity::{cookies, set_cookies};
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SharedSignInState;
use crate::pages;
use crate::provider::{Attempt, Callback, Provider, ProviderError};
use crate::redirect_target::RedirectTarget;
use crate::session::{
    AttemptError, Cookies, EventClient, NoSession, SessionEvent, SessionEventKind, SetCookie,
    SignInAttempt, StartError,
};

use super::errors;
use super::start::{page_of, redirect, sign_in_for, start_path_again};

/// What the operator can do if an email address is not verified.
const UNVERIFIED_EMAIL_HELP: &str = "set `trust_unverified_email: true` if users can't choose their \
                                     address at this provider";

/// What the operator can do if groups are left out.
const LEFT_OUT_HELP: &str = "rules count the others; if apps need all groups, configure the provider to send \
                             fewer, otherwise set `session.groups: policy`";

/// The path without a name: of the provider `sso`, or of the only one.
pub(super) async fn without_name(
    State(state): State<SharedSignInState>,
    client: EventClient,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    callback(&state, None, &client, &headers, query).await
}

/// The path with the name of one of several providers.
pub(super) async fn with_name(
    State(state): State<SharedSignInState>,
    Segment(name): Segment,
    client: EventClient,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    callback(&state, Some(&name), &client, &headers, query).await
}

async fn callback(
    state: &SharedSignInState,
    name: Option<&str>,
    client: &EventClient,
    headers: &HeaderMap,
    query: Option<String>,
) -> Response {
    let Some(provider) = state.identity.providers.by_callback(name) else {
        return Problem::not_found().into_response();
    };
    let callback = match Callback::from_query(query.as_deref().unwrap_or_default()) {
        Ok(callback) => callback,
        Err(error) => {
            let error = ProviderError::from(error);
            record_refusal(provider.name(), error.kind(), client);
            return errors::provider_error(state, provider, &error, None).into_response();
        }
    };
    let Some(id) = callback.attempt_id() else {
        refused(state, provider.name(), "state-missing", client);
        return errors::attempt_invalid(sign_in_for(None)).into_response();
    };
    let cookies = cookies(headers);
    // An attempt can be used once, whatever the outcome.
    let delete = state.identity.sessions.delete_attempt(&cookies, &id);
    let finished = finish(state, provider, client, &cookies, &id, &callback).await;
    let (mut response, mut lines) = match finished {
        Ok((response, lines)) => (response, lines),
        Err(problem) => (problem.into_response(), Vec::new()),
    };
    lines.extend(delete);
    set_cookies(response.headers_mut(), &lines);
    response
}

async fn finish(
    state: &SharedSignInState,
    provider: &Provider,
    client: &EventClient,
    cookies: &Cookies<'_>,
    id: &str,
    callback: &Callback,
) -> Result<(Response, Vec<SetCookie>), Problem> {
    let (identity, name, now) = (&state.identity, provider.name(), now());
    let attempt: Result<SignInAttempt<Attempt>, _> = if callback.has_code() {
        identity.sessions.finish_attempt(cookies, id, now).await
    } else {
        identity.sessions.find_attempt(cookies, id, now)
    };
    let attempt = match attempt {
        Ok(attempt) => attempt,
        Err(error) => {
            info!(provider = name, %error, "sign-in not completed");
            refused(state, name, "attempt-invalid", client);
            let without_attempt = match error {
                AttemptError::AlreadyFinished | AttemptError::Unknown => {
                    without_attempt(state, provider, cookies, callback).await
                }
                AttemptError::Unavailable(_) => Err(Problem::unavailable(
                    "We can't complete your sign-in right now. Try again in a moment.",
                )
                .with_link(sign_in_for(None), "Sign in again")),
            };
            return without_attempt.map(|response| (response, Vec::new()));
        }
    };
    // The policy may have changed since the target was checked.
    let target = state.redirects().check(&attempt.rd).ok();
    let redirect_uri = identity
        .redirect_uri(provider)
        .ok_or_else(Problem::internal)?;
    let known = identity.sessions.known_revocations(now).await;
    let known = known.map_err(|error| {
        refused(state, name, "session-not-stored", client);
        not_started(name, &StartError::Unavailable(error), target.as_ref())
    })?;
    let finished = provider.finish(&redirect_uri, &attempt.data, callback, now);
    let signed_in = match finished.await {
        Ok(signed_in) => signed_in,
        Err(error) => {
            refused(state, name, error.kind(), client);
            let problem = errors::provider_error(state, provider, &error, target.as_ref());
            let return_to = callback
                .state()
                .and_then(|own| identity.sessions.return_to(own));
            let may_repeat = return_to.is_some_and(|return_to| !return_to.is_repeated);
            if may_repeat && error.asks_for_another_sign_in() {
                let again = redirect(&start_path_again(target.as_ref(), name));
                return Ok((again, Vec::new()));
            }
            return Err(problem);
        }
    };
    let rd = target
        .as_ref()
        .map_or("", |target| page_of(target.as_str()));
    let active = identity
        .sessions
        .start(cookies, name, signed_in, rd, &known, now)
        .await;
    let active = active.map_err(|error| {
        refused(state, name, "session-not-stored", client);
        not_started(name, &error, target.as_ref())
    })?;
    state.metrics.sign_in_completed(name, "signed-in");
    let user = &active.session.user;
    SessionEvent {
        kind: SessionEventKind::SignedIn,
        provider: Some(name),
        subject: Some(&user.sub),
        sid: Some(active.session.sid),
        reason: None,
    }
    .log(client);
    let unverified = user.unverified_email();
    info!(
        provider = name,
        sid = %active.session.sid,
        email = unverified.map(|_| "not verified, so no rule counts it"),
        help = unverified.map(|_| UNVERIFIED_EMAIL_HELP),
        "signed in"
    );
    if active.are_groups_left_out {
        state.metrics.groups_left_out.inc();
        let (provider, sid, help) = (name, active.session.sid, LEFT_OUT_HELP);
        let groups = user.groups.len();
        warn!(provider, %sid, groups, help, "too many groups for cookies: those that no rule names are left out");
    }
    let response = match &target {
        Some(target) => redirect(target.as_str()),
        None => pages::signed_in(user.name(), unverified),
    };
    Ok((response, active.set_cookies))
}

/// Counts and records a sign-in that was not completed.
fn refused(state: &SharedSignInState, provider: &str, reason: &'static str, client: &EventClient) {
    state.metrics.sign_in_completed(provider, reason);
    record_refusal(provider, reason, client);
}

fn record_refusal(provider: &str, reason: &'static str, client: &EventClient) {
    SessionEvent {
        kind: SessionEventKind::SignInRefused,
        provider: Some(provider),
        subject: None,
        sid: None,
        reason: Some(reason),
    }
    .log(client);
}

/// The response to a callback whose attempt is not known: to the redirect target if the browser has a
/// session, otherwise to a new sign-in. The second such sign-in in a row ends on a page, and a `state`
/// that is not ours does so at once.
async fn without_attempt(
    state: &SharedSignInState,
    provider: &Provider,
    cookies: &Cookies<'_>,
    callback: &Callback,
) -> Result<Response, Problem> {
    let sessions = &state.identity.sessions;
    let return_to = callback.state().and_then(|state| sessions.return_to(state));
    // The policy may have changed since the target was checked.
    let rd = return_to.as_ref().map(|return_to| return_to.rd.as_str());
    let target = rd.and_then(|rd| state.redirects().check(rd).ok());
    let target = target.as_ref();
    match sessions.read(cookies, now()).await {
        Ok(session) => {
            info!(sid = %session.sid, "the browser has a session and continues with it");
            Ok(match target {
                Some(target) => redirect(target.as_str()),
                None => pages::signed_in(session.user.name(), session.user.unverified_email()),
            })
        }
        Err(NoSession::Unavailable(error)) => {
            warn!(%error, "session not read");
            let text = "We can't verify your identity right now. Try again in a moment.";
            Err(Problem::unavailable(text).with_link(sign_in_for(target), "Sign in again"))
        }
        Err(NoSession::Ended { .. }) => match return_to {
            Some(return_to) if !return_to.is_repeated => {
                Ok(redirect(&start_path_again(target, provider.name())))
            }
            Some(_) | None => Err(errors::attempt_invalid(sign_in_for(target))),
        },
    }
}

/// The page for a sign-in whose session can't start, and the log line.
fn not_started(provider: &str, error: &StartError, target: Option<&RedirectTarget>) -> Problem {
    match error {
        StartError::TooLarge => {
            let help = "rules name too many groups of this user, or the provider's tokens are too large; \
                        configure the provider to send fewer groups";
            error!(provider, %error, help, "session not started");
            Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "You are not signed in",
                "Your identity provider sends more about you, such as groups, than this site can store in \
                 a session. Give the request ID below to the operator of this site.",
            )
            .with_link(sign_in_for(target), "Sign in again")
        }
        StartError::EndedAtProvider => {
            info!(provider, %error, "session not started");
            errors::ended_at_provider(sign_in_for(target))
        }
        StartError::Unavailable(_) => {
            warn!(provider, %error, "session not started");
            let text = "You are not signed in, because we can't store your session right now. Try again \
                        in a moment.";
            Problem::unavailable(text).with_link(sign_in_for(target), "Sign in again")
        }
    }
}
