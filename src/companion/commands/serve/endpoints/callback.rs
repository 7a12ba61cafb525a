//! `GET /oauth2/callback[/<provider>]`: completes a sign-in.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use portcullis_core::endpoints;
use tracing::{error, info, warn};

use crate::clock::now;
use crate::commands::serve::identity::{cookies, set_cookies};
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SignIn;
use crate::pages;
use crate::provider::{Attempt, Callback, Provider};
use crate::redirect_target::RedirectTarget;
use crate::session::{Cookies, Login, LoginError, SetCookie, StartError};

use super::errors;
use super::start::{page_of, path, redirect};

/// The bare path: of the provider `sso`, or of the only one.
pub(super) async fn bare(
    State(state): State<SignIn>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    callback(&state, None, &headers, query).await
}

/// The path of one of several providers.
pub(super) async fn of_provider(
    State(state): State<SignIn>,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    callback(&state, Some(&name), &headers, query).await
}

async fn callback(
    state: &SignIn,
    name: Option<&str>,
    headers: &HeaderMap,
    query: Option<String>,
) -> Response {
    let Some(provider) = state.identity.providers.by_callback(name) else {
        return super::not_found().await.into_response();
    };
    let callback = match Callback::from_query(query.as_deref().unwrap_or_default()) {
        Ok(callback) => callback,
        Err(fault) => {
            return errors::with_provider(state, provider, &fault.into(), None).into_response();
        }
    };
    let Some(id) = callback.attempt_id() else {
        state
            .metrics
            .sign_in_completed(provider.name(), "state-missing");
        return errors::expired(path(endpoints::SIGN_IN.path, None, None, None)).into_response();
    };
    let cookies = cookies(headers);
    // An attempt is for one use, whatever the outcome.
    let forget = state.identity.sessions.forget_login(&id);
    let (mut answer, mut lines) = match finish(state, provider, &cookies, &id, &callback).await {
        Ok((answer, lines)) => (answer, lines),
        Err(problem) => (problem.into_response(), Vec::new()),
    };
    lines.push(forget);
    set_cookies(answer.headers_mut(), &lines);
    answer
}

async fn finish(
    state: &SignIn,
    provider: &Provider,
    cookies: &Cookies<'_>,
    id: &str,
    callback: &Callback,
) -> Result<(Response, Vec<SetCookie>), Problem> {
    let (identity, name, now) = (&state.identity, provider.name(), now());
    let login: Result<Login<Attempt>, _> = identity.sessions.finish_login(cookies, id, now).await;
    let login = login.map_err(|fault| {
        info!(provider = name, %fault, "sign-in failed");
        state.metrics.sign_in_completed(name, "attempt-invalid");
        match fault {
            LoginError::AlreadyFinished | LoginError::Unknown => {
                errors::expired(path(endpoints::SIGN_IN.path, None, None, None))
            }
            LoginError::Unavailable(_) => Problem::unavailable(
                "We can't complete your sign-in right now. Try again in a moment.",
            )
            .with_link(path(endpoints::SIGN_IN.path, None, None, None), "Try again"),
        }
    })?;
    // It was checked before it was sealed, but the policy may have changed.
    let to = state.redirects().check(&login.rd).ok();
    let redirect_uri = identity
        .redirect_uri(provider)
        .ok_or_else(Problem::internal)?;
    let signed_in = provider
        .finish(&redirect_uri, &login.attempt, callback, now)
        .await
        .map_err(|fault| {
            state.metrics.sign_in_completed(name, fault.kind());
            errors::with_provider(state, provider, &fault, to.as_ref())
        })?;
    let rd = to.as_ref().map_or("", |to| page_of(to.as_str()));
    let live = identity
        .sessions
        .start(cookies, name, signed_in, rd, now)
        .await;
    let live = live.map_err(|fault| {
        state.metrics.sign_in_completed(name, "session-not-stored");
        not_started(name, &fault, to.as_ref())
    })?;
    state.metrics.sign_in_completed(name, "signed-in");
    info!(provider = name, sid = %live.session.sid, "signed in");
    let answer = match &to {
        Some(to) => redirect(RedirectTarget::as_str(to)),
        None => pages::signed_in(live.session.person.name()),
    };
    Ok((answer, live.set_cookies))
}

fn not_started(provider: &str, fault: &StartError, to: Option<&RedirectTarget>) -> Problem {
    match fault {
        StartError::TooLarge => {
            error!(provider, %fault, "session not started");
            Problem::bad_request(
                "You are in more groups than your session can hold. Ask the operator of this site to store \
                 sessions in Redis, or to have the provider send fewer groups.",
            )
        }
        StartError::EndedAtProvider => {
            info!(provider, %fault, "session not started");
            errors::expired(path(endpoints::SIGN_IN.path, to, None, None))
        }
        StartError::Unavailable(_) => {
            warn!(provider, %fault, "session not started");
            Problem::unavailable("We can't store your session right now. Try again in a moment.")
                .with_link(path(endpoints::SIGN_IN.path, to, None, None), "Try again")
        }
    }
}
