//! `GET /oauth2/callback[/<provider>]`: ends a sign-in.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use tracing::{error, info, warn};

use crate::provider::{Attempt, Callback, Provider};
use crate::serve::answer::Problem;
use crate::serve::clock::now;
use crate::serve::pages;
use crate::serve::people::{cookies, set_cookies};
use crate::serve::return_to::ReturnTo;
use crate::serve::state::Shared;
use crate::session::{Cookies, Login, LoginError, SetCookie, StartError};

use portcullis_core::endpoints;

use super::start::{go, page_of, path};
use super::trouble;

/// The bare path: of the provider `sso`, or of the only one.
pub(super) async fn bare(
    State(state): State<Shared>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    callback(&state, None, &headers, query).await
}

/// The path of one of several providers.
pub(super) async fn of_provider(
    State(state): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    callback(&state, Some(&name), &headers, query).await
}

async fn callback(
    state: &Shared,
    name: Option<&str>,
    headers: &HeaderMap,
    query: Option<String>,
) -> Response {
    let Some(provider) = state.people.providers.called_back(name) else {
        return super::unknown().await.into_response();
    };
    let callback = match Callback::from_query(query.as_deref().unwrap_or_default()) {
        Ok(callback) => callback,
        Err(fault) => {
            return trouble::with_provider(state, provider, &fault.into(), None).into_response();
        }
    };
    let Some(id) = callback.attempt_id() else {
        state.metrics.signed_in(provider.name(), "no-state");
        return trouble::stale(path(endpoints::SIGN_IN.path, None, None, false)).into_response();
    };
    let cookies = cookies(headers);
    // However it ends, the attempt is for one use.
    let forget = state.people.sessions.forget_login(&id);
    let (mut answer, mut lines) = match finish(state, provider, &cookies, &id, &callback).await {
        Ok((answer, lines)) => (answer, lines),
        Err(problem) => (problem.into_response(), Vec::new()),
    };
    lines.push(forget);
    set_cookies(answer.headers_mut(), &lines);
    answer
}

async fn finish(
    state: &Shared,
    provider: &Provider,
    cookies: &Cookies<'_>,
    id: &str,
    callback: &Callback,
) -> Result<(Response, Vec<SetCookie>), Problem> {
    let (people, name, now) = (&state.people, provider.name(), now());
    let login: Result<Login<Attempt>, _> = people.sessions.finish_login(cookies, id, now).await;
    let login = login.map_err(|fault| {
        info!(provider = name, %fault, "no sign-in");
        state.metrics.signed_in(name, "attempt");
        match fault {
            LoginError::AlreadyFinished | LoginError::Unknown => {
                trouble::stale(path(endpoints::SIGN_IN.path, None, None, false))
            }
            LoginError::Unavailable(_) => {
                Problem::unavailable("Sign-ins can't be ended just now. Please try again.")
                    .with_link(
                        path(endpoints::SIGN_IN.path, None, None, false),
                        "Try again",
                    )
            }
        }
    })?;
    // It was judged when it was sealed, but the policy may be another one by now.
    let to = state.judgement.load().returns.judge(&login.rd).ok();
    let redirect_uri = people
        .redirect_uri(provider)
        .ok_or_else(Problem::internal)?;
    let signed_in = provider
        .finish(&redirect_uri, &login.attempt, callback, now)
        .await
        .map_err(|fault| {
            state.metrics.signed_in(name, fault.kind());
            trouble::with_provider(state, provider, &fault, to.as_ref())
        })?;
    let rd = to.as_ref().map_or("", |to| page_of(to.as_str()));
    let live = people
        .sessions
        .start(cookies, name, signed_in, rd, now)
        .await;
    let live = live.map_err(|fault| {
        state.metrics.signed_in(name, "not-kept");
        not_started(name, &fault, to.as_ref())
    })?;
    state.metrics.signed_in(name, "signed-in");
    info!(provider = name, sid = %live.session.sid, "signed in");
    let person = &live.session.person;
    let called = person
        .preferred_username
        .as_deref()
        .or(person.email.as_deref());
    let answer = match &to {
        Some(to) => go(ReturnTo::as_str(to)),
        None => pages::signed_in(called),
    };
    Ok((answer, live.set_cookies))
}

fn not_started(provider: &str, fault: &StartError, to: Option<&ReturnTo>) -> Problem {
    match fault {
        StartError::TooLarge => {
            error!(provider, %fault, "no session");
            Problem::bad_request(
                "You are in more groups than a session can hold here. Whoever runs this can change that.",
            )
        }
        StartError::EndedAtProvider => {
            info!(provider, %fault, "no session");
            trouble::stale(path(endpoints::SIGN_IN.path, to, None, false))
        }
        StartError::Unavailable(_) => {
            warn!(provider, %fault, "no session");
            Problem::unavailable("Sessions can't be kept just now. Please try again.")
                .with_link(path(endpoints::SIGN_IN.path, to, None, false), "Try again")
        }
    }
}
